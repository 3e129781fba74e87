/* Rows for each rule, then random histories of input, connections and a clock that jumps, with the promises
 * checked after every step. */
#include "policy/timeouts.h"

#include "tests/check.h"

#define STEPS 300000

static const struct {
    const char *name;
    struct policy_times times;
    struct policy_session session;
    int64_t now_ms;
    struct policy_timeout want;
} rows[] = {
    {"no limits", {.warning = 60}, {true, 1, 1, 0, 0, 0, 0}, 9999999, {POLICY_NOTHING, 0, POLICY_NEVER, 0}},
    {"disconnected",
     {.disconnected = 2, .idle = 1},
     {false, 5000, 1, 0, 0, 0, 0},
     5500,
     {POLICY_LOG_OFF, REASON_DISCONNECTED_LIMIT, 7000, 0}},
    {"idle",
     {.idle = 10},
     {true, 1000, 4000, 0, 0, 0, 0},
     5000,
     {POLICY_DISCONNECT, REASON_IDLE_TIMEOUT, 14000, 0}},
    {"idle, log off",
     {.idle = 10, .log_off = true},
     {true, 1000, 4000, 0, 0, 0, 0},
     5000,
     {POLICY_LOG_OFF, REASON_IDLE_TIMEOUT, 14000, 0}},
    {"input of an earlier connection",
     {.idle = 10},
     {true, 6000, 4000, 0, 0, 0, 0},
     7000,
     {POLICY_DISCONNECT, REASON_IDLE_TIMEOUT, 16000, 0}},
    {"input of the future",
     {.idle = 10},
     {true, 1000, 900000, 0, 0, 0, 0},
     5000,
     {POLICY_DISCONNECT, REASON_IDLE_TIMEOUT, 15000, 0}},
    {"warning",
     {.idle = 10, .warning = 3},
     {true, 1000, 4000, 0, 0, 0, 0},
     5000,
     {POLICY_WARN, REASON_IDLE_TIMEOUT, 11000, 3000}},
    {"late warning",
     {.idle = 10, .warning = 30},
     {true, 1000, 4000, 0, 0, 0, 0},
     5000,
     {POLICY_WARN, REASON_IDLE_TIMEOUT, -16000, 9000}},
    {"warned",
     {.idle = 10, .warning = 3},
     {true, 1000, 4000, 11000, 0, 0, 0},
     11001,
     {POLICY_DISCONNECT, REASON_IDLE_TIMEOUT, 14000, 0}},
    {"input after the warning",
     {.idle = 10, .warning = 3},
     {true, 1000, 12000, 11000, 0, 0, 0},
     12001,
     {POLICY_WARN, REASON_IDLE_TIMEOUT, 19000, 3000}},
    {"the warning was missed",
     {.idle = 10, .warning = 3},
     {true, 1000, 4000, 0, 0, 0, 0},
     14000,
     {POLICY_DISCONNECT, REASON_IDLE_TIMEOUT, 14000, 0}},
    {"time before idle",
     {.idle = 10, .connected = 5},
     {true, 1000, 1000, 0, 0, 0, 0},
     2000,
     {POLICY_DISCONNECT, REASON_TIME_LIMIT, 6000, 0}},
    {"idle before time",
     {.idle = 10, .connected = 50},
     {true, 1000, 1000, 0, 0, 0, 0},
     2000,
     {POLICY_DISCONNECT, REASON_IDLE_TIMEOUT, 11000, 0}},
    {"hours, nothing to do",
     {.hours_warning = 3},
     {true, 1, 1, 0, 0, 9000, 0},
     9999,
     {POLICY_NOTHING, 0, POLICY_NEVER, 0}},
    {"hours",
     {.hours_action = 1},
     {true, 1, 1, 0, 0, 9000, 0},
     5000,
     {POLICY_DISCONNECT, REASON_HOURS_OVER, 9000, 0}},
    {"hours, log off",
     {.hours_action = 2},
     {true, 1, 1, 0, 0, 9000, 0},
     5000,
     {POLICY_LOG_OFF, REASON_HOURS_OVER, 9000, 0}},
    {"hours, disconnected already",
     {.hours_action = 1},
     {false, 1, 1, 0, 0, 9000, 0},
     9000,
     {POLICY_NOTHING, 0, POLICY_NEVER, 0}},
    {"hours, disconnected, log off",
     {.hours_action = 2, .hours_warning = 3},
     {false, 1, 1, 0, 0, 9000, 0},
     5000,
     {POLICY_LOG_OFF, REASON_HOURS_OVER, 9000, 0}},
    {"hours, warning",
     {.hours_action = 1, .hours_warning = 3},
     {true, 1, 1, 0, 0, 9000, 0},
     5000,
     {POLICY_WARN, REASON_HOURS_OVER, 6000, 3000}},
    {"hours, warned",
     {.hours_action = 1, .hours_warning = 3},
     {true, 1, 1, 0, 0, 9000, 6000},
     6001,
     {POLICY_DISCONNECT, REASON_HOURS_OVER, 9000, 0}},
    {"hours, warned of another end",
     {.hours_action = 1, .hours_warning = 3},
     {true, 1, 1, 0, 0, 90000, 6000},
     6001,
     {POLICY_WARN, REASON_HOURS_OVER, 87000, 3000}},
    {"hours, over before there was time to warn",
     {.hours_action = 1, .hours_warning = 3},
     {true, 1, 1, 0, 0, 5000, 0},
     5000,
     {POLICY_DISCONNECT, REASON_HOURS_OVER, 5000, 0}},
    {"idle before hours",
     {.idle = 1, .hours_action = 2},
     {true, 1000, 1000, 0, 0, 9000, 0},
     1500,
     {POLICY_DISCONNECT, REASON_IDLE_TIMEOUT, 2000, 0}},
};

