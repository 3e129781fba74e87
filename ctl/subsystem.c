/* subsystem list: the configured subsystems, from the file that lodge-smss keeps, with no broker needed; and
 * subsystem load. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"
#include "ctl/commands.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/server.h"
#include "ctl/table.h"

enum { NAME, STATE, PID, ORDER, USER, CRITICAL, WORDS };
#define LINE_ROOM 256

/* Returns false for a line that has not that many words. */
static bool split(char *line, char *words[WORDS])
{
    line[strcspn(line, "\n")] = '\0';
    for (size_t i = 0; i < WORDS; i++) {
        words[i] = strsep(&line, " ");
        if (words[i] == NULL || words[i][0] == '\0')
            return false;
    }
    return line == NULL;
}

static uint64_t number(const char *word)
{
    long value;
    return text_number(word, 0, INT32_MAX, &value) ? (uint64_t)value : 0;
}

static void print_table(FILE *in)
{
    static const struct table_column columns[] = {
        {"NAME", false, false, NULL}, {"STATE", false, false, NULL}, {"PROCESS", true, false, NULL},
        {"ORDER", true, false, NULL}, {"USER", false, false, NULL},  {"CRITICAL", false, false, NULL},
    };
    struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    char line[LINE_ROOM], *words[WORDS];
    while (fgets(line, sizeof(line), in) != NULL) {
        if (!split(line, words))
            continue;
        const char *const cells[] = {
            words[NAME],  words[STATE], strcmp(words[PID], "0") != 0 ? words[PID] : "",
            words[ORDER], words[USER],  words[CRITICAL][0] == '-' ? "no" : "yes"};
        table_add_row(table, cells);
    }
    table_print(table, stdout, terminal_width(STDOUT_FILENO), terminal_has_colour(STDOUT_FILENO));
    table_free(table);
}

static void print_json(FILE *in)
{
    struct json_writer writer = json_writer_on(stdout);
    char line[LINE_ROOM], *words[WORDS];
    json_open_object(&writer, NULL);
    json_open_array(&writer, "subsystems");
    while (in != NULL && fgets(line, sizeof(line), in) != NULL) {
        if (!split(line, words))
            continue;
        json_open_object(&writer, NULL);
        json_put_text(&writer, "name", words[NAME]);
        json_put_text(&writer, "state", words[STATE]);
        json_put_number(&writer, "pid", number(words[PID]));
        json_put_number(&writer, "order", number(words[ORDER]));
        json_put_text(&writer, "user", words[USER]);
        json_put_bool(&writer, "critical", words[CRITICAL][0] != '-');
        json_close_object(&writer);
    }
    json_close_array(&writer);
    json_close_object(&writer);
    fputc('\n', stdout);
}

/* It may take as long to become ready as lodge-smss waits. */
#define LOAD_MS 30000

enum ctl_exit ctl_subsystem_load(const struct ctl_arguments *arguments, const struct conf *conf)
{
    Lodge__Lsm__LoadSubsystemRequest load = LODGE__LSM__LOAD_SUBSYSTEM_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    load.name = (char *)arguments->name;
    request.method_case = LODGE__LSM__REQUEST__METHOD_LOAD_SUBSYSTEM;
    request.load_subsystem = &load;
    Lodge__Lsm__Answer *answer;
    enum ctl_exit result = server_ask_once_slowly(arguments, conf, arguments->name, &request, LOAD_MS,
                                                  LODGE__LSM__ANSWER__RESULT__NOT_SET, &answer);
    if (result != CTL_DONE)
        return result;
    lodge__lsm__answer__free_unpacked(answer, NULL);
    printf("%s is ready.\n", arguments->name);
    return CTL_DONE;
}

enum ctl_exit ctl_subsystem_list(const struct ctl_arguments *arguments, const struct conf *conf)
{
    char path[CONF_TEXT_MAX + 32];
    FILE *in = fopen(conf_run_path(conf, "subsystems", path, sizeof(path)), "re");
    if (in == NULL && errno != ENOENT) {
        ctl_say("%s: %s", path, strerror(errno));
        return CTL_FAILED;
    }
    if ((arguments->options & CTL_BIT(JSON)) != 0)
        print_json(in);
    else if (in != NULL)
        print_table(in);
    else
        puts("No subsystem of the configuration runs: none is required, or Lodge does not run.");
    if (in != NULL)
        fclose(in);
    return CTL_DONE;
}
