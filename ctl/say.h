/* What lodgectl tells the person on standard error. */
#pragma once

#include <stdint.h>

#include "ctl/commands.h"

/* Writes "lodgectl: TEXT", escaped as a whole: it may hold text from outside. */
__attribute__((format(printf, 1, 2))) void ctl_say(const char *format, ...);

/* Says why the server refused what was asked about `about` ("session 7"), with the reason's sentence and
 * name, the server's detail ("" or NULL: none), and what to do next. Returns CTL_FAILED. */
enum ctl_exit ctl_say_refusal(const char *about, uint32_t reason, const char *detail);

/* Says what happened on the way to the server (`problem`, an errno as of client.h) and what to do next.
 * Returns CTL_UNREACHABLE. */
enum ctl_exit ctl_say_unreachable(const char *path, const char *config, int problem);
