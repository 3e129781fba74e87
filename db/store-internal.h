/* What the files of the store share. */
#pragma once

#include <sqlite3.h>

#include "db/store.h"

enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    INSERT,
    PRUNE,
    READ_AFTER,
    READ_LAST,
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

struct store {
    sqlite3 *handle;
    sqlite3_stmt *prepared[STATEMENTS];
    unsigned until_prune;
};

/* What a code of SQLite's means, put into words in `problem`. */
enum store_result store_judge(struct store *store, int code, char *problem, size_t size);
/* Runs a statement that gives no rows, or whose rows do not matter. Returns a code of SQLite's. */
int store_run(struct store *store, enum statement which);
/* Begins a transaction, and ends it: commits where `code` is SQLITE_OK, else rolls back. */
int store_begin(struct store *store);
int store_end(struct store *store, int code);
void store_take_text(char *to, size_t size, sqlite3_stmt *row, int column);
