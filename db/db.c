#include "db/db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/log.h"
#include "common/packet.h"
#include "db/internal.h"

#define RETRY_MS   1000
#define CLOSE_MS   2000
#define GROUP_MAX  256 /* events in one transaction */
#define GROUPS     16  /* before queries have their turn */
#define DB_QUERIES 256
#define TRIM_MS    60000 /* between two looks for events to delete */
#define TRIM_EVERY 1000  /* or after so many events that were written */
#define TRIM_ROWS  1000  /* deleted at a time, and twice what was written meanwhile */
#define TRIM_MOST  8000
#define DAY_MS     INT64_C(86400000)

struct db_query {
    TAILQ_ENTRY(db_query) link; /* of asked or answered */
    struct db_event_filter filter;
    db_events_fn *done;
    void *context;
    bool cancelled;
    struct db_events found;
    struct db_event events[DB_QUERY_MAX];
};

/* Only the thread changes health; so it may read it without the lock. */
static void report(struct db *db, const char *problem)
{
    struct db_health *health = &db->health;
    if (strcmp(health->trouble, problem) == 0)
        return;
    pthread_mutex_lock(&db->lock);
    if (health->trouble[0] == '\0')
        health->since_ms = clock_real_ms();
    snprintf(health->trouble, sizeof(health->trouble), "%s", problem);
    pthread_mutex_unlock(&db->lock);
    eventfd_write(db->wake, 1);
    log_error(db->path, "the event log cannot be used: %s; trying again", problem);
}

void db_report_end(struct db *db)
{
    pthread_mutex_lock(&db->lock);
    bool over = db->health.trouble[0] != '\0';
    db->health.trouble[0] = '\0';
    db->health.since_ms = 0;
    db->health.written_ms = clock_real_ms();
    pthread_mutex_unlock(&db->lock);
    if (!over)
        return;
    eventfd_write(db->wake, 1);
    log_warning(db->path, "the event log can be used again");
}

static void set_aside(struct db *db, const char *problem)
{
    char aside[600];
    store_close(&db->store);
    int failed = store_set_aside(db->path, aside, sizeof(aside));
    if (failed) {
        report(db, strerror(-failed));
        return;
    }
    log_error(db->path, "the event log is corrupt: %s; it is now %s, and a new one is begun", problem, aside);
    pthread_mutex_lock(&db->lock);
    db->anew = true;
    snprintf(db->health.aside, sizeof(db->health.aside), "%s", aside);
    db->health.aside_ms = clock_real_ms();
    pthread_mutex_unlock(&db->lock);
    eventfd_write(db->wake, 1);
}

bool db_make_ready(struct db *db)
{
    char problem[256];
    for (int attempt = 0; attempt < 2 && db->store == NULL; attempt++) {
        enum store_result result = store_open(db->path, &db->store, problem, sizeof(problem));
        if (result == STORE_CORRUPT)
            set_aside(db, problem);
        else if (result == STORE_AGAIN)
            report(db, problem);
        if (result != STORE_CORRUPT)
            break;
    }
    return db->store != NULL;
}

void db_give_up_store(struct db *db, enum store_result result, const char *problem)
{
    if (result == STORE_CORRUPT) {
        set_aside(db, problem);
    } else {
        report(db, problem);
        store_close(&db->store);
    }
}

static size_t copy_group(struct db *db)
{
    pthread_mutex_lock(&db->lock);
    size_t count = db->used < GROUP_MAX ? db->used : GROUP_MAX;
    for (size_t i = 0; i < count; i++)
        db->group[i] = db->queue[(db->first + i) % DB_QUEUE_MAX];
    pthread_mutex_unlock(&db->lock);
    return count;
}

static void drop_group(struct db *db, size_t count)
{
    pthread_mutex_lock(&db->lock);
    db->first = (db->first + count) % DB_QUEUE_MAX;
    db->used -= count;
    db->written++;
    uint64_t lost = db->used == 0 ? db->untold : 0;
    db->untold -= lost;
    pthread_mutex_unlock(&db->lock);
    eventfd_write(db->wake, 1);
    db->untrimmed += count;
    if (lost == 0)
        return;
    struct db_event event = {.time_ms = clock_real_ms(), .id = EVENT_LOST};
    snprintf(event.detail, sizeof(event.detail), "%llu events were lost", (unsigned long long)lost);
    log_error(db->path, "%s", event.detail);
    db_event_add(db, &event);
}

