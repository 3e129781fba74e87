/* The database file itself: blocking, for the thread of db.c alone. */
#pragma once

#include "db/db.h"

struct store;

enum store_result {
    STORE_OK,
    STORE_AGAIN,   /* locked, full, read-only, out of descriptors ...: try again later */
    STORE_CORRUPT, /* set the file aside */
};

/* Opens or makes the file, and brings its schema up to date; a file of a later version is left as it is
 * (STORE_AGAIN). On failure *store_r is NULL and `problem` says
 * what is wrong. */
enum store_result store_open(const char *path, struct store **store_r, char *problem, size_t size);
void store_close(struct store **store);
/* Writes all `count` events in one transaction, or none. */
enum store_result store_write(struct store *store, const struct db_event *events, size_t count, char *problem,
                              size_t size);
/* As db_events_query, of at most `room` events. events_r->events is not set, nor is `written`. */
enum store_result store_read(struct store *store, const struct db_event_filter *filter,
                             struct db_event *room_r, struct db_events *events_r, char *problem, size_t size);
/* Deletes up to `rows` events that are older than `before_ms`, or too many for `bytes` (0: no bound), and
 * gives a part of what is free in the file back. *more_r: there is more to do. */
enum store_result store_trim(struct store *store, int64_t before_ms, int64_t bytes, size_t rows, bool *more_r,
                             char *problem, size_t size);
/* Reads the file's beginning anew and writes to it. */
enum store_result store_probe(struct store *store, int64_t now_ms, char *problem, size_t size);
/* Renames the file and what belongs to it to PATH.corrupt-TIME. Returns 0 or a negative errno. */
int store_set_aside(const char *path, char *aside_r, size_t size);
