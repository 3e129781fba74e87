/* The licence books in the same file: what is written is told when it is on the disk (synchronous to it), and
 * is never given up: in trouble it waits and is tried again. As db.h, all functions are for one thread. */
#pragma once

#include "db/db.h"

#define DB_LICENCES_MAX        65536 /* that one load gives */
#define DB_LICENCE_USES_MAX    400   /* days that one query gives */
#define DB_LICENCE_FORGET_DAYS 400   /* a licence that has been over for so long is forgotten */

struct db_licence {
    uint64_t serial;    /* the caller's, rising */
    uint8_t mode, kind; /* enum licence_mode, licence_kind of policy/licence.h */
    int64_t issued_ms, expires_ms, used_ms;
    int64_t revoked_ms; /* 0: in force. Of these there is one at most of each mode and holder */
    char holder[256];
};

/* What a day was like. */
struct db_licence_use {
    int64_t day; /* since 1970, UTC */
    uint8_t mode;
    uint32_t pool, peak;              /* the last size, the most places taken */
    uint32_t issued, warned, refused; /* how many */
};

struct db_licence_books {
    int64_t first_use_ms; /* of licensing on this server */
    uint64_t last_serial; /* of any mode; 0: none */
    const struct db_licence *licences;
    size_t count;
};

struct db_job;
/* `books` is the callee's until it returns. With ok false the file cannot be read now, and it is empty. */
typedef void db_books_fn(void *context, bool ok, const struct db_licence_books *books);
/* It is on the disk. */
typedef void db_written_fn(void *context, const struct db_licence *licence);
/* Days ascend. With ok false the file cannot be read now. */
typedef void db_uses_fn(void *context, bool ok, const struct db_licence_use *uses, size_t count);

/* Reads all licences of `mode`; where licensing is used for the first time, notes `now_ms` as that. These
 * return false when memory runs out; nothing is called then. */
bool db_licences_load(struct db *db, uint8_t mode, int64_t now_ms, db_books_fn *done, void *context);
/* Writes a licence, in the place of the one of that serial; done may be NULL. */
bool db_licence_write(struct db *db, const struct db_licence *licence, db_written_fn *done, void *context);
/* Notes the first use of licensing where the file has none, as after db_take_anew. */
bool db_licence_note_first_use(struct db *db, int64_t first_use_ms);
/* Adds to the day's numbers: issued, warned and refused as differences, peak where it is higher. */
bool db_licence_use_add(struct db *db, const struct db_licence_use *use);
/* The days from `day` on, at most DB_LICENCE_USES_MAX. Returns NULL when memory runs out. */
struct db_job *db_licence_uses_query(struct db *db, uint8_t mode, int64_t day, db_uses_fn *done,
                                     void *context);
/* Forgets a query: its function is not called. */
void db_job_cancel(struct db_job *job);
/* True once after a corrupt file was set aside: the new one has no licences. */
bool db_take_anew(struct db *db);
