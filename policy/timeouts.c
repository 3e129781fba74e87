#include "policy/timeouts.h"

#define HOURS_SLACK_MS 1000 /* their end is reckoned anew each time, from clocks that are read apart */

static int64_t at_most(int64_t time_ms, int64_t now_ms)
{
    return time_ms < now_ms ? time_ms : now_ms;
}

static void take_earlier(struct policy_timeout *next, struct policy_timeout other)
{
    if (other.at_ms < next->at_ms)
        *next = other;
}

/* A limit of `seconds` that has run since `since_ms`, and the warning before it, unless that has been given
 * since then. */
static void consider(struct policy_timeout *next, const struct policy_times *times, long seconds,
                     int64_t since_ms, int64_t warned_ms, enum reason reason, int64_t now_ms)
{
    if (seconds <= 0)
        return;
    int64_t end_ms = since_ms + seconds * INT64_C(1000);
    bool warned = warned_ms != 0 && warned_ms >= since_ms;
    enum policy_action action = times->log_off ? POLICY_LOG_OFF : POLICY_DISCONNECT;
    if (times->warning > 0 && !warned && now_ms < end_ms) {
        int64_t warn_ms = end_ms - times->warning * INT64_C(1000);
        int64_t from_ms = warn_ms > now_ms ? warn_ms : now_ms;
        take_earlier(next, (struct policy_timeout){POLICY_WARN, reason, warn_ms, end_ms - from_ms});
        return;
    }
    take_earlier(next, (struct policy_timeout){action, reason, end_ms, 0});
}

/* The clock of the hours may jump, so that their end may be another from one time to the next: a warning that
 * lies before this end's time for it was for another end. */
static void consider_hours(struct policy_timeout *next, const struct policy_times *times,
                           const struct policy_session *session, int64_t now_ms)
{
    int64_t end_ms = session->hours_end_ms, warn_ms = end_ms - times->hours_warning * INT64_C(1000);
    enum policy_action action = times->hours_action == 2 ? POLICY_LOG_OFF : POLICY_DISCONNECT;
    if (end_ms == 0 || times->hours_action == 0 || (!session->connected && action == POLICY_DISCONNECT))
        return;
    bool warned = session->hours_warned_ms != 0 && session->hours_warned_ms >= warn_ms - HOURS_SLACK_MS;
    if (session->connected && times->hours_warning > 0 && !warned && now_ms < end_ms) {
        int64_t from_ms = warn_ms > now_ms ? warn_ms : now_ms;
        take_earlier(next,
                     (struct policy_timeout){POLICY_WARN, REASON_HOURS_OVER, warn_ms, end_ms - from_ms});
        return;
    }
    take_earlier(next, (struct policy_timeout){action, REASON_HOURS_OVER, end_ms, 0});
}

struct policy_timeout policy_timeouts(const struct policy_times *times, const struct policy_session *session,
                                      int64_t now_ms)
{
    struct policy_timeout next = {POLICY_NOTHING, REASON_NONE, POLICY_NEVER, 0};
    int64_t since_ms = at_most(session->since_ms, now_ms);
    consider_hours(&next, times, session, now_ms);
    if (!session->connected) {
        if (times->disconnected > 0)
            take_earlier(&next, (struct policy_timeout){POLICY_LOG_OFF, REASON_DISCONNECTED_LIMIT,
                                                        since_ms + times->disconnected * INT64_C(1000), 0});
        return next;
    }
    int64_t input_ms = at_most(session->input_ms, now_ms);
    if (input_ms < since_ms)
        input_ms = since_ms;
    consider(&next, times, times->connected, since_ms, session->time_warned_ms, REASON_TIME_LIMIT, now_ms);
    consider(&next, times, times->idle, input_ms, session->idle_warned_ms, REASON_IDLE_TIMEOUT, now_ms);
    return next;
}
