/* The event log: order, paging, and every kind of trouble with the file. */
#include "db/db.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/event.h"
#include "tests/check.h"

#define PATIENCE_MS 20000

struct page {
    bool here, ok, more;
    size_t count;
    uint64_t log;
    struct db_event events[DB_QUERY_MAX];
};

static char directory[] = "/tmp/lodge-test-db-XXXXXX";

static void take_page(void *context, const struct db_events *events)
{
    struct page *page = context;
    page->here = true;
    page->ok = events->ok;
    page->more = events->more;
    page->count = events->count;
    page->log = events->log;
    memcpy(page->events, events->events, events->count * sizeof(*events->events));
}

static void ask_for(struct db *db, const struct db_event_filter *filter, struct page *page)
{
    page->here = false;
    CHECK(db_events_query(db, filter, take_page, page) != NULL);
    int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
    while (!page->here) {
        struct pollfd wait = {.fd = db_fd(db), .events = POLLIN};
        CHECK(clock_monotonic_ms() < deadline);
        CHECK(poll(&wait, 1, PATIENCE_MS) == 1);
        db_dispatch(db);
    }
}

/* Those after the serial, or with 0 the last ones. */
static void ask(struct db *db, uint64_t after, size_t limit, struct page *page)
{
    struct db_event_filter filter = {.after = after, .limit = limit, .newest = after == 0};
    ask_for(db, &filter, page);
}

/* Asks until there are at least `count` events. */
static void ask_until(struct db *db, size_t count, struct page *page)
{
    int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
    do {
        CHECK(clock_monotonic_ms() < deadline);
        ask(db, 0, DB_QUERY_MAX, page);
        if (page->count < count)
            poll(NULL, 0, 20);
    } while (page->count < count);
}

static void add(struct db *db, uint32_t session)
{
    struct db_event event = {.time_ms = 1000 + session, .id = EVENT_LOGON, .session = session};
    snprintf(event.user, sizeof(event.user), "J\xc3\xbcrgen%u", session);
    snprintf(event.address, sizeof(event.address), "10.0.0.1:%u", session);
    snprintf(event.reason, sizeof(event.reason), "none");
    snprintf(event.detail, sizeof(event.detail), "the '%%' of %u", session);
    db_event_add(db, &event);
}

static struct db *open_in(const char *where)
{
    struct db *db = db_open(where);
    CHECK(db != NULL);
    return db;
}

