#include "broker/methods.h"

#include <stdio.h>

#include "broker/attach.h"
#include "broker/broker.h"
#include "broker/logons.h"
#include "broker/methods-events.h"
#include "broker/methods-licence.h"
#include "broker/methods-policy.h"
#include "broker/methods-process.h"
#include "broker/methods-session.h"
#include "broker/shadow.h"
#include "broker/subsystem.h"
#include "broker/upgrade.h"
#include "common/clock.h"
#include "common/log.h"

static void call_ping(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    (void)descriptor;
    peer_done(peer, request->serial);
}

static void call_version(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    Lodge__Lsm__Version version = LODGE__LSM__VERSION__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    (void)descriptor;
    version.version = (char *)LODGE_VERSION;
    version.protocol = LSM_PROTOCOL;
    version.load_test = peer->broker->conf.virtual_sessions == 1;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_VERSION;
    answer.version = &version;
    peer_answer(peer, request->serial, &answer, -1);
}

/* Of logon, attach and announce one may be under way. Returns false when the request has been answered. */
static bool begin(struct peer *peer, uint64_t serial)
{
    if (peer_is_busy(peer)) {
        peer_refuse(peer, serial, REASON_WRONG_STATE, "Another request of this connection is under way.");
        return false;
    }
    peer->serial = serial;
    return true;
}

/* Returns false when the request has been answered. */
static bool take_client(struct peer *peer, uint64_t serial, const Lodge__Lsm__Client *client)
{
    if (client != NULL && client_take(client, &peer->client))
        return true;
    peer_refuse(peer, serial, REASON_BAD_REQUEST,
                "The client's description is missing or holds texts that are "
                "too long or not printable.");
    return false;
}

static void call_logon(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    if (!begin(peer, request->serial))
        return;
    if (peer->session != NULL) {
        peer_refuse(peer, request->serial, REASON_WRONG_STATE, "This connection has a session.");
        return;
    }
    if (!take_client(peer, request->serial, request->logon->client))
        return;
    int credentials = *descriptor;
    *descriptor = -1;
    logon_begin(peer->broker, peer, credentials);
}

static void call_create(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    uint32_t user = request->create->user;
    (void)descriptor;
    if (peer->broker->conf.virtual_sessions != 1)
        peer_refuse(peer, request->serial, REASON_WRONG_STATE, "VirtualSessions of [LoadTest] is not set.");
    else if (user == 0 || user > SM_VIRTUAL_USERS)
        peer_refuse(peer, request->serial, REASON_BAD_REQUEST, "Virtual users are 1 to 1000000.");
    else if (begin(peer, request->serial) && take_client(peer, request->serial, request->create->client))
        logon_begin_virtual(peer->broker, peer, user);
}

static void call_take_over(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    (void)descriptor;
    logon_take_over(peer, request->serial, request->take_over->yes);
}

static void call_attach(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    (void)descriptor;
    if (begin(peer, request->serial))
        attach_again(peer->broker, peer, request->attach->session, request->attach->viewer);
}

static void call_announce(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    (void)descriptor;
    if (!begin(peer, request->serial))
        return;
    if (peer->session != NULL) {
        peer_refuse(peer, request->serial, REASON_WRONG_STATE, "This connection has a session.");
        return;
    }
    if (take_client(peer, request->serial, request->announce->client))
        attach_announce(peer->broker, peer, request->announce->session, request->announce->viewer);
}

static void call_client(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    (void)descriptor;
    if (peer->session == NULL && peer->logon == NULL) {
        peer_refuse(peer, request->serial, REASON_WRONG_STATE, "This connection has no session.");
        return;
    }
    if (!take_client(peer, request->serial, request->client->client))
        return;
    if (peer->session != NULL)
        peer->session->client = peer->client;
    peer_done(peer, request->serial);
}

uint64_t methods_input_ms(const struct session *session, uint64_t now_real_ms)
{
    int64_t input_ms = session->limits.facts.input_ms;
    uint64_t ago_ms = (uint64_t)(clock_monotonic_ms() - input_ms);
    return input_ms > 0 && ago_ms < now_real_ms ? now_real_ms - ago_ms : 0;
}

static void tell_shadows(const struct session *session, struct told_session *told)
{
    bool control;
    const struct session *shown = shadow_shown(session), *looking = shadow_looking(session, &control);
    told->message.shadows = shown != NULL ? shown->id : 0;
    if (looking == NULL)
        return;
    lodge__lsm__shadower__init(&told->shadower);
    told->shadower.session = looking->id;
    told->shadower.user = (char *)looking->name;
    told->shadower.control = control;
    told->message.shadower = &told->shadower;
}

