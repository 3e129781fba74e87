/* What policy holds over time, beyond one decision: the drain mode. It is kept in STATE/db/drain. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "policy/policy.h"

#define DRAIN_SMSS_ROOM 96

struct broker;

struct drain {
    enum policy_drain mode;
    char smss[DRAIN_SMSS_ROOM];  /* the lodge-smss that this broker serves; empty: not known yet */
    char until[DRAIN_SMSS_ROOM]; /* with POLICY_DRAIN_UNTIL_RESTART: the one in whose time it was set */
};

/* Takes the kept drain mode. A file that makes no sense is logged and counts as none. */
void limits_load(struct broker *broker);
/* Sets the drain mode and keeps it, with an event that names `uid`. Returns 0, or a negative errno when it
 * cannot be kept; then nothing has changed. */
int limits_set_drain(struct broker *broker, enum policy_drain mode, uid_t uid);
/* A connection to lodge-smss has been made: a drain mode that was to end with an earlier one is over. */
void limits_smss_found(struct broker *broker, int fd);
/* "off", "reconnects", "until-restart". */
const char *limits_drain_name(enum policy_drain mode);
