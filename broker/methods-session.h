/* Handlers of the methods about sessions that methods.c has not itself. */
#pragma once

#include "broker/peers.h"

void call_subscribe(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void call_wait(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void call_message(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void call_list(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void call_lock(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void call_environment(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void call_connect(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void call_reset(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void call_counters(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
