/* Many sessions: filters, orders and pages while sessions come and go; the cost of an event with many
 * subscribers does not depend on how many sessions there are; reset and counters. */
#include <poll.h>
#include <unistd.h>

#include "broker/harness.h"
#include "common/clock.h"

#define MANY   10000
#define EVENTS 300

static struct harness harness;

static const char *name_of(uint32_t id)
{
    static char name[32];
    snprintf(name, sizeof(name), "user%05u", id * 7919 % 10007); /* the order of names is not that of ids */
    return name;
}

static Lodge__Lsm__Answer *ask_list(int fd, Lodge__Lsm__ListRequest *list)
{
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_LIST;
    request.list = list;
    Lodge__Lsm__Answer *answer = lsm_expect(fd, lsm_ask(&harness, fd, &request, -1), NULL);
    CHECK(answer->reason == REASON_NONE && answer->sessions->n_session <= 100);
    return answer;
}

static int order_of(const Lodge__Lsm__ListRequest *list, const Lodge__Lsm__Session *session)
{
    int order = list->after == 0 ? 1 : 0;
    if (order == 0 && list->order == LODGE__LSM__LIST_ORDER__BY_USER)
        order = strcmp(session->user, list->after_user);
    if (order == 0 && list->order == LODGE__LSM__LIST_ORDER__BY_LOGON)
        order = (session->logon_ms > list->after_logon_ms) - (session->logon_ms < list->after_logon_ms);
    if (order == 0)
        order = (session->id > list->after) - (session->id < list->after);
    return list->descending && list->after != 0 ? -order : order;
}

/* Pages through all in an order, with a session ending and another one coming between two pages. Those from 1
 * to MANY whose ids have no remainder by 100 live throughout. */
static void all_are_listed_once(int fd, Lodge__Lsm__ListOrder order, bool descending)
{
    static uint8_t seen[65536];
    char user[SM_USER_ROOM] = "";
    Lodge__Lsm__ListRequest list = LODGE__LSM__LIST_REQUEST__INIT;
    list.order = order;
    list.descending = descending;
    list.after_user = user;
    memset(seen, 0, sizeof(seen));
    uint16_t change = 100;
    for (bool more = true; more;) {
        Lodge__Lsm__Answer *answer = ask_list(fd, &list);
        for (size_t i = 0; i < answer->sessions->n_session; i++) {
            const Lodge__Lsm__Session *session = answer->sessions->session[i];
            CHECK(order_of(&list, session) > 0 && (seen[session->id]++ == 0 || session->id % 100 == 0));
            list.after = session->id;
            list.after_logon_ms = session->logon_ms;
            snprintf(user, sizeof(user), "%s", session->user);
        }
        more = answer->sessions->more;
        lodge__lsm__answer__free_unpacked(answer, NULL);
        if (change < MANY) {
            sm_tell_ended(&harness, change, 0, REASON_LOGOFF, "");
            sm_tell_state(&harness, change, SM_SESSION_UP, clock_monotonic_ms() + 1u, 5001,
                          name_of(change + 13u));
            change = (uint16_t)(change + 100);
        }
    }
    for (uint32_t id = 1; id <= MANY; id++)
        CHECK(seen[id] == 1 || id % 100 == 0);
}

static size_t count_of(int fd, Lodge__Lsm__ListRequest list)
{
    Lodge__Lsm__Answer *answer = ask_list(fd, &list);
    size_t count = answer->sessions->n_session;
    CHECK(!answer->sessions->more);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return count;
}

static void filters_filter(int fd)
{
    Lodge__Lsm__ListRequest list = LODGE__LSM__LIST_REQUEST__INIT;
    list.user = (char *)"user07919"; /* of session 1 alone */
    CHECK(count_of(fd, list) == 1);
    list.states = 1u << LODGE__LSM__STATE__ACTIVE;
    CHECK(count_of(fd, list) == 0);
    list.states |= 1u << LODGE__LSM__STATE__DISCONNECTED;
    CHECK(count_of(fd, list) == 1);
    list.user = (char *)"";
    list.client = (char *)"workstation";
    CHECK(count_of(fd, list) == 0);
}

/* Nanoseconds of processor time that the broker has had. */
static uint64_t broker_time(void)
{
    char path[64];
    unsigned long long spent = 0;
    snprintf(path, sizeof(path), "/proc/%d/schedstat", harness.broker);
    FILE *in = fopen(path, "r");
    if (in != NULL && fscanf(in, "%llu", &spent) != 1)
        spent = 0;
    if (in != NULL)
        fclose(in);
    return spent;
}

/* What the broker does in a millisecond when nothing happens: here no session has an agent, and it looks for
 * each. */
static double idle_rate(void)
{
    uint64_t start = broker_time();
    int64_t began = clock_monotonic_ms();
    poll(NULL, 0, 1000);
    return (double)(broker_time() - start) / (double)(clock_monotonic_ms() - began);
}

