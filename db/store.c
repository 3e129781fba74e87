#include "db/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "db/store-internal.h"

#define BUSY_MS     200
#define PRUNE_EVERY 1000

/* Each entry brings the schema from the version of its index to the next. */
static const char *const migrations[] = {
    "CREATE TABLE event (serial INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL, id INTEGER NOT "
    "NULL,"
    " session INTEGER NOT NULL, user TEXT NOT NULL, address TEXT NOT NULL, reason TEXT NOT NULL,"
    " detail TEXT NOT NULL) STRICT",
    "CREATE TABLE licence_server (one INTEGER PRIMARY KEY CHECK (one = 1), first_use_ms INTEGER NOT NULL) "
    "STRICT;"
    "CREATE TABLE licence (serial INTEGER PRIMARY KEY, mode INTEGER NOT NULL, kind INTEGER NOT NULL,"
    " holder TEXT NOT NULL, issued_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL,"
    " used_ms INTEGER NOT NULL, revoked_ms INTEGER NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX licence_holder ON licence (mode, holder) WHERE revoked_ms = 0;"
    "CREATE TABLE licence_use (day INTEGER NOT NULL, mode INTEGER NOT NULL, pool INTEGER NOT NULL,"
    " peak INTEGER NOT NULL, issued INTEGER NOT NULL, warned INTEGER NOT NULL, refused INTEGER NOT NULL,"
    " PRIMARY KEY (mode, day)) STRICT, WITHOUT ROWID",
};
#define SCHEMA_VERSION ((int)(sizeof(migrations) / sizeof(migrations[0])))

#define COLUMNS        "serial, time_ms, id, session, user, address, reason, detail"
static const char *const statements[] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [INSERT] = "INSERT INTO event (time_ms, id, session, user, address, reason, detail)"
               " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [PRUNE] = "DELETE FROM event WHERE serial <= (SELECT max(serial) FROM event) - ?1",
    [READ_AFTER] = "SELECT " COLUMNS " FROM event WHERE serial > ?1 ORDER BY serial LIMIT ?2",
    [READ_LAST] =
        "SELECT * FROM (SELECT " COLUMNS " FROM event ORDER BY serial DESC LIMIT ?2) ORDER BY serial",
    [WRITE_LICENCE] = "INSERT OR REPLACE INTO licence VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [WRITE_FIRST_USE] = "INSERT OR IGNORE INTO licence_server VALUES (1, ?1)",
    [WRITE_USE] = "INSERT INTO licence_use VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE"
                  " SET pool = ?3, peak = max(peak, ?4), issued = issued + ?5, warned = warned + ?6,"
                  " refused = refused + ?7",
    [FORGET_LICENCES] = "DELETE FROM licence WHERE expires_ms < ?1",
    [READ_LICENCES] = "SELECT serial, mode, kind, holder, issued_ms, expires_ms, used_ms, revoked_ms"
                      " FROM licence WHERE mode = ?1 ORDER BY serial LIMIT ?2",
    [READ_FIRST_USE] = "SELECT first_use_ms FROM licence_server",
    [READ_LAST_SERIAL] = "SELECT max(serial) FROM licence",
    [READ_USES] = "SELECT day, pool, peak, issued, warned, refused FROM licence_use"
                  " WHERE mode = ?1 AND day >= ?2 ORDER BY day LIMIT ?3",
};
_Static_assert(sizeof(statements) / sizeof(statements[0]) == STATEMENTS, "each statement has its text");

static enum store_result judge(sqlite3 *handle, int code, char *problem, size_t size)
{
    snprintf(problem, size, "%s (%s)", sqlite3_errstr(code), handle != NULL ? sqlite3_errmsg(handle) : "");
    int primary = code & 0xff;
    return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB ? STORE_CORRUPT : STORE_AGAIN;
}

static int read_version(sqlite3 *handle, int *version_r)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(handle, "PRAGMA user_version", -1, &statement, NULL);
    if (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        *version_r = sqlite3_column_int(statement, 0);
        code = SQLITE_OK;
    }
    sqlite3_finalize(statement);
    return code;
}

