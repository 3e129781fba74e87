#include "broker/limits.h"

#include <inttypes.h>
#include <stdio.h>

#include "broker/attach.h"
#include "broker/broker.h"
#include "broker/link.h"
#include "broker/reload.h"
#include "common/clock.h"
#include "common/log.h"
#include "rpc/winstation.h"

#define WARNING_STYLE 0x30 /* MB_OK with MB_ICONWARNING */

static bool somebody_is_connected(const struct session *session)
{
    return session->state == SESSION_ACTIVE || session->state == SESSION_CONNECTED;
}

/* What runs, runs anew from now on. */
static void begin(struct session *session)
{
    int64_t now_ms = clock_monotonic_ms();
    session->limits.facts = (struct policy_session){
        .connected = somebody_is_connected(session), .since_ms = now_ms, .input_ms = now_ms};
    session->limits.broken = false;
}

/* A session that is being made without a viewer, or is being ended, has no limits. */
static bool has_limits(const struct session *session)
{
    return somebody_is_connected(session) || session->state == SESSION_DISCONNECTED || session->limits.broken;
}

static void on_timer(evutil_socket_t fd, short what, void *context);

/* Most sessions never have a timer. */
static void arm(struct session *session, int64_t at_ms)
{
    int64_t delay_ms = at_ms - clock_monotonic_ms();
    if (delay_ms < 0)
        delay_ms = 0;
    struct timeval delay = {.tv_sec = delay_ms / 1000, .tv_usec = delay_ms % 1000 * 1000};
    if (session->limits.timer == NULL)
        session->limits.timer = evtimer_new(session->broker->base, on_timer, session);
    if (session->limits.timer != NULL)
        evtimer_add(session->limits.timer, &delay);
}

static void warn(struct session *session, const struct policy_timeout *what)
{
    bool idle = what->reason == REASON_IDLE_TIMEOUT;
    struct winstation_message message = {.style = WARNING_STYLE,
                                         .timeout_s = (uint32_t)((what->left_ms + 999) / 1000)};
    snprintf(message.title, sizeof(message.title), "%s", idle ? "You are idle" : "Time is almost over");
    snprintf(message.text, sizeof(message.text), "In %u seconds you will be %s%s.", message.timeout_s,
             session->limits.times.log_off ? "logged off" : "disconnected",
             idle ? ", unless you press a key or move the mouse" : "");
    link_send_message(session, &message);
    if (idle)
        session->limits.facts.idle_warned_ms = clock_monotonic_ms();
    else
        session->limits.facts.time_warned_ms = clock_monotonic_ms();
}

static void carry_out(struct session *session, const struct policy_timeout *what)
{
    char about[SESSION_ABOUT_ROOM];
    log_info(session_about(session, about), "%s for a timeout: %s",
             what->action == POLICY_LOG_OFF ? "is logged off" : "is disconnected", reason_name(what->reason));
    record_event(session->broker, EVENT_DISCONNECTED_REASON, session->id, session->name,
                 session->client.address, what->reason, NULL);
    if (what->action == POLICY_LOG_OFF)
        session_end(session, what->reason);
    else
        attach_send_away(session, what->reason, "");
}

/* Until the agent has told an earlier broker's viewers, it is not known whether somebody is connected. */
static bool is_unknown(const struct session *session)
{
    return !session->limits.facts.connected && !session->fresh;
}

static void look(struct session *session)
{
    struct policy_timeout next;
    if (is_unknown(session))
        begin(session);
    for (;;) {
        next = policy_timeouts(&session->limits.times, &session->limits.facts, clock_monotonic_ms());
        if (next.action != POLICY_WARN || next.at_ms > clock_monotonic_ms())
            break;
        warn(session, &next);
    }
    if (next.action == POLICY_NOTHING)
        return;
    if (next.at_ms > clock_monotonic_ms())
        arm(session, next.at_ms);
    else
        carry_out(session, &next);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct session *session = context;
    (void)fd, (void)what;
    if (!has_limits(session))
        return;
    if (session->limits.broken)
        carry_out(session, &(struct policy_timeout){.action = POLICY_LOG_OFF, .reason = REASON_BROKEN});
    else
        look(session);
}

void limits_session_plan(struct session *session)
{
    struct policy_timeout next =
        policy_timeouts(&session->limits.times, &session->limits.facts, clock_monotonic_ms());
    if (session->limits.timer != NULL)
        evtimer_del(session->limits.timer);
    if (!has_limits(session))
        return;
    if (session->limits.broken)
        arm(session, 0);
    else if (next.action != POLICY_NOTHING)
        arm(session, next.at_ms);
}

void limits_session_begin(struct session *session)
{
    begin(session);
    limits_session_look_up(session);
}

static void on_groups(void *context, bool known, uid_t uid, const gid_t *gids, size_t count)
{
    struct session *session = context;
    struct conf conf;
    (void)known, (void)uid;
    session->limits.query = NULL;
    membership_apply(&session->broker->membership, &session->broker->conf, gids, count, &conf);
    session->limits.times = reload_times(&conf);
    limits_session_plan(session);
}

void limits_session_look_up(struct session *session)
{
    struct broker *broker = session->broker;
    struct session_limits *limits = &session->limits;
    if (limits->query != NULL)
        groups_cancel(limits->query);
    limits->query = NULL;
    if (broker->membership.section_count > 0 && !session->lab && !session->load_test)
        limits->query = groups_ask(broker->groups, session->name, on_groups, session);
    if (limits->query != NULL)
        return; /* what held before holds until then; nothing, for a new session */
    limits->times = broker->times;
    limits_session_plan(session);
}

void limits_session_stop(struct session *session)
{
    if (session->limits.query != NULL)
        groups_cancel(session->limits.query);
    session->limits.query = NULL;
    if (session->limits.timer != NULL)
        event_free(session->limits.timer);
    session->limits.timer = NULL;
}

void limits_session_moved(struct session *session, enum session_event event, enum reason reason)
{
    bool anew = event == SESSION_ATTACHES || event == SESSION_IS_VIEWED || event == SESSION_LEFT;
    if (anew || (event == SESSION_STARTED && !somebody_is_connected(session)))
        begin(session);
    if (event == SESSION_LEFT && reason == REASON_CLIENT_GONE && session->state != SESSION_DOWN)
        session->limits.broken = session->limits.times.broken_logs_off;
    if (event == SESSION_ENDS)
        session->limits.broken = false;
    limits_session_plan(session);
}

void limits_session_input(struct session *session, uint64_t monotonic_ms)
{
    int64_t now_ms = clock_monotonic_ms();
    int64_t then_ms = monotonic_ms < (uint64_t)now_ms ? (int64_t)monotonic_ms : now_ms;
    struct policy_session *facts = &session->limits.facts;
    if (then_ms <= facts->input_ms)
        return;
    bool warned = facts->idle_warned_ms >= facts->input_ms;
    facts->input_ms = then_ms;
    if (!warned)
        return;
    facts->idle_warned_ms = 0;    /* also where both were in one millisecond */
    limits_session_plan(session); /* the timer stands at the end, and another warning comes before that now */
}