/* Nanoseconds for the events alone. */
static double cost_of_events(void)
{
    double idle = idle_rate();
    uint64_t start = broker_time();
    int64_t began = clock_monotonic_ms();
    for (uint16_t i = 0; i < EVENTS; i++) {
        sm_tell_state(&harness, 60000, SM_SESSION_UP, 70000u + i, 5001, "watched");
        sm_tell_ended(&harness, 60000, 0, REASON_LOGOFF, "");
    }
    sm_tell_state(&harness, 60001, SM_SESSION_UP, 9, 5001, "last");
    lsm_await_state(&harness, 60001, LODGE__LSM__STATE__DISCONNECTED);
    double cost = (double)(broker_time() - start) - idle * (double)(clock_monotonic_ms() - began);
    sm_tell_ended(&harness, 60001, 0, REASON_LOGOFF, "");
    lsm_await_state(&harness, 60001, SESSION_NONE);
    return cost;
}

static void subscribe(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
        Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
        fds[i] = lsm_connect_as(&harness, i < 50 ? 0 : 5001);
        request.method_case = LODGE__LSM__REQUEST__METHOD_SUBSCRIBE;
        request.subscribe = &nothing;
        CHECK(lsm_expect_reason(fds[i], lsm_ask(&harness, fds[i], &request, -1)) == REASON_NONE);
    }
}

static void make_many(void)
{
    for (uint16_t id = 1; id <= MANY; id++)
        sm_tell_state(&harness, id, SM_SESSION_UP, 100u + id, 5100 + id % 50u, name_of(id));
    lsm_await_state(&harness, MANY, LODGE__LSM__STATE__DISCONNECTED);
}

static void resets_have_no_grace(int fd)
{
    union sm_body sm;
    CHECK(lsm_expect_reason(fd, lsm_ask_session(&harness, fd, LODGE__LSM__REQUEST__METHOD_LOGOFF, 1)) ==
          REASON_NONE);
    sm_expect(&harness, SM_SESSION_END, &sm, NULL);
    CHECK(sm.session_end.id == 1 && sm.session_end.grace_ms == 7000);
    CHECK(lsm_expect_reason(fd, lsm_ask_session(&harness, fd, LODGE__LSM__REQUEST__METHOD_RESET, 1)) ==
          REASON_NONE);
    sm_expect(&harness, SM_SESSION_END, &sm, NULL);
    CHECK(sm.session_end.id == 1 && sm.session_end.grace_ms == 0 &&
          sm.session_end.reason == REASON_LOGOFF_ADMIN);
    lsm_await_state(&harness, 1, LODGE__LSM__STATE__DOWN);
}

static void counters_count(int fd)
{
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    union sm_body sm;
    int front = lsm_connect_front(&harness);
    uint64_t serial = lsm_ask_logon(&harness, front);
    sm_expect(&harness, SM_LOGON_START, &sm, NULL);
    sm_tell_result(&harness, sm.logon_start.logon, REASON_LOCKED, 0, "");
    CHECK(lsm_expect_reason(front, serial) == REASON_LOCKED);
    request.method_case = LODGE__LSM__REQUEST__METHOD_COUNTERS;
    request.counters = &nothing;
    Lodge__Lsm__Answer *answer = lsm_expect(fd, lsm_ask(&harness, fd, &request, -1), NULL);
    const Lodge__Lsm__Counters *counters = answer->counters;
    CHECK(answer->result_case == LODGE__LSM__ANSWER__RESULT_COUNTERS);
    CHECK(counters->disconnected == MANY - 1 && counters->down == 1 && counters->active == 0);
    CHECK(counters->ended >= 2 * EVENTS && counters->connections >= 2);
    CHECK(counters->refusals == 1 && counters->n_refused == 1 && counters->refused[0]->count == 1);
    CHECK_TEXT(counters->refused[0]->reason, "account-locked");
    CHECK(counters->started_ms > 0 && counters->uptime_ms < 1000000);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    close(front);
}

int main(void)
{
    int subscribers[100];
    harness_begin_with_broker(&harness, "");
    subscribe(subscribers, 100);
    double few = cost_of_events();
    for (size_t i = 0; i < 100; i++)
        close(subscribers[i]);
    make_many();
    int admin = lsm_connect_as(&harness, 0);
    filters_filter(admin);
    all_are_listed_once(admin, LODGE__LSM__LIST_ORDER__BY_ID, false);
    all_are_listed_once(admin, LODGE__LSM__LIST_ORDER__BY_USER, false);
    all_are_listed_once(admin, LODGE__LSM__LIST_ORDER__BY_LOGON, true);
    subscribe(subscribers, 100);
    double many = cost_of_events();
    CHECK(broker_time() == 0 || many < 4 * few + 100e6);
    fprintf(stderr, "%d events for 100 subscribers: %.1f ms with few sessions, %.1f ms with %d\n", 2 * EVENTS,
            few / 1e6, many / 1e6, MANY);
    for (size_t i = 0; i < 100; i++)
        close(subscribers[i]);
    resets_have_no_grace(admin);
    counters_count(admin);
    close(admin);
    harness_end(&harness);
    return 0;
}