static int migrate(sqlite3 *handle)
{
    int version = 0;
    int code = read_version(handle, &version);
    for (; code == SQLITE_OK && version < SCHEMA_VERSION; version++) {
        char finish[64];
        snprintf(finish, sizeof(finish), "PRAGMA user_version = %d; COMMIT", version + 1);
        code = sqlite3_exec(handle, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        if (code == SQLITE_OK)
            code = sqlite3_exec(handle, migrations[version], NULL, NULL, NULL);
        if (code == SQLITE_OK)
            code = sqlite3_exec(handle, finish, NULL, NULL, NULL);
        if (code != SQLITE_OK && !sqlite3_get_autocommit(handle))
            sqlite3_exec(handle, "ROLLBACK", NULL, NULL, NULL);
    }
    /* a later version's file is not ours to change */
    return code == SQLITE_OK && version > SCHEMA_VERSION ? SQLITE_MISMATCH : code;
}

static int set_up(struct store *store)
{
    sqlite3_busy_timeout(store->handle, BUSY_MS);
    sqlite3_extended_result_codes(store->handle, 1);
    int code = sqlite3_exec(store->handle,
                            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                            "PRAGMA journal_size_limit = 4194304; PRAGMA trusted_schema = OFF",
                            NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = migrate(store->handle);
    for (size_t i = 0; code == SQLITE_OK && i < STATEMENTS; i++)
        code = sqlite3_prepare_v3(store->handle, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
                                  &store->prepared[i], NULL);
    return code;
}

enum store_result store_open(const char *path, struct store **store_r, char *problem, size_t size)
{
    *store_r = NULL;
    struct store *store = calloc(1, sizeof(*store));
    if (store == NULL) {
        snprintf(problem, size, "%s", strerror(ENOMEM));
        return STORE_AGAIN;
    }
    int code = sqlite3_open_v2(
        path, &store->handle,
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);
    if (code == SQLITE_OK)
        code = set_up(store);
    if (code != SQLITE_OK) {
        enum store_result result = judge(store->handle, code, problem, size);
        store_close(&store);
        return result;
    }
    *store_r = store;
    return STORE_OK;
}

void store_close(struct store **store)
{
    if (*store == NULL)
        return;
    for (size_t i = 0; i < STATEMENTS; i++)
        sqlite3_finalize((*store)->prepared[i]);
    sqlite3_close((*store)->handle);
    free(*store);
    *store = NULL;
}

enum store_result store_judge(struct store *store, int code, char *problem, size_t size)
{
    return judge(store->handle, code, problem, size);
}

int store_run(struct store *store, enum statement which)
{
    int code = sqlite3_step(store->prepared[which]);
    sqlite3_reset(store->prepared[which]);
    return code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code;
}

static int insert(struct store *store, const struct db_event *event)
{
    sqlite3_stmt *statement = store->prepared[INSERT];
    sqlite3_bind_int64(statement, 1, event->time_ms);
    sqlite3_bind_int64(statement, 2, event->id);
    sqlite3_bind_int64(statement, 3, event->session);
    sqlite3_bind_text(statement, 4, event->user, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 5, event->address, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 6, event->reason, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 7, event->detail, -1, SQLITE_STATIC);
    int code = store_run(store, INSERT);
    sqlite3_clear_bindings(statement);
    return code;
}

static int prune(struct store *store, size_t written)
{
    if (store->until_prune > written) {
        store->until_prune -= (unsigned)written;
        return SQLITE_OK;
    }
    store->until_prune = PRUNE_EVERY;
    sqlite3_bind_int64(store->prepared[PRUNE], 1, DB_EVENTS_MAX);
    return store_run(store, PRUNE);
}

enum store_result store_write(struct store *store, const struct db_event *events, size_t count, char *problem,
                              size_t size)
{
    int code = store_begin(store);
    for (size_t i = 0; code == SQLITE_OK && i < count; i++)
        code = insert(store, &events[i]);
    if (code == SQLITE_OK)
        code = prune(store, count);
    enum store_result result = code == SQLITE_OK ? STORE_OK : judge(store->handle, code, problem, size);
    code = store_end(store, code);
    if (result == STORE_OK && code != SQLITE_OK)
        result = judge(store->handle, code, problem, size);
    return result;
}

int store_begin(struct store *store)
{
    return store_run(store, BEGIN);
}

int store_end(struct store *store, int code)
{
    if (code == SQLITE_OK)
        code = store_run(store, COMMIT);
    if (!sqlite3_get_autocommit(store->handle))
        store_run(store, ROLLBACK);
    return code;
}

void store_take_text(char *to, size_t size, sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    snprintf(to, size, "%s", text != NULL ? (const char *)text : "");
}

static void take_row(struct db_event *event, sqlite3_stmt *row)
{
    event->serial = (uint64_t)sqlite3_column_int64(row, 0);
    event->time_ms = sqlite3_column_int64(row, 1);
    event->id = (uint32_t)sqlite3_column_int64(row, 2);
    event->session = (uint32_t)sqlite3_column_int64(row, 3);
    store_take_text(event->user, sizeof(event->user), row, 4);
    store_take_text(event->address, sizeof(event->address), row, 5);
    store_take_text(event->reason, sizeof(event->reason), row, 6);
    store_take_text(event->detail, sizeof(event->detail), row, 7);
}

enum store_result store_read(struct store *store, uint64_t after, size_t limit, struct db_event *events_r,
                             size_t *count_r, bool *more_r, char *problem, size_t size)
{
    sqlite3_stmt *statement = store->prepared[after == 0 ? READ_LAST : READ_AFTER];
    if (after > INT64_MAX)
        after = INT64_MAX;
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)after);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)limit + (after != 0));
    size_t count = 0;
    bool more = false;
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        if (count == limit)
            more = true;
        else
            take_row(&events_r[count++], statement);
    }
    enum store_result result = STORE_OK;
    if (code != SQLITE_DONE)
        result = judge(store->handle, code, problem, size);
    sqlite3_reset(statement);
    *count_r = result == STORE_OK ? count : 0;
    *more_r = more;
    return result;
}

int store_set_aside(const char *path, char *aside_r, size_t size)
{
    static const char *const suffixes[] = {"-wal", "-shm"};
    long long now = (long long)clock_real_ms();
    snprintf(aside_r, size, "%s.corrupt-%lld", path, now);
    if (rename(path, aside_r) != 0)
        return -errno;
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        char from[512], to[512];
        snprintf(from, sizeof(from), "%s%s", path, suffixes[i]);
        snprintf(to, sizeof(to), "%s%s", aside_r, suffixes[i]);
        /* a log that stays behind would be played into the new file */
        if (rename(from, to) != 0 && errno != ENOENT && unlink(from) != 0)
            return -errno;
    }
    return 0;
}