/* Returns false when the disk has to be given time. */
static bool write_events(struct db *db)
{
    char problem[256];
    size_t count;
    for (int i = 0; i < GROUPS && (count = copy_group(db)) > 0; i++) {
        if (!db_make_ready(db))
            return false;
        enum store_result result = store_write(db->store, db->group, count, problem, sizeof(problem));
        if (result != STORE_OK) {
            db_give_up_store(db, result, problem);
            return false;
        }
        db_report_end(db);
        drop_group(db, count);
    }
    return true;
}

static struct db_query *next_query(struct db *db)
{
    pthread_mutex_lock(&db->lock);
    struct db_query *query = TAILQ_FIRST(&db->asked);
    if (query != NULL)
        TAILQ_REMOVE(&db->asked, query, link);
    pthread_mutex_unlock(&db->lock);
    return query;
}

static void answer_queries(struct db *db)
{
    char problem[256];
    struct db_query *query;
    while ((query = next_query(db)) != NULL) {
        if (db_make_ready(db)) {
            enum store_result result =
                store_read(db->store, &query->filter, query->events, &query->found, problem, sizeof(problem));
            if (result != STORE_OK)
                db_give_up_store(db, result, problem);
        }
        query->found.events = query->events;
        pthread_mutex_lock(&db->lock);
        query->found.written = db->written;
        TAILQ_INSERT_TAIL(&db->answered, query, link);
        pthread_mutex_unlock(&db->lock);
        eventfd_write(db->wake, 1);
    }
}

/* Returns false when the disk has to be given time. */
static bool try_file(struct db *db)
{
    char problem[256];
    if (!db_make_ready(db))
        return false;
    enum store_result result = store_probe(db->store, clock_real_ms(), problem, sizeof(problem));
    if (result == STORE_OK)
        db_report_end(db);
    else
        db_give_up_store(db, result, problem);
    return result == STORE_CORRUPT ? db_make_ready(db) : result == STORE_OK;
}

/* Where what waits could not be written, that is the answer: a smaller try might do, and tell nothing. */
static void answer_probe(struct db *db, bool written)
{
    pthread_mutex_lock(&db->lock);
    bool asked = db->probe.asked && !db->probe.answered;
    pthread_mutex_unlock(&db->lock);
    if (!asked)
        return;
    if (written)
        try_file(db);
    pthread_mutex_lock(&db->lock);
    db->probe.answered = true;
    pthread_mutex_unlock(&db->lock);
    eventfd_write(db->wake, 1);
}

/* A clock that was set forward since the start does not count: what it says would delete the whole history.
 */
static int64_t oldest_to_keep(const struct db *db, int64_t days)
{
    int64_t now = clock_real_ms(), at_most = db->opened_real_ms + clock_boot_ms() - db->opened_ms;
    return days == 0 ? 0 : (now < at_most ? now : at_most) - days * DAY_MS;
}

/* One step of deleting what is too old or too much. */
static void trim(struct db *db)
{
    char problem[256];
    bool more;
    if (db->untrimmed < TRIM_EVERY && clock_monotonic_ms() < db->trim_at)
        return;
    db->trim_at = clock_monotonic_ms() + TRIM_MS;
    if (!db_make_ready(db))
        return;
    pthread_mutex_lock(&db->lock);
    int64_t days = db->keep_days, bytes = db->keep_bytes;
    pthread_mutex_unlock(&db->lock);
    size_t rows = TRIM_ROWS + 2 * db->untrimmed;
    enum store_result result =
        store_trim(db->store, oldest_to_keep(db, days), bytes, rows < TRIM_MOST ? rows : TRIM_MOST, &more,
                   problem, sizeof(problem));
    if (result != STORE_OK)
        db_give_up_store(db, result, problem);
    db->untrimmed = 0;
    if (result == STORE_OK && more)
        db->trim_at = 0;
}

