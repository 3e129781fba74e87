/* Viewers and sessions: the connection to each session's display agent (rpc/winstation.h), who has the
 * session, and who waits for it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "broker/sessions.h"

struct broker;
struct peer;

/* Gives the session to `peer`, whose request (peer.serial) is answered when the agent has its viewer, or with
 * a reason when that cannot be any more. Whoever has the session until then loses it at that moment; whoever
 * waits for it loses it now. `reconnected`: the session was there before. */
void attach_offer(struct session *session, struct peer *peer, bool reconnected);
/* Sends the viewer away. */
void attach_send_away(struct session *session, enum reason reason, const char *detail);
/* Sends the viewer of `from`, which has a worker, away in such a way that the worker asks for a new channel:
 * it gets one to `session`, whoever has that then. */
void attach_move(struct session *from, struct session *session);
/* The session is over: all who have it or wait for it are told, and the link is closed. */
void attach_session_over(struct session *session, enum reason reason, const char *detail);
/* The peer is gone, with what it had or waited for. */
void attach_peer_gone(struct peer *peer);

/* What the agent says (link.h): a viewer that it has, one that it has no more, and that it has named all. */
void attach_viewer_named(struct session *session, uint64_t viewer);
void attach_viewer_gone(struct session *session, uint64_t viewer);
void attach_link_synced(struct session *session);
/* The agent can be reached: whoever waits gets the session. */
void attach_pending(struct session *session);

/* lodge-smss says who had the session when the last broker died. */
void attach_viewer_remembered(struct session *session, uint64_t viewer);
/* A new lodge-smss is to remember who has the session. */
void attach_tell_viewer(struct session *session);

/* Methods attach and announce, for a peer with no other request under way. */
void attach_again(struct broker *broker, struct peer *peer, uint32_t session, uint64_t viewer);
void attach_announce(struct broker *broker, struct peer *peer, uint32_t session, uint64_t viewer);
/* Every session that exists is known: announcements that came earlier are looked at. */
void attach_sessions_known(struct broker *broker);
