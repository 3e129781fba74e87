/* events, version, ping. */
#include <err.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/event.h"
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
    json_put_text(writer, "event", event_name(event->id));
    json_put_number(writer, "session", event->session);
    json_put_text(writer, "user", event->user);
    json_put_text(writer, "address", event->address);
    json_put_text(writer, "reason", event->reason);
    json_put_text(writer, "detail", event->detail);
    json_close_object(writer);
}

/* Events, oldest first, and the answers that own them. */
struct log {
    const Lodge__Lsm__Event **events;
    size_t count;
    Lodge__Lsm__Answer **answers;
    size_t answer_count;
};

static void log_free(struct log *log)
{
    for (size_t i = 0; i < log->answer_count; i++)
        lodge__lsm__answer__free_unpacked(log->answers[i], NULL);
    free(log->answers);
    free(log->events);
}

static void log_keep(struct log *log, Lodge__Lsm__Answer *answer)
{
    log->answers = reallocarray(log->answers, log->answer_count + 1, sizeof(*log->answers));
    if (log->answers == NULL)
        err(CTL_FAILED, "the events");
    log->answers[log->answer_count++] = answer;
}

/* Adds the events of a page whose serials are below `before`. Returns false when it had others. */
static bool log_add(struct log *log, const Lodge__Lsm__Events *page, uint64_t before)
{
    log->events = reallocarray(log->events, log->count + page->n_event + 1, sizeof(*log->events));
    if (log->events == NULL)
        err(CTL_FAILED, "the events");
    for (size_t i = 0; i < page->n_event; i++) {
        if (page->event[i]->serial >= before)
            return false;
        log->events[log->count++] = page->event[i];
    }
    return true;
}

static enum ctl_exit fetch_page(struct server *server, struct log *log, uint64_t after, uint32_t limit,
                                const Lodge__Lsm__Events **page_r)
{
    Lodge__Lsm__EventsRequest events = LODGE__LSM__EVENTS_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    events.after = after;
    events.limit = limit;
    request.method_case = LODGE__LSM__REQUEST__METHOD_EVENTS;
    request.events = &events;
    enum ctl_exit result =
        server_ask(server, "the events", &request, LODGE__LSM__ANSWER__RESULT_EVENTS, &answer);
    if (result != CTL_DONE)
        return result;
    log_keep(log, answer);
    *page_r = answer->events;
    return CTL_DONE;
}

/* The `want` events before the one of serial `first`, page by page. Serials rise by one, so that they are at
 * most so far back. (`after` 0 would ask for the last ones: the very first event is not found this way.) */
static enum ctl_exit fetch_older(struct server *server, struct log *log, uint64_t first, uint32_t want)
{
    uint64_t after = first > (uint64_t)want + 2 ? first - 1 - want : 1;
    for (bool more = true; more && after + 1 < first;) {
        const Lodge__Lsm__Events *page;
        enum ctl_exit result = fetch_page(server, log, after, 0, &page);
        if (result != CTL_DONE)
            return result;
        more = log_add(log, page, first) && page->more && page->n_event > 0;
        uint64_t last = page->n_event > 0 ? page->event[page->n_event - 1]->serial : after;
        if (more && last <= after) {
            ctl_say("the events are not in the order of their serials: compare the versions");
            return CTL_FAILED;
        }
        after = last;
    }
    return CTL_DONE;
}

/* The last `want` events: the server gives the newest page, and those before it when asked. */
static enum ctl_exit fetch_last(struct server *server, struct log *log, uint32_t want)
{
    const Lodge__Lsm__Events *newest;
    enum ctl_exit result = fetch_page(server, log, 0, want, &newest);
    if (result == CTL_DONE && newest->n_event > 0 && newest->n_event < want)
        result = fetch_older(server, log, newest->event[0]->serial, want - (uint32_t)newest->n_event);
    if (result == CTL_DONE)
        log_add(log, newest, UINT64_MAX);
    return result;
}

static void print_json(const struct log *log)
{
    struct json_writer writer = json_writer_on(stdout);
    json_open_object(&writer, NULL);
    json_open_array(&writer, "events");
    for (size_t i = 0; i < log->count; i++)
        put_event(&writer, log->events[i]);
    json_close_array(&writer);
    json_close_object(&writer);
    fputc('\n', stdout);
}

static const struct table_column columns[] = {
    {"TIME", false, false, NULL},   {"ID", true, false, NULL},     {"EVENT", false, false, NULL},
    {"SESSION", true, false, NULL}, {"USER", false, true, NULL},   {"ADDRESS", false, true, NULL},
    {"REASON", false, true, NULL},  {"DETAIL", false, true, NULL},
};

static void print_table(const struct log *log)
{
    struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < log->count; i++) {
        const Lodge__Lsm__Event *event = log->events[i];
        char time[DESCRIBE_ROOM], id[16], session[16] = "-";
        snprintf(id, sizeof(id), "%" PRIu32, event->id);
        if (event->session != 0)
            snprintf(session, sizeof(session), "%" PRIu32, event->session);
        const char *const cells[] = {describe_time(event->time_ms, time, sizeof(time)),
                                     id,
                                     event_name(event->id),
                                     session,
                                     event->user,
                                     event->address,
                                     strcmp(event->reason, "none") == 0 ? "" : event->reason,
                                     event->detail};
        table_add_row(table, cells);
    }
    if (log->count == 0)
        puts("There are no events.");
    else
        table_print(table, stdout, terminal_width(STDOUT_FILENO), terminal_has_colour(STDOUT_FILENO));
    table_free(table);
}

enum ctl_exit ctl_events(const struct ctl_arguments *arguments, const struct conf *conf)
{
    struct server server;
    struct log log = {0};
    enum ctl_exit result = server_open(&server, arguments, conf);
    if (result != CTL_DONE)
        return result;
    result = fetch_last(&server, &log, arguments->count);
    server_close(&server);
    if (result == CTL_DONE) {
        if ((arguments->options & CTL_BIT(JSON)) != 0)
            print_json(&log);
        else
            print_table(&log);
    }
    log_free(&log);
    return result;
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
