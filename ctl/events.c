/* events. */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/reason.h"
#include "common/text.h"
#include "ctl/describe.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/server.h"
#include "ctl/stream.h"
#include "ctl/table.h"
#include "ctl/times.h"

#define AGAIN_MS  300 /* between two attempts to reach a server that is away */
#define WAIT_S    30
#define LATE_MS   20000 /* the server may answer so much later */
#define LINE_ROOM 1400

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

/* The answers that own events: the newest page is first. */
struct log {
    Lodge__Lsm__Answer **pages;
    size_t count;
};

static void log_free(struct log *log)
{
    for (size_t i = 0; i < log->count; i++)
        lodge__lsm__answer__free_unpacked(log->pages[i], NULL);
    free(log->pages);
}

static void log_keep(struct log *log, Lodge__Lsm__Answer *answer)
{
    log->pages = reallocarray(log->pages, log->count + 1, sizeof(*log->pages));
    if (log->pages == NULL)
        err(CTL_FAILED, "the events");
    log->pages[log->count++] = answer;
}

/* Fills in what is asked for, but for the place. False after having said what is wrong. */
static bool take_filter(const struct ctl_arguments *arguments, Lodge__Lsm__EventsRequest *request_r)
{
    const char *const *values = arguments->values;
    const char *since = values[CTL_OPTION_SINCE], *until = values[CTL_OPTION_UNTIL];
    const char *event = values[CTL_OPTION_EVENT], *session = values[CTL_OPTION_SESSION];
    long number = 0;
    if ((since != NULL && !times_parse(since, clock_real_ms(), &request_r->since_ms)) ||
        (until != NULL && !times_parse(until, clock_real_ms(), &request_r->until_ms))) {
        ctl_say("--since and --until take a time as 2026-12-31, \"2026-12-31 18:00\", 18:00, or how long "
                "ago: 90s, 10m, 2h, 3d, 1w.");
        return false;
    }
    if (event != NULL && (request_r->id = event_find(event)) == 0) {
        if (!text_number(event, 1, UINT32_MAX, &number)) {
            ctl_say("there is no event \"%s\"; it takes a number or a name, as lodgectl events shows them.",
                    event);
            return false;
        }
        request_r->id = (uint32_t)number;
    }
    if (session != NULL && !text_number(session, 1, UINT16_MAX, &number)) {
        ctl_say("--session takes a session ID from 1 to 65535, not \"%s\".", session);
        return false;
    }
    request_r->session = session != NULL ? (uint32_t)number : 0;
    if (arguments->user != NULL)
        request_r->user = (char *)arguments->user;
    return true;
}

static enum ctl_exit fetch_page(struct server *server, struct log *log, Lodge__Lsm__EventsRequest *events,
                                const Lodge__Lsm__Events **page_r)
{
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    request.method_case = LODGE__LSM__REQUEST__METHOD_EVENTS;
    request.events = events;
    enum ctl_exit result =
        server_ask(server, "the events", &request, LODGE__LSM__ANSWER__RESULT_EVENTS, &answer);
    if (result != CTL_DONE)
        return result;
    log_keep(log, answer);
    *page_r = answer->events;
    return CTL_DONE;
}

/* The last `want` events that the filter lets through, page by page from the newest back. *earlier_r: there
 * are earlier ones. */
static enum ctl_exit fetch_last(struct server *server, struct log *log, uint32_t want,
                                const Lodge__Lsm__EventsRequest *filter, bool *earlier_r)
{
    Lodge__Lsm__EventsRequest request = *filter;
    const Lodge__Lsm__Events *page = NULL;
    do {
        request.limit = want;
        enum ctl_exit result = fetch_page(server, log, &request, &page);
        if (result != CTL_DONE)
            return result;
        for (size_t i = page->n_event; i-- > 0;) {
            if (request.before != 0 && page->event[i]->serial >= request.before) {
                ctl_say("the events are not in the order of their serials: compare the versions");
                return CTL_FAILED;
            }
            request.before = page->event[i]->serial;
        }
        want -= page->n_event < want ? (uint32_t)page->n_event : want;
    } while (want > 0 && page->earlier && page->n_event > 0);
    *earlier_r = page->earlier;
    return CTL_DONE;
}

