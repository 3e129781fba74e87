#include "db/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "db/store-internal.h"

#define BUSY_MS 200

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
    "CREATE INDEX event_time ON event (time_ms); CREATE INDEX event_id ON event (id);"
    "CREATE INDEX event_user ON event (user) WHERE user != '';"
    "CREATE INDEX event_session ON event (session) WHERE session != 0;"
    "CREATE TABLE event_log (one INTEGER PRIMARY KEY CHECK (one = 1), identity INTEGER NOT NULL,"
    " probed_ms INTEGER NOT NULL) STRICT;"
    "INSERT INTO event_log VALUES (1, random() & 4611686018427387903 | 1, 0)",
};
#define SCHEMA_VERSION ((int)(sizeof(migrations) / sizeof(migrations[0])))

static const char *const statements[] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [INSERT] = "INSERT INTO event (time_ms, id, session, user, address, reason, detail)"
               " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    /* where the events of some time begin and end: those of a clock that was set back come later */
    [FIRST_SINCE] = "SELECT min(serial) FROM event WHERE time_ms >= ?1",
    [LAST_UNTIL] = "SELECT max(serial) FROM event WHERE time_ms < ?2",
    [FIRST_AND_LAST] = "SELECT min(serial), max(serial) FROM event WHERE time_ms >= ?1 AND time_ms < ?2",
    [READ_LOG] = "SELECT identity FROM event_log",
    [DELETE_OLD] = "DELETE FROM event WHERE serial IN"
                   " (SELECT serial FROM event WHERE time_ms < ?1 ORDER BY time_ms LIMIT ?2)",
    [DELETE_FIRST] = "DELETE FROM event WHERE serial IN (SELECT serial FROM event ORDER BY serial LIMIT ?1)",
    [PROBE] = "UPDATE event_log SET probed_ms = ?1",
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

static int read_number(sqlite3 *handle, const char *text, int *number_r)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(handle, text, -1, &statement, NULL);
    if (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        *number_r = sqlite3_column_int(statement, 0);
        code = SQLITE_OK;
    }
    sqlite3_finalize(statement);
    return code;
}

static int migrate(sqlite3 *handle, int version)
{
    int code = SQLITE_OK;
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
    return code;
}

/* SQLITE_MISMATCH: the file is of a later version, and not ours to change. */
static int set_up(struct store *store, int *version_r)
{
    sqlite3_busy_timeout(store->handle, BUSY_MS);
    sqlite3_extended_result_codes(store->handle, 1);
    int code = read_number(store->handle, "PRAGMA user_version", version_r);
    if (code == SQLITE_OK && *version_r > SCHEMA_VERSION)
        return SQLITE_MISMATCH;
    if (code == SQLITE_OK)
        code = sqlite3_exec(store->handle,
                            "PRAGMA auto_vacuum = INCREMENTAL;" /* of a file that is made now */
                            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                            "PRAGMA journal_size_limit = 4194304; PRAGMA trusted_schema = OFF",
                            NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = migrate(store->handle, *version_r);
    int shrinks = 0;
    if (code == SQLITE_OK)
        code = read_number(store->handle, "PRAGMA auto_vacuum", &shrinks);
    /* an older file is written anew, once; where that fails its free room is used again, and stays */
    if (code == SQLITE_OK && shrinks == 0)
        sqlite3_exec(store->handle, "VACUUM", NULL, NULL, NULL);
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
    int version = 0;
    if (code == SQLITE_OK)
        code = set_up(store, &version);
    if (code != SQLITE_OK) {
        enum store_result result = judge(store->handle, code, problem, size);
        if (code == SQLITE_MISMATCH && version > SCHEMA_VERSION)
            snprintf(problem, size,
                     "a later version of Lodge made it (schema %d, this one knows %d); it is left as it is",
                     version, SCHEMA_VERSION);
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
    for (size_t i = 0; i < QUERY_SHAPES; i++)
        sqlite3_finalize((*store)->queries[i]);
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

int store_begin(struct store *store)
{
    return store_run(store, BEGIN);
}

enum store_result store_end(struct store *store, int code, char *problem, size_t size)
{
    if (code == SQLITE_OK)
        code = store_run(store, COMMIT);
    /* before the next statement, which would wipe out SQLite's words for it */
    enum store_result result = code == SQLITE_OK ? STORE_OK : store_judge(store, code, problem, size);
    if (!sqlite3_get_autocommit(store->handle))
        store_run(store, ROLLBACK);
    return result;
}

void store_take_text(char *to, size_t size, sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    snprintf(to, size, "%s", text != NULL ? (const char *)text : "");
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
