/* processes and kill. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl/describe.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/server.h"
#include "ctl/session.h"
#include "ctl/table.h"

static const struct table_column columns[] = {
    {"PID", true, false, NULL},    {"PARENT", true, false, NULL},   {"INSIDE", true, false, NULL},
    {"USER", false, false, NULL},  {"S", false, false, NULL},       {"CPU", true, false, NULL},
    {"MEMORY", true, false, NULL}, {"STARTED", false, false, NULL}, {"COMMAND", false, true, NULL},
};

static void add_row(struct table *table, const Lodge__Lsm__Process *process)
{
    char pid[16], parent[16], inside[16] = "-", user[16], cpu[DESCRIBE_ROOM], memory[DESCRIBE_ROOM],
                              started[DESCRIBE_ROOM], name[80];
    snprintf(pid, sizeof(pid), "%" PRIu32, process->pid);
    snprintf(parent, sizeof(parent), "%" PRIu32, process->parent);
    if (process->inside != 0)
        snprintf(inside, sizeof(inside), "%" PRIu32, process->inside);
    snprintf(user, sizeof(user), "%" PRIu32, process->uid);
    snprintf(name, sizeof(name), "[%s]", process->name);
    const char *const cells[] = {pid,
                                 parent,
                                 inside,
                                 process->user[0] != '\0' ? process->user : user,
                                 process->state,
                                 describe_cpu(process->cpu_ms, cpu, sizeof(cpu)),
                                 describe_bytes(process->memory, memory, sizeof(memory)),
                                 describe_time(process->started_ms, started, sizeof(started)),
                                 process->command[0] != '\0' ? process->command : name};
    table_add_row(table, cells);
}

static void put_process(struct json_writer *writer, const Lodge__Lsm__Process *process)
{
    json_open_object(writer, NULL);
    json_put_number(writer, "pid", process->pid);
    json_put_number(writer, "parent", process->parent);
    json_put_number(writer, "inside", process->inside);
    json_put_text(writer, "name", process->name);
    json_put_text(writer, "command", process->command);
    json_put_number(writer, "uid", process->uid);
    json_put_text(writer, "user", process->user);
    json_put_text(writer, "state", process->state);
    json_put_number(writer, "started_ms", process->started_ms);
    json_put_number(writer, "cpu_ms", process->cpu_ms);
    json_put_number(writer, "memory", process->memory);
    json_close_object(writer);
}

/* Calls `put` with each process, page after page. */
static enum ctl_exit each_process(struct server *server, uint16_t id,
                                  void (*put)(void *context, const Lodge__Lsm__Process *process),
                                  void *context)
{
    Lodge__Lsm__ProcessesRequest processes = LODGE__LSM__PROCESSES_REQUEST__INIT;
    char about[32];
    snprintf(about, sizeof(about), "session %u", id);
    processes.session = id;
    for (bool more = true; more;) {
        Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
        Lodge__Lsm__Answer *answer;
        request.method_case = LODGE__LSM__REQUEST__METHOD_PROCESSES;
        request.processes = &processes;
        enum ctl_exit result =
            server_ask(server, about, &request, LODGE__LSM__ANSWER__RESULT_PROCESSES, &answer);
        if (result != CTL_DONE)
            return result;
        const Lodge__Lsm__Processes *page = answer->processes;
        for (size_t i = 0; i < page->n_process; i++)
            put(context, page->process[i]);
        uint32_t last = page->n_process > 0 ? page->process[page->n_process - 1]->pid : 0;
        more = page->more && last > processes.after;
        processes.after = last;
        lodge__lsm__answer__free_unpacked(answer, NULL);
    }
    return CTL_DONE;
}

static void put_in_table(void *context, const Lodge__Lsm__Process *process)
{
    add_row(context, process);
}

static void put_in_json(void *context, const Lodge__Lsm__Process *process)
{
    put_process(context, process);
}

static enum ctl_exit print_table(struct server *server, uint16_t id)
{
    struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    enum ctl_exit result = each_process(server, id, put_in_table, table);
    if (result == CTL_DONE)
        table_print(table, stdout, terminal_width(STDOUT_FILENO), terminal_has_colour(STDOUT_FILENO));
    table_free(table);
    return result;
}

/* Nothing is written before all of it has come. */
static enum ctl_exit print_json(struct server *server, uint16_t id)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        return CTL_FAILED;
    struct json_writer writer = json_writer_on(out);
    json_open_object(&writer, NULL);
    json_put_number(&writer, "session", id);
    json_open_array(&writer, "processes");
    enum ctl_exit result = each_process(server, id, put_in_json, &writer);
    json_close_array(&writer);
    json_close_object(&writer);
    fclose(out);
    if (result == CTL_DONE)
        puts(text);
    free(text);
    return result;
}

enum ctl_exit ctl_processes(const struct ctl_arguments *arguments, const struct conf *conf)
{
    struct server server;
    uint16_t id = arguments->id;
    enum ctl_exit result = server_open(&server, arguments, conf);
    if (result != CTL_DONE)
        return result;
    if (arguments->name != NULL)
        result = session_of_user(&server, arguments->name, &id);
    if (result == CTL_DONE)
        result =
            (arguments->options & CTL_BIT(JSON)) != 0 ? print_json(&server, id) : print_table(&server, id);
    server_close(&server);
    return result;
}

enum ctl_exit ctl_kill(const struct ctl_arguments *arguments, const struct conf *conf)
{
    Lodge__Lsm__TerminateRequest terminate = LODGE__LSM__TERMINATE_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    char about[64];
    snprintf(about, sizeof(about), "process %" PRIu32 " of session %u", arguments->pid, arguments->id);
    terminate.session = arguments->id;
    terminate.pid = arguments->pid;
    terminate.kill = (arguments->options & CTL_BIT(FORCE)) != 0;
    request.method_case = LODGE__LSM__REQUEST__METHOD_TERMINATE;
    request.terminate = &terminate;
    enum ctl_exit result =
        server_ask_once(arguments, conf, about, &request, LODGE__LSM__ANSWER__RESULT__NOT_SET, &answer);
    if (result != CTL_DONE)
        return result;
    printf("Process %" PRIu32 " of session %u %s.\n", arguments->pid, arguments->id,
           terminate.kill ? "is killed" : "is asked to end");
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return CTL_DONE;
}
