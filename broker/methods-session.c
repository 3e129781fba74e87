/* Methods that follow sessions: subscribe, wait, message, reset, counters. */
#include "broker/methods-session.h"

#include <stdio.h>
#include <string.h>

#include "broker/attach.h"
#include "broker/broker.h"
#include "broker/desktop.h"
#include "broker/link.h"
#include "broker/methods.h"
#include "broker/watch.h"
#include "common/clock.h"
#include "common/log.h"

void call_subscribe(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    Lodge__Lsm__Notices none = LODGE__LSM__NOTICES__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    (void)descriptor;
    if (peer->subscription != NULL) {
        peer_refuse(peer, request->serial, REASON_WRONG_STATE, "This connection has its subscription.");
        return;
    }
    if (!watch_subscribe(peer, request->serial)) {
        peer_refuse(peer, request->serial, REASON_INTERNAL, "");
        return;
    }
    answer.result_case = LODGE__LSM__ANSWER__RESULT_NOTICES;
    answer.notices = &none;
    peer_answer(peer, request->serial, &answer, -1);
}

static void answer_waited(struct peer *peer, uint64_t serial, const struct session *session)
{
    Lodge__Lsm__Waited waited = LODGE__LSM__WAITED__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    waited.gone = session == NULL;
    if (session != NULL) {
        waited.session = session->id;
        waited.state = (Lodge__Lsm__State)session->state;
    }
    answer.result_case = LODGE__LSM__ANSWER__RESULT_WAITED;
    answer.waited = &waited;
    peer_answer(peer, serial, &answer, -1);
}

/* The first session that the peer may see and the request names, in the state that it names or in any. */
static struct session *find_waited(struct peer *peer, const Lodge__Lsm__WaitRequest *wait, bool any_state)
{
    uint32_t after = wait->session > 0 ? wait->session - 1 : 0;
    struct session *session = methods_next_session(peer, NULL, after);
    for (; session != NULL; session = methods_next_session(peer, session, 0)) {
        if (wait->session != 0 && session->id != wait->session)
            return NULL;
        bool named = wait->session != 0 || strcmp(session->name, wait->user) == 0;
        if (named && (any_state || (uint32_t)session->state == wait->state))
            return session;
    }
    return NULL;
}

void call_wait(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    const Lodge__Lsm__WaitRequest *wait = request->wait;
    (void)descriptor;
    if (peer->wait != NULL) {
        peer_refuse(peer, request->serial, REASON_WRONG_STATE, "Another wait is under way.");
        return;
    }
    if ((wait->session == 0) == (wait->user[0] == '\0') || strlen(wait->user) >= SM_USER_ROOM ||
        (uint32_t)wait->state >= SESSION_STATES) {
        peer_refuse(peer, request->serial, REASON_BAD_REQUEST, "Either a session or a user, and a state.");
        return;
    }
    struct session *session = find_waited(peer, wait, wait->gone);
    if (wait->gone ? session == NULL : session != NULL) {
        answer_waited(peer, request->serial, session);
        return;
    }
    if (wait->session != 0 && find_waited(peer, wait, true) == NULL) {
        peer_refuse(peer, request->serial, REASON_NO_SESSION, "");
        return;
    }
    if (!watch_wait(peer, request->serial, (uint16_t)wait->session, wait->user, (uint32_t)wait->state,
                    wait->gone, wait->deadline_ms))
        peer_refuse(peer, request->serial, REASON_INTERNAL, "");
}

void call_message(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    struct session *session = methods_take_session(peer, request->serial, request->message->session);
    (void)descriptor;
    if (session != NULL)
        messages_show(peer, request->serial, session, request->message);
}

void call_lock(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    struct session *session = methods_take_session(peer, request->serial, request->lock->session);
    (void)descriptor;
    if (session != NULL)
        desktop_lock(peer, request->serial, session);
}

void call_environment(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    struct session *session = methods_take_session(peer, request->serial, request->environment->session);
    (void)descriptor;
    if (session != NULL)
        desktop_environment(peer, request->serial, session);
}

