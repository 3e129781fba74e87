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

#define DB_QUEUE_MAX 4096 /* events that wait for the disk */
#define DB_QUERY_MAX 256  /* events that one query gives */

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

/* How long events are kept: those that are older than so many days are deleted, and the oldest ones when they
 * take more than so much of the disk. 0: no bound. A little at a time, between other work; the file becomes
 * smaller. A clock that is set forward while this runs makes nothing older. */
void db_events_keep(struct db *db, int64_t days, int64_t bytes);

/* Which events: all that the given conditions hold for. */
struct db_event_filter {
    uint64_t after, before;     /* serials between these, which are left out; before 0: no bound */
    int64_t since_ms, until_ms; /* since is in, until is out; 0: no bound */
    uint32_t id, session;       /* 0: any */
    char user[256];             /* "": any */
    size_t limit;               /* at most DB_QUERY_MAX */
    bool newest;                /* the last ones of them instead of the first ones */
    bool unended;               /* logons (with `id`) of sessions of whose end there is no event */
};

struct db_events {
    bool ok; /* false: the database cannot be read now, and there are none */
    const struct db_event *events;
    size_t count;
    bool more;        /* there are further ones: later ones, with `newest` earlier ones */
    uint64_t log;     /* names this history: another one after a new file was begun; never 0 */
    uint64_t written; /* as of db_events_written, when it was read */
};

/* Receives events, oldest first. They are the callee's until it returns; the query is gone then. */
typedef void db_events_fn(void *context, const struct db_events *events);
/* Asks for events. Those that were added before are seen. Returns NULL when too many queries wait. */
struct db_query *db_events_query(struct db *db, const struct db_event_filter *filter, db_events_fn *done,
                                 void *context);
/* Forgets a query: its function is not called. */
void db_query_cancel(struct db *db, struct db_query *query);

/* Counts the times that events were written since the start: unchanged, there are no new ones to be read. */
uint64_t db_events_written(struct db *db);

struct db_health {
    char trouble[256];  /* what is wrong with the file, and has been ... */
    int64_t since_ms;   /* ... since then; "" and 0: nothing that is known of */
    char aside[600];    /* the corrupt file that was set aside last; "": none */
    int64_t aside_ms;   /* and when */
    size_t queued;      /* events that wait for the disk */
    uint64_t lost;      /* events, since the start */
    int64_t written_ms; /* when something was written last; 0: not yet */
};
void db_health(struct db *db, struct db_health *health_r);
/* Tries whether the file can be read and written, and calls `done` with what db_health gives afterwards. One
 * at a time: returns false when one is under way. */
typedef void db_probe_fn(void *context, const struct db_health *health);
bool db_probe(struct db *db, db_probe_fn *done, void *context);

/* A descriptor that can be read when queries are answered, events were written, or the health has changed:
 * then call db_dispatch. */
int db_fd(const struct db *db);
/* Calls the functions of the queries that are answered. */
void db_dispatch(struct db *db);
