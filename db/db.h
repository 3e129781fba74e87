/* The event log in SQLite. One thread of its own does all disk I/O: the caller's thread queues and goes on.
 * Trouble with the file never stops the caller: what cannot be written yet is kept (up to DB_QUEUE_MAX
 * events) and tried again; a corrupt file is set aside as lodge.db.corrupt-TIME and a new one begun. Each
 * kind of trouble is logged once when it begins and once when it is over.
 *
 * All functions are for one thread, the one that opened it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DB_QUEUE_MAX  4096    /* events that wait for the disk */
#define DB_QUERY_MAX  256     /* events that one query gives */
#define DB_EVENTS_MAX 1000000 /* events that are kept; older ones are deleted */

struct db_event {
    uint64_t serial;                                      /* given by the database, rising */
    int64_t time_ms;                                      /* since 1970 */
    uint32_t id, session;                                 /* id: an enum event_id (common/event.h) */
    char user[256], address[64], reason[32], detail[512]; /* UTF-8 */
};

struct db;
struct db_query;

/* Opens `directory`/lodge.db in the background. `directory` is kept. Returns NULL, with errno, only when
 * memory or threads run out. */
struct db *db_open(const char *directory);
/* Writes what is queued, waiting for the disk for up to two seconds, drops queries, and clears *db. */
void db_close(struct db **db);

/* Queues an event; serial is ignored. Never blocks. When the queue is full the event is lost, and counted. */
void db_event_add(struct db *db, const struct db_event *event);

/* Receives up to DB_QUERY_MAX events, oldest first; `more`: there are later ones. count is 0 with ok false
 * when the database cannot be read now. The events are the callee's until it returns; the query is gone then.
 */
typedef void db_events_fn(void *context, bool ok, const struct db_event *events, size_t count, bool more);
/* Asks for events with a serial above `after`, or with after 0 for the last `limit` ones. Events that were
 * added before are seen. Returns NULL when too many queries wait. */
struct db_query *db_events_query(struct db *db, uint64_t after, size_t limit, db_events_fn *done,
                                 void *context);
/* Forgets a query: its function is not called. */
void db_query_cancel(struct db *db, struct db_query *query);

/* A descriptor that can be read when queries are answered: then call db_dispatch. */
int db_fd(const struct db *db);
/* Calls the functions of the queries that are answered. */
void db_dispatch(struct db *db);
