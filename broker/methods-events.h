/* The events method: questions to the log, and waiting for what comes. */
#pragma once

#include "broker/peers.h"

struct event_query;

void events_call(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
/* After db_dispatch: those who wait for events are answered when there are new ones. */
void events_look(struct broker *broker);
/* The connection has ended. */
void events_peer_gone(struct peer *peer);
