/* Questions to a session's display agent whose answers somebody on lsm.port waits for: a message to the
 * person, a lock, the environment. A peer has one at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct peer;
struct session;
struct ask;
TAILQ_HEAD(ask_list, ask);

enum ask_kind { ASK_MESSAGE, ASK_LOCK, ASK_ENVIRONMENT };

/* Keeps that `peer`, who has no other, waits for the answer to question `number`. Returns false when memory
 * runs out. */
bool ask_add(struct peer *peer, uint64_t serial, struct session *session, enum ask_kind kind,
             uint64_t number);
/* The answer is there: who waits for it, and the serial of the request; NULL: nobody does. */
struct peer *ask_take(struct session *session, enum ask_kind kind, uint64_t number, uint64_t *serial_r);
/* The agent is gone, and with it what it was asked. */
void asks_agent_gone(struct session *session);
void asks_peer_gone(struct peer *peer);
