#include "tests/bench/load-bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/reason.h"
#include "tests/bench/load.h"

#define CREATORS      32
#define ASKERS        4
#define WINDOW        16
#define QUERIES       200000
#define CYCLES        4000
#define BATCH         400 /* sessions made, and gone, before their events have to be on the disk */
#define SUBSCRIBERS   100
#define LAGS          40
#define ENUMERATIONS  5
#define SESSIONS_MOST 65535
/* A full server has no place for a session more: so many are ended before sessions come and go. */
#define ROOM 256

struct bench {
    const char *port;
    uint32_t broker;
    struct load_peer *creators, *askers;
    uint32_t disconnected; /* so many of the first */
    uint32_t count;        /* sessions there are */
    uint32_t next_user;
    uint32_t random;
    uint64_t last_event;
    uint16_t *ids; /* of the sessions, in no order */
    double pss_before;
};

struct clocks {
    int64_t wall_ns;
    double broker_s; /* of a processor */
};

static void say(const struct bench *bench, const char *metric, double value, const char *unit)
{
    printf("{\"metric\": \"%s\", \"sessions\": %" PRIu32 ", \"value\": %.3f, \"unit\": \"%s\"}\n", metric,
           bench->count, value, unit);
    fflush(stdout);
}

/* A number behind `key` in a file of /proc/PID. */
static double look_up(uint32_t pid, const char *name, const char *key)
{
    char path[64], line[256];
    double value = -1;
    snprintf(path, sizeof(path), "/proc/%" PRIu32 "/%s", pid, name);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, key, strlen(key)) == 0)
            value = strtod(line + strlen(key), NULL);
    }
    if (file != NULL)
        fclose(file);
    if (value < 0)
        load_fail("%s has no %s", path, key);
    return value;
}

static double pss_bytes(const struct bench *bench)
{
    return look_up(bench->broker, "smaps_rollup", "Pss:") * 1024;
}

