#include "broker/sessions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/attach.h"
#include "broker/broker.h"
#include "broker/limits.h"
#include "broker/link.h"
#include "broker/logons.h"
#include "broker/peers.h"
#include "broker/shadow.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/text.h"

#define STATE_TIES(ours, theirs) \
    _Static_assert((int)(ours) == (int)(theirs), "the states are those of lsm.proto")
STATE_TIES(SESSION_ACTIVE, LODGE__LSM__STATE__ACTIVE);
STATE_TIES(SESSION_DISCONNECTED, LODGE__LSM__STATE__DISCONNECTED);
STATE_TIES(SESSION_DOWN, LODGE__LSM__STATE__DOWN);
STATE_TIES(SESSION_INIT, LODGE__LSM__STATE__INIT);

enum place { NOWHERE, AMONG_CONNECTED, AMONG_DISCONNECTED };

/* Of each state: its name, and where the user's record counts it. */
static const struct {
    const char *name;
    enum place place;
} states[] = {
    [SESSION_ACTIVE] = {"Active", AMONG_CONNECTED},
    [SESSION_CONNECTED] = {"Connected", NOWHERE},
    [SESSION_CONNECT_QUERY] = {"ConnectQuery", NOWHERE},
    [SESSION_SHADOW] = {"Shadow", AMONG_CONNECTED},
    [SESSION_DISCONNECTED] = {"Disconnected", AMONG_DISCONNECTED},
    [SESSION_IDLE] = {"Idle", NOWHERE},
    [SESSION_LISTEN] = {"Listen", NOWHERE},
    [SESSION_RESET] = {"Reset", NOWHERE},
    [SESSION_DOWN] = {"Down", NOWHERE},
    [SESSION_INIT] = {"Init", NOWHERE},
};
_Static_assert(sizeof(states) / sizeof(states[0]) == SESSION_STATES, "each state has its row");

static const char *const event_names[] = {
    [SESSION_STARTED] = "started",
    [SESSION_ATTACHES] = "attaches",
    [SESSION_REATTACHES] = "reattaches",
    [SESSION_IS_VIEWED] = "is viewed",
    [SESSION_LEFT] = "left",
    [SESSION_ENDS] = "ends",
    [SESSION_LOOKS_AWAY] = "looks away",
    [SESSION_LOOKS_BACK] = "looks back",
};
_Static_assert(sizeof(event_names) / sizeof(event_names[0]) == SESSION_EVENTS, "each event has its name");

/* A row that is missing: the event may not happen in the state. */
static const struct {
    bool allowed;
    enum session_state next;
    enum event_id record; /* 0: none */
} transitions[SESSION_STATES][SESSION_EVENTS] = {
    [SESSION_INIT] =
        {
            [SESSION_STARTED] = {true, SESSION_DISCONNECTED, EVENT_SHELL_START},
            [SESSION_ATTACHES] = {true, SESSION_CONNECTED, 0},
            [SESSION_IS_VIEWED] = {true, SESSION_CONNECTED, 0},
            [SESSION_ENDS] = {true, SESSION_DOWN, 0},
        },
    [SESSION_CONNECTED] =
        {
            [SESSION_STARTED] = {true, SESSION_ACTIVE, EVENT_SHELL_START},
            [SESSION_REATTACHES] = {true, SESSION_CONNECTED, 0},
            [SESSION_LEFT] = {true, SESSION_INIT, EVENT_DISCONNECT},
            [SESSION_ENDS] = {true, SESSION_DOWN, 0},
        },
    [SESSION_ACTIVE] =
        {
            [SESSION_ATTACHES] = {true, SESSION_ACTIVE, EVENT_RECONNECT},
            [SESSION_REATTACHES] = {true, SESSION_ACTIVE, 0},
            [SESSION_LEFT] = {true, SESSION_DISCONNECTED, EVENT_DISCONNECT},
            [SESSION_ENDS] = {true, SESSION_DOWN, 0},
            [SESSION_LOOKS_AWAY] = {true, SESSION_SHADOW, 0},
        },
    [SESSION_SHADOW] =
        {
            [SESSION_ATTACHES] = {true, SESSION_ACTIVE, EVENT_RECONNECT},
            [SESSION_REATTACHES] = {true, SESSION_SHADOW, 0},
            [SESSION_LEFT] = {true, SESSION_DISCONNECTED, EVENT_DISCONNECT},
            [SESSION_ENDS] = {true, SESSION_DOWN, 0},
            [SESSION_LOOKS_BACK] = {true, SESSION_ACTIVE, 0},
        },
    [SESSION_DISCONNECTED] =
        {
            [SESSION_ATTACHES] = {true, SESSION_ACTIVE, EVENT_RECONNECT},
            [SESSION_IS_VIEWED] = {true, SESSION_ACTIVE, 0},
            [SESSION_ENDS] = {true, SESSION_DOWN, 0},
        },
    [SESSION_DOWN] =
        {
            [SESSION_LEFT] = {true, SESSION_DOWN, 0},
            [SESSION_ENDS] = {true, SESSION_DOWN, 0},
        },
};

