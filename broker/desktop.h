/* What the display agent tells of its session's desktop, and what it is asked about it: lock, environment. */
#pragma once

#include <stdint.h>

#include "rpc/winstation.h"

struct peer;
struct session;

/* Has the session lock, and answers `serial` when it is. */
void desktop_lock(struct peer *peer, uint64_t serial, struct session *session);
/* Answers `serial` with what the session's desktop was started with. */
void desktop_environment(struct peer *peer, uint64_t serial, struct session *session);

/* What the agent says. Both return false for what no agent says. */
bool desktop_told(struct session *session, const struct winstation_desktop *told);
bool desktop_environment_told(struct session *session, const struct winstation_environment *told);
