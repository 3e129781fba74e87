/* The licence books in the database file: blocking, for the thread of db.c alone. */
#pragma once

#include "db/licences.h"
#include "db/store.h"

struct store_licence_write {
    enum { STORE_LICENCE, STORE_FIRST_USE, STORE_USE } what;
    union {
        struct db_licence licence;
        int64_t first_use_ms;
        struct db_licence_use use;
    };
};

/* Writes all in one transaction that waits for the disk, or none. */
enum store_result store_licences_write(struct store *store, const struct store_licence_write *const *writes,
                                       size_t count, char *problem, size_t size);
/* As db_licences_load; *licences_r, which books_r->licences names, is the caller's to free, also on failure
 * (NULL then). */
enum store_result store_licences_read(struct store *store, uint8_t mode, int64_t now_ms,
                                      struct db_licence_books *books_r, struct db_licence **licences_r,
                                      char *problem, size_t size);
/* The first `room` days from `day` on. */
enum store_result store_licence_uses_read(struct store *store, uint8_t mode, int64_t day,
                                          struct db_licence_use *uses_r, size_t room, size_t *count_r,
                                          char *problem, size_t size);
