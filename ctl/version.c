/* version, ping. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "ctl/describe.h"
#include "ctl/json.h"
#include "ctl/server.h"
#include "ctl/table.h"

static void print_version(const Lodge__Lsm__Version *version, bool json)
{
    if (!json) {
        char line[DESCRIBE_ROOM];
        struct table *table = table_new((const struct table_column[]){{"PROGRAM", false, false, NULL},
                                                                      {"VERSION", false, false, NULL},
                                                                      {"PROTOCOL", true, false, NULL}},
                                        3);
        snprintf(line, sizeof(line), "%d", LSM_PROTOCOL);
        table_add_row(table, (const char *[]){"lodgectl", LODGE_VERSION, line});
        snprintf(line, sizeof(line), "%" PRIu32, version->protocol);
        table_add_row(table, (const char *[]){"server", version->version, line});
        table_print(table, stdout, terminal_width(STDOUT_FILENO), terminal_has_colour(STDOUT_FILENO));
        table_free(table);
        if (version->load_test)
            puts(DESCRIBE_LOAD_TEST);
        return;
    }
    struct json_writer writer = json_writer_on(stdout);
    json_open_object(&writer, NULL);
    json_put_text(&writer, "lodgectl", LODGE_VERSION);
    json_put_number(&writer, "lodgectl_protocol", LSM_PROTOCOL);
    json_put_text(&writer, "server", version->version);
    json_put_number(&writer, "server_protocol", version->protocol);
    json_put_bool(&writer, "load_test", version->load_test);
    json_close_object(&writer);
    fputc('\n', stdout);
}

enum ctl_exit ctl_version(const struct ctl_arguments *arguments, const struct conf *conf)
{
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    request.method_case = LODGE__LSM__REQUEST__METHOD_VERSION;
    request.version = &nothing;
    enum ctl_exit result = server_ask_once(arguments, conf, "the version", &request,
                                           LODGE__LSM__ANSWER__RESULT_VERSION, &answer);
    if (result != CTL_DONE)
        return result;
    print_version(answer->version, (arguments->options & CTL_BIT(JSON)) != 0);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return CTL_DONE;
}

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

enum ctl_exit ctl_ping(const struct ctl_arguments *arguments, const struct conf *conf)
{
    double start = now_ms();
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    request.method_case = LODGE__LSM__REQUEST__METHOD_PING;
    request.ping = &nothing;
    enum ctl_exit result = server_ask_once(arguments, conf, "the server", &request,
                                           LODGE__LSM__ANSWER__RESULT__NOT_SET, &answer);
    if (result != CTL_DONE)
        return result;
    printf("The server answered after %.1f ms.\n", now_ms() - start);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return CTL_DONE;
}