static struct timespec at_ms(int64_t at)
{
    return (struct timespec){.tv_sec = at / 1000, .tv_nsec = at % 1000 * 1000000};
}

static struct timespec in_ms(int64_t ms)
{
    return at_ms(clock_monotonic_ms() + ms);
}

static bool has_writes(const struct db *db)
{
    return db->used > 0 || !TAILQ_EMPTY(&db->writes);
}

static bool has_questions(const struct db *db)
{
    return !TAILQ_EMPTY(&db->asked) || !TAILQ_EMPTY(&db->reads) || (db->probe.asked && !db->probe.answered);
}

/* Waits for work, or the time to look for what is to be deleted; after trouble for new work or the time to
 * try again. Returns false when it is time to end. */
static bool wait_for_work(struct db *db, bool in_trouble)
{
    pthread_mutex_lock(&db->lock);
    struct timespec until = db->closing ? in_ms(50) : in_trouble ? in_ms(RETRY_MS) : at_ms(db->trim_at);
    while (!db->closing && !has_questions(db) && (in_trouble || !has_writes(db))) {
        if (pthread_cond_timedwait(&db->work, &db->lock, &until) == ETIMEDOUT)
            break;
    }
    bool over = db->closing && (!has_writes(db) || clock_monotonic_ms() >= db->deadline);
    if (db->closing && !over && in_trouble) {
        while (pthread_cond_timedwait(&db->work, &db->lock, &until) != ETIMEDOUT)
            continue;
    }
    pthread_mutex_unlock(&db->lock);
    return !over;
}

static void *serve(void *argument)
{
    struct db *db = argument;
    bool fine = db_make_ready(db);
    db->trim_at = clock_monotonic_ms() + TRIM_MS;
    while (wait_for_work(db, !fine || db->health.trouble[0] != '\0')) {
        fine = db_write_licences(db) && write_events(db);
        if (fine && db->health.trouble[0] != '\0')
            try_file(db); /* nothing else would find that it works again */
        answer_queries(db);
        db_read_licences(db);
        answer_probe(db, fine);
        trim(db);
    }
    store_close(&db->store);
    return NULL;
}

static bool start_thread(struct db *db)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&db->lock, NULL);
    pthread_cond_init(&db->work, &attributes);
    pthread_condattr_destroy(&attributes);
    errno = pthread_create(&db->thread, NULL, serve, db);
    return errno == 0;
}

static void release(struct db *db)
{
    close_descriptor(&db->wake);
    free(db->queue);
    free(db->group);
    free(db);
}

struct db *db_open(const char *directory)
{
    struct db *db = calloc(1, sizeof(*db));
    if (db == NULL)
        return NULL;
    snprintf(db->path, sizeof(db->path), "%s/lodge.db", directory);
    TAILQ_INIT(&db->asked);
    TAILQ_INIT(&db->answered);
    TAILQ_INIT(&db->writes);
    TAILQ_INIT(&db->reads);
    TAILQ_INIT(&db->done);
    db->opened_real_ms = clock_real_ms();
    db->opened_ms = clock_boot_ms();
    db->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    db->queue = calloc(DB_QUEUE_MAX, sizeof(*db->queue));
    db->group = calloc(GROUP_MAX, sizeof(*db->group));
    if (db->wake < 0 || db->queue == NULL || db->group == NULL || !start_thread(db)) {
        release(db);
        return NULL;
    }
    return db;
}

static void free_queries(struct query_list *list)
{
    struct db_query *query;
    while ((query = TAILQ_FIRST(list)) != NULL) {
        TAILQ_REMOVE(list, query, link);
        free(query);
    }
}

