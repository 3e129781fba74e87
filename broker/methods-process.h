/* Handlers of the methods about what runs in sessions and what it uses. */
#pragma once

#include "broker/peers.h"

void process_call_list(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void process_call_terminate(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void process_call_traffic(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void process_call_usage(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