struct session *session_find(struct broker *broker, uint32_t id)
{
    return id < SESSIONS_MAX ? broker->sessions.by_id[id] : NULL;
}

struct session *session_next(struct broker *broker, uint32_t after)
{
    for (uint32_t id = after + 1; id < SESSIONS_MAX && after < SESSIONS_MAX;) {
        uint64_t bits = broker->sessions.used[id / 64] >> (id % 64);
        if (bits != 0)
            return broker->sessions.by_id[id + (uint32_t)__builtin_ctzll(bits)];
        id = (id / 64 + 1) * 64;
    }
    return NULL;
}

const char *session_about(const struct session *session, char about[SESSION_ABOUT_ROOM])
{
    snprintf(about, SESSION_ABOUT_ROOM, "session %u", session->id);
    return about;
}

const char *session_state_name(enum session_state state)
{
    return states[state].name;
}

static void take_place(struct session *session)
{
    struct user *user = session->user;
    session->broker->sessions.in_state[session->state]++;
    switch (states[session->state].place) {
    case NOWHERE:
        user->changing++;
        break;
    case AMONG_CONNECTED:
        TAILQ_INSERT_HEAD(&user->connected, session, by_user);
        break;
    case AMONG_DISCONNECTED:
        TAILQ_INSERT_HEAD(&user->disconnected, session, by_user);
        break;
    }
}

static void leave_place(struct session *session)
{
    struct user *user = session->user;
    session->broker->sessions.in_state[session->state]--;
    switch (states[session->state].place) {
    case NOWHERE:
        user->changing--;
        break;
    case AMONG_CONNECTED:
        TAILQ_REMOVE(&user->connected, session, by_user);
        break;
    case AMONG_DISCONNECTED:
        TAILQ_REMOVE(&user->disconnected, session, by_user);
        break;
    }
}

/* Where both states have the same place it keeps its own among those of its user, unless `anew`. */
static void change_state(struct session *session, enum session_state next, bool anew)
{
    unsigned *in_state = session->broker->sessions.in_state;
    if (anew || states[next].place != states[session->state].place) {
        leave_place(session);
        session->state = next;
        take_place(session);
        return;
    }
    in_state[session->state]--;
    in_state[next]++;
    session->state = next;
}

bool session_move(struct session *session, enum session_event event, enum reason reason, const char *detail)
{
    char about[SESSION_ABOUT_ROOM];
    if (!transitions[session->state][event].allowed) {
        log_warning(session_about(session, about), "cannot be that it %s: it is %s", event_names[event],
                    states[session->state].name);
        return false;
    }
    enum event_id record = transitions[session->state][event].record;
    enum session_state before = session->state;
    enum session_state next = transitions[before][event].next;
    change_state(session, next, event == SESSION_ATTACHES);
    if (event == SESSION_ATTACHES)
        session->connect_ms = (uint64_t)clock_real_ms();
    if (event == SESSION_LEFT)
        session->disconnect_ms = (uint64_t)clock_real_ms();
    session->was_up |= event == SESSION_STARTED;
    if (before != session->state)
        log_info(session_about(session, about), "%s, was %s", states[session->state].name,
                 states[before].name);
    if (record != 0)
        record_event(session->broker, record, session->id, session->name, session->client.address, reason,
                     detail);
    watch_moved(session, event, before, reason, detail);
    limits_session_moved(session, event, reason);
    shutdown_session_moved(session, event);
    licences_session_changed(session);
    logons_wake(session->user);
    shadow_session_moved(session, event, reason);
    return true;
}