void methods_tell_session(const struct session *session, struct told_session *told)
{
    lodge__lsm__session__init(&told->message);
    client_tell(&session->client, &told->client);
    told->message.id = session->id;
    told->message.state = (Lodge__Lsm__State)session->state;
    told->message.user = (char *)session->name;
    told->message.uid = session->uid;
    told->message.lab = session->lab;
    told->message.client = &told->client;
    told->message.logon_ms = session->logon_ms;
    told->message.connect_ms = session->connect_ms;
    told->message.disconnect_ms = session->disconnect_ms;
    told->message.now_ms = (uint64_t)clock_real_ms();
    told->message.load_test = session->load_test;
    told->message.input_ms = methods_input_ms(session, told->message.now_ms);
    told->message.locked = session->locked;
    if (session->has_display) {
        snprintf(told->terminal, sizeof(told->terminal), ":%u", session->display);
        told->message.terminal = told->terminal;
    }
    tell_shadows(session, told);
}

bool methods_may_see(const struct peer *peer, const struct session *session)
{
    return peer->role == ROLE_ADMIN || session->uid == peer->uid;
}

struct session *methods_next_session(const struct peer *peer, const struct session *session, uint32_t after)
{
    if (peer->role == ROLE_ADMIN)
        return session_next(peer->broker, session != NULL ? session->id : after);
    struct session *next = session != NULL ? TAILQ_NEXT(session, of_user) : TAILQ_FIRST(&peer->user->all);
    while (next != NULL && next->id <= after)
        next = TAILQ_NEXT(next, of_user);
    return next;
}

struct session *methods_take_session(struct peer *peer, uint64_t serial, uint32_t id)
{
    struct session *session = session_find(peer->broker, id);
    if (session != NULL)
        session_prefetch(session);
    if (session != NULL && methods_may_see(peer, session))
        return session;
    peer_refuse(peer, serial, REASON_NO_SESSION, "");
    return NULL;
}

static void call_show(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    struct session *session = methods_take_session(peer, request->serial, request->show->session);
    struct told_session told;
    (void)descriptor;
    if (session == NULL)
        return;
    methods_tell_session(session, &told);
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_SESSION;
    answer.session = &told.message;
    peer_answer(peer, request->serial, &answer, -1);
}

static void call_disconnect(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    struct session *session = methods_take_session(peer, request->serial, request->disconnect->session);
    char by[32];
    (void)descriptor;
    if (session == NULL)
        return;
    if (session->viewer == 0 || session->state == SESSION_DOWN) {
        peer_refuse(peer, request->serial, REASON_WRONG_STATE, "Nobody is connected to it.");
        return;
    }
    snprintf(by, sizeof(by), "by uid %u", (unsigned)peer->uid);
    record_event(peer->broker, EVENT_DISCONNECTED_BY, session->id, session->name, session->client.address,
                 REASON_DISCONNECTED, by);
    attach_send_away(session, REASON_DISCONNECTED, "");
    peer_done(peer, request->serial);
}

static void call_logoff(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    struct session *session = methods_take_session(peer, request->serial, request->logoff->session);
    char about[SESSION_ABOUT_ROOM];
    (void)descriptor;
    if (session == NULL)
        return;
    enum reason reason = session->user->uid == peer->uid ? REASON_LOGOFF : REASON_LOGOFF_ADMIN;
    if (session->state != SESSION_DOWN) {
        log_info(session_about(session, about), "logoff asked for by uid %u", (unsigned)peer->uid);
        session_end(session, reason);
    }
    peer_done(peer, request->serial);
}

