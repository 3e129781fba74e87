/* A time that a person names. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Reads YYYY-MM-DDTHH:MM (or a blank for the T), or HH:MM of the day that `now_s` is in, in local time.
 * Seconds since 1970. Of a time that there is twice it is one, and one that the clock leaves out is none.
 * Returns false, *time_r untouched, for anything else. */
bool moment_parse(const char *text, int64_t now_s, int64_t *time_r);
