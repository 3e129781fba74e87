/* The log's schema, from each version there was; questions to it; and what is deleted. */
#include <fcntl.h>
#include <poll.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/event.h"
#include "db/licences.h"
#include "db/store-internal.h"
#include "tests/check.h"

#define PATIENCE_MS 60000
#define DAY_MS      INT64_C(86400000)
#define VERSION     3

static char directory[] = "/tmp/lodge-test-events-XXXXXX";

/* As earlier versions made them. */
static const char first_schema[] =
    "CREATE TABLE event (serial INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL, id INTEGER NOT "
    "NULL,"
    " session INTEGER NOT NULL, user TEXT NOT NULL, address TEXT NOT NULL, reason TEXT NOT NULL,"
    " detail TEXT NOT NULL) STRICT;"
    "INSERT INTO event VALUES (1, 5000, 21, 7, 'anna', '10.0.0.1:1', 'none', 'of the first version');"
    "PRAGMA user_version = 1";
static const char second_schema[] =
    "CREATE TABLE licence_server (one INTEGER PRIMARY KEY CHECK (one = 1), first_use_ms INTEGER NOT NULL) "
    "STRICT;"
    "CREATE TABLE licence (serial INTEGER PRIMARY KEY, mode INTEGER NOT NULL, kind INTEGER NOT NULL,"
    " holder TEXT NOT NULL, issued_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, used_ms INTEGER NOT "
    "NULL,"
    " revoked_ms INTEGER NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX licence_holder ON licence (mode, holder) WHERE revoked_ms = 0;"
    "CREATE TABLE licence_use (day INTEGER NOT NULL, mode INTEGER NOT NULL, pool INTEGER NOT NULL,"
    " peak INTEGER NOT NULL, issued INTEGER NOT NULL, warned INTEGER NOT NULL, refused INTEGER NOT NULL,"
    " PRIMARY KEY (mode, day)) STRICT, WITHOUT ROWID;"
    "INSERT INTO licence_server VALUES (1, 4000);"
    "INSERT INTO licence VALUES (9, 1, 1, 'anna', 4000, 9000000000000, 4000, 0);"
    "PRAGMA user_version = 2";

static const char *path(void)
{
    static char text[300];
    snprintf(text, sizeof(text), "%s/lodge.db", directory);
    return text;
}

static void run_sql(const char *text)
{
    sqlite3 *handle;
    CHECK(sqlite3_open(path(), &handle) == SQLITE_OK);
    CHECK(sqlite3_exec(handle, text, NULL, NULL, NULL) == SQLITE_OK);
    CHECK(sqlite3_close(handle) == SQLITE_OK);
}