void db_close(struct db **db)
{
    if (*db == NULL)
        return;
    pthread_mutex_lock(&(*db)->lock);
    (*db)->closing = true;
    (*db)->deadline = clock_monotonic_ms() + CLOSE_MS;
    pthread_cond_signal(&(*db)->work);
    pthread_mutex_unlock(&(*db)->lock);
    pthread_join((*db)->thread, NULL);
    if ((*db)->used > 0)
        log_error((*db)->path, "%zu events could not be written", (*db)->used);
    if (!TAILQ_EMPTY(&(*db)->writes))
        log_error((*db)->path, "the last changes of the licence books could not be written");
    db_free_jobs(*db);
    free_queries(&(*db)->asked);
    free_queries(&(*db)->answered);
    pthread_mutex_destroy(&(*db)->lock);
    pthread_cond_destroy(&(*db)->work);
    release(*db);
    *db = NULL;
}

void db_event_add(struct db *db, const struct db_event *event)
{
    pthread_mutex_lock(&db->lock);
    if (db->used == DB_QUEUE_MAX) {
        db->lost++;
        db->untold++;
    } else {
        db->queue[(db->first + db->used) % DB_QUEUE_MAX] = *event;
        db->used++;
        pthread_cond_signal(&db->work);
    }
    pthread_mutex_unlock(&db->lock);
}

void db_events_keep(struct db *db, int64_t days, int64_t bytes)
{
    pthread_mutex_lock(&db->lock);
    db->keep_days = days;
    db->keep_bytes = bytes;
    pthread_mutex_unlock(&db->lock);
}

uint64_t db_events_written(struct db *db)
{
    pthread_mutex_lock(&db->lock);
    uint64_t written = db->written;
    pthread_mutex_unlock(&db->lock);
    return written;
}

void db_health(struct db *db, struct db_health *health_r)
{
    pthread_mutex_lock(&db->lock);
    *health_r = db->health;
    health_r->queued = db->used;
    health_r->lost = db->lost;
    pthread_mutex_unlock(&db->lock);
}

bool db_probe(struct db *db, db_probe_fn *done, void *context)
{
    pthread_mutex_lock(&db->lock);
    bool free = !db->probe.asked;
    if (free) {
        db->probe.asked = true;
        db->probe.answered = false;
        db->probe.done = done;
        db->probe.context = context;
        pthread_cond_signal(&db->work);
    }
    pthread_mutex_unlock(&db->lock);
    return free;
}

struct db_query *db_events_query(struct db *db, const struct db_event_filter *filter, db_events_fn *done,
                                 void *context)
{
    struct db_query *query = db->queries < DB_QUERIES ? calloc(1, sizeof(*query)) : NULL;
    if (query == NULL)
        return NULL;
    query->filter = *filter;
    if (filter->limit > DB_QUERY_MAX)
        query->filter.limit = DB_QUERY_MAX;
    query->done = done;
    query->context = context;
    db->queries++;
    pthread_mutex_lock(&db->lock);
    TAILQ_INSERT_TAIL(&db->asked, query, link);
    pthread_cond_signal(&db->work);
    pthread_mutex_unlock(&db->lock);
    return query;
}

void db_query_cancel(struct db *db, struct db_query *query)
{
    (void)db;
    query->cancelled = true;
}

int db_fd(const struct db *db)
{
    return db->wake;
}

static void dispatch_probe(struct db *db)
{
    struct db_health health;
    pthread_mutex_lock(&db->lock);
    bool answered = db->probe.answered;
    db_probe_fn *done = db->probe.done;
    db->probe.asked = db->probe.asked && !answered;
    db->probe.answered = false;
    pthread_mutex_unlock(&db->lock);
    if (!answered)
        return;
    db_health(db, &health);
    done(db->probe.context, &health);
}

void db_dispatch(struct db *db)
{
    struct query_list answered = TAILQ_HEAD_INITIALIZER(answered);
    eventfd_t count;
    eventfd_read(db->wake, &count);
    pthread_mutex_lock(&db->lock);
    TAILQ_CONCAT(&answered, &db->answered, link);
    pthread_mutex_unlock(&db->lock);
    struct db_query *query;
    while ((query = TAILQ_FIRST(&answered)) != NULL) {
        TAILQ_REMOVE(&answered, query, link);
        db->queries--;
        if (!query->cancelled)
            query->done(query->context, &query->found);
        free(query);
    }
    dispatch_probe(db);
    db_dispatch_jobs(db);
}
