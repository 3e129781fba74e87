/* The licence books: a file of the first schema is brought up to date, what was told to be written is there
 * after the process was killed, there is one licence in force a holder, and days add up. */
#include "db/licences.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/check.h"

#define PATIENCE_MS 20000
#define DAY         INT64_C(86400000)
#define NOW         (INT64_C(20000) * DAY)

static char directory[] = "/tmp/lodge-test-licences-XXXXXX";

struct seen {
    bool here, ok;
    int64_t first_use_ms;
    uint64_t last_serial;
    size_t count;
    struct db_licence licences[16];
    struct db_licence_use uses[16];
};

static void take_books(void *context, bool ok, const struct db_licence_books *books)
{
    struct seen *seen = context;
    CHECK(books->count <= 16);
    seen->here = true;
    seen->ok = ok;
    seen->first_use_ms = books->first_use_ms;
    seen->last_serial = books->last_serial;
    seen->count = books->count;
    for (size_t i = 0; i < books->count; i++)
        seen->licences[i] = books->licences[i];
}

static void take_uses(void *context, bool ok, const struct db_licence_use *uses, size_t count)
{
    struct seen *seen = context;
    CHECK(count <= 16);
    seen->here = true;
    seen->ok = ok;
    seen->count = count;
    for (size_t i = 0; i < count; i++)
        seen->uses[i] = uses[i];
}

static void take_written(void *context, const struct db_licence *licence)
{
    struct seen *seen = context;
    seen->here = true;
    seen->licences[0] = *licence;
}

static void await(struct db *db, const bool *here)
{
    int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
    while (!*here) {
        struct pollfd wait = {.fd = db_fd(db), .events = POLLIN};
        CHECK(clock_monotonic_ms() < deadline);
        CHECK(poll(&wait, 1, PATIENCE_MS) == 1);
        db_dispatch(db);
    }
}

static void load(struct db *db, uint8_t mode, int64_t now, struct seen *seen)
{
    *seen = (struct seen){0};
    CHECK(db_licences_load(db, mode, now, take_books, seen));
    await(db, &seen->here);
}

static void write_one(struct db *db, const struct db_licence *licence)
{
    static struct seen seen;
    seen = (struct seen){0};
    CHECK(db_licence_write(db, licence, take_written, &seen));
    await(db, &seen.here);
    CHECK(seen.licences[0].serial == licence->serial);
}

static struct db_licence licence_of(const char *holder, uint64_t serial)
{
    struct db_licence licence = {.serial = serial,
                                 .mode = 1,
                                 .kind = 1,
                                 .issued_ms = NOW,
                                 .expires_ms = NOW + 60 * DAY,
                                 .used_ms = NOW + 5};
    snprintf(licence.holder, sizeof(licence.holder), "%s", holder);
    return licence;
}

