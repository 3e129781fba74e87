/* The listener, as lodge-smss tells of it: what takes clients in, and whether it does. */
#pragma once

#include <stdbool.h>

#include "rpc/lsm.h"
#include "rpc/sm.h"

struct broker;
struct peer;

/* As lodge-smss tells; an answer is for those who have asked for a change. */
void listeners_told(struct broker *broker, const struct sm_listener_state *state);
/* lodge-smss has gone: nobody gets an answer from it. */
void listeners_smss_gone(struct broker *broker);

void call_listeners(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void call_listener_stop(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void call_listener_start(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
