#include "broker/logons.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "broker/admission.h"
#include "broker/attach.h"
#include "broker/broker.h"
#include "broker/peers.h"
#include "broker/question.h"
#include "broker/standing.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/packet.h"
#include "common/text.h"

#define PLACE_RETRY_MS 50
#define ANSWER_SECONDS 50 /* for the person: lodge-smss waits for a minute */

enum logon_step {
    ARRIVED,  /* waits for lodge-smss, or for one of the places */
    CHECKING, /* a lodge-logon has the credentials */
    HELD,     /* the user is known; one of their sessions is being created or ended */
    ADMITTED, /* a session is being made */
    LOGON_STEPS
};

/* How long a logon may be in a step, and what is said after that. */
static const struct {
    long seconds;
    enum reason reason;
} patience[] = {
    [ARRIVED] = {10, REASON_BUSY}, /* NO_BROKER when lodge-smss is away */
    [CHECKING] = {60, REASON_TIMED_OUT},
    [HELD] = {30, REASON_TIMED_OUT},
    [ADMITTED] = {60, REASON_TIMED_OUT},
};
_Static_assert(sizeof(patience) / sizeof(patience[0]) == LOGON_STEPS, "each step has its patience");

/* Whether the person wants their session that is connected elsewhere. */
enum asked { NOT_ASKED, ASKED, WANTS_IT };

struct logon {
    TAILQ_ENTRY(logon) link;    /* of broker.logons, in order of arrival */
    TAILQ_ENTRY(logon) by_user; /* of user.held, when HELD */
    struct broker *broker;
    uint64_t id;
    enum logon_step step;
    struct peer *peer;     /* NULL: gone, or answered already */
    uint32_t virtual_user; /* 0: a real one */
    int credentials;       /* kept until somebody has read them: lodge-smss may have no place yet */
    int64_t arrived;       /* clock_monotonic_ms */
    struct event *timer, *wake;
    unsigned generation;            /* of the lodge-smss that it was admitted to */
    struct user *user;              /* from when lodge-logon has told it on */
    struct sm_logon_result outcome; /* likewise */
    struct groups_query *query;     /* CHECKING: the groups of the user, who is known to lodge-logon */
    enum asked asked;
    struct standing standing; /* from HELD on, with what it was found by: */
    bool groups_known;
    gid_t *gids; /* NULL: nobody has asked for them, or there are none */
    size_t gid_count;
    bool groups_asked;
    struct census_place place; /* ADMITTED */
    struct address *from;      /* ADMITTED: where a session counts */
};

static bool is_under_way(enum logon_step step)
{
    return step != ARRIVED;
}

static void enter(struct logon *logon, enum logon_step step)
{
    struct broker *broker = logon->broker;
    if (logon->step == HELD && logon->user != NULL && step != HELD)
        TAILQ_REMOVE(&logon->user->held, logon, by_user);
    if (step == HELD && logon->step != HELD)
        TAILQ_INSERT_TAIL(&logon->user->held, logon, by_user);
    broker->logons_under_way += is_under_way(step);
    broker->logons_under_way -= is_under_way(logon->step);
    if (step != logon->step || step == ARRIVED)
        evtimer_add(logon->timer, &(struct timeval){.tv_sec = patience[step].seconds});
    logon->step = step;
}

static void start_waiting(struct broker *broker);

static void count_admission(struct logon *logon, int by)
{
    logon->user->sessions += (unsigned)by;
    logon->user->changing += (unsigned)by;
    logon->broker->sessions.count += (unsigned)by;
    licences_count_admission(logon->broker, by);
}

static void finish(struct logon *logon)
{
    struct broker *broker = logon->broker;
    if (logon->peer != NULL)
        logon->peer->logon = NULL;
    if (logon->step == HELD)
        TAILQ_REMOVE(&logon->user->held, logon, by_user);
    if (logon->step == ADMITTED) {
        count_admission(logon, -1);
        logons_wake(logon->user);
    }
    census_take(&broker->census, &logon->place);
    logons_census_taken(broker);
    free(logon->gids);
    broker->logons_under_way -= is_under_way(logon->step);
    broker->logon_count--;
    TAILQ_REMOVE(&broker->logons, logon, link);
    if (logon->user != NULL)
        users_release(&broker->users, logon->user);
    if (logon->query != NULL)
        groups_cancel(logon->query);
    addresses_release(&broker->addresses, logon->from);
    close_descriptor(&logon->credentials);
    if (logon->timer != NULL)
        event_free(logon->timer);
    if (logon->wake != NULL)
        event_free(logon->wake);
    free(logon);
}