/* Why the client of `from` cannot have `session` now, or NULL. */
static const char *cannot_connect(const struct session *session, const struct session *from)
{
    bool ready = session->state == SESSION_ACTIVE || session->state == SESSION_SHADOW ||
                 session->state == SESSION_DISCONNECTED;
    bool viewed = from->state == SESSION_ACTIVE || from->state == SESSION_SHADOW;
    if (session == from)
        return "It is the same session.";
    if (session->load_test || from->load_test)
        return "Virtual sessions have no clients.";
    if (from->worker == NULL || !viewed || from->pending != NULL)
        return "Nobody is connected to the session whose client it is to be.";
    return ready && link_can_attach(session) ? NULL : "The session cannot be connected to at the moment.";
}

void call_connect(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    struct session *session = methods_take_session(peer, request->serial, request->connect->session);
    struct session *from =
        session != NULL ? methods_take_session(peer, request->serial, request->connect->from) : NULL;
    char by[64];
    (void)descriptor;
    if (from == NULL)
        return;
    const char *problem = cannot_connect(session, from);
    if (problem != NULL) {
        peer_refuse(peer, request->serial, REASON_WRONG_STATE, problem);
        return;
    }
    snprintf(by, sizeof(by), "moved to session %u by uid %u", session->id, (unsigned)peer->uid);
    record_event(peer->broker, EVENT_DISCONNECTED_BY, from->id, from->name, from->client.address,
                 REASON_MOVED, by);
    attach_move(from, session);
    peer_done(peer, request->serial);
}

void call_reset(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    struct session *session = methods_take_session(peer, request->serial, request->reset->session);
    char about[SESSION_ABOUT_ROOM];
    (void)descriptor;
    if (session == NULL)
        return;
    log_info(session_about(session, about), "reset asked for by uid %u", (unsigned)peer->uid);
    session->at_once = true;
    session_end(session, session->user->uid == peer->uid ? REASON_LOGOFF : REASON_LOGOFF_ADMIN);
    peer_done(peer, request->serial);
}

static void count_states(const struct broker *broker, Lodge__Lsm__Counters *told)
{
    const unsigned *in = broker->sessions.in_state;
    told->active = in[SESSION_ACTIVE] + in[SESSION_SHADOW];
    told->connected = in[SESSION_CONNECTED];
    told->disconnected = in[SESSION_DISCONNECTED];
    told->init = in[SESSION_INIT];
    told->down = in[SESSION_DOWN];
}

static void tell_happened(const struct counters *counters, Lodge__Lsm__Counters *told)
{
    told->started_ms = (uint64_t)counters->started_real_ms;
    told->uptime_ms = (uint64_t)(clock_monotonic_ms() - counters->started_ms);
    told->logons = counters->happened[LODGE__LSM__NOTICE_KIND__NOTICE_LOGON];
    told->reconnects = counters->happened[LODGE__LSM__NOTICE_KIND__NOTICE_RECONNECT];
    told->disconnects = counters->happened[LODGE__LSM__NOTICE_KIND__NOTICE_DISCONNECT];
    told->ended = counters->happened[LODGE__LSM__NOTICE_KIND__NOTICE_TERMINATE];
    told->refusals = counters->happened[LODGE__LSM__NOTICE_KIND__NOTICE_REFUSE];
    told->notices_lost = counters->notices_lost;
    told->decisions = counters->decisions;
    told->decision_ns = counters->decision_ns;
}

void call_counters(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    const struct counters *counters = &peer->broker->counters;
    Lodge__Lsm__Counters told = LODGE__LSM__COUNTERS__INIT;
    Lodge__Lsm__ReasonCount reasons[REASON_COUNT], *pointers[REASON_COUNT];
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    (void)descriptor;
    count_states(peer->broker, &told);
    tell_happened(counters, &told);
    told.connections = (uint32_t)peer->broker->peer_count;
    told.load_test = peer->broker->conf.virtual_sessions == 1;
    for (size_t i = 0; i < REASON_COUNT; i++) {
        if (counters->refused[i] == 0)
            continue;
        lodge__lsm__reason_count__init(&reasons[i]);
        reasons[i].reason = (char *)reason_name((uint32_t)i);
        reasons[i].count = counters->refused[i];
        pointers[told.n_refused++] = &reasons[i];
    }
    told.refused = pointers;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_COUNTERS;
    answer.counters = &told;
    peer_answer(peer, request->serial, &answer, -1);
}
