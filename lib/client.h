/* One connection to lsm.port, asked one thing after another: what liblodge and lodgectl stand on. */
#pragma once

#include <stdint.h>

#include "rpc/lsm.h"

#define CLIENT_ANSWER_MS 10000 /* an answer takes at most so long */

struct client {
    int fd;
    uint64_t serial;
};

/* Connects to the socket at `path`, waiting while too many others do. Returns 0 or a negative errno. */
int client_open(struct client *client_r, const char *path);
void client_close(struct client *client);
/* Waits for an answer to the last request until `deadline_ms` of clock_monotonic_ms, or for ever where that
 * is negative. Returns as client_call. */
int client_receive(struct client *client, int64_t deadline_ms, Lodge__Lsm__Answer **answer_r);
/* Sends `request`, setting its serial, and waits for its answer, the caller's to free with
 * lodge__lsm__answer__free_unpacked. Returns 0; -ETIMEDOUT when none comes in time, -EPIPE when the server
 * ends the connection, -EPROTO for an answer to something else or no answer at all, or another negative
 * errno. */
int client_call(struct client *client, Lodge__Lsm__Request *request, Lodge__Lsm__Answer **answer_r);