/* Answers the peer, if it is still there, and writes the event. */
static void refuse(struct logon *logon, enum reason reason, const char *detail)
{
    struct peer *peer = logon->peer;
    if (peer == NULL)
        return;
    log_info(peer->client.address, "logon%s%s refused: %s", logon->outcome.user[0] ? " of " : "",
             logon->outcome.user, reason_name(reason));
    record_event(logon->broker, EVENT_REFUSED, 0, logon->outcome.user, peer->client.address, reason, detail);
    logon->peer = NULL;
    peer->logon = NULL;
    peer_refuse(peer, peer->serial, reason, detail);
}

/* Ends a logon that has no session, and may have a lodge-logon. */
static void end_for(struct logon *logon, enum reason reason, const char *detail)
{
    struct broker *broker = logon->broker;
    refuse(logon, reason, detail);
    if (logon->step != ARRIVED)
        smlink_drop_logon(broker, logon->id, (uint16_t)reason);
    finish(logon);
    start_waiting(broker);
}

static void end_without_session(struct logon *logon, enum reason reason)
{
    end_for(logon, reason, "");
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct logon *logon = context;
    (void)fd, (void)what;
    enum reason reason = patience[logon->step].reason;
    if (logon->step == ARRIVED && !logon->broker->sm.synced)
        reason = REASON_NO_BROKER;
    if (logon->step == ADMITTED)
        refuse(logon, reason, ""); /* it goes on counting: the session may come yet */
    else
        end_without_session(logon, reason);
}

static void start(struct logon *logon)
{
    struct sm_virtual_start virtual = {.logon = logon->id, .user = logon->virtual_user};
    struct sm_logon_start real = {.logon = logon->id};
    text_copy(real.client, sizeof(real.client), logon->peer->client.address);
    bool sent = logon->virtual_user != 0
                    ? smlink_send(logon->broker, SM_VIRTUAL_START, &virtual, -1)
                    : smlink_send(logon->broker, SM_LOGON_START, &real, logon->credentials);
    if (!sent)
        return; /* still ARRIVED: lodge-smss is going away */
    enter(logon, CHECKING);
}

/* Starts those that have waited longest for a place. */
static void start_waiting(struct broker *broker)
{
    struct logon *logon, *next;
    for (logon = TAILQ_FIRST(&broker->logons); logon != NULL; logon = next) {
        next = TAILQ_NEXT(logon, link);
        if (!broker->sm.synced || broker->logons_under_way >= BROKER_LOGONS_UNDER_WAY)
            return;
        if (logon->step == ARRIVED)
            start(logon);
    }
}

static void admit(struct logon *logon)
{
    const struct client *client = &logon->peer->client;
    struct sm_logon_admit admit = {.logon = logon->id,
                                   .width = client->width,
                                   .height = client->height,
                                   .keyboard_layout = client->keyboard_layout};
    standing_fill(&logon->standing, logon->broker, &admit);
    if (!smlink_send(logon->broker, SM_LOGON_ADMIT, &admit, -1))
        return; /* still HELD: decided anew when lodge-smss is back */
    logon->generation = logon->broker->sm.generation;
    enter(logon, ADMITTED);
    count_admission(logon, 1);
    census_put(&logon->broker->census, &logon->place, true, standing_counted(&logon->standing));
    logon->from = addresses_hold(&logon->broker->addresses, client->address);
}

static void give_session(struct logon *logon, struct session *session)
{
    struct broker *broker = logon->broker;
    struct peer *peer = logon->peer;
    smlink_drop_logon(broker, logon->id, REASON_NONE);
    finish(logon);
    attach_offer(session, peer, true);
    start_waiting(broker);
}

/* Has the user, or their client, a licence for that? If not, the logon ends or waits. */
static bool is_licensed(struct logon *logon, const struct session *session)
{
    enum licences_verdict verdict =
        licences_ask(logon->broker, logon->outcome.user, &logon->peer->client, session);
    if (verdict == LICENCES_REFUSE)
        end_without_session(logon, REASON_NO_LICENCE);
    return verdict == LICENCES_GO;
}

/* Goes on with logon_take_over. A virtual user is no person. */
static void ask_person(struct logon *logon, const struct session *session)
{
    if (logon->virtual_user != 0) {
        end_without_session(logon, REASON_ELSEWHERE);
        return;
    }
    logon->asked = ASKED;
    evtimer_add(logon->timer, &(struct timeval){.tv_sec = ANSWER_SECONDS});
    question_put(logon->peer, logon->peer->serial, session);
}

