#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/reason.h"
#include "rpc/sm.h"
#include "tests/bench/load-bench.h"
#include "tests/bench/load.h"

#define CLIENTS 100
#define BURSTS  400 /* each client asks once in each, so that no notice is lost between two looks at them */

struct hammer {
    uint32_t users, limit, random;
    uint64_t made, refused, ended;
    Lodge__Lsm__CreateRequest create;
    Lodge__Lsm__Client client;
    Lodge__Lsm__SessionRequest session;
    /* what the notices tell */
    uint32_t live, most;
    uint64_t sequence;
    uint8_t *of_user; /* sessions of each */
};

static uint32_t pick(struct hammer *hammer, uint32_t below)
{
    hammer->random = hammer->random * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)hammer->random * below >> 32);
}

/* peer->number is the session that it had last. */
static void ask(void *context, struct load_peer *peer, Lodge__Lsm__Request *request)
{
    struct hammer *hammer = context;
    if (peer->number != 0 && pick(hammer, 2) == 0) {
        lodge__lsm__session_request__init(&hammer->session);
        hammer->session.session = peer->number;
        peer->number = 0;
        request->method_case = LODGE__LSM__REQUEST__METHOD_LOGOFF;
        request->logoff = &hammer->session;
        return;
    }
    lodge__lsm__create_request__init(&hammer->create);
    lodge__lsm__client__init(&hammer->client);
    hammer->create.user = 1 + pick(hammer, hammer->users);
    hammer->create.client = &hammer->client;
    request->method_case = LODGE__LSM__REQUEST__METHOD_CREATE;
    request->create = &hammer->create;
}

static void take(void *context, struct load_peer *peer, const Lodge__Lsm__Answer *answer)
{
    struct hammer *hammer = context;
    if (answer->result_case == LODGE__LSM__ANSWER__RESULT_ATTACHED) {
        hammer->made += !answer->attached->reconnected;
        peer->number = answer->attached->session;
    } else if (answer->reason == REASON_SESSION_LIMIT) {
        hammer->refused++;
    } else if (answer->reason != REASON_NONE && answer->reason != REASON_NO_SESSION &&
               answer->reason != REASON_TAKEN_OVER && answer->reason != REASON_BUSY &&
               answer->reason != REASON_LOGOFF_ADMIN) {
        load_fail("refused: %s %s", reason_name(answer->reason), answer->detail);
    }
}

static void take_notice(struct hammer *hammer, const Lodge__Lsm__Notice *notice)
{
    bool comes = notice->kind == LODGE__LSM__NOTICE_KIND__NOTICE_CREATE;
    bool goes = notice->kind == LODGE__LSM__NOTICE_KIND__NOTICE_TERMINATE;
    unsigned user = 0;
    if (notice->sequence != ++hammer->sequence)
        load_fail("notices are missing: nothing can be said");
    if (!comes && !goes)
        return;
    if (sscanf(notice->user, "virtual-%u", &user) != 1 || user > hammer->users)
        load_fail("a session of %s", notice->user);
    hammer->live += comes;
    hammer->live -= goes;
    hammer->ended += goes;
    hammer->of_user[user] = (uint8_t)(hammer->of_user[user] + comes - goes);
    if (hammer->live > hammer->limit)
        load_fail("%" PRIu32 " sessions where %" PRIu32 " are the limit", hammer->live, hammer->limit);
    if (hammer->of_user[user] > 1)
        load_fail("two sessions of %s", notice->user);
    if (hammer->live > hammer->most)
        hammer->most = hammer->live;
}

/* Takes the notices of what has happened before this call. */
static void look(struct hammer *hammer, struct load_peer *subscriber, int64_t deadline)
{
    Lodge__Lsm__Answer *answer;
    while ((answer = load_next(subscriber, deadline)) != NULL) {
        for (size_t i = 0; i < answer->notices->n_notice; i++)
            take_notice(hammer, answer->notices->notice[i]);
        lodge__lsm__answer__free_unpacked(answer, NULL);
    }
}

/* What is left is logged off, and its end awaited. */
static void end_all(struct hammer *hammer, struct load_peer *peer, struct load_peer *subscriber)
{
    int64_t deadline = clock_monotonic_ms() + LOAD_PATIENCE_MS;
    Lodge__Lsm__ListRequest list = LODGE__LSM__LIST_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_LIST;
    request.list = &list;
    Lodge__Lsm__Answer *answer = load_ask(peer, &request);
    for (size_t i = 0; i < answer->sessions->n_session; i++) {
        Lodge__Lsm__SessionRequest session = LODGE__LSM__SESSION_REQUEST__INIT;
        session.session = answer->sessions->session[i]->id;
        request.method_case = LODGE__LSM__REQUEST__METHOD_RESET;
        request.reset = &session;
        lodge__lsm__answer__free_unpacked(load_ask(peer, &request), NULL);
    }
    lodge__lsm__answer__free_unpacked(answer, NULL);
    while (hammer->live > 0 && clock_monotonic_ms() < deadline)
        look(hammer, subscriber, clock_monotonic_ms() + 20);
    if (hammer->live > 0)
        load_fail("%" PRIu32 " sessions do not end", hammer->live);
}

void hammer(const char *port, uint32_t users, uint32_t limit)
{
    struct hammer hammer = {.users = users, .limit = limit, .random = 1};
    struct load_work work = {ask, take, &hammer};
    struct load_peer *peers = load_open(port, CLIENTS), *subscriber = load_open(port, 1);
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    hammer.of_user = calloc(users + 1, sizeof(*hammer.of_user));
    if (hammer.of_user == NULL)
        load_fail("no memory");
    request.method_case = LODGE__LSM__REQUEST__METHOD_SUBSCRIBE;
    request.subscribe = &nothing;
    lodge__lsm__answer__free_unpacked(load_ask(subscriber, &request), NULL);
    for (unsigned i = 0; i < BURSTS; i++) {
        load_run(peers, CLIENTS, 1, CLIENTS, &work);
        look(&hammer, subscriber, clock_monotonic_ms());
    }
    end_all(&hammer, peers, subscriber);
    if (hammer.most != limit || hammer.refused == 0)
        load_fail("the limit was not reached: %" PRIu32 " sessions, %" PRIu64 " refused", hammer.most,
                  hammer.refused);
    printf("{\"made\": %" PRIu64 ", \"ended\": %" PRIu64 ", \"most\": %" PRIu32 ", \"refused\": %" PRIu64
           "}\n",
           hammer.made, hammer.ended, hammer.most, hammer.refused);
    free(hammer.of_user);
    load_close(peers, CLIENTS);
    load_close(subscriber, 1);
}
