/* How long a session may be idle, connected or disconnected, and what happens then. Pure: no clock of its
 * own. All times are of one monotonic clock, in milliseconds; a time that lies in the future counts as now,
 * so that nothing is done early whatever a clock does. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/reason.h"

#define POLICY_NEVER INT64_MAX

/* Seconds; 0: no limit, and no warning. */
struct policy_times {
    long idle, disconnected, connected;
    long warning;         /* before the first and the last of these */
    bool broken_logs_off; /* for the caller: a session whose client is gone is logged off at once */
    bool log_off; /* an idle session, or one that was connected too long, is logged off, not disconnected */
    int hours_action;   /* when the logon hours end: 0 nothing, 1 disconnect, 2 log off */
    long hours_warning; /* before that, if anything is done */
};

/* What stands. Warnings are remembered by the caller; one from before the last input, or from an earlier
 * connection, does not count. */
struct policy_session {
    bool connected;         /* somebody is; else nobody is */
    int64_t since_ms;       /* from when on */
    int64_t input_ms;       /* the person's last input; connecting is one */
    int64_t idle_warned_ms; /* the last warnings; 0: none */
    int64_t time_warned_ms;
    int64_t hours_end_ms;    /* when the logon hours end, or a time at which they are over; 0: never */
    int64_t hours_warned_ms; /* the last warning of that; 0: none */
};

enum policy_action {
    POLICY_NOTHING, /* ever, as things stand */
    POLICY_WARN,    /* tell the person what comes `left_ms` later, and why */
    POLICY_DISCONNECT,
    POLICY_LOG_OFF,
};

struct policy_timeout {
    enum policy_action action;
    enum reason reason;
    int64_t at_ms;   /* when; POLICY_NEVER with POLICY_NOTHING. It is due when this is not later than now */
    int64_t left_ms; /* of a warning: what is left from then (or from now, where that is later) on */
};

/* What comes next for the session. */
struct policy_timeout policy_timeouts(const struct policy_times *times, const struct policy_session *session,
                                      int64_t now_ms);
