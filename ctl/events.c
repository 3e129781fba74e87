/* events, version, ping. */
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "ctl/describe.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/server.h"
#include "ctl/table.h"

static void put_event(struct json_writer *writer, const Lodge__Lsm__Event *event)
{
    json_open_object(writer, NULL);
    json_put_number(writer, "serial", event->serial);
    json_put_number(writer, "time_ms", event->time_ms);
    json_put_number(writer, "id", event->id);
    json_put_text(writer, "event", describe_event(event->id));
    json_put_number(writer, "session", event->session);
    json_put_text(writer, "user", event->user);
    json_put_text(writer, "address", event->address);
    json_put_text(writer, "reason", event->reason);
    json_put_text(writer, "detail", event->detail);
    json_close_object(writer);
}

static void print_json(const Lodge__Lsm__Events *events)
{
    struct json_writer writer = json_writer_on(stdout);
    json_open_array(&writer, NULL);
    for (size_t i = 0; i < events->n_event; i++)
        put_event(&writer, events->event[i]);
    json_close_array(&writer);
    fputc('\n', stdout);
}

static const struct table_column columns[] = {
    {"TIME", false, false, NULL},   {"ID", true, false, NULL},     {"EVENT", false, false, NULL},
    {"SESSION", true, false, NULL}, {"USER", false, true, NULL},   {"ADDRESS", false, true, NULL},
    {"REASON", false, true, NULL},  {"DETAIL", false, true, NULL},
};

static void print_table(const Lodge__Lsm__Events *events)
{
    struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < events->n_event; i++) {
        const Lodge__Lsm__Event *event = events->event[i];
        char time[DESCRIBE_ROOM], id[16], session[16] = "-";
        snprintf(id, sizeof(id), "%" PRIu32, event->id);
        if (event->session != 0)
            snprintf(session, sizeof(session), "%" PRIu32, event->session);
        const char *const cells[] = {describe_time(event->time_ms, time, sizeof(time)),
                                     id,
                                     describe_event(event->id),
                                     session,
                                     event->user,
                                     event->address,
                                     event->reason,
                                     event->detail};
        table_add_row(table, cells);
    }
    if (events->n_event == 0)
        puts("There are no events.");
    else
        table_print(table, stdout, terminal_width(STDOUT_FILENO), terminal_has_colour(STDOUT_FILENO));
    table_free(table);
}

enum ctl_exit ctl_events(const struct ctl_arguments *arguments, const struct conf *conf)
{
    struct server server;
    enum ctl_exit result = server_open(&server, arguments, conf);
    if (result != CTL_DONE)
        return result;
    Lodge__Lsm__EventsRequest events = LODGE__LSM__EVENTS_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    events.limit = arguments->count;
    request.method_case = LODGE__LSM__REQUEST__METHOD_EVENTS;
    request.events = &events;
    result = server_ask(&server, "the events", &request, LODGE__LSM__ANSWER__RESULT_EVENTS, &answer);
    server_close(&server);
    if (result != CTL_DONE)
        return result;
    if ((arguments->options & CTL_BIT(JSON)) != 0)
        print_json(answer->events);
    else
        print_table(answer->events);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return CTL_DONE;
}

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
        return;
    }
    struct json_writer writer = json_writer_on(stdout);
    json_open_object(&writer, NULL);
    json_put_text(&writer, "lodgectl", LODGE_VERSION);
    json_put_number(&writer, "lodgectl_protocol", LSM_PROTOCOL);
    json_put_text(&writer, "server", version->version);
    json_put_number(&writer, "server_protocol", version->protocol);
    json_close_object(&writer);
    fputc('\n', stdout);
}

enum ctl_exit ctl_version(const struct ctl_arguments *arguments, const struct conf *conf)
{
    struct server server;
    enum ctl_exit result = server_open(&server, arguments, conf);
    if (result != CTL_DONE)
        return result;
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    request.method_case = LODGE__LSM__REQUEST__METHOD_VERSION;
    request.version = &nothing;
    result = server_ask(&server, "the version", &request, LODGE__LSM__ANSWER__RESULT_VERSION, &answer);
    server_close(&server);
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
    struct server server;
    double start = now_ms();
    enum ctl_exit result = server_open(&server, arguments, conf);
    if (result != CTL_DONE)
        return result;
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    request.method_case = LODGE__LSM__REQUEST__METHOD_PING;
    request.ping = &nothing;
    result = server_ask(&server, "the server", &request, LODGE__LSM__ANSWER__RESULT__NOT_SET, &answer);
    server_close(&server);
    if (result != CTL_DONE)
        return result;
    printf("The server answered after %.1f ms.\n", now_ms() - start);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return CTL_DONE;
}
