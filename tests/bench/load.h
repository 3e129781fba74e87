/* Many requests at once on many connections to lsm.port: what the broker's benchmarks and load tests stand
 * on. Whatever goes wrong ends the program with a line that says what. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "rpc/lsm.h"

#define LOAD_PATIENCE_MS 60000 /* without any answer */

struct load_peer {
    int fd;
    uint64_t serial; /* of the last request */
    unsigned under_way;
    uint32_t number; /* the caller's */
};

/* Says why on standard error, and exits with 1. */
__attribute__((format(printf, 1, 2), noreturn)) void load_fail(const char *format, ...);

/* Connects `count` times to the socket at `path`. The array is the caller's to give to load_close. */
struct load_peer *load_open(const char *path, unsigned count);
void load_close(struct load_peer *peers, unsigned count);

/* What is asked and what comes. */
struct load_work {
    /* Fills the next request but for its serial, which stays the callee's. */
    void (*ask)(void *context, struct load_peer *peer, Lodge__Lsm__Request *request);
    /* Takes an answer, which stays the caller's. NULL: each has to be without a refusal. */
    void (*take)(void *context, struct load_peer *peer, const Lodge__Lsm__Answer *answer);
    void *context;
};

/* Asks `total` times in all, at most `window` at a time on each connection, and takes every answer. */
void load_run(struct load_peer *peers, unsigned count, unsigned window, uint64_t total,
              const struct load_work *work);
/* One request, one answer, which is freed by the caller. The answer is none that refuses. */
Lodge__Lsm__Answer *load_ask(struct load_peer *peer, Lodge__Lsm__Request *request);
/* The next answer on this connection, whatever it belongs to; NULL: none is there before clock_monotonic_ms
 * is `deadline`. */
Lodge__Lsm__Answer *load_next(struct load_peer *peer, int64_t deadline);