/* The user is known: what is to be done. */
static void decide(struct logon *logon)
{
    struct broker *broker = logon->broker;
    char detail[128];
    int64_t now_ms = clock_real_ms();
    if (!broker->sm.synced || logon->asked == ASKED)
        return;
    int64_t began = clock_monotonic_ns();
    struct policy_decision decision = admission_decide(
        broker, logon->user, &logon->standing, logon->peer->client.address, logon->asked == WANTS_IT, now_ms);
    broker->counters.decisions++;
    broker->counters.decision_ns += (uint64_t)(clock_monotonic_ns() - began);
    switch (decision.verdict) {
    case POLICY_NEW:
        if (is_licensed(logon, NULL))
            admit(logon);
        break;
    case POLICY_RECONNECT:
    case POLICY_TAKE_OVER:
        if (is_licensed(logon, session_find(broker, decision.session)))
            give_session(logon, session_find(broker, decision.session));
        break;
    case POLICY_ASK:
        ask_person(logon, session_find(broker, decision.session));
        break;
    case POLICY_WAIT:
        broker->census_awaited |= broker->census.unknown > 0;
        break;
    case POLICY_REFUSE:
        end_for(logon, decision.reason,
                admission_explain(&logon->standing, decision.reason, now_ms, detail, sizeof(detail)));
        break;
    }
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
    struct logon *logon = context;
    (void)fd, (void)what;
    if (logon->step == HELD)
        decide(logon);
    else if (logon->step == ARRIVED)
        start_waiting(logon->broker);
}

void logon_take_over(struct peer *peer, uint64_t serial, bool yes)
{
    struct logon *logon = peer->logon;
    if (logon == NULL || logon->asked != ASKED) {
        peer_refuse(peer, serial, REASON_WRONG_STATE, "");
        return;
    }
    peer->serial = serial;
    logon->asked = WANTS_IT;
    evtimer_add(logon->timer, &(struct timeval){.tv_sec = patience[HELD].seconds});
    if (yes)
        decide(logon);
    else
        end_without_session(logon, REASON_ELSEWHERE);
}

void logons_wake(struct user *user)
{
    struct logon *logon;
    TAILQ_FOREACH(logon, &user->held, by_user)
    {
        event_active(logon->wake, EV_TIMEOUT, 0);
    }
}

void logons_wake_held(struct broker *broker)
{
    struct logon *logon;
    TAILQ_FOREACH(logon, &broker->logons, link)
    {
        if (logon->step == HELD)
            event_active(logon->wake, EV_TIMEOUT, 0);
    }
}

static struct logon *find(struct broker *broker, uint64_t id)
{
    struct logon *logon;
    TAILQ_FOREACH(logon, &broker->logons, link)
    {
        if (logon->id == id)
            return logon;
    }
    return NULL;
}

static struct logon *make(struct broker *broker, struct peer *peer)
{
    struct logon *logon = calloc(1, sizeof(*logon));
    if (logon == NULL)
        return NULL;
    logon->broker = broker;
    logon->credentials = -1;
    logon->timer = evtimer_new(broker->base, on_timer, logon);
    logon->wake = event_new(broker->base, -1, 0, on_wake, logon);
    TAILQ_INSERT_TAIL(&broker->logons, logon, link);
    broker->logon_count++;
    bool random = getrandom(&logon->id, sizeof(logon->id), 0) == sizeof(logon->id) && logon->id != 0;
    if (logon->timer == NULL || logon->wake == NULL || !random) {
        finish(logon);
        return NULL;
    }
    logon->peer = peer;
    peer->logon = logon;
    return logon;
}

static void arrive(struct broker *broker, struct peer *peer, int credentials, uint32_t virtual_user)
{
    enum reason reason = admission_may_arrive(broker, virtual_user != 0);
    struct logon *logon = reason == REASON_NONE ? make(broker, peer) : NULL;
    if (logon == NULL) {
        close_descriptor(&credentials);
        if (reason == REASON_NONE)
            reason = REASON_INTERNAL;
        record_event(broker, EVENT_REFUSED, 0, NULL, peer->client.address, reason, NULL);
        peer_refuse(peer, peer->serial, reason, "");
        return;
    }
    logon->credentials = credentials;
    logon->virtual_user = virtual_user;
    logon->arrived = clock_monotonic_ms();
    enter(logon, ARRIVED);
    start_waiting(broker);
}

void logon_begin(struct broker *broker, struct peer *peer, int credentials)
{
    arrive(broker, peer, credentials, 0);
}

void logon_begin_virtual(struct broker *broker, struct peer *peer, uint32_t user)
{
    arrive(broker, peer, -1, user);
}

