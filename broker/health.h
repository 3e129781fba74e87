/* Whether the server is well: a list of checks, for people and for monitoring. The database's file is tried
 * each time; everything else is looked at. */
#pragma once

#include "broker/peers.h"

#define HEALTH_FACTS_ROOM 512

struct health {
    char facts[HEALTH_FACTS_ROOM]; /* KEY=VALUE lines that lodge-smss told; "": none yet */
    int64_t away_ms;               /* since when there is no lodge-smss in step, in the monotonic clock */
    bool probing;                  /* the database is being tried */
    struct event *late;            /* it takes too long */
    int64_t offset_ms;             /* from the clock of the machine's running to the real one */
    int64_t jump_ms, jump_at_ms;   /* by how much that was changed last, and when; 0: it was not */
};

/* Begins. Returns false when memory runs out. */
bool health_start(struct broker *broker);
void health_stop(struct broker *broker);
void health_call(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
/* The connection to lodge-smss is lost. */
void health_smss_lost(struct broker *broker);
