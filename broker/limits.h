/* What policy holds over time, beyond one decision: the drain mode, which is kept in STATE/db/drain, how
 * long a session may be idle, connected or disconnected, and until when its user may be logged on. Of these
 * each session has one timer; input, unless it follows a warning, does not touch it: when it fires, it is
 * looked at what has happened since. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "broker/sessions.h"
#include "policy/policy.h"

#define DRAIN_SMSS_ROOM 96

struct broker;
struct conf;

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
/* The session is new to this broker, is forgotten, has moved (session_move), or has had input at that time of
 * the monotonic clock, as its agent says. */
void limits_session_begin(struct session *session);
void limits_session_stop(struct session *session);
void limits_session_moved(struct session *session, enum session_event event, enum reason reason);
void limits_session_input(struct session *session, uint64_t monotonic_ms);
/* The limits that hold for the user from now on, who is in these groups (as of membership_judge). */
void limits_session_apply(struct session *session, bool known, const gid_t *gids, size_t count);
/* The configuration has changed, or the session is one that another broker left: as limits_session_apply, for
 * which the groups are asked for where the configuration goes by them. */
void limits_session_look_up(struct session *session);
/* The timeouts have changed. Arms the timer for what comes next; nothing is done in here, whose caller is in
 * the middle of something. */
void limits_session_plan(struct session *session);
/* True when there are logon hours, in general or of a group. */
bool limits_have_hours(const struct conf *conf);
/* "off", "reconnects", "until-restart". */
const char *limits_drain_name(enum policy_drain mode);
