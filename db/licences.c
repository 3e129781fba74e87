#include "db/licences.h"

#include <stdlib.h>
#include <sys/eventfd.h>

#include "db/internal.h"
#include "db/store-licence.h"

#define GROUP_MAX 64 /* writes in one transaction */

enum job_kind { READ_BOOKS, READ_USES, WRITE };

struct db_job {
    TAILQ_ENTRY(db_job) link; /* of writes or reads, then of done */
    enum job_kind kind;
    bool cancelled, ok;
    struct store_licence_write write;
    uint8_t mode;
    int64_t from; /* now of READ_BOOKS, the first day of READ_USES */
    struct db_licence_books books;
    void *rows; /* what was read */
    size_t count;
    db_books_fn *books_done;
    db_written_fn *written;
    db_uses_fn *uses_done;
    void *context;
};

static void finish(struct db *db, struct job_list *from, struct db_job *job)
{
    pthread_mutex_lock(&db->lock);
    TAILQ_REMOVE(from, job, link);
    TAILQ_INSERT_TAIL(&db->done, job, link);
    pthread_mutex_unlock(&db->lock);
    eventfd_write(db->wake, 1);
}

static size_t take_group(struct db *db, struct db_job **jobs)
{
    size_t count = 0;
    struct db_job *job;
    pthread_mutex_lock(&db->lock);
    TAILQ_FOREACH(job, &db->writes, link)
    {
        if (count == GROUP_MAX)
            break;
        jobs[count++] = job;
    }
    pthread_mutex_unlock(&db->lock);
    return count;
}

bool db_write_licences(struct db *db)
{
    struct db_job *jobs[GROUP_MAX];
    const struct store_licence_write *writes[GROUP_MAX];
    char problem[256];
    for (size_t count; (count = take_group(db, jobs)) > 0;) {
        if (!db_make_ready(db))
            return false;
        for (size_t i = 0; i < count; i++)
            writes[i] = &jobs[i]->write;
        enum store_result result = store_licences_write(db->store, writes, count, problem, sizeof(problem));
        if (result != STORE_OK) {
            db_give_up_store(db, result, problem);
            return false;
        }
        db_report_end(db);
        for (size_t i = 0; i < count; i++)
            finish(db, &db->writes, jobs[i]);
    }
    return true;
}

static enum store_result read_one(struct db *db, struct db_job *job, char *problem, size_t size)
{
    if (job->kind == READ_USES)
        return store_licence_uses_read(db->store, job->mode, job->from, job->rows, DB_LICENCE_USES_MAX,
                                       &job->count, problem, size);
    struct db_licence *licences = NULL;
    enum store_result result =
        store_licences_read(db->store, job->mode, job->from, &job->books, &licences, problem, size);
    job->rows = licences;
    return result;
}

void db_read_licences(struct db *db)
{
    char problem[256];
    for (;;) {
        pthread_mutex_lock(&db->lock);
        struct db_job *job = TAILQ_FIRST(&db->reads);
        pthread_mutex_unlock(&db->lock);
        if (job == NULL)
            return;
        if (db_make_ready(db)) {
            enum store_result result = read_one(db, job, problem, sizeof(problem));
            job->ok = result == STORE_OK;
            if (!job->ok)
                db_give_up_store(db, result, problem);
        }
        finish(db, &db->reads, job);
    }
}

static void free_job(struct db_job *job)
{
    free(job->rows);
    free(job);
}

static void call(struct db_job *job)
{
    static const struct db_licence_books none;
    if (job->cancelled)
        return;
    if (job->kind == READ_BOOKS)
        job->books_done(job->context, job->ok, job->ok ? &job->books : &none);
    else if (job->kind == READ_USES)
        job->uses_done(job->context, job->ok, job->rows, job->ok ? job->count : 0);
    else if (job->written != NULL)
        job->written(job->context, &job->write.licence);
}

void db_dispatch_jobs(struct db *db)
{
    struct job_list done = TAILQ_HEAD_INITIALIZER(done);
    pthread_mutex_lock(&db->lock);
    TAILQ_CONCAT(&done, &db->done, link);
    pthread_mutex_unlock(&db->lock);
    for (struct db_job *job; (job = TAILQ_FIRST(&done)) != NULL;) {
        TAILQ_REMOVE(&done, job, link);
        call(job);
        free_job(job);
    }
}

static void free_list(struct job_list *list)
{
    for (struct db_job *job; (job = TAILQ_FIRST(list)) != NULL;) {
        TAILQ_REMOVE(list, job, link);
        free_job(job);
    }
}

void db_free_jobs(struct db *db)
{
    free_list(&db->writes);
    free_list(&db->reads);
    free_list(&db->done);
}

static struct db_job *make(enum job_kind kind, void *context)
{
    struct db_job *job = calloc(1, sizeof(*job));
    if (job != NULL) {
        job->kind = kind;
        job->context = context;
    }
    return job;
}

static void submit(struct db *db, struct db_job *job)
{
    pthread_mutex_lock(&db->lock);
    TAILQ_INSERT_TAIL(job->kind == WRITE ? &db->writes : &db->reads, job, link);
    pthread_cond_signal(&db->work);
    pthread_mutex_unlock(&db->lock);
}

static bool submit_write(struct db *db, const struct store_licence_write *write, db_written_fn *done,
                         void *context)
{
    struct db_job *job = make(WRITE, context);
    if (job == NULL)
        return false;
    job->write = *write;
    job->written = done;
    submit(db, job);
    return true;
}

bool db_licences_load(struct db *db, uint8_t mode, int64_t now_ms, db_books_fn *done, void *context)
{
    struct db_job *job = make(READ_BOOKS, context);
    if (job == NULL)
        return false;
    job->mode = mode;
    job->from = now_ms;
    job->books_done = done;
    submit(db, job);
    return true;
}

bool db_licence_write(struct db *db, const struct db_licence *licence, db_written_fn *done, void *context)
{
    struct store_licence_write write = {.what = STORE_LICENCE, .licence = *licence};
    return submit_write(db, &write, done, context);
}

bool db_licence_note_first_use(struct db *db, int64_t first_use_ms)
{
    struct store_licence_write write = {.what = STORE_FIRST_USE, .first_use_ms = first_use_ms};
    return submit_write(db, &write, NULL, NULL);
}

bool db_licence_use_add(struct db *db, const struct db_licence_use *use)
{
    struct store_licence_write write = {.what = STORE_USE, .use = *use};
    return submit_write(db, &write, NULL, NULL);
}

struct db_job *db_licence_uses_query(struct db *db, uint8_t mode, int64_t day, db_uses_fn *done,
                                     void *context)
{
    struct db_job *job = make(READ_USES, context);
    if (job == NULL)
        return NULL;
    job->rows = calloc(DB_LICENCE_USES_MAX, sizeof(struct db_licence_use));
    if (job->rows == NULL) {
        free(job);
        return NULL;
    }
    job->mode = mode;
    job->from = day;
    job->uses_done = done;
    submit(db, job);
    return job;
}

void db_job_cancel(struct db_job *job)
{
    job->cancelled = true;
}

bool db_take_anew(struct db *db)
{
    pthread_mutex_lock(&db->lock);
    bool anew = db->anew;
    db->anew = false;
    pthread_mutex_unlock(&db->lock);
    return anew;
}