static const char *inside(const char *name)
{
    static char path[300];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static void take_event(void *context, const struct db_events *events)
{
    struct seen *seen = context;
    seen->here = true;
    seen->ok = events->ok && events->count == 1 && events->events[0].session == 7;
}

static void the_first_schema_is_brought_up_to_date(void)
{
    static const char first[] =
        "PRAGMA journal_mode = WAL;"
        "CREATE TABLE event (serial INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL, id INTEGER "
        "NOT NULL, session INTEGER NOT NULL, user TEXT NOT NULL, address TEXT NOT NULL, reason TEXT NOT NULL,"
        " detail TEXT NOT NULL) STRICT;"
        "INSERT INTO event VALUES (1, 5, 21, 7, 'anna', '', 'none', ''); PRAGMA user_version = 1";
    static struct seen seen;
    sqlite3 *handle;
    CHECK(sqlite3_open(inside("lodge.db"), &handle) == SQLITE_OK);
    CHECK(sqlite3_exec(handle, first, NULL, NULL, NULL) == SQLITE_OK);
    CHECK(sqlite3_close(handle) == SQLITE_OK);
    struct db *db = db_open(directory);
    CHECK(db != NULL);
    seen = (struct seen){0};
    CHECK(db_events_query(db, &(struct db_event_filter){.limit = 10}, take_event, &seen) != NULL);
    await(db, &seen.here);
    CHECK(seen.ok);
    load(db, 1, NOW, &seen);
    CHECK(seen.ok && seen.count == 0 && seen.first_use_ms == NOW && seen.last_serial == 0);
    load(db, 1, NOW + DAY, &seen);
    CHECK(seen.ok && seen.first_use_ms == NOW);
    db_close(&db);
}

/* Writes until it is killed; tells through the pipe what was said to be written. */
static void write_until_killed(int out)
{
    struct db *db = db_open(directory);
    for (uint64_t serial = 1;; serial++) {
        char holder[32];
        snprintf(holder, sizeof(holder), "anna%llu", (unsigned long long)serial % 4);
        struct db_licence licence = licence_of(holder, serial % 4 + 1);
        licence.used_ms = (int64_t)serial;
        write_one(db, &licence);
        if (write(out, &serial, sizeof(serial)) != sizeof(serial))
            _exit(1);
    }
}

static void what_was_told_is_there_after_a_kill(void)
{
    static struct seen seen;
    for (int round = 1; round <= 8; round++) {
        int ends[2];
        CHECK(pipe2(ends, O_CLOEXEC) == 0);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            write_until_killed(ends[1]);
        close(ends[1]);
        uint64_t serial = 0, told = 0;
        while (told < (uint64_t)round * 3 && read(ends[0], &serial, sizeof(serial)) == sizeof(serial))
            told = serial;
        CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
        while (read(ends[0], &serial, sizeof(serial)) == sizeof(serial))
            told = serial;
        close(ends[0]);
        struct db *db = db_open(directory);
        load(db, 1, NOW, &seen);
        CHECK(seen.ok && seen.count == (told < 4 ? seen.count : 4) && seen.count <= 4);
        int64_t last = 0;
        for (size_t i = 0; i < seen.count; i++)
            last = seen.licences[i].used_ms > last ? seen.licences[i].used_ms : last;
        CHECK(last >= (int64_t)told && told >= (uint64_t)round * 3);
        db_close(&db);
    }
}

static void one_in_force_a_holder(void)
{
    static struct seen seen;
    struct db *db = db_open(directory);
    struct db_licence first = licence_of("bert", 11), second = licence_of("bert", 12);
    write_one(db, &first);
    write_one(db, &second);
    second.revoked_ms = NOW + 9;
    write_one(db, &second);
    struct db_licence third = licence_of("bert", 13);
    write_one(db, &third);
    load(db, 1, NOW, &seen);
    size_t in_force = 0, revoked = 0;
    for (size_t i = 0; i < seen.count; i++) {
        bool bert = strcmp(seen.licences[i].holder, "bert") == 0;
        in_force += bert && seen.licences[i].revoked_ms == 0;
        revoked += bert && seen.licences[i].revoked_ms != 0;
    }
    CHECK(in_force == 1 && revoked == 1 && seen.last_serial == 13);
    const struct db_licence *last = &seen.licences[seen.count - 1];
    CHECK(last->kind == 1 && last->mode == 1 && last->issued_ms == NOW && last->used_ms == NOW + 5 &&
          last->expires_ms == NOW + 60 * DAY && last->revoked_ms == 0);
    load(db, 2, NOW, &seen);
    CHECK(seen.ok && seen.count == 0 && seen.last_serial == 13);
    load(db, 1, NOW + 600 * DAY, &seen);
    CHECK(seen.ok && seen.count == 0);
    db_close(&db);
}

static void days_add_up(void)
{
    static struct seen seen;
    struct db *db = db_open(directory);
    struct db_licence_use use = {.day = 20000, .mode = 1, .pool = 5, .peak = 2, .issued = 1};
    CHECK(db_licence_use_add(db, &use));
    use.peak = 4, use.refused = 2;
    CHECK(db_licence_use_add(db, &use));
    use.peak = 3, use.warned = 1, use.pool = 6;
    CHECK(db_licence_use_add(db, &use));
    use.day = 19000;
    CHECK(db_licence_use_add(db, &use));
    struct db_licence mark = licence_of("mark", 40);
    write_one(db, &mark);
    seen = (struct seen){0};
    CHECK(db_licence_uses_query(db, 1, 19500, take_uses, &seen) != NULL);
    await(db, &seen.here);
    CHECK(seen.ok && seen.count == 1 && seen.uses[0].day == 20000 && seen.uses[0].peak == 4);
    CHECK(seen.uses[0].issued == 3 && seen.uses[0].refused == 4 && seen.uses[0].warned == 1);
    CHECK(seen.uses[0].pool == 6);
    static struct seen cancelled;
    struct db_job *job = db_licence_uses_query(db, 1, 0, take_uses, &cancelled);
    db_job_cancel(job);
    load(db, 1, NOW, &seen);
    CHECK(!cancelled.here);
    db_close(&db);
}

static void a_corrupt_file_is_told(void)
{
    static struct seen seen;
    int fd = open(inside("lodge.db"), O_WRONLY | O_TRUNC | O_CLOEXEC);
    CHECK(fd >= 0);
    for (int i = 0; i < 4096; i++)
        CHECK(write(fd, "this is no db ", 14) == 14);
    close(fd);
    struct db *db = db_open(directory);
    load(db, 1, NOW + 3 * DAY, &seen);
    CHECK(seen.ok && seen.count == 0 && seen.first_use_ms == NOW + 3 * DAY);
    CHECK(db_take_anew(db) && !db_take_anew(db));
    CHECK(db_licence_note_first_use(db, NOW));
    db_close(&db);
}

int main(void)
{
    CHECK(mkdtemp(directory) != NULL);
    the_first_schema_is_brought_up_to_date();
    what_was_told_is_there_after_a_kill();
    one_in_force_a_holder();
    days_add_up();
    a_corrupt_file_is_told();
    char command[100];
    snprintf(command, sizeof(command), "rm -rf '%s'", directory);
    return system(command);
}
