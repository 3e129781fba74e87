#include "db/store-licence.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/store-internal.h"

#define DAY_MS   INT64_C(86400000)
#define ROWS_ADD 256

static int write_licence(struct store *store, const struct db_licence *licence)
{
    sqlite3_stmt *statement = store->prepared[WRITE_LICENCE];
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)licence->serial);
    sqlite3_bind_int(statement, 2, licence->mode);
    sqlite3_bind_int(statement, 3, licence->kind);
    sqlite3_bind_text(statement, 4, licence->holder, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 5, licence->issued_ms);
    sqlite3_bind_int64(statement, 6, licence->expires_ms);
    sqlite3_bind_int64(statement, 7, licence->used_ms);
    sqlite3_bind_int64(statement, 8, licence->revoked_ms);
    int code = store_run(store, WRITE_LICENCE);
    sqlite3_clear_bindings(statement);
    return code;
}

static int write_first_use(struct store *store, int64_t first_use_ms)
{
    sqlite3_bind_int64(store->prepared[WRITE_FIRST_USE], 1, first_use_ms);
    return store_run(store, WRITE_FIRST_USE);
}

static int write_use(struct store *store, const struct db_licence_use *use)
{
    sqlite3_stmt *statement = store->prepared[WRITE_USE];
    sqlite3_bind_int64(statement, 1, use->day);
    sqlite3_bind_int(statement, 2, use->mode);
    sqlite3_bind_int64(statement, 3, use->pool);
    sqlite3_bind_int64(statement, 4, use->peak);
    sqlite3_bind_int64(statement, 5, use->issued);
    sqlite3_bind_int64(statement, 6, use->warned);
    sqlite3_bind_int64(statement, 7, use->refused);
    return store_run(store, WRITE_USE);
}

static int write_one(struct store *store, const struct store_licence_write *write)
{
    switch (write->what) {
    case STORE_LICENCE:
        return write_licence(store, &write->licence);
    case STORE_FIRST_USE:
        return write_first_use(store, write->first_use_ms);
    default:
        return write_use(store, &write->use);
    }
}

enum store_result store_licences_write(struct store *store, const struct store_licence_write *const *writes,
                                       size_t count, char *problem, size_t size)
{
    int code = store_begin(store);
    for (size_t i = 0; code == SQLITE_OK && i < count; i++)
        code = write_one(store, writes[i]);
    return store_end(store, code, problem, size);
}

static void take_licence(struct db_licence *licence, sqlite3_stmt *row)
{
    *licence = (struct db_licence){.serial = (uint64_t)sqlite3_column_int64(row, 0),
                                   .mode = (uint8_t)sqlite3_column_int(row, 1),
                                   .kind = (uint8_t)sqlite3_column_int(row, 2),
                                   .issued_ms = sqlite3_column_int64(row, 4),
                                   .expires_ms = sqlite3_column_int64(row, 5),
                                   .used_ms = sqlite3_column_int64(row, 6),
                                   .revoked_ms = sqlite3_column_int64(row, 7)};
    store_take_text(licence->holder, sizeof(licence->holder), row, 3);
}

static int read_licences(struct store *store, uint8_t mode, struct db_licence **licences_r, size_t *count_r)
{
    sqlite3_stmt *statement = store->prepared[READ_LICENCES];
    struct db_licence *licences = NULL;
    size_t count = 0, room = 0;
    int code;
    sqlite3_bind_int(statement, 1, mode);
    sqlite3_bind_int(statement, 2, DB_LICENCES_MAX);
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        if (licences == NULL || count == room) {
            struct db_licence *more = reallocarray(licences, room + ROWS_ADD, sizeof(*more));
            if (more == NULL) {
                code = SQLITE_NOMEM;
                break;
            }
            licences = more;
            room += ROWS_ADD;
        }
        take_licence(&licences[count++], statement);
    }
    sqlite3_reset(statement);
    *licences_r = licences;
    *count_r = count;
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int read_number(struct store *store, enum statement which, int64_t *number_r)
{
    sqlite3_stmt *statement = store->prepared[which];
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        *number_r = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static int read_books(struct store *store, uint8_t mode, int64_t now_ms, struct db_licence_books *books,
                      struct db_licence **licences)
{
    int64_t serial = 0;
    sqlite3_bind_int64(store->prepared[FORGET_LICENCES], 1, now_ms - DB_LICENCE_FORGET_DAYS * DAY_MS);
    int code = write_first_use(store, now_ms);
    if (code == SQLITE_OK)
        code = store_run(store, FORGET_LICENCES);
    if (code == SQLITE_OK)
        code = read_number(store, READ_FIRST_USE, &books->first_use_ms);
    if (code == SQLITE_OK)
        code = read_number(store, READ_LAST_SERIAL, &serial);
    if (code == SQLITE_OK)
        code = read_licences(store, mode, licences, &books->count);
    books->last_serial = (uint64_t)serial;
    books->licences = *licences;
    return code;
}

enum store_result store_licences_read(struct store *store, uint8_t mode, int64_t now_ms,
                                      struct db_licence_books *books_r, struct db_licence **licences_r,
                                      char *problem, size_t size)
{
    *books_r = (struct db_licence_books){0};
    *licences_r = NULL;
    int code = store_begin(store);
    if (code == SQLITE_OK)
        code = read_books(store, mode, now_ms, books_r, licences_r);
    enum store_result result = store_end(store, code, problem, size);
    if (result != STORE_OK) {
        free(*licences_r);
        *licences_r = NULL;
        *books_r = (struct db_licence_books){0};
    }
    return result;
}

enum store_result store_licence_uses_read(struct store *store, uint8_t mode, int64_t day,
                                          struct db_licence_use *uses_r, size_t room, size_t *count_r,
                                          char *problem, size_t size)
{
    sqlite3_stmt *statement = store->prepared[READ_USES];
    size_t count = 0;
    int code;
    sqlite3_bind_int(statement, 1, mode);
    sqlite3_bind_int64(statement, 2, day);
    sqlite3_bind_int64(statement, 3, (sqlite3_int64)room);
    while ((code = sqlite3_step(statement)) == SQLITE_ROW && count < room) {
        uses_r[count++] = (struct db_licence_use){.day = sqlite3_column_int64(statement, 0),
                                                  .mode = mode,
                                                  .pool = (uint32_t)sqlite3_column_int64(statement, 1),
                                                  .peak = (uint32_t)sqlite3_column_int64(statement, 2),
                                                  .issued = (uint32_t)sqlite3_column_int64(statement, 3),
                                                  .warned = (uint32_t)sqlite3_column_int64(statement, 4),
                                                  .refused = (uint32_t)sqlite3_column_int64(statement, 5)};
    }
    enum store_result result = code == SQLITE_DONE ? STORE_OK : store_judge(store, code, problem, size);
    sqlite3_reset(statement);
    *count_r = result == STORE_OK ? count : 0;
    return result;
}
