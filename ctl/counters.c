/* counters. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/describe.h"
#include "ctl/json.h"
#include "ctl/server.h"

#define NUMBERS 14

struct number {
    const char *name, *title; /* in JSON, and for people */
    uint64_t value;
};

static void take_numbers(const Lodge__Lsm__Counters *from, struct number numbers_r[NUMBERS])
{
    const struct number numbers[NUMBERS] = {
        {"active", "Active", from->active},
        {"connected", "Connected", from->connected},
        {"disconnected", "Disconnected", from->disconnected},
        {"init", "Being created", from->init},
        {"down", "Being ended", from->down},
        {"logons", "Logons", from->logons},
        {"reconnects", "Reconnections", from->reconnects},
        {"disconnects", "Disconnections", from->disconnects},
        {"ended", "Sessions ended", from->ended},
        {"refusals", "Logons refused", from->refusals},
        {"connections", "Connections", from->connections},
        {"notices_lost", "Notices lost", from->notices_lost},
        {"decisions", "Policy asked", from->decisions},
        {"decision_ns", "in nanoseconds", from->decision_ns},
    };
    memcpy(numbers_r, numbers, sizeof(numbers));
}

static void print_json(const Lodge__Lsm__Counters *counters)
{
    struct number numbers[NUMBERS];
    take_numbers(counters, numbers);
    struct json_writer writer = json_writer_on(stdout);
    json_open_object(&writer, NULL);
    json_put_number(&writer, "started_ms", counters->started_ms);
    json_put_number(&writer, "uptime_ms", counters->uptime_ms);
    for (size_t i = 0; i < NUMBERS; i++)
        json_put_number(&writer, numbers[i].name, numbers[i].value);
    json_put_bool(&writer, "load_test", counters->load_test);
    json_open_object(&writer, "refused");
    for (size_t i = 0; i < counters->n_refused; i++)
        json_put_number(&writer, counters->refused[i]->reason, counters->refused[i]->count);
    json_close_object(&writer);
    json_close_object(&writer);
    fputc('\n', stdout);
}

static void print_lines(const Lodge__Lsm__Counters *counters)
{
    char text[DESCRIBE_ROOM];
    struct number numbers[NUMBERS];
    take_numbers(counters, numbers);
    if (counters->load_test)
        puts(DESCRIBE_LOAD_TEST);
    printf("%-16s %s\n", "Started", describe_time(counters->started_ms, text, sizeof(text)));
    printf("%-16s %s\n", "Up for", describe_duration(counters->uptime_ms, text, sizeof(text)));
    for (size_t i = 0; i < NUMBERS; i++)
        printf("%-16s %" PRIu64 "\n", numbers[i].title, numbers[i].value);
    for (size_t i = 0; i < counters->n_refused; i++)
        printf("  %-30s %" PRIu64 "\n", counters->refused[i]->reason, counters->refused[i]->count);
}

enum ctl_exit ctl_counters(const struct ctl_arguments *arguments, const struct conf *conf)
{
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    request.method_case = LODGE__LSM__REQUEST__METHOD_COUNTERS;
    request.counters = &nothing;
    enum ctl_exit result = server_ask_once(arguments, conf, "the counters", &request,
                                           LODGE__LSM__ANSWER__RESULT_COUNTERS, &answer);
    if (result != CTL_DONE)
        return result;
    if ((arguments->options & CTL_BIT(JSON)) != 0)
        print_json(answer->counters);
    else
        print_lines(answer->counters);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return CTL_DONE;
}
