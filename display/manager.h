/* Where the session manager of a desktop can be reached, by what its programs have in their environment. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define MANAGER_IDS_ROOM 1024

struct manager {
    char ids[MANAGER_IDS_ROOM]; /* ICE network ids with commas between them, of this machine alone */
    char authority[PATH_MAX];   /* ICEAUTHORITY; empty: the usual file */
};

/* Takes of a list of network ids (`length` bytes) those that lead to a socket of this machine; false when
 * there is none, or the list is longer than any or no printable text. */
bool manager_take_ids(const char *ids, size_t length, struct manager *manager_r);
/* Takes SESSION_MANAGER and ICEAUTHORITY of an environment as /proc/PID/environ has it; false when it names
 * no manager of this machine, or is one of another display than `display` with the cookies in `cookies`
 * (XAUTHORITY, NULL: none). */
bool manager_take_environment(const char *block, size_t size, const char *display, const char *cookies,
                              struct manager *manager_r);