void session_end(struct session *session, enum reason reason)
{
    struct broker *broker = session->broker;
    struct sm_session_end end = {.id = session->id,
                                 .reason = (uint16_t)reason,
                                 .grace_ms =
                                     session->at_once ? 0 : (uint32_t)session->limits.logoff_s * 1000};
    session->end_reason = reason;
    smlink_send(broker, SM_SESSION_END, &end, -1);
    session_move(session, SESSION_ENDS, reason, NULL);
}

/* Into its user's list, by id: ids rise, so that its place is near the end. */
static void enlist(struct session *session)
{
    struct session_list *all = &session->user->all;
    struct session *before = TAILQ_LAST(all, session_list);
    while (before != NULL && before->id > session->id)
        before = TAILQ_PREV(before, session_list, of_user);
    if (before != NULL)
        TAILQ_INSERT_AFTER(all, before, session, of_user);
    else
        TAILQ_INSERT_HEAD(all, session, of_user);
}

static enum session_state state_told(uint8_t life)
{
    static const enum session_state told[] = {
        [SM_SESSION_STARTING] = SESSION_INIT,
        [SM_SESSION_UP] = SESSION_DISCONNECTED,
        [SM_SESSION_ENDING] = SESSION_DOWN,
    };
    return told[life];
}

struct session *session_add(struct broker *broker, const struct sm_session_state *told, bool fresh)
{
    size_t name_size = strlen(told->user) + 1;
    struct session *session = calloc(1, sizeof(*session) + name_size);
    if (session == NULL)
        return NULL;
    session->user = users_hold(&broker->users, told->uid);
    if (session->user == NULL) {
        free(session);
        return NULL;
    }
    session->broker = broker;
    session->id = told->id;
    session->uid = told->uid;
    session->state = state_told(told->state);
    session->name = memcpy(session->text, told->user, name_size);
    session->lab = told->account == SM_ACCOUNT_LAB;
    session->load_test = told->account == SM_ACCOUNT_VIRTUAL;
    session->fresh = fresh || session->load_test;
    session->was_up = told->state == SM_SESSION_UP;
    session->logon = told->logon;
    session->logon_ms = told->started_ms;
    session->link.fd = -1;
    TAILQ_INIT(&session->announcers);
    TAILQ_INIT(&session->asks);
    broker->sessions.by_id[session->id] = session;
    broker->sessions.used[session->id / 64] |= UINT64_C(1) << (session->id % 64);
    broker->sessions.count++;
    session->user->sessions++;
    enlist(session);
    take_place(session);
    limits_session_begin(session);
    licences_session_changed(session);
    link_start(session);
    watch_created(session);
    return session;
}

void session_remove(struct session *session, enum reason reason, const char *detail)
{
    struct broker *broker = session->broker;
    struct user *user = session->user;
    char about[SESSION_ABOUT_ROOM];
    log_info(session_about(session, about), "of %s has ended: %s%s%s", session->name, reason_name(reason),
             detail[0] ? ": " : "", detail);
    record_event(broker, session->was_up ? EVENT_LOGOFF : EVENT_SESSION_FAILED, session->id, session->name,
                 session->client.address, reason, detail);
    watch_terminated(session, reason, detail);
    shadow_session_over(session, reason);
    attach_session_over(session, reason, detail);
    logons_wake(user);
    session_forget(session);
}

void session_forget(struct session *session)
{
    struct broker *broker = session->broker;
    struct user *user = session->user;
    if (session->worker != NULL)
        session->worker->session = NULL;
    if (session->pending != NULL)
        session->pending->pending = NULL;
    for (struct peer *peer; (peer = TAILQ_FIRST(&session->announcers)) != NULL;) {
        TAILQ_REMOVE(&session->announcers, peer, announcing);
        peer->announced_to = NULL;
    }
    shadow_forget(session);
    leave_place(session);
    TAILQ_REMOVE(&user->all, session, of_user);
    limits_session_stop(session);
    licences_session_gone(session);
    user->sessions--;
    broker->sessions.count--;
    broker->sessions.by_id[session->id] = NULL;
    broker->sessions.used[session->id / 64] &= ~(UINT64_C(1) << (session->id % 64));
    users_release(&broker->users, user);
    addresses_release(&broker->addresses, session->from);
    free(session);
}
