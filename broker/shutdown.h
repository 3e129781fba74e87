/* A shutdown that was asked for: the countdown, which is kept in STATE/db/shutdown and goes on after this
 * broker's death, and how far lodge-smss has come with it. Until it begins no new sessions are made, and
 * sessions that there are can be had back. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "broker/sessions.h"
#include "rpc/lsm.h"
#include "rpc/sm.h"

#define SHUTDOWN_MESSAGE_ROOM 1024
#define SHUTDOWN_IN_MOST_S    604800

struct broker;
struct peer;

struct shutdown {
    bool pending; /* it has been asked for; what follows says how */
    enum sm_action action;
    bool force;
    uid_t uid;     /* whose wish it is */
    int64_t at_ms; /* when it begins, of the monotonic clock */
    char reason[256], message[SHUTDOWN_MESSAGE_ROOM];
    struct event *timer;              /* at the next warning, or the beginning */
    struct sm_shutdown_status status; /* as lodge-smss told last; no phase: none runs */
};

/* Takes up a countdown that an earlier broker has left. False when memory runs out. */
bool shutdown_load(struct broker *broker);
/* This broker ends: what it leaves is for the next one, unless lodge-smss has begun. */
void shutdown_free(struct broker *broker);
/* In step with lodge-smss: tells it what is due. */
void shutdown_synced(struct broker *broker);
/* How far lodge-smss is. */
void shutdown_told(struct broker *broker, const struct sm_shutdown_status *status);
/* The session has moved (session_move): who comes back to it is told. */
void shutdown_session_moved(struct session *session, enum session_event event);

void call_shutdown(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void call_shutdown_abort(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void call_shutdown_status(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