static struct clocks now(const struct bench *bench)
{
    char path[64], text[1024];
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", bench->broker);
    FILE *file = fopen(path, "r");
    char *end = file != NULL && fgets(text, sizeof(text), file) != NULL ? strrchr(text, ')') : NULL;
    if (end == NULL ||
        sscanf(end, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        load_fail("%s cannot be read", path);
    fclose(file);
    return (struct clocks){clock_monotonic_ns(), (double)(user + system) / (double)sysconf(_SC_CLK_TCK)};
}

/* So many a second, and what one costs the broker. */
static void say_rate(const struct bench *bench, const char *what, const struct clocks *began, uint64_t count)
{
    struct clocks end = now(bench);
    char metric[64];
    snprintf(metric, sizeof(metric), "%s_per_second", what);
    say(bench, metric, (double)count * 1e9 / (double)(end.wall_ns - began->wall_ns), "1/s");
    snprintf(metric, sizeof(metric), "%s_broker_cpu", what);
    say(bench, metric, (end.broker_s - began->broker_s) * 1e6 / (double)count, "us");
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static uint32_t pick(struct bench *bench, uint32_t below)
{
    bench->random = bench->random * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)bench->random * below >> 32);
}

static void fill_create(Lodge__Lsm__Request *request, Lodge__Lsm__CreateRequest *create,
                        Lodge__Lsm__Client *client, uint32_t user)
{
    lodge__lsm__create_request__init(create);
    lodge__lsm__client__init(client);
    client->name = (char *)"load";
    client->address = (char *)"192.0.2.1:40000";
    client->width = 1280;
    client->height = 1024;
    client->codec = (char *)"gfx-progressive";
    client->security = (char *)"TLSv1.3 TLS_AES_256_GCM_SHA384";
    create->user = user;
    create->client = client;
    request->method_case = LODGE__LSM__REQUEST__METHOD_CREATE;
    request->create = create;
}

/* Sessions are made, one user each. */
struct making {
    struct bench *bench;
    Lodge__Lsm__CreateRequest create;
    Lodge__Lsm__Client client;
};

static void ask_create(void *context, struct load_peer *peer, Lodge__Lsm__Request *request)
{
    struct making *making = context;
    (void)peer;
    fill_create(request, &making->create, &making->client, making->bench->next_user++);
}

static void take_created(void *context, struct load_peer *peer, const Lodge__Lsm__Answer *answer)
{
    struct bench *bench = ((struct making *)context)->bench;
    (void)peer;
    if (answer->reason != REASON_NONE || answer->result_case != LODGE__LSM__ANSWER__RESULT_ATTACHED)
        load_fail("no session is made: %s %s", reason_name(answer->reason), answer->detail);
    if (bench->count == SESSIONS_MOST)
        load_fail("more sessions than there are ids");
    bench->ids[bench->count++] = (uint16_t)answer->attached->session;
}

static void fill_session(Lodge__Lsm__Request *request, Lodge__Lsm__SessionRequest *session,
                         Lodge__Lsm__Request__MethodCase method, uint32_t id)
{
    lodge__lsm__session_request__init(session);
    session->session = id;
    request->method_case = method;
    request->show = session;
}

struct asking {
    struct bench *bench;
    Lodge__Lsm__SessionRequest session;
};

static void ask_show(void *context, struct load_peer *peer, Lodge__Lsm__Request *request)
{
    struct asking *asking = context;
    struct bench *bench = asking->bench;
    (void)peer;
    fill_session(request, &asking->session, LODGE__LSM__REQUEST__METHOD_SHOW,
                 bench->ids[pick(bench, bench->count)]);
}

static void ask_logoff(void *context, struct load_peer *peer, Lodge__Lsm__Request *request)
{
    struct asking *asking = context;
    struct bench *bench = asking->bench;
    (void)peer;
    fill_session(request, &asking->session, LODGE__LSM__REQUEST__METHOD_LOGOFF, bench->ids[--bench->count]);
}

/* Waits until everything is in the event log on the disk. */
static void await_events(struct bench *bench)
{
    Lodge__Lsm__EventsRequest events = LODGE__LSM__EVENTS_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    events.limit = 1;
    request.method_case = LODGE__LSM__REQUEST__METHOD_EVENTS;
    request.events = &events;
    Lodge__Lsm__Answer *answer = load_ask(bench->askers, &request);
    if (answer->events->n_event > 0)
        bench->last_event = answer->events->event[0]->serial;
    lodge__lsm__answer__free_unpacked(answer, NULL);
}

static void make(struct bench *bench, uint32_t more)
{
    struct making making = {.bench = bench};
    struct load_work work = {ask_create, take_created, &making};
    for (uint32_t some; more > 0; more -= some) {
        some = more < BATCH ? more : BATCH;
        load_run(bench->creators, CREATORS, 1, some, &work);
        await_events(bench);
    }
}

/* How many events there are from `after` on with this id. */
static uint64_t count_events(struct bench *bench, uint64_t after, uint32_t id)
{
    uint64_t count = 0;
    for (bool more = true; more;) {
        Lodge__Lsm__EventsRequest events = LODGE__LSM__EVENTS_REQUEST__INIT;
        Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
        events.after = after;
        request.method_case = LODGE__LSM__REQUEST__METHOD_EVENTS;
        request.events = &events;
        Lodge__Lsm__Answer *answer = load_ask(bench->askers, &request);
        for (size_t i = 0; i < answer->events->n_event; i++) {
            count += answer->events->event[i]->id == id;
            after = answer->events->event[i]->serial;
        }
        more = answer->events->more;
        lodge__lsm__answer__free_unpacked(answer, NULL);
    }
    return count;
}

/* A session is made, and ended as soon as it is there, by each connection again and again. */
struct cycle {
    struct bench *bench;
    struct making making;
    Lodge__Lsm__SessionRequest session;
};

static void ask_cycle(void *context, struct load_peer *peer, Lodge__Lsm__Request *request)
{
    struct cycle *cycle = context;
    if (peer->number == 0)
        fill_create(request, &cycle->making.create, &cycle->making.client, cycle->bench->next_user++);
    else
        fill_session(request, &cycle->session, LODGE__LSM__REQUEST__METHOD_LOGOFF, peer->number);
}

static void take_cycle(void *context, struct load_peer *peer, const Lodge__Lsm__Answer *answer)
{
    (void)context;
    if (answer->reason != REASON_NONE)
        load_fail("a session does not come or go: %s %s", reason_name(answer->reason), answer->detail);
    peer->number = answer->result_case == LODGE__LSM__ANSWER__RESULT_ATTACHED ? answer->attached->session : 0;
}

static Lodge__Lsm__Answer *ask_counters(struct bench *bench)
{
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_COUNTERS;
    request.counters = &nothing;
    return load_ask(bench->askers, &request);
}

/* Of the last sessions that came, some have not gone. */
static void end_cycles(struct bench *bench, struct cycle *cycle)
{
    for (unsigned i = 0; i < CREATORS; i++) {
        Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
        if (bench->creators[i].number == 0)
            continue;
        ask_cycle(cycle, &bench->creators[i], &request);
        lodge__lsm__answer__free_unpacked(load_ask(&bench->creators[i], &request), NULL);
        bench->creators[i].number = 0;
    }
}

/* Gives what a decision took in nanoseconds, as the median of the batches: what else the machine does shows
 * in some of them only. */
static double run_cycles(struct bench *bench, struct cycle *cycle)
{
    struct load_work work = {ask_cycle, take_cycle, cycle};
    double decisions[CYCLES / BATCH];
    for (unsigned i = 0; i < CYCLES / BATCH; i++) {
        Lodge__Lsm__Answer *before = ask_counters(bench);
        load_run(bench->creators, CREATORS, 1, 2 * BATCH, &work);
        Lodge__Lsm__Answer *after = ask_counters(bench);
        decisions[i] = (double)(after->counters->decision_ns - before->counters->decision_ns) /
                       (double)(after->counters->decisions - before->counters->decisions);
        lodge__lsm__answer__free_unpacked(before, NULL);
        lodge__lsm__answer__free_unpacked(after, NULL);
        await_events(bench);
    }
    qsort(decisions, CYCLES / BATCH, sizeof(decisions[0]), compare);
    return decisions[CYCLES / BATCH / 2];
}

/* So that what the broker has once, such as its queue for the disk, does not count as the sessions'. */
static void warm_up(struct bench *bench)
{
    struct cycle cycle = {.bench = bench};
    run_cycles(bench, &cycle);
    end_cycles(bench, &cycle);
}

static void measure_cycles(struct bench *bench)
{
    struct cycle cycle = {.bench = bench};
    await_events(bench);
    uint64_t before = bench->last_event;
    Lodge__Lsm__Answer *first = ask_counters(bench);
    struct clocks began = now(bench);
    double decision = run_cycles(bench, &cycle);
    say_rate(bench, "create_logoff", &began, CYCLES);
    say(bench, "admission_decision", decision, "ns");
    Lodge__Lsm__Answer *last = ask_counters(bench);
    uint64_t logons = last->counters->logons - first->counters->logons;
    lodge__lsm__answer__free_unpacked(first, NULL);
    lodge__lsm__answer__free_unpacked(last, NULL);
    if (count_events(bench, before, EVENT_LOGON) != logons)
        load_fail("the event log lacks logons");
    end_cycles(bench, &cycle);
}

static void measure_queries(struct bench *bench)
{
    struct asking asking = {.bench = bench};
    struct load_work work = {.ask = ask_show, .context = &asking};
    struct clocks began = now(bench);
    load_run(bench->askers, ASKERS, WINDOW, QUERIES, &work);
    say_rate(bench, "query", &began, QUERIES);
}

static uint32_t enumerate(struct bench *bench)
{
    uint32_t count = 0, after = 0;
    for (bool more = true; more;) {
        Lodge__Lsm__ListRequest list = LODGE__LSM__LIST_REQUEST__INIT;
        Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
        list.after = after;
        request.method_case = LODGE__LSM__REQUEST__METHOD_LIST;
        request.list = &list;
        Lodge__Lsm__Answer *answer = load_ask(bench->askers, &request);
        for (size_t i = 0; i < answer->sessions->n_session; i++) {
            if (answer->sessions->session[i]->id <= after || !answer->sessions->session[i]->load_test)
                load_fail("the list is not in order, or has sessions that are not virtual");
            after = answer->sessions->session[i]->id;
            count++;
        }
        more = answer->sessions->more;
        lodge__lsm__answer__free_unpacked(answer, NULL);
    }
    return count;
}

static void measure_enumeration(struct bench *bench)
{
    double times[ENUMERATIONS];
    for (unsigned i = 0; i < ENUMERATIONS; i++) {
        int64_t began = clock_monotonic_ns();
        uint32_t count = enumerate(bench);
        times[i] = (double)(clock_monotonic_ns() - began) / 1e6;
        if (count != bench->count)
            load_fail("%" PRIu32 " of %" PRIu32 " sessions are listed", count, bench->count);
    }
    qsort(times, ENUMERATIONS, sizeof(times[0]), compare);
    say(bench, "enumeration", times[ENUMERATIONS / 2], "ms");
}

static void await_notice(struct load_peer *peer, Lodge__Lsm__NoticeKind kind)
{
    for (;;) {
        Lodge__Lsm__Answer *answer = load_next(peer, clock_monotonic_ms() + LOAD_PATIENCE_MS);
        if (answer == NULL || answer->result_case != LODGE__LSM__ANSWER__RESULT_NOTICES)
            load_fail("no notice comes");
        const Lodge__Lsm__Notices *notices = answer->notices;
        bool found = notices->n_notice > 0 && notices->notice[notices->n_notice - 1]->kind == kind;
        lodge__lsm__answer__free_unpacked(answer, NULL);
        if (found)
            return;
    }
}

static void subscribe(struct load_peer *peer)
{
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_SUBSCRIBE;
    request.subscribe = &nothing;
    lodge__lsm__answer__free_unpacked(load_ask(peer, &request), NULL);
}

/* From the request that has something happen until the last of the subscribers has its notice. Each session
 * is disconnected once, at one of the levels. */
static void measure_lag(struct bench *bench)
{
    struct load_peer *peers = load_open(bench->port, SUBSCRIBERS);
    double times[LAGS];
    unsigned count = 0;
    for (unsigned i = 0; i < SUBSCRIBERS; i++)
        subscribe(&peers[i]);
    for (; count < LAGS && bench->disconnected < bench->count; count++) {
        Lodge__Lsm__SessionRequest session;
        Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
        fill_session(&request, &session, LODGE__LSM__REQUEST__METHOD_DISCONNECT,
                     bench->ids[bench->disconnected++]);
        int64_t began = clock_monotonic_ns();
        lodge__lsm__answer__free_unpacked(load_ask(bench->askers, &request), NULL);
        for (unsigned i = 0; i < SUBSCRIBERS; i++)
            await_notice(&peers[i], LODGE__LSM__NOTICE_KIND__NOTICE_DISCONNECT);
        times[count] = (double)(clock_monotonic_ns() - began) / 1e6;
    }
    load_close(peers, SUBSCRIBERS);
    if (count == 0)
        return;
    qsort(times, count, sizeof(times[0]), compare);
    say(bench, "lag_100_subscribers", times[count / 2], "ms");
    say(bench, "lag_100_subscribers_p95", times[count * 95 / 100], "ms");
}

struct bench *bench_begin(const char *port, uint32_t broker)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    uint16_t *ids = calloc(SESSIONS_MOST, sizeof(*ids));
    if (bench == NULL || ids == NULL)
        load_fail("no memory");
    *bench = (struct bench){.port = port, .broker = broker, .ids = ids, .next_user = 1, .random = 1};
    bench->creators = load_open(port, CREATORS);
    bench->askers = load_open(port, ASKERS);
    if (enumerate(bench) != 0)
        load_fail("the server has sessions already");
    warm_up(bench);
    bench->pss_before = pss_bytes(bench);
    return bench;
}

void bench_level(struct bench *bench, uint32_t level)
{
    if (level > SESSIONS_MOST || level <= bench->count)
        load_fail("levels rise, to %d at most", SESSIONS_MOST);
    struct clocks began = now(bench);
    uint32_t more = level - bench->count;
    make(bench, more);
    say_rate(bench, "create", &began, more);
    say(bench, "memory_per_session", (pss_bytes(bench) - bench->pss_before) / bench->count, "bytes");
    measure_queries(bench);
    measure_enumeration(bench);
    if (level + CREATORS > SESSIONS_MOST) {
        struct asking asking = {.bench = bench};
        struct load_work work = {.ask = ask_logoff, .context = &asking};
        load_run(bench->askers, ASKERS, WINDOW, ROOM, &work);
    }
    measure_cycles(bench);
    measure_lag(bench);
}

void bench_end(struct bench *bench)
{
    load_close(bench->creators, CREATORS);
    load_close(bench->askers, ASKERS);
    free(bench->ids);
    free(bench);
}
