/* The connection to a session's display agent, RUN/winstation/ID.port. The agent runs as the session's user
 * and may say anything: what it says touches its own session alone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "broker/sessions.h"
#include "rpc/winstation.h"

/* Connects, now and whenever the connection ends, until link_stop. A session of a load test has no agent. */
void link_start(struct session *session);
void link_stop(struct session *session);
/* There is reason to think that the agent's port is there now, or somebody waits for it now. */
void link_try_now(struct session *session);
/* Gives the connection up and begins a new one. */
void link_reset(struct session *session, const char *why);
/* True when an ATTACH may be sent: the agent has named its viewers, or the session is so new that it cannot
 * have any; then the ATTACH waits in the socket until the agent runs. */
bool link_can_attach(const struct session *session);
/* False where the agent is of a build that did not know this. One that has yet to be heard is as new as the
 * session. */
bool link_agent_can(const struct session *session, enum winstation_capability capability);
/* Sends the agent a message of rpc/winstation.h. False where it cannot be reached. */
bool link_send(struct session *session, unsigned number, const void *body);
/* A number for a new viewer, that nobody can guess, never 0. Returns 0 or a negative errno. */
int link_draw_viewer(uint64_t *viewer_r);
/* Sends the agent a message that names a new viewer, with the agent's end of that viewer's channel. Returns
 * the viewer's end, which is the caller's, or a negative errno. */
int link_send_channel(struct session *session, unsigned number, const void *body);
/* Has the agent take a message away, where it is still shown. */
void link_send_cancel(struct session *session, uint64_t serial);
/* Has the agent say BYE to a viewer. An agent that cannot be reached has no viewers, or is told when it names
 * this one. */
void link_send_detach(struct session *session, uint64_t viewer, enum reason reason, const char *detail);