static void print_json(const struct log *log)
{
    struct json_writer writer = json_writer_on(stdout);
    json_open_object(&writer, NULL);
    json_open_array(&writer, "events");
    for (size_t page = log->count; page-- > 0;) {
        for (size_t i = 0; i < log->pages[page]->events->n_event; i++)
            put_event(&writer, log->pages[page]->events->event[i]);
    }
    json_close_array(&writer);
    json_close_object(&writer);
    fputc('\n', stdout);
}

static const struct table_column columns[] = {
    {"TIME", false, false, NULL},   {"ID", true, false, NULL},     {"EVENT", false, false, NULL},
    {"SESSION", true, false, NULL}, {"USER", false, true, NULL},   {"ADDRESS", false, true, NULL},
    {"REASON", false, true, NULL},  {"DETAIL", false, true, NULL},
};

static void add_row(struct table *table, const Lodge__Lsm__Event *event)
{
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

static void print_table(const struct log *log)
{
    struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    size_t count = 0;
    for (size_t page = log->count; page-- > 0;) {
        const Lodge__Lsm__Events *events = log->pages[page]->events;
        count += events->n_event;
        for (size_t i = 0; i < events->n_event; i++)
            add_row(table, events->event[i]);
    }
    if (count == 0)
        puts("There are no events.");
    else
        table_print(table, stdout, terminal_width(STDOUT_FILENO), terminal_has_colour(STDOUT_FILENO));
    table_free(table);
}

/* One event a line, as it comes. */
static void print_event(const Lodge__Lsm__Event *event, bool json)
{
    if (json) {
        struct json_writer writer = json_writer_on(stdout);
        put_event(&writer, event);
        fputc('\n', stdout);
        return;
    }
    char time[DESCRIBE_ROOM], session[16] = "-", line[LINE_ROOM], safe[2 * LINE_ROOM];
    if (event->session != 0)
        snprintf(session, sizeof(session), "%" PRIu32, event->session);
    int used = snprintf(line, sizeof(line), "%s  %4" PRIu32 "  %-18s  %5s  %s",
                        describe_time(event->time_ms, time, sizeof(time)), event->id, event_name(event->id),
                        session, event->user);
    const char *const more[] = {event->address, strcmp(event->reason, "none") != 0 ? event->reason : "",
                                event->detail};
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        if (more[i][0] != '\0' && used > 0 && (size_t)used < sizeof(line))
            used += snprintf(line + used, sizeof(line) - (size_t)used, "  %s", more[i]);
    }
    puts(text_escape(safe, sizeof(safe), line));
}

/* Where a follower stands. */
struct follower {
    struct server *server;
    Lodge__Lsm__EventsRequest request; /* `after` is the last event that was printed */
    uint64_t log;                      /* that it is of; 0: not known yet */
    bool json;
};

/* Returns false when the output cannot be written. */
static bool print_page(struct follower *follower, const Lodge__Lsm__Events *page)
{
    if (follower->log != 0 && page->log != follower->log) {
        /* A new log was begun: what this page left out is in it. */
        follower->log = follower->request.log = page->log;
        follower->request.after = 0;
        return true;
    }
    follower->log = follower->request.log = page->log;
    for (size_t i = 0; i < page->n_event; i++) {
        print_event(page->event[i], follower->json);
        follower->request.after = page->event[i]->serial;
    }
    return fflush(stdout) == 0;
}

/* Asks once and waits. Returns 0, or a negative errno when the server is not there; -EAGAIN: it has trouble
 * of its own. */
