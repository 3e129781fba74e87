/* What db.c and licences.c share. */
#pragma once

#include <pthread.h>
#include <sys/queue.h>

#include "db/licences.h"
#include "db/store.h"

TAILQ_HEAD(query_list, db_query);
TAILQ_HEAD(job_list, db_job);

struct db {
    char path[512];
    int wake; /* eventfd: answered or done is not empty, or anew is set */
    pthread_t thread;
    pthread_mutex_t lock; /* over all below */
    pthread_cond_t work;
    struct db_event *queue; /* a ring of DB_QUEUE_MAX */
    size_t first, used;
    uint64_t lost, untold; /* events: in all, and those that no event tells of yet */
    uint64_t written;
    int64_t keep_days, keep_bytes;
    struct db_health health; /* queued and lost are above */
    struct {
        bool asked, answered;
        db_probe_fn *done;
        void *context;
    } probe;
    struct query_list asked, answered;
    struct job_list writes, reads, done; /* of the licence books */
    bool anew;
    size_t queries;
    bool closing;
    int64_t deadline; /* of closing */
    /* the thread's own */
    struct store *store;
    struct db_event *group;
    int64_t trim_at;                   /* in the monotonic clock: when to look next for events to delete */
    size_t untrimmed;                  /* events written since */
    int64_t opened_real_ms, opened_ms; /* both clocks at the start */
};

/* For the thread. True when the file is open. */
bool db_make_ready(struct db *db);
/* Closes what failed, so that the next attempt begins with a fresh look at the file. */
void db_give_up_store(struct db *db, enum store_result result, const char *problem);
void db_report_end(struct db *db);
/* Returns false when the disk has to be given time. */
bool db_write_licences(struct db *db);
void db_read_licences(struct db *db);

/* For the caller's thread: the functions of jobs that are done; and the end. */
void db_dispatch_jobs(struct db *db);
void db_free_jobs(struct db *db);
