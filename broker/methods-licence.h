/* Handlers of the methods about licences. */
#pragma once

#include "broker/peers.h"

void licence_call_pool(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void licence_call_list(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void licence_call_issue(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void licence_call_revoke(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void licence_call_report(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
