/* listener list, listener stop, listener start. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "ctl/json.h"
#include "ctl/server.h"
#include "ctl/table.h"

static void print_table(const Lodge__Lsm__Listeners *listeners)
{
    static const struct table_column columns[] = {
        {"NAME", false, false, NULL},    {"STATE", false, false, NULL},  {"ADDRESS", false, true, NULL},
        {"PORT", true, false, NULL},     {"PROCESS", true, false, NULL}, {"CONNECTIONS", true, false, NULL},
        {"ACCEPTED", true, false, NULL}, {"REFUSED", true, false, NULL},
    };
    struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < listeners->n_listener; i++) {
        const Lodge__Lsm__Listener *one = listeners->listener[i];
        char port[12], pid[12], connections[12], accepted[24], refused[24];
        snprintf(port, sizeof(port), "%" PRIu32, one->port);
        snprintf(pid, sizeof(pid), "%" PRIu32, one->pid);
        snprintf(connections, sizeof(connections), "%" PRIu32, one->connections);
        snprintf(accepted, sizeof(accepted), "%" PRIu64, one->accepted);
        snprintf(refused, sizeof(refused), "%" PRIu64, one->refused);
        const char *const cells[] = {one->name, one->state, one->address[0] != '\0' ? one->address : "*",
                                     port,      pid,        connections,
                                     accepted,  refused};
        table_add_row(table, cells);
    }
    table_print(table, stdout, terminal_width(STDOUT_FILENO), terminal_has_colour(STDOUT_FILENO));
    table_free(table);
}

static void print_json(const Lodge__Lsm__Listeners *listeners)
{
    struct json_writer writer = json_writer_on(stdout);
    json_open_object(&writer, NULL);
    json_open_array(&writer, "listeners");
    for (size_t i = 0; i < listeners->n_listener; i++) {
        const Lodge__Lsm__Listener *one = listeners->listener[i];
        json_open_object(&writer, NULL);
        json_put_text(&writer, "name", one->name);
        json_put_text(&writer, "state", one->state);
        json_put_text(&writer, "address", one->address);
        json_put_number(&writer, "port", one->port);
        json_put_number(&writer, "pid", one->pid);
        json_put_number(&writer, "connections", one->connections);
        json_put_number(&writer, "accepted", one->accepted);
        json_put_number(&writer, "refused", one->refused);
        json_close_object(&writer);
    }
    json_close_array(&writer);
    json_close_object(&writer);
    fputc('\n', stdout);
}

enum ctl_exit ctl_listener_list(const struct ctl_arguments *arguments, const struct conf *conf)
{
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    request.method_case = LODGE__LSM__REQUEST__METHOD_LISTENERS;
    request.listeners = &nothing;
    enum ctl_exit result = server_ask_once(arguments, conf, "the listeners", &request,
                                           LODGE__LSM__ANSWER__RESULT_LISTENERS, &answer);
    if (result != CTL_DONE)
        return result;
    if ((arguments->options & CTL_BIT(JSON)) != 0)
        print_json(answer->listeners);
    else
        print_table(answer->listeners);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return CTL_DONE;
}

static enum ctl_exit set(const struct ctl_arguments *arguments, const struct conf *conf,
                         Lodge__Lsm__Request__MethodCase method, const char *done)
{
    Lodge__Lsm__ListenerRequest listener = LODGE__LSM__LISTENER_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    listener.name = (char *)arguments->name;
    request.method_case = method;
    request.listener_stop = &listener; /* one place in the union with listener_start */
    enum ctl_exit result = server_ask_once(arguments, conf, arguments->name, &request,
                                           LODGE__LSM__ANSWER__RESULT__NOT_SET, &answer);
    if (result != CTL_DONE)
        return result;
    lodge__lsm__answer__free_unpacked(answer, NULL);
    printf("Listener %s %s.\n", arguments->name, done);
    return CTL_DONE;
}

enum ctl_exit ctl_listener_stop(const struct ctl_arguments *arguments, const struct conf *conf)
{
    return set(arguments, conf, LODGE__LSM__REQUEST__METHOD_LISTENER_STOP, "takes no new clients");
}

enum ctl_exit ctl_listener_start(const struct ctl_arguments *arguments, const struct conf *conf)
{
    return set(arguments, conf, LODGE__LSM__REQUEST__METHOD_LISTENER_START, "takes clients");
}
