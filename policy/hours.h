/* When logon hours hold. Times are seconds since 1970; hours are those of the wall clock in this process's
 * time zone (tzset(3)), as it is set on that day: a time of day that a change to summer time leaves out
 * begins or ends a span at the change, and one that there is twice holds twice. No state, no clock of its
 * own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/hours.h"

#define HOURS_NEVER INT64_MAX

/* True when one may be logged on at that time. */
bool policy_hours_allow(const struct hours *hours, int64_t time_s);
/* A sentence that says when one may be logged on again, in a buffer of the caller's of `size` bytes; "" where
 * one may be now, or never may. Returns it. */
const char *policy_hours_say(const struct hours *hours, int64_t time_s, char *text, size_t size);
/* When that changes next after `time_s`; HOURS_NEVER where it never does. */
int64_t policy_hours_change(const struct hours *hours, int64_t time_s);
