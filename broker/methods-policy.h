/* The API's methods about policy and limits: rows of the table in methods.c. */
#pragma once

#include "broker/peers.h"

void policy_call_drain(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void policy_call_reload(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void policy_call_test(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void policy_call_policy(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