void logon_abandon(struct logon *logon)
{
    struct broker *broker = logon->broker;
    logon->peer->logon = NULL;
    logon->peer = NULL;
    if (logon->step == ADMITTED)
        return;
    if (logon->step != ARRIVED)
        smlink_drop_logon(broker, logon->id, REASON_CLIENT_GONE);
    finish(logon);
    start_waiting(broker);
}

/* Places at lodge-smss are taken until a lodge-logon has exited, which the broker does not see: tries again,
 * for as long as a logon may wait for its place. Returns false when that is over. */
static bool wait_for_place(struct logon *logon)
{
    if (logon->step != CHECKING || logon->user != NULL ||
        clock_monotonic_ms() - logon->arrived >= patience[ARRIVED].seconds * 1000)
        return false;
    enter(logon, ARRIVED);
    evtimer_add(logon->wake, &(struct timeval){.tv_usec = PLACE_RETRY_MS * 1000});
    return true;
}

static void take_refusal(struct logon *logon, const struct sm_logon_result *result)
{
    struct broker *broker = logon->broker;
    if (result->reason == REASON_BUSY && wait_for_place(logon))
        return;
    if (logon->step == CHECKING)
        logon->outcome = *result;
    refuse(logon, result->reason < REASON_COUNT ? (enum reason)result->reason : REASON_INTERNAL, "");
    finish(logon);
    start_waiting(broker);
}

/* Whoever keeps their session from ending does not take the places of all others: of too many of one user's
 * logons, the one that has waited longest goes. */
static void bound_held(struct user *user)
{
    unsigned count = 0;
    struct logon *logon;
    TAILQ_FOREACH(logon, &user->held, by_user)
    {
        count++;
    }
    if (count > BROKER_HELD_PER_USER)
        end_without_session(TAILQ_FIRST(&user->held), REASON_BUSY);
}

/* Lab accounts and virtual users are in no group, and that is known. */
static void take_groups(struct logon *logon, bool known, const gid_t *gids, size_t count)
{
    free(logon->gids);
    logon->gids = count > 0 ? malloc(count * sizeof(*gids)) : NULL;
    if (count > 0 && logon->gids == NULL) {
        end_without_session(logon, REASON_INTERNAL);
        return;
    }
    if (count > 0)
        memcpy(logon->gids, gids, count * sizeof(*gids));
    logon->gid_count = count;
    logon->groups_known = known;
    standing_find(&logon->standing, logon->broker, logon->user->uid, known, gids, count);
    if (logon->step == ADMITTED) {
        census_put(&logon->broker->census, &logon->place, true, standing_counted(&logon->standing));
        logons_census_taken(logon->broker);
        return;
    }
    enter(logon, HELD);
    bound_held(logon->user);
    decide(logon);
}

static void on_groups(void *context, bool known, uid_t uid, const gid_t *gids, size_t count)
{
    struct logon *logon = context;
    (void)uid; /* lodge-logon has said it */
    logon->query = NULL;
    take_groups(logon, known, gids, count);
}

static bool is_groupless(const struct logon *logon)
{
    return logon->outcome.account != SM_ACCOUNT_SYSTEM;
}

static void ask_groups(struct logon *logon)
{
    logon->groups_asked = true;
    logon->query = groups_ask(logon->broker->groups, logon->outcome.user, on_groups, logon);
    if (logon->query == NULL &&
        logon->step != ADMITTED) /* else they stay unknown until the session is made */
        end_without_session(logon, REASON_INTERNAL);
}

static void take_user(struct logon *logon, const struct sm_logon_result *result)
{
    logon->user = users_hold(&logon->broker->users, result->uid);
    if (logon->user == NULL) {
        end_without_session(logon, REASON_INTERNAL);
        return;
    }
    logon->outcome = *result;
    close_descriptor(&logon->credentials);
    if (is_groupless(logon) || !membership_matters(&logon->broker->membership))
        take_groups(logon, is_groupless(logon), NULL, 0);
    else
        ask_groups(logon);
}

/* Told again: the lodge-smss that was to make the session is gone, and the lodge-logon waits for a decision.
 */
static void take_back(struct logon *logon)
{
    count_admission(logon, -1);
    census_take(&logon->broker->census, &logon->place);
    addresses_release(&logon->broker->addresses, logon->from);
    logon->from = NULL;
    logons_wake(logon->user);
    enter(logon, HELD);
    if (logon->peer == NULL)
        end_without_session(logon, REASON_CLIENT_GONE);
    else
        decide(logon);
}

