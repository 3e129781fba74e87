/* How many sessions, with those that are being made, the members of each section [Group NAME] have: what
 * MaxSessions of a group bounds. Of a session that an earlier broker left, or after a reload, the groups are
 * not known until the user database has answered; it is told how many such there are. */
#pragma once

#include <stdbool.h>

#include "common/conf.h"

struct census {
    unsigned sessions[CONF_GROUPS_MAX]; /* by the place of the section in conf.groups */
    unsigned unknown;                   /* sessions that may belong anywhere */
};

/* Where one session is counted. */
struct census_place {
    bool counted, known;
    conf_members members;
};

/* Counts a session there from now on, and no more where it was counted. Not known: `members` are ignored. */
void census_put(struct census *census, struct census_place *place, bool known, conf_members members);
/* Counts it no more. */
void census_take(struct census *census, struct census_place *place);
