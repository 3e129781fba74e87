#include <stdio.h>
#include <string.h>

#include "common/event.h"
#include "db/store-internal.h"

#define VACUUM_PAGES 256 /* that one step gives back */

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

enum store_result store_write(struct store *store, const struct db_event *events, size_t count, char *problem,
                              size_t size)
{
    int code = store_begin(store);
    for (size_t i = 0; code == SQLITE_OK && i < count; i++)
        code = insert(store, &events[i]);
    return store_end(store, code, problem, size);
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

/* Of several columns the index with the fewest events is the one to take: the + keeps the others out. Each
 * index has the serials in their order, so that nothing is sorted. */
const char *store_query_text(unsigned shape, char *text, size_t size)
{
    bool session = (shape & QUERY_SESSION) != 0, user = (shape & QUERY_USER) != 0;
    bool id = (shape & QUERY_ID) != 0;
    char unended[256];
    snprintf(unended, sizeof(unended),
             " AND NOT EXISTS (SELECT 1 FROM event AS other WHERE other.session = event.session AND "
             "other.session != 0"
             " AND other.serial > event.serial AND +other.id IN (%d, %d, %d))",
             EVENT_LOGON, EVENT_LOGOFF, EVENT_SESSION_FAILED);
    snprintf(text, size,
             "SELECT serial, time_ms, id, session, user, address, reason, detail FROM event"
             " WHERE serial > ?1 AND serial < ?2 AND +time_ms >= ?3 AND +time_ms < ?4%s%s%s%s"
             " ORDER BY serial %s LIMIT ?8",
             session ? " AND session = ?5 AND session != 0" : "",
             !user     ? ""
             : session ? " AND +user = ?6"
                       : " AND user = ?6 AND user != ''",
             !id               ? ""
             : session || user ? " AND +id = ?7"
                               : " AND id = ?7",
             (shape & QUERY_UNENDED) != 0 ? unended : "", (shape & QUERY_NEWEST) != 0 ? "DESC" : "ASC");
    return text;
}

static int find_query(struct store *store, const struct db_event_filter *filter, sqlite3_stmt **statement_r)
{
    unsigned shape = (filter->newest ? QUERY_NEWEST : 0u) | (filter->id != 0 ? QUERY_ID : 0u) |
                     (filter->user[0] != '\0' ? QUERY_USER : 0u) |
                     (filter->session != 0 ? QUERY_SESSION : 0u) | (filter->unended ? QUERY_UNENDED : 0u);
    int code = SQLITE_OK;
    if (store->queries[shape] == NULL) {
        char text[768];
        code = sqlite3_prepare_v3(store->handle, store_query_text(shape, text, sizeof(text)), -1,
                                  SQLITE_PREPARE_PERSISTENT, &store->queries[shape], NULL);
    }
    *statement_r = store->queries[shape];
    return code;
}

static int64_t bound(uint64_t serial)
{
    return serial < INT64_MAX ? (int64_t)serial : INT64_MAX;
}

static int read_range(struct store *store, enum statement which, int64_t since_ms, int64_t until_ms,
                      int64_t *first_r, int64_t *last_r)
{
    sqlite3_stmt *statement = store->prepared[which];
    if (which != LAST_UNTIL)
        sqlite3_bind_int64(statement, 1, since_ms);
    if (which != FIRST_SINCE)
        sqlite3_bind_int64(statement, 2, until_ms);
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        bool empty = sqlite3_column_type(statement, 0) == SQLITE_NULL;
        *first_r = which == LAST_UNTIL || empty ? 0 : sqlite3_column_int64(statement, 0);
        *last_r = which == FIRST_SINCE ? INT64_MAX
                  : empty              ? 0
                                       : sqlite3_column_int64(statement, which == LAST_UNTIL ? 0 : 1);
        code = SQLITE_OK;
    }
    sqlite3_reset(statement);
    return code;
}

/* Narrows the serials to those that events of the wanted time can have. Later pages of the same question
 * begin where the first one was found to: events that came since have greater serials. */
static int narrow(struct store *store, const struct db_event_filter *filter, int64_t *after, int64_t *before)
{
    int64_t since = filter->since_ms, until = filter->until_ms, first = 0, last = INT64_MAX;
    if (since == 0 && until == 0)
        return SQLITE_OK;
    bool same = store->first.serial != 0 && store->first.since_ms == since && store->first.until_ms == until;
    if (filter->newest && filter->before != 0 && same) {
        first = store->first.serial;
    } else {
        int code = read_range(store,
                              since == 0   ? LAST_UNTIL
                              : until == 0 ? FIRST_SINCE
                                           : FIRST_AND_LAST,
                              since, until, &first, &last);
        if (code != SQLITE_OK)
            return code;
        store->first.since_ms = since;
        store->first.until_ms = until;
        store->first.serial = first;
    }
    if (first - 1 > *after)
        *after = first - 1;
    if (last < *before - 1)
        *before = last + 1;
    return SQLITE_OK;
}

