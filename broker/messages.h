/* Messages to the person of a session, and what they answered. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "rpc/lsm.h"

struct peer;
struct session;

/* Has the session's agent show what was asked for, and answers `serial`: at once, or when the person did. Of
 * those that wait, a peer has one at a time. */
void messages_show(struct peer *peer, uint64_t serial, struct session *session,
                   const Lodge__Lsm__MessageRequest *message);
/* The agent says what was answered; 0: it could not be shown. What nobody waits for is passed over. */
void messages_answered(struct session *session, uint64_t number, uint32_t response);
