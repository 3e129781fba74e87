/* The front end's own messages: between the listener and the zygote, and between the listener and each
 * worker over a pair of its own, which the zygote hands to the worker that it forks. */
#pragma once

#include "rpc/message.h"

#define CONTROL_VERSION          1
#define CONTROL_CERTIFICATE_ROOM 32768
#define CONTROL_KEY_ROOM         16384

enum control_role { CONTROL_BY_LISTENER = 1, CONTROL_BY_ZYGOTE = 2, CONTROL_BY_WORKER = 4 };

#define CONTROL_MESSAGES(M)                                                                                 \
    /* listener -> zygote, first of all: certificate (with its chain) and key, both PEM */                  \
    M(CONTROL, control, PEM, pem, 1, CONTROL_BY_LISTENER, 0, 0)                                             \
    /* zygote -> listener: warmed up and sandboxed, SPAWN may come */                                       \
    M(CONTROL, control, READY, ready, 2, CONTROL_BY_ZYGOTE, 0, 0)                                           \
    /* listener -> zygote: fork a worker with this end of its control pair */                               \
    M(CONTROL, control, SPAWN, spawn, 3, CONTROL_BY_LISTENER, 1, 1)                                         \
    /* listener -> zygote: kill that worker */                                                              \
    M(CONTROL, control, KILL, kill, 4, CONTROL_BY_LISTENER, 0, 0)                                           \
    /* zygote -> listener: that worker ended (status as wait(2)'s), or could not be forked (-1) */          \
    M(CONTROL, control, EXITED, exited, 5, CONTROL_BY_ZYGOTE, 0, 0)                                         \
    /* listener -> zygote: does it work? zygote -> listener: it does */                                     \
    M(CONTROL, control, ALIVE, alive, 6, CONTROL_BY_LISTENER | CONTROL_BY_ZYGOTE, 0, 0)                     \
    /* listener -> zygote: the listener's own end of that worker's pair, now that the worker has a session: \
     * when the listener has gone the zygote gets the worker its connections */                             \
    M(CONTROL, control, HOLD, hold, 8, CONTROL_BY_LISTENER, 1, 1)                                           \
    /* listener -> worker, first of all: the client's socket */                                             \
    M(CONTROL, control, CLIENT, client, 16, CONTROL_BY_LISTENER, 1, 1)                                      \
    /* listener -> worker, after CLIENT and for each LSM_WANTED: a connection to lsm.port */                \
    M(CONTROL, control, LSM, lsm, 17, CONTROL_BY_LISTENER, 1, 1)                                            \
    /* worker -> listener: the connection to lsm.port has ended, another one please */                      \
    M(CONTROL, control, LSM_WANTED, lsm_wanted, 32, CONTROL_BY_WORKER, 0, 0)                                \
    /* worker -> listener: the person has a session, the deadline for logging on is over */                 \
    M(CONTROL, control, LOGGED_ON, logged_on, 33, CONTROL_BY_WORKER, 0, 0)

#define CONTROL_PEM_FIELDS(F, S) \
    F(S, bytes, certificate, CONTROL_CERTIFICATE_ROOM) F(S, bytes, key, CONTROL_KEY_ROOM)
#define CONTROL_READY_FIELDS(F, S)      F(S, u8, unused)
#define CONTROL_SPAWN_FIELDS(F, S)      F(S, u64, connection)
#define CONTROL_KILL_FIELDS(F, S)       F(S, u64, connection)
#define CONTROL_EXITED_FIELDS(F, S)     F(S, u64, connection) F(S, u32, status)
#define CONTROL_ALIVE_FIELDS(F, S)      F(S, u8, unused)
#define CONTROL_HOLD_FIELDS(F, S)       F(S, u64, connection)
#define CONTROL_CLIENT_FIELDS(F, S)     F(S, text, address, 64)
#define CONTROL_LSM_FIELDS(F, S)        F(S, u8, unused)
#define CONTROL_LSM_WANTED_FIELDS(F, S) F(S, u8, unused)
#define CONTROL_LOGGED_ON_FIELDS(F, S)  F(S, u32, session)

enum control_number { CONTROL_MESSAGES(MESSAGE_NUMBER) };
CONTROL_MESSAGES(MESSAGE_STRUCT)
union control_body {
    CONTROL_MESSAGES(MESSAGE_UNION)
};

extern const struct protocol control_protocol;