static void each_rule(void)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct policy_timeout got = policy_timeouts(&rows[i].times, &rows[i].session, rows[i].now_ms);
        const struct policy_timeout *want = &rows[i].want;
        if (got.action != want->action || got.reason != want->reason || got.at_ms != want->at_ms ||
            got.left_ms != want->left_ms) {
            fprintf(stderr, "%s: action %d reason %d at %lld left %lld\n", rows[i].name, (int)got.action,
                    (int)got.reason, (long long)got.at_ms, (long long)got.left_ms);
            exit(1);
        }
    }
}

/* Carries out what is due. Returns what was done in the end; a warning is followed by what comes after it. */
static enum policy_action settle(const struct policy_times *times, struct policy_session *session,
                                 int64_t now_ms)
{
    for (int turn = 0;; turn++) {
        struct policy_timeout next = policy_timeouts(times, session, now_ms);
        CHECK(turn < 4); /* each warning once, then it waits or is done */
        if (next.action == POLICY_NOTHING || next.at_ms > now_ms)
            return POLICY_NOTHING;
        if (next.action != POLICY_WARN)
            return next.action;
        long most_s = next.reason == REASON_HOURS_OVER ? times->hours_warning : times->warning;
        CHECK(session->connected && next.left_ms > 0 && next.left_ms <= most_s * 1000);
        if (next.reason == REASON_HOURS_OVER)
            session->hours_warned_ms = now_ms;
        else if (next.reason == REASON_IDLE_TIMEOUT)
            session->idle_warned_ms = now_ms;
        else
            session->time_warned_ms = now_ms;
    }
}

/* Where the hours end, as a clock that is set now and then has it; reckoned anew each time, with what two
 * clocks that are read apart differ by. */
static void reckon_hours(struct policy_session *session, unsigned dice, int64_t now_ms)
{
    if (dice < 5)
        session->hours_end_ms = 0;
    else if (dice < 20)
        session->hours_end_ms = now_ms + random() % 20000;
    else if (dice < 25)
        session->hours_end_ms = now_ms;
    else if (session->hours_end_ms != 0 && session->hours_end_ms != now_ms)
        session->hours_end_ms += random() % 3 - 1;
}

/* Nothing early, nothing late: an action came because a limit was reached, and without one none is. */
static void check_action(const struct policy_times *times, const struct policy_session *session,
                         enum policy_action action, int64_t now_ms)
{
    int64_t since_ms = session->since_ms < now_ms ? session->since_ms : now_ms;
    int64_t input_ms = session->input_ms < now_ms ? session->input_ms : now_ms;
    int64_t idle_ms = now_ms - (input_ms > since_ms ? input_ms : since_ms), span_ms = now_ms - since_ms;
    bool over = session->connected ? (times->idle > 0 && idle_ms >= times->idle * 1000) ||
                                         (times->connected > 0 && span_ms >= times->connected * 1000)
                                   : times->disconnected > 0 && span_ms >= times->disconnected * 1000;
    bool hours_over = session->hours_end_ms != 0 && now_ms >= session->hours_end_ms &&
                      (times->hours_action == 2 || (times->hours_action == 1 && session->connected));
    enum policy_action timed = times->log_off || !session->connected ? POLICY_LOG_OFF : POLICY_DISCONNECT;
    enum policy_action by_hours = times->hours_action == 2 ? POLICY_LOG_OFF : POLICY_DISCONNECT;
    CHECK((over || hours_over) == (action != POLICY_NOTHING));
    CHECK(action == POLICY_NOTHING || (over && action == timed) || (hours_over && action == by_hours));
}

static void connect(struct policy_session *session, bool connected, int64_t now_ms)
{
    *session = (struct policy_session){.connected = connected,
                                       .since_ms = now_ms,
                                       .input_ms = now_ms,
                                       .hours_end_ms = session->hours_end_ms};
}

static void random_history(const struct policy_times *times, unsigned seed)
{
    struct policy_session session = {0};
    int64_t now_ms = 1000000, year_ms = INT64_C(365) * 86400 * 1000;
    srandom(seed);
    connect(&session, true, now_ms);
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned dice = (unsigned)random() % 1000;
        if (dice == 0)
            now_ms += year_ms;
        else if (dice == 1 && now_ms > year_ms)
            now_ms -= year_ms;
        else
            now_ms += random() % 700;
        if (dice < 300)
            session.input_ms = now_ms + (dice < 10 ? year_ms : 0); /* an agent may say anything */
        else if (dice < 310)
            connect(&session, !session.connected, now_ms);
        reckon_hours(&session, (unsigned)random() % 1000, now_ms);
        enum policy_action action = settle(times, &session, now_ms);
        check_action(times, &session, action, now_ms);
        if (action == POLICY_DISCONNECT)
            connect(&session, false, now_ms);
        else if (action == POLICY_LOG_OFF)
            connect(&session, true, now_ms);
    }
}

int main(void)
{
    each_rule();
    random_history(&(struct policy_times){0}, 1);
    random_history(&(struct policy_times){.idle = 3, .disconnected = 5, .connected = 20, .warning = 2}, 2);
    random_history(&(struct policy_times){.idle = 3, .connected = 2, .warning = 60, .log_off = true}, 3);
    random_history(&(struct policy_times){.disconnected = 1, .connected = 7}, 4);
    random_history(&(struct policy_times){.idle = 1, .disconnected = 31536000, .warning = 1}, 5);
    random_history(&(struct policy_times){.hours_action = 1, .hours_warning = 4}, 6);
    random_history(&(struct policy_times){.hours_action = 2, .idle = 3, .warning = 2, .disconnected = 9}, 7);
    return 0;
}
