/* A server of lsm.port for tests, in a process of its own. Failures end it, and with it the test. Programs of
 * any user may ask it. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "rpc/lsm.h"

/* Answers one request. Returns false to close the connection. */
typedef bool play_answer(int fd, const Lodge__Lsm__Request *request);

/* A folder of its own for a test, with a configuration, and the place of the server's socket. */
struct play_place {
    char folder[32], config[64], ports[64], port[64];
};
void play_place_make(struct play_place *place_r);
void play_place_remove(const struct play_place *place);

/* Plays on a socket at `path`, one connection after another, until play_stop. */
pid_t play_start(const char *path, play_answer *answer);
void play_stop(pid_t pid, const char *path);

/* Sends `answer` with the request's serial. Returns true. */
bool play_send(int fd, const Lodge__Lsm__Request *request, Lodge__Lsm__Answer *answer);
/* Refuses. Returns true. */
bool play_refuse(int fd, const Lodge__Lsm__Request *request, uint32_t reason, const char *detail);
