/* What lodge-load can do. Everything that goes wrong ends the program. */
#pragma once

#include <stdint.h>

struct bench;

/* Looks at a broker of that pid, which has no sessions yet. */
struct bench *bench_begin(const char *port, uint32_t broker);
/* Makes as many sessions as the level says, which rises, measures, and prints a JSON object a line. */
void bench_level(struct bench *bench, uint32_t level);
void bench_end(struct bench *bench);

/* 100 clients that create sessions for `users` users and log them off, some thousand times, while notices are
 * counted: never more than `limit` sessions, never two of one user, and the limit is reached. */
void hammer(const char *port, uint32_t users, uint32_t limit);
