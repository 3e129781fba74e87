/* Shadowing: the client of one session is shown another one, beside the client that is connected to that.
 * Both keep their sessions; the one whose client looks is in the state SHADOW meanwhile. It takes place
 * between the worker of the one and the agent of the other (rpc/winstation.h, SHADOW) and lasts no longer
 * than the broker's connections to both: whatever ends is told to either side.
 *
 * One client at most looks at a session, and none at one whose own client looks elsewhere. Whether it may,
 * and whether the person is asked, the key Shadow says for the user of the session that is shown. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "broker/sessions.h"
#include "rpc/lsm.h"

struct peer;
struct shadow;

/* Methods shadow, shadow_stop, shadow_channel. */
void call_shadow(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void call_shadow_stop(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void call_shadow_channel(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);

/* The person's answer to a message. False: it was no question of whether they may be shadowed. */
bool shadow_answered(struct session *session, uint64_t number, uint32_t response);
/* The agent says that a viewer is gone. False: it is none that shadows. */
bool shadow_viewer_gone(struct session *session, uint64_t viewer);
/* The connection to the session's agent has ended. */
void shadow_agent_gone(struct session *session);
/* The session has moved (session_move). */
void shadow_session_moved(struct session *session, enum session_event event, enum reason reason);
/* Nothing is left of the session. */
void shadow_session_over(struct session *session, enum reason reason);
/* The session lives on without this broker: frees what there is, and tells nobody. */
void shadow_forget(struct session *session);
/* session.limits.shadow may have changed: what is not allowed any more ends. */
void shadow_policy_changed(struct session *session);
/* Who asked for one whose person has not answered is gone. */
void shadow_peer_gone(struct peer *peer);

/* The session that is shown to the client of `session`, or NULL. */
const struct session *shadow_shown(const struct session *session);
/* The session whose client is shown `session` besides its own, or NULL; *control_r: with its input. */
const struct session *shadow_looking(const struct session *session, bool *control_r);
