/* The database file itself: blocking, for the thread of db.c alone. */
#pragma once

#include "db/db.h"

struct store;

enum store_result {
    STORE_OK,
    STORE_AGAIN,   /* locked, full, read-only, out of descriptors ...: try again later */
    STORE_CORRUPT, /* set the file aside */
};

/* Opens or makes the file, and brings its schema up to date. On failure *store_r is NULL and `problem` says
 * what is wrong. */
enum store_result store_open(const char *path, struct store **store_r, char *problem, size_t size);
void store_close(struct store **store);
/* Writes all `count` events in one transaction, or none. */
enum store_result store_write(struct store *store, const struct db_event *events, size_t count, char *problem,
                              size_t size);
/* As db_events_query. */
enum store_result store_read(struct store *store, uint64_t after, size_t limit, struct db_event *events_r,
                             size_t *count_r, bool *more_r, char *problem, size_t size);
/* Renames the file and what belongs to it to PATH.corrupt-TIME. Returns 0 or a negative errno. */
int store_set_aside(const char *path, char *aside_r, size_t size);