static const char *inside(const char *name)
{
    static char path[300];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static void events_come_back_in_pages(void)
{
    static struct page page;
    struct db *db = open_in(directory);
    for (uint32_t i = 1; i <= 600; i++)
        add(db, i);
    ask(db, 0, 10, &page);
    CHECK(page.ok && page.count == 10 && page.events[9].session == 600 && page.events[0].session == 591);
    CHECK_TEXT(page.events[9].user, "J\xc3\xbcrgen600");
    CHECK_TEXT(page.events[9].address, "10.0.0.1:600");
    CHECK_TEXT(page.events[9].detail, "the '%' of 600");
    CHECK(page.events[9].id == EVENT_LOGON && page.events[9].time_ms == 1600);
    uint64_t after = page.events[0].serial - 591 + 1; /* that of the first event */
    ask(db, after, 100, &page);
    CHECK(page.ok && page.count == 100 && page.more && page.events[0].session == 2);
    ask(db, after + 590, 100, &page);
    CHECK(page.ok && page.count == 9 && !page.more && page.events[8].session == 600);
    ask(db, UINT64_MAX, 100, &page);
    CHECK(page.ok && page.count == 0 && !page.more);
    db_close(&db);
    CHECK(db == NULL);

    db = open_in(directory);
    ask(db, 0, 1, &page);
    CHECK(page.ok && page.count == 1 && page.events[0].session == 600);
    struct db_query *query = db_events_query(db, &(struct db_event_filter){.limit = 1}, take_page, &page);
    page.here = false;
    db_query_cancel(db, query);
    static struct page later;
    ask(db, 0, 1, &later);
    CHECK(!page.here);
    db_close(&db);
}

static void a_corrupt_file_is_set_aside(void)
{
    static struct page page;
    int fd = open(inside("lodge.db"), O_WRONLY | O_TRUNC);
    CHECK(fd >= 0);
    for (int i = 0; i < 4096; i++)
        CHECK(write(fd, "this is no db ", 14) == 14);
    close(fd);
    struct db *db = open_in(directory);
    add(db, 7);
    ask_until(db, 1, &page);
    CHECK(page.count == 1 && page.events[0].session == 7);
    glob_t found;
    CHECK(glob(inside("lodge.db.corrupt-*"), 0, NULL, &found) == 0 && found.gl_pathc >= 1);
    globfree(&found);
    db_close(&db);
}

static void a_locked_file_is_waited_for(void)
{
    static struct page page;
    sqlite3 *other;
    CHECK(sqlite3_open(inside("lodge.db"), &other) == SQLITE_OK);
    CHECK(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
    struct db *db = open_in(directory);
    for (uint32_t i = 100; i < 110; i++)
        add(db, i);
    ask(db, 0, DB_QUERY_MAX, &page);
    CHECK(page.count == 1 || !page.ok);
    CHECK(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(other);
    ask_until(db, 11, &page);
    CHECK(page.events[10].session == 109);
    db_close(&db);
}

static void a_later_schema_is_left_alone(void)
{
    static struct page page;
    sqlite3 *other;
    CHECK(sqlite3_open(inside("lodge.db"), &other) == SQLITE_OK);
    CHECK(sqlite3_exec(other, "PRAGMA user_version = 99", NULL, NULL, NULL) == SQLITE_OK);
    struct db *db = open_in(directory);
    add(db, 1);
    ask(db, 0, 10, &page);
    CHECK(!page.ok);
    CHECK(sqlite3_exec(other, "PRAGMA user_version = 3", NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(other);
    ask_until(db, 12, &page);
    db_close(&db);
}

static void the_queue_is_bounded_and_says_what_it_lost(void)
{
    static struct page page;
    char missing[320];
    snprintf(missing, sizeof(missing), "%s/missing", directory);
    struct db *db = open_in(missing);
    for (uint32_t i = 0; i < DB_QUEUE_MAX + 5; i++)
        add(db, i);
    ask(db, 0, 10, &page);
    CHECK(!page.ok && page.count == 0);
    CHECK(mkdir(missing, 0700) == 0);
    int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
    do {
        CHECK(clock_monotonic_ms() < deadline);
        ask(db, 0, 1, &page);
    } while (page.count == 0 || page.events[0].id != EVENT_LOST);
    CHECK_TEXT(page.events[0].detail, "5 events were lost");
    db_close(&db);
}

/* As a user whom modes bind. Returns only in the child that is to end. */
static void in_a_read_only_directory(void)
{
    static struct page page;
    CHECK(chmod(directory, 0555) == 0);
    CHECK(geteuid() != 0 || (setgid(65534) == 0 && setuid(65534) == 0));
    struct db *db = open_in(directory);
    add(db, 1);
    ask(db, 0, 10, &page);
    CHECK(!page.ok);
    db_close(&db);
}

static void a_read_only_directory_stops_nobody(void)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        in_a_read_only_directory();
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(chmod(directory, 0700) == 0);
}

static void a_full_disk_is_waited_for(void)
{
    static struct page page;
    char disk[320], ballast[340];
    snprintf(disk, sizeof(disk), "%s/disk", directory);
    snprintf(ballast, sizeof(ballast), "%s/ballast", disk);
    CHECK(mkdir(disk, 0700) == 0);
    if (mount("tmpfs", disk, "tmpfs", 0, "size=256k") != 0) {
        printf("no tmpfs can be mounted (%s): the full disk is not tested\n", strerror(errno));
        return;
    }
    int fd = open(ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    static const char zeros[4096];
    for (int i = 0; i < 48; i++)
        CHECK(write(fd, zeros, sizeof(zeros)) == sizeof(zeros));
    close(fd);
    struct db *db = open_in(disk);
    for (uint32_t i = 0; i < 2000; i++)
        add(db, i);
    ask(db, 0, 1, &page);
    CHECK(page.count == 0 || page.events[0].session != 1999);
    CHECK(mount("tmpfs", disk, "tmpfs", MS_REMOUNT, "size=16m") == 0);
    int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
    do {
        CHECK(clock_monotonic_ms() < deadline);
        ask(db, 0, 1, &page);
    } while (page.count == 0 || page.events[0].session != 1999);
    db_close(&db);
    CHECK(umount(disk) == 0);
}

int main(void)
{
    CHECK(mkdtemp(directory) != NULL);
    events_come_back_in_pages();
    a_corrupt_file_is_set_aside();
    a_locked_file_is_waited_for();
    a_later_schema_is_left_alone();
    the_queue_is_bounded_and_says_what_it_lost();
    a_read_only_directory_stops_nobody();
    a_full_disk_is_waited_for();
    char command[100];
    snprintf(command, sizeof(command), "rm -rf '%s'", directory);
    return system(command);
}