static int64_t number_of(const char *text)
{
    sqlite3 *handle;
    sqlite3_stmt *statement;
    CHECK(sqlite3_open(path(), &handle) == SQLITE_OK);
    CHECK(sqlite3_prepare_v2(handle, text, -1, &statement, NULL) == SQLITE_OK);
    CHECK(sqlite3_step(statement) == SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    CHECK(sqlite3_close(handle) == SQLITE_OK);
    return number;
}

static void start_anew(void)
{
    char command[100];
    snprintf(command, sizeof(command), "rm -f '%s'/*", directory);
    CHECK(system(command) == 0);
}

struct page {
    bool here, ok;
    size_t count;
    uint64_t log;
    struct db_event events[DB_QUERY_MAX];
};
static struct page page;

static void take_page(void *context, const struct db_events *events)
{
    (void)context;
    page.here = true;
    page.ok = events->ok;
    page.count = events->count;
    page.log = events->log;
    memcpy(page.events, events->events, events->count * sizeof(*events->events));
}

static void await(struct db *db, const bool *here)
{
    int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
    while (!*here) {
        struct pollfd wait = {.fd = db_fd(db), .events = POLLIN};
        CHECK(clock_monotonic_ms() < deadline && poll(&wait, 1, PATIENCE_MS) == 1);
        db_dispatch(db);
    }
}

static void ask(struct db *db, const struct db_event_filter *filter)
{
    page.here = false;
    CHECK(db_events_query(db, filter, take_page, NULL) != NULL);
    await(db, &page.here);
}

static const struct db_event_filter last = {.limit = 1, .newest = true}, first = {.limit = 1};

static void take_books(void *context, bool ok, const struct db_licence_books *books)
{
    CHECK(ok && books->count == 1 && books->first_use_ms == 4000);
    CHECK_TEXT(books->licences[0].holder, "anna");
    *(bool *)context = true;
}

static void take_health(void *context, const struct db_health *health)
{
    *(struct db_health *)context = *health;
    page.here = true;
}

static struct db_health probe(struct db *db)
{
    struct db_health health;
    page.here = false;
    CHECK(db_probe(db, take_health, &health));
    CHECK(!db_probe(db, take_health, &health));
    await(db, &page.here);
    return health;
}

static void each_version_is_brought_up_to_date(void)
{
    for (int version = 0; version <= VERSION; version++) {
        start_anew();
        if (version == 1 || version == 2)
            run_sql(first_schema);
        if (version == 2)
            run_sql(second_schema);
        /* of version 3: as this program makes it, and opens it again */
        for (int i = 0; i < (version == 3 ? 2 : 1); i++) {
            struct db *db = db_open(directory);
            CHECK(db != NULL);
            ask(db, &last);
            CHECK(page.ok && page.log != 0 && page.count == (version == 1 || version == 2));
            if (page.count == 1)
                CHECK_TEXT(page.events[0].detail, "of the first version");
            bool here = version != 2;
            if (!here)
                CHECK(db_licences_load(db, 1, 5000, take_books, &here));
            await(db, &here);
            struct db_health health = probe(db);
            CHECK(health.trouble[0] == '\0' && health.since_ms == 0 && health.written_ms > 0);
            db_close(&db);
        }
        CHECK(number_of("PRAGMA user_version") == VERSION && number_of("PRAGMA auto_vacuum") == 2);
        CHECK(number_of("SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name LIKE 'event_%'") ==
              4);
    }
}

static void a_later_version_is_left_as_it_is(void)
{
    char command[700];
    start_anew();
    run_sql("CREATE TABLE what (ever INTEGER); PRAGMA user_version = 4");
    snprintf(command, sizeof(command), "cp '%s' '%s.before'", path(), path());
    CHECK(system(command) == 0);
    struct db *db = db_open(directory);
    ask(db, &last);
    CHECK(!page.ok && page.count == 0);
    struct db_health health = probe(db);
    CHECK(strstr(health.trouble, "later version of Lodge made it (schema 4, this one knows 3)") != NULL);
    CHECK(health.since_ms > 0 && health.aside[0] == '\0');
    db_close(&db);
    snprintf(command, sizeof(command), "cmp '%s' '%s.before'", path(), path());
    CHECK(system(command) == 0);
}

/* No question sorts, and each goes by the index that it is to go by. */
static void questions_use_indexes(void)
{
    static const char *const want[] = {"PRIMARY KEY",   "event_id",      "event_user",    "event_user",
                                       "event_session", "event_session", "event_session", "event_session"};
    start_anew();
    struct db *db = db_open(directory);
    probe(db);
    db_close(&db);
    sqlite3 *handle;
    CHECK(sqlite3_open(path(), &handle) == SQLITE_OK);
    for (unsigned shape = 0; shape < QUERY_SHAPES; shape++) {
        char text[1000] = "EXPLAIN QUERY PLAN ";
        sqlite3_stmt *statement;
        store_query_text(shape, text + strlen(text), sizeof(text) - strlen(text));
        CHECK(sqlite3_prepare_v2(handle, text, -1, &statement, NULL) == SQLITE_OK);
        CHECK(sqlite3_step(statement) == SQLITE_ROW);
        const char *plan = (const char *)sqlite3_column_text(statement, 3);
        const char *index = want[shape / 2 % 8];
        if (strstr(plan, index) == NULL)
            fprintf(stderr, "%s: %s\n", text, plan);
        CHECK(strstr(plan, index) != NULL && strstr(plan, "SEARCH") != NULL);
        while (sqlite3_step(statement) == SQLITE_ROW) { /* of a logon's end */
            plan = (const char *)sqlite3_column_text(statement, 3);
            CHECK((shape & QUERY_UNENDED) != 0);
            CHECK(strstr(plan, "SUBQUERY") != NULL ||
                  strstr(plan, "SEARCH other USING INDEX event_session") != NULL);
        }
        sqlite3_finalize(statement);
    }
    sqlite3_close(handle);
}

static void add(struct db *db, int64_t time_ms, uint32_t session)
{
    struct db_event event = {.time_ms = time_ms, .id = EVENT_LOGON, .session = session};
    snprintf(event.user, sizeof(event.user), "user%u", session % 10);
    memset(event.detail, 'x', 300);
    db_event_add(db, &event);
}

/* Adds so many, waiting for the disk before the queue is full. */
static void add_many(struct db *db, int64_t time_ms, uint32_t count)
{
    int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
    struct db_health health;
    for (uint32_t i = 1; i <= count; i++) {
        add(db, time_ms, i);
        if (i % 1000 == 0 || i == count) {
            do {
                CHECK(clock_monotonic_ms() < deadline);
                db_health(db, &health);
                CHECK(health.lost == 0 && health.trouble[0] == '\0');
                struct pollfd wait = {.fd = db_fd(db), .events = POLLIN};
                if (health.queued > 0 && poll(&wait, 1, 1000) == 1)
                    db_dispatch(db);
            } while (health.queued > 0);
        }
    }
}

/* Asks until no event is older than that. */
static void await_oldest(struct db *db, int64_t time_ms)
{
    int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
    do {
        CHECK(clock_monotonic_ms() < deadline);
        ask(db, &first);
        CHECK(page.ok && page.count == 1);
    } while (page.events[0].time_ms < time_ms);
}

static void old_events_go(void)
{
    int64_t now = clock_real_ms();
    start_anew();
    struct db *db = db_open(directory);
    db_events_keep(db, 10, 0);
    add_many(db, now + 400 * DAY_MS, 1); /* the clock was wrong for a while */
    add_many(db, now - 11 * DAY_MS, 5000);
    add_many(db, now - 9 * DAY_MS, 1500);
    await_oldest(db, now - 9 * DAY_MS);
    int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
    do {
        CHECK(clock_monotonic_ms() < deadline);
        ask(db, &(struct db_event_filter){.limit = 1, .until_ms = now - 10 * DAY_MS});
    } while (page.count > 0);
    ask(db, &last);
    CHECK(page.events[0].session == 1500);
    db_close(&db);
    CHECK(number_of("SELECT count(*) FROM event") == 1501);
}

static int64_t size_of_file(void)
{
    struct stat status;
    CHECK(stat(path(), &status) == 0);
    return status.st_size;
}

static void the_file_stays_small(void)
{
    start_anew();
    struct db *db = db_open(directory);
    add_many(db, 1000, 16000);
    db_close(&db);
    int64_t large = size_of_file();
    CHECK(large > 5 * 1024 * 1024);
    db = db_open(directory);
    db_events_keep(db, 0, 2 * 1024 * 1024);
    add_many(db, 2000, 1100);
    ask(db, &last);
    CHECK(page.ok && page.events[0].session == 1100); /* the newest stay */
    int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
    while (number_of("PRAGMA page_count") * number_of("PRAGMA page_size") > 5 * 512 * 1024) {
        CHECK(clock_monotonic_ms() < deadline);
        poll(NULL, 0, 20);
    }
    ask(db, &last);
    CHECK(page.ok && page.events[0].session == 1100 && page.events[0].time_ms == 2000);
    db_close(&db);
    CHECK(size_of_file() < large / 2 && size_of_file() < 3 * 1024 * 1024);
    CHECK(number_of("SELECT count(*) FROM event") > 1100);
}

int main(void)
{
    CHECK(mkdtemp(directory) != NULL);
    each_version_is_brought_up_to_date();
    a_later_version_is_left_as_it_is();
    questions_use_indexes();
    old_events_go();
    the_file_stays_small();
    start_anew();
    return rmdir(directory);
}