#define METHOD(symbol) [LODGE__LSM__REQUEST__METHOD_##symbol]
const struct method methods[] = {
    METHOD(PING) = {"ping", ROLE_ANYONE, false, call_ping},
    METHOD(VERSION) = {"version", ROLE_ANYONE, false, call_version},
    METHOD(LOGON) = {"logon", ROLE_FRONT, true, call_logon},
    METHOD(TAKE_OVER) = {"take_over", ROLE_FRONT, false, call_take_over},
    METHOD(ATTACH) = {"attach", ROLE_FRONT, false, call_attach},
    METHOD(ANNOUNCE) = {"announce", ROLE_FRONT, false, call_announce},
    METHOD(CLIENT) = {"client", ROLE_FRONT, false, call_client},
    METHOD(LIST) = {"list", ROLE_ADMIN | ROLE_USER, false, call_list},
    METHOD(SHOW) = {"show", ROLE_ADMIN | ROLE_USER, false, call_show},
    METHOD(DISCONNECT) = {"disconnect", ROLE_ADMIN | ROLE_USER, false, call_disconnect},
    METHOD(LOGOFF) = {"logoff", ROLE_ADMIN | ROLE_USER, false, call_logoff},
    METHOD(EVENTS) = {"events", ROLE_ADMIN, false, events_call},
    METHOD(DRAIN) = {"drain", ROLE_ADMIN, false, policy_call_drain},
    METHOD(RELOAD) = {"reload", ROLE_ADMIN, false, policy_call_reload},
    METHOD(POLICY_TEST) = {"policy_test", ROLE_ADMIN, false, policy_call_test},
    METHOD(POLICY_USER) = {"policy_user", ROLE_ADMIN, false, policy_call_user},
    METHOD(POLICY) = {"policy", ROLE_ADMIN, false, policy_call_policy},
    METHOD(SUBSCRIBE) = {"subscribe", ROLE_ADMIN | ROLE_USER, false, call_subscribe},
    METHOD(WAIT) = {"wait", ROLE_ADMIN | ROLE_USER, false, call_wait},
    METHOD(MESSAGE) = {"message", ROLE_ADMIN | ROLE_USER, false, call_message},
    METHOD(RESET) = {"reset", ROLE_ADMIN | ROLE_USER, false, call_reset},
    METHOD(HEALTH) = {"health", ROLE_ADMIN, false, health_call},
    METHOD(LOAD_SUBSYSTEM) = {"load_subsystem", ROLE_ADMIN, false, subsystem_call_load},
    METHOD(COUNTERS) = {"counters", ROLE_ADMIN, false, call_counters},
    METHOD(PROCESSES) = {"processes", ROLE_ADMIN | ROLE_USER, false, process_call_list},
    METHOD(TERMINATE) = {"terminate", ROLE_ADMIN | ROLE_USER, false, process_call_terminate},
    METHOD(USAGE) = {"usage", ROLE_ADMIN | ROLE_USER, false, process_call_usage},
    METHOD(LISTENERS) = {"listeners", ROLE_ADMIN, false, call_listeners},
    METHOD(LISTENER_STOP) = {"listener_stop", ROLE_ADMIN, false, call_listener_stop},
    METHOD(LISTENER_START) = {"listener_start", ROLE_ADMIN, false, call_listener_start},
    METHOD(SHUTDOWN) = {"shutdown", ROLE_ADMIN, false, call_shutdown},
    METHOD(SHUTDOWN_ABORT) = {"shutdown_abort", ROLE_ADMIN, false, call_shutdown_abort},
    METHOD(SHUTDOWN_STATUS) = {"shutdown_status", ROLE_ADMIN, false, call_shutdown_status},
    METHOD(LOCK) = {"lock", ROLE_ADMIN | ROLE_USER, false, call_lock},
    METHOD(CONNECT) = {"connect", ROLE_ADMIN | ROLE_USER, false, call_connect},
    METHOD(ENVIRONMENT) = {"environment", ROLE_ADMIN | ROLE_USER, false, call_environment},
    METHOD(UPGRADE) = {"upgrade", ROLE_ADMIN, false, call_upgrade},
    METHOD(TRAFFIC) = {"traffic", ROLE_FRONT, false, process_call_traffic},
    METHOD(LICENCE_POOL) = {"licence_pool", ROLE_ADMIN, false, licence_call_pool},
    METHOD(LICENCE_LIST) = {"licence_list", ROLE_ADMIN, false, licence_call_list},
    METHOD(LICENCE_ISSUE) = {"licence_issue", ROLE_ADMIN, false, licence_call_issue},
    METHOD(LICENCE_REVOKE) = {"licence_revoke", ROLE_ADMIN, false, licence_call_revoke},
    METHOD(LICENCE_REPORT) = {"licence_report", ROLE_ADMIN, false, licence_call_report},
    METHOD(CREATE) = {"create", ROLE_ADMIN, false, call_create},
    METHOD(SHADOW) = {"shadow", ROLE_ADMIN, false, call_shadow},
    METHOD(SHADOW_STOP) = {"shadow_stop", ROLE_ADMIN | ROLE_USER, false, call_shadow_stop},
    METHOD(SHADOW_CHANNEL) = {"shadow_channel", ROLE_FRONT, false, call_shadow_channel},
};
const size_t method_count = sizeof(methods) / sizeof(methods[0]);

void methods_call(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    size_t number = (size_t)request->method_case;
    const struct method *method = number < method_count ? &methods[number] : NULL;
    if (method == NULL || method->call == NULL) {
        peer_drop(peer, "it asked for a method that there is not");
        return;
    }
    if ((method->roles & peer->role) == 0) {
        peer_refuse(peer, request->serial, REASON_FORBIDDEN, "");
        return;
    }
    if ((*descriptor >= 0) != method->with_descriptor) {
        peer_drop(peer, "the number of descriptors is wrong");
        return;
    }
    method->call(peer, request, descriptor);
}