static int follow_on(struct follower *follower, Lodge__Lsm__Answer **answer_r)
{
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_EVENTS;
    request.events = &follower->request;
    int failed = stream_send(&follower->server->client, &request);
    if (failed == 0)
        failed = stream_next(&follower->server->client, WAIT_S * 1000 + LATE_MS, answer_r);
    if (failed != 0)
        return failed;
    uint32_t reason = (*answer_r)->reason;
    if (reason == REASON_NONE && (*answer_r)->result_case == LODGE__LSM__ANSWER__RESULT_EVENTS)
        return 0;
    lodge__lsm__answer__free_unpacked(*answer_r, NULL);
    return reason == REASON_INTERNAL || reason == REASON_BUSY ? -EAGAIN : -EPROTO;
}

/* Connects again, however long it takes. */
static void connect_again(struct server *server)
{
    server_close(server);
    do {
        poll(NULL, 0, AGAIN_MS);
    } while (client_open(&server->client, server->path) != 0);
}

/* Prints what comes, for ever: over restarts of the server, and a database that has trouble. */
static enum ctl_exit follow(struct follower *follower)
{
    bool told = false;
    follower->request.first = true;
    follower->request.wait_s = WAIT_S;
    follower->request.before = 0;
    follower->request.limit = 0;
    for (;;) {
        Lodge__Lsm__Answer *answer;
        int failed = follow_on(follower, &answer);
        if (failed == -EPROTO)
            return ctl_say_unreachable(follower->server->path, follower->server->config, EPROTO);
        if (failed != 0 && !told)
            ctl_say("%s; waiting for it.",
                    failed == -EAGAIN ? "the server cannot read its events" : "the server is away");
        told = failed != 0;
        if (failed == -EAGAIN)
            poll(NULL, 0, AGAIN_MS);
        else if (failed != 0)
            connect_again(follower->server);
        if (failed != 0)
            continue;
        bool written = print_page(follower, answer->events);
        lodge__lsm__answer__free_unpacked(answer, NULL);
        if (!written)
            return CTL_DONE; /* main tells */
    }
}

static enum ctl_exit print_and_follow(struct follower *follower, const struct log *log)
{
    for (size_t page = log->count; page-- > 0;) {
        if (!print_page(follower, log->pages[page]->events))
            return CTL_DONE;
    }
    return follow(follower);
}

enum ctl_exit ctl_events(const struct ctl_arguments *arguments, const struct conf *conf)
{
    Lodge__Lsm__EventsRequest filter = LODGE__LSM__EVENTS_REQUEST__INIT;
    struct server server;
    struct log log = {0};
    bool earlier = false, json = (arguments->options & CTL_BIT(JSON)) != 0;
    bool follows = (arguments->options & CTL_BIT(FOLLOW)) != 0;
    bool counted = (arguments->options & CTL_BIT(COUNT)) != 0;
    bool timed = (arguments->options & (CTL_BIT(SINCE) | CTL_BIT(UNTIL))) != 0;
    if (!take_filter(arguments, &filter))
        return CTL_USAGE;
    if (follows && filter.until_ms != 0) {
        ctl_say("--follow has no end: --until makes no sense with it.");
        return CTL_USAGE;
    }
    enum ctl_exit result = server_open(&server, arguments, conf);
    if (result != CTL_DONE)
        return result;
    result =
        fetch_last(&server, &log, timed && !counted ? CTL_COUNT_MAX : arguments->count, &filter, &earlier);
    if (result == CTL_DONE && follows) {
        struct follower follower = {.server = &server, .request = filter, .json = json};
        result = print_and_follow(&follower, &log);
    } else if (result == CTL_DONE) {
        json ? print_json(&log) : print_table(&log);
        if (timed && !counted && earlier)
            ctl_say("there are more than %d; these are the last of them.", CTL_COUNT_MAX);
    }
    server_close(&server);
    log_free(&log);
    return result;
}
