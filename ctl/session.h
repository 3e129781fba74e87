/* Finding sessions by their users. */
#pragma once

#include <stdint.h>

#include "ctl/server.h"

/* The user's session that is active, else the first. Returns CTL_DONE, or the exit code, having said why. */
enum ctl_exit session_of_user(struct server *server, const char *user, uint16_t *id_r);