void logons_result(struct broker *broker, const struct sm_logon_result *result)
{
    struct logon *logon = find(broker, result->logon);
    if (logon == NULL && result->reason == REASON_NONE)
        smlink_drop_logon(broker, result->logon, REASON_CLIENT_GONE); /* of an earlier broker, or given up */
    if (logon == NULL)
        return;
    if (result->reason != REASON_NONE)
        take_refusal(logon, result);
    else if (logon->step == CHECKING && logon->user == NULL)
        take_user(logon, result);
    else if (logon->step == ADMITTED && logon->generation != broker->sm.generation)
        take_back(logon);
}

struct session *logons_session_made(struct broker *broker, const struct sm_session_state *told)
{
    struct logon *logon = find(broker, told->logon);
    bool expected = logon != NULL && logon->step == ADMITTED && logon->user->uid == told->uid;
    struct peer *peer = expected ? logon->peer : NULL;
    struct session *session = session_add(broker, told, expected);
    if (session == NULL) {
        log_error("broker", "no memory for session %u", told->id);
        return NULL;
    }
    if (expected && logon->place.known)
        limits_session_apply(session, logon->groups_known, logon->gids, logon->gid_count);
    else
        limits_session_look_up(session);
    if (!expected)
        return session;
    if (peer != NULL)
        session->client = peer->client;
    session->from = logon->from;
    logon->from = NULL;
    record_event(broker, EVENT_LOGON, session->id, session->name, session->client.address, REASON_NONE, NULL);
    watch_logon(session);
    finish(logon);
    if (peer != NULL)
        attach_offer(session, peer, false);
    start_waiting(broker);
    return session;
}

/* By the groups that the user has, or, where nobody has asked for them yet, once those are known. */
static void reconsider(struct logon *logon)
{
    struct broker *broker = logon->broker;
    bool ask = !logon->groups_asked && !is_groupless(logon) && membership_matters(&broker->membership);
    if (logon->step == ADMITTED && logon->query == NULL)
        census_put(&broker->census, &logon->place, !ask, standing_counted(&logon->standing));
    if (ask && logon->step == HELD)
        enter(logon, CHECKING);
    if (ask)
        ask_groups(logon);
}

void logons_reloaded(struct broker *broker)
{
    struct logon *logon, *next;
    for (logon = TAILQ_FIRST(&broker->logons); logon != NULL; logon = next) {
        next = TAILQ_NEXT(logon, link);
        if (logon->step != HELD && logon->step != ADMITTED)
            continue;
        standing_find(&logon->standing, broker, logon->user->uid, logon->groups_known, logon->gids,
                      logon->gid_count);
        reconsider(logon);
    }
    logons_wake_held(broker);
}

void logons_census_taken(struct broker *broker)
{
    if (broker->census.unknown == 0 && broker->census_awaited)
        logons_wake_held(broker);
    if (broker->census.unknown == 0)
        broker->census_awaited = false;
}

void logons_session_failed(struct broker *broker, uint64_t id, enum reason reason, const char *detail)
{
    struct logon *logon = find(broker, id);
    if (logon == NULL)
        return;
    record_event(broker, EVENT_SESSION_FAILED, 0, logon->outcome.user, NULL, reason, detail);
    refuse(logon, reason, detail);
    finish(logon);
    start_waiting(broker);
}

void logons_smss_is_back(struct broker *broker)
{
    struct logon *logon, *next;
    for (logon = TAILQ_FIRST(&broker->logons); logon != NULL; logon = next) {
        next = TAILQ_NEXT(logon, link);
        if (logon->step == ADMITTED && logon->generation != broker->sm.generation) {
            /* the one that was asked is gone, and no session came of it */
            refuse(logon, REASON_SESSION_FAILED, "");
            smlink_drop_logon(broker, logon->id, REASON_SESSION_FAILED);
            finish(logon);
        } else if (logon->step == HELD) {
            event_active(logon->wake, EV_TIMEOUT, 0);
        }
    }
    start_waiting(broker);
}

void logons_refuse_all(struct broker *broker, enum reason reason)
{
    struct logon *logon, *next;
    for (logon = TAILQ_FIRST(&broker->logons); logon != NULL; logon = next) {
        next = TAILQ_NEXT(logon, link);
        if (logon->step == ADMITTED)
            continue;
        refuse(logon, reason, "");
        if (logon->step != ARRIVED)
            smlink_drop_logon(broker, logon->id, (uint16_t)reason);
        finish(logon);
    }
}

void logons_free_all(struct broker *broker)
{
    struct logon *logon, *next;
    for (logon = TAILQ_FIRST(&broker->logons); logon != NULL; logon = next) {
        next = TAILQ_NEXT(logon, link);
        finish(logon);
    }
}