static int bind_query(struct store *store, sqlite3_stmt *statement, const struct db_event_filter *filter)
{
    int64_t after = bound(filter->after), before = filter->before != 0 ? bound(filter->before) : INT64_MAX;
    int code = narrow(store, filter, &after, &before);
    sqlite3_bind_int64(statement, 1, after);
    sqlite3_bind_int64(statement, 2, before);
    sqlite3_bind_int64(statement, 3, filter->since_ms);
    sqlite3_bind_int64(statement, 4, filter->until_ms != 0 ? filter->until_ms : INT64_MAX);
    if (filter->session != 0)
        sqlite3_bind_int64(statement, 5, filter->session);
    if (filter->user[0] != '\0')
        sqlite3_bind_text(statement, 6, filter->user, -1, SQLITE_STATIC);
    if (filter->id != 0)
        sqlite3_bind_int64(statement, 7, filter->id);
    sqlite3_bind_int64(statement, 8, (sqlite3_int64)filter->limit + 1);
    return code;
}

static int read_log(struct store *store, uint64_t *log_r)
{
    int code = sqlite3_step(store->prepared[READ_LOG]);
    if (code == SQLITE_ROW) {
        *log_r = (uint64_t)sqlite3_column_int64(store->prepared[READ_LOG], 0);
        code = SQLITE_OK;
    }
    sqlite3_reset(store->prepared[READ_LOG]);
    return code == SQLITE_DONE ? SQLITE_CORRUPT : code; /* the row belongs to the schema */
}

static void turn_around(struct db_event *events, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        struct db_event event = events[i];
        events[i] = events[count - 1 - i];
        events[count - 1 - i] = event;
    }
}

enum store_result store_read(struct store *store, const struct db_event_filter *filter,
                             struct db_event *room_r, struct db_events *events_r, char *problem, size_t size)
{
    struct db_events found = {0};
    sqlite3_stmt *statement;
    int code = read_log(store, &found.log);
    if (code == SQLITE_OK)
        code = find_query(store, filter, &statement);
    if (code == SQLITE_OK && (code = bind_query(store, statement, filter)) == SQLITE_OK) {
        while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
            if (found.count == filter->limit)
                found.more = true;
            else
                take_row(&room_r[found.count++], statement);
        }
        sqlite3_reset(statement);
        sqlite3_clear_bindings(statement);
    }
    *events_r = (struct db_events){0};
    if (code != SQLITE_DONE)
        return store_judge(store, code, problem, size);
    if (filter->newest)
        turn_around(room_r, found.count);
    found.ok = true;
    *events_r = found;
    return STORE_OK;
}

static int read_pragma(struct store *store, const char *text, int64_t *number_r)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->handle, text, -1, &statement, NULL);
    if (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        *number_r = sqlite3_column_int64(statement, 0);
        code = SQLITE_OK;
    }
    sqlite3_finalize(statement);
    return code;
}

/* Bytes that are taken, and pages that are free. */
static int measure(struct store *store, int64_t *taken_r, int64_t *free_r)
{
    int64_t pages = 0, room = 0;
    int code = read_pragma(store, "PRAGMA page_count", &pages);
    if (code == SQLITE_OK)
        code = read_pragma(store, "PRAGMA page_size", &room);
    if (code == SQLITE_OK)
        code = read_pragma(store, "PRAGMA freelist_count", free_r);
    *taken_r = (pages - *free_r) * room;
    return code;
}

/* *rows is what is left of the step. */
static int delete_some(struct store *store, enum statement which, int64_t before_ms, size_t *rows)
{
    if (*rows == 0)
        return SQLITE_OK;
    if (which == DELETE_OLD)
        sqlite3_bind_int64(store->prepared[which], 1, before_ms);
    sqlite3_bind_int64(store->prepared[which], which == DELETE_OLD ? 2 : 1, (sqlite3_int64)*rows);
    int code = store_run(store, which);
    *rows -= code == SQLITE_OK ? (size_t)sqlite3_changes(store->handle) : 0;
    return code;
}

static int trim(struct store *store, int64_t before_ms, int64_t bytes, size_t rows, bool *more_r)
{
    int64_t taken = 0, free = 0;
    int code = delete_some(store, DELETE_OLD, before_ms, &rows);
    if (code == SQLITE_OK)
        code = measure(store, &taken, &free);
    bool large = bytes > 0 && taken > bytes;
    if (code == SQLITE_OK && large)
        code = delete_some(store, DELETE_FIRST, 0, &rows);
    if (code == SQLITE_OK && free > 0) {
        char text[64];
        snprintf(text, sizeof(text), "PRAGMA incremental_vacuum(%d)", VACUUM_PAGES);
        code = sqlite3_exec(store->handle, text, NULL, NULL, NULL);
    }
    *more_r = rows == 0 || free > VACUUM_PAGES;
    return code;
}

enum store_result store_trim(struct store *store, int64_t before_ms, int64_t bytes, size_t rows, bool *more_r,
                             char *problem, size_t size)
{
    *more_r = false;
    int code = store_begin(store);
    if (code == SQLITE_OK)
        code = trim(store, before_ms, bytes, rows, more_r);
    return store_end(store, code, problem, size);
}

enum store_result store_probe(struct store *store, int64_t now_ms, char *problem, size_t size)
{
    sqlite3_db_release_memory(store->handle); /* what is in memory says nothing of the file */
    sqlite3_bind_int64(store->prepared[PROBE], 1, now_ms);
    int code = store_begin(store);
    if (code == SQLITE_OK)
        code = store_run(store, PROBE);
    return store_end(store, code, problem, size);
}
