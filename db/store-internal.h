/* What the files of the store share. */
#pragma once

#include <sqlite3.h>

#include "db/store.h"

enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    INSERT,
    FIRST_SINCE,
    LAST_UNTIL,
    FIRST_AND_LAST,
    READ_LOG,
    DELETE_OLD,
    DELETE_FIRST,
    PROBE,
    WRITE_LICENCE,
    WRITE_FIRST_USE,
    WRITE_USE,
    FORGET_LICENCES,
    READ_LICENCES,
    READ_FIRST_USE,
    READ_LAST_SERIAL,
    READ_USES,
    STATEMENTS
};

/* Of a query for events: which conditions it has, and its order. Each has its statement. */
enum query_shape {
    QUERY_NEWEST = 1,
    QUERY_ID = 2,
    QUERY_USER = 4,
    QUERY_SESSION = 8,
    QUERY_UNENDED = 16,
    QUERY_SHAPES = 32
};

struct store {
    sqlite3 *handle;
    sqlite3_stmt *prepared[STATEMENTS];
    sqlite3_stmt *queries[QUERY_SHAPES]; /* prepared when they are first needed */
    struct {
        int64_t since_ms, until_ms;
        int64_t serial; /* no event of that time has a smaller one; 0: not looked for */
    } first;
};

/* What a code of SQLite's means, put into words in `problem`. */
enum store_result store_judge(struct store *store, int code, char *problem, size_t size);
/* Runs a statement that gives no rows, or whose rows do not matter. Returns a code of SQLite's. */
int store_run(struct store *store, enum statement which);
/* Begins a transaction. Returns a code of SQLite's. */
int store_begin(struct store *store);
/* Ends it, or what has become of it: commits where `code`, what came of its statements, is SQLITE_OK, else
 * rolls back. Returns what came of all of it, as store_judge. */
enum store_result store_end(struct store *store, int code, char *problem, size_t size);
/* The text of a query, for its shape. Returns `text`. */
const char *store_query_text(unsigned shape, char *text, size_t size);
void store_take_text(char *to, size_t size, sqlite3_stmt *row, int column);
