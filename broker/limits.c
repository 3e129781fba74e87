#include "broker/limits.h"

#include <inttypes.h>
#include <stdio.h>

#include "broker/attach.h"
#include "broker/broker.h"
#include "broker/link.h"
#include "broker/logons.h"
#include "broker/reload.h"
#include "broker/shadow-policy.h"
#include "broker/shadow.h"
#include "broker/standing.h"
#include "common/clock.h"
#include "common/log.h"
#include "policy/hours.h"
#include "rpc/winstation.h"

#define WARNING_STYLE 0x30 /* MB_OK with MB_ICONWARNING */

static bool somebody_is_connected(const struct session *session)
{
    return session->state == SESSION_ACTIVE || session->state == SESSION_CONNECTED ||
           session->state == SESSION_SHADOW;
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

bool limits_have_hours(const struct conf *conf)
{
    bool have = conf->logon_hours[0] != '\0';
    for (size_t i = 0; i < conf->group_count; i++)
        have |= conf->groups[i].lines[CONF_GROUP_logon_hours] != 0;
    return have;
}

/* When the session's hours end, as of struct policy_session. */
static int64_t hours_end_ms(const struct session *session)
{
    const struct hours *hours = &session->limits.hours;
    if (hours->count == 0 || session->limits.times.hours_action == 0)
        return 0;
    int64_t real_ms = clock_real_ms(), now_ms = clock_monotonic_ms();
    if (!policy_hours_allow(hours, real_ms / 1000))
        return now_ms;
    int64_t change_s = policy_hours_change(hours, real_ms / 1000);
    return change_s == HOURS_NEVER ? 0 : now_ms + change_s * 1000 - real_ms;
}

static struct policy_timeout next_of(struct session *session)
{
    session->limits.facts.hours_end_ms = hours_end_ms(session);
    if (session->state == SESSION_SHADOW) /* what its person does, they do elsewhere */
        session->limits.facts.input_ms = clock_monotonic_ms();
    return policy_timeouts(&session->limits.times, &session->limits.facts, clock_monotonic_ms());
}

static void warn_of_hours(struct session *session, struct winstation_message *message)
{
    snprintf(message->title, sizeof(message->title), "Your logon hours end");
    snprintf(message->text, sizeof(message->text), "In %u seconds you will be %s. Save your work.",
             message->timeout_s, session->limits.times.hours_action == 2 ? "logged off" : "disconnected");
    link_send(session, WINSTATION_MESSAGE, message);
    session->limits.facts.hours_warned_ms = clock_monotonic_ms();
}

static void warn(struct session *session, const struct policy_timeout *what)
{
    bool idle = what->reason == REASON_IDLE_TIMEOUT;
    struct winstation_message message = {.style = WARNING_STYLE,
                                         .timeout_s = (uint32_t)((what->left_ms + 999) / 1000)};
    if (what->reason == REASON_HOURS_OVER) {
        warn_of_hours(session, &message);
        return;
    }
    snprintf(message.title, sizeof(message.title), "%s", idle ? "You are idle" : "Time is almost over");
    snprintf(message.text, sizeof(message.text), "In %u seconds you will be %s%s.", message.timeout_s,
             session->limits.times.log_off ? "logged off" : "disconnected",
             idle ? ", unless you press a key or move the mouse" : "");
    link_send(session, WINSTATION_MESSAGE, &message);
    if (idle)
        session->limits.facts.idle_warned_ms = clock_monotonic_ms();
    else
        session->limits.facts.time_warned_ms = clock_monotonic_ms();
}

static void carry_out(struct session *session, const struct policy_timeout *what)
{
    char about[SESSION_ABOUT_ROOM], detail[128] = "";
    if (what->reason == REASON_HOURS_OVER)
        policy_hours_say(&session->limits.hours, clock_real_ms() / 1000 + 1, detail, sizeof(detail));
    log_info(session_about(session, about), "%s for a timeout: %s",
             what->action == POLICY_LOG_OFF ? "is logged off" : "is disconnected", reason_name(what->reason));
    record_event(session->broker, EVENT_DISCONNECTED_REASON, session->id, session->name,
                 session->client.address, what->reason, detail);
    watch_limit(session, what->reason, detail);
    if (what->action == POLICY_LOG_OFF)
        session_end(session, what->reason);
    else
        attach_send_away(session, what->reason, detail);
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
        next = next_of(session);
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
    struct policy_timeout next = next_of(session);
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
    session->limits.logoff_s = (uint16_t)session->broker->conf.logoff_seconds;
    session->limits.redirects = (uint8_t)standing_redirects_of_all(&session->broker->conf);
    census_put(&session->broker->census, &session->limits.place, false, 0);
}

/* There are sections of groups, and it is not known whether this user is in one. */
static bool is_unclear(const struct session *session, bool known)
{
    return !known && session->broker->conf.group_count > 0 && !session->lab && !session->load_test;
}

void limits_session_apply(struct session *session, bool known, const gid_t *gids, size_t count)
{
    struct broker *broker = session->broker;
    struct session_limits *limits = &session->limits;
    struct standing standing;
    standing_find(&standing, broker, session->user->uid, known, gids, count);
    limits->times = reload_times(&broker->conf, standing.members);
    limits->hours = standing.hours;
    limits->logoff_s = (uint16_t)conf_number_for(&broker->conf, standing.members, CONF_GROUP_logoff_seconds);
    limits->shadow = (uint8_t)conf_number_for(&broker->conf, standing.members, CONF_GROUP_shadow);
    limits->redirects = (uint8_t)standing_redirects(&broker->conf, standing.members);
    if (is_unclear(session, known)) { /* a group of theirs might forbid it */
        limits->shadow = SHADOW_NOBODY;
        limits->redirects = (uint8_t)standing_redirects_of_all(&broker->conf);
    }
    census_put(&broker->census, &limits->place, true, standing_counted(&standing));
    limits_session_plan(session);
    shadow_policy_changed(session);
    logons_census_taken(broker);
}

static void on_groups(void *context, bool known, uid_t uid, const gid_t *gids, size_t count)
{
    struct session *session = context;
    (void)uid; /* lodge-logon has said it */
    session->limits.query = NULL;
    limits_session_apply(session, known, gids, count);
}

void limits_session_look_up(struct session *session)
{
    struct broker *broker = session->broker;
    struct session_limits *limits = &session->limits;
    if (limits->query != NULL)
        groups_cancel(limits->query);
    limits->query = NULL;
    if (membership_matters(&broker->membership) && !session->lab && !session->load_test)
        limits->query = groups_ask(broker->groups, session->name, on_groups, session);
    if (limits->query == NULL)
        limits_session_apply(session, false, NULL, 0);
    else /* what held before holds until then; nothing, for a new session */
        census_put(&broker->census, &limits->place, false, 0);
}

void limits_session_stop(struct session *session)
{
    if (session->limits.query != NULL)
        groups_cancel(session->limits.query);
    session->limits.query = NULL;
    if (session->limits.timer != NULL)
        event_free(session->limits.timer);
    session->limits.timer = NULL;
    census_take(&session->broker->census, &session->limits.place);
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
