/* For tests: whole logons and sessions of lodge-logon, in the part of lodge-smss. */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

#include "common/reason.h"
#include "logon/play.h"

#define PLAY_PASSWORD "Right 1"

/* Makes a lab account with PLAY_PASSWORD. */
void play_lab_add(const struct play *play, const char *name, bool throwaway);
/* Logs on with PLAY_PASSWORD, which must succeed. */
struct player play_logon(const struct play *play, uint64_t number, const char *user);
/* SESSION_CREATE; a width of 801 tells the stand-in that it has no pid namespace. */
void play_create(const struct play *play, const struct player *player, uint16_t id, uint16_t width);
void play_end(const struct player *player, uint16_t id, uint32_t grace_ms);
void play_expect_state(const struct player *player, uint16_t id, enum sm_life state, const char *user);
/* SESSION_ENDED for this reason, and the process's end. */
void play_expect_ended(struct player *player, uint16_t id, enum reason reason);
/* Whether there is such a file in the play's folder. */
bool play_exists(const struct play *play, const char *name, struct stat *status_r);
/* The session's files on the host are there as they should be, or gone. */
void play_check_files(const struct play *play, uint16_t id, bool wanted);
/* One session from logon to logoff, of which no mount is seen outside. */
void play_session(const struct play *play, const char *user, uint16_t width);
