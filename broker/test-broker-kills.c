/* A broker that is killed before each step that others can see, one after the other: whatever it was about to
 * do, its successor has neither lost a licence nor given one twice. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/harness.h"
#include "common/clock.h"
#include "common/packet.h"

#define POOL      2
#define STEPS_MAX 2000

static struct harness harness;
static const char *const names[] = {"anna", "bert", "carl"};

struct come {
    int fd;
    uint64_t logon;
    bool admitted, refused;
};

/* The next message of the broker; false: it is dead. */
static bool next(union sm_body *body, unsigned *number_r)
{
    struct message message;
    const char *problem = "";
    struct pollfd wait = {.fd = harness.sm, .events = POLLIN};
    CHECK(poll(&wait, 1, HARNESS_PATIENCE_MS) == 1);
    if (message_receive(harness.sm, &sm_protocol, SM_BROKER, body, sizeof(*body), &message, &problem) != 1)
        return false;
    close_descriptor(&message.descriptor);
    *number_r = message.number;
    return true;
}

static bool is_dead(void)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)harness.broker, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

/* A dead broker does not read. */
static bool tell(unsigned number, const void *body)
{
    return message_send(harness.sm, &sm_protocol, number, body, -1) == 0;
}

/* Takes the broker's connection, its HELLO and READY. */
static bool take(void)
{
    union sm_body body;
    unsigned number;
    int64_t deadline = clock_monotonic_ms() + HARNESS_PATIENCE_MS;
    struct pollfd wait = {.fd = harness.sm_port, .events = POLLIN};
    while (poll(&wait, 1, 10) == 0) {
        CHECK(clock_monotonic_ms() < deadline);
        if (is_dead())
            return false;
    }
    harness.sm = packet_accept(harness.sm_port);
    CHECK(harness.sm >= 0);
    return next(&body, &number) && number == SM_HELLO && next(&body, &number) && number == SM_READY &&
           tell(SM_SYNCED, &(struct sm_synced){0});
}

/* One logon up to the decision, and the session's first words. Returns false when the broker died. */
static bool come(unsigned who, struct come *come_r)
{
    union sm_body body;
    unsigned number;
    *come_r = (struct come){.fd = lsm_connect_front(&harness)};
    lsm_ask_logon(&harness, come_r->fd);
    if (!next(&body, &number))
        return false;
    CHECK(number == SM_LOGON_START);
    come_r->logon = body.logon_start.logon;
    struct sm_logon_result result = {.logon = come_r->logon, .uid = 5001 + who};
    snprintf(result.user, sizeof(result.user), "%s", names[who]);
    if (!tell(SM_LOGON_RESULT, &result) || !next(&body, &number))
        return false;
    CHECK(number == SM_LOGON_ADMIT || number == SM_LOGON_DROP);
    come_r->admitted = number == SM_LOGON_ADMIT;
    come_r->refused = number == SM_LOGON_DROP && body.logon_drop.reason == REASON_NO_LICENCE;
    CHECK(come_r->admitted || come_r->refused);
    struct sm_session_state state = {.id = (uint16_t)(3 + who),
                                     .state = SM_SESSION_UP,
                                     .logon = come_r->logon,
                                     .uid = 5001 + who,
                                     .started_ms = 1};
    snprintf(state.user, sizeof(state.user), "%s", names[who]);
    return come_r->refused || tell(SM_SESSION_STATE, &state);
}

/* Who the test is for the files that it makes: SQLite makes those beside the books for readers too, and what
 * is root's for a moment, before it is given away, a broker cannot open. */
static void become(uid_t uid, gid_t gid)
{
    CHECK(seteuid(0) == 0 && setegid(gid) == 0 && seteuid(uid) == 0);
}

/* Opens the file as soon as the broker has made it, with all its tables. */
static sqlite3_stmt *open_books(void)
{
    char path[128];
    sqlite3 *handle;
    sqlite3_stmt *statement = NULL;
    int64_t deadline = clock_monotonic_ms() + HARNESS_PATIENCE_MS;
    snprintf(path, sizeof(path), "%s/state/db/lodge.db", harness.directory);
    become(harness.broker_uid, harness.broker_gid);
    while (statement == NULL) {
        CHECK(clock_monotonic_ms() < deadline);
        if (sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK)
            sqlite3_prepare_v2(handle, "SELECT count(*) FROM licence WHERE revoked_ms = 0 AND holder LIKE ?1",
                               -1, &statement, NULL);
        if (statement == NULL) {
            sqlite3_close(handle);
            poll(NULL, 0, 5);
        }
    }
    become(0, 0);
    sqlite3_busy_timeout(handle, HARNESS_PATIENCE_MS);
    return statement;
}

/* What has been written: each holder has one licence in force at most, and there are no more than the pool.
 */
static void check_books(const struct come *comes, bool rows)
{
    sqlite3_stmt *statement = open_books();
    sqlite3 *handle = sqlite3_db_handle(statement);
    for (size_t i = 0; i <= 3; i++) {
        sqlite3_bind_text(statement, 1, i < 3 ? names[i] : "%", -1, SQLITE_STATIC);
        CHECK(sqlite3_step(statement) == SQLITE_ROW);
        int count = sqlite3_column_int(statement, 0);
        CHECK(count <= (i < 3 ? 1 : POOL));
        CHECK(i == 3 || !rows || !comes[i].admitted || count == 1);
        CHECK(rows || count == 0);
        sqlite3_reset(statement);
    }
    sqlite3_finalize(statement);
    sqlite3_close(handle);
}

/* What came in while no broker took it would reach the next one, and the broker's own last connection, when
 * its death was seen first, would count as the next one's. */
static void empty_port(int port)
{
    struct pollfd wait = {.fd = port, .events = POLLIN};
    while (poll(&wait, 1, 0) == 1) {
        int fd = packet_accept(port);
        CHECK(fd >= 0);
        close(fd);
    }
}

static void is_decided(unsigned who, bool admitted)
{
    struct come again;
    CHECK(come(who, &again));
    if (again.admitted != admitted)
        fprintf(stderr, "%s: admitted %d\n", names[who], again.admitted);
    CHECK(again.admitted == admitted);
    if (admitted)
        lsm_await_state(&harness, (uint16_t)(3 + who), LODGE__LSM__STATE__DISCONNECTED);
}

/* The next broker, told of the sessions that there are; when they are over, two come in and the third does
 * not. */
static void check_successor(const struct come *comes, bool rows)
{
    harness_start_broker(&harness);
    unsigned there = 0;
    for (unsigned i = 0; i < 3; i++) {
        if (comes[i].admitted)
            sm_tell_state(&harness, (uint16_t)(3 + i), SM_SESSION_UP, comes[i].logon, 5001 + i, names[i]);
        there += comes[i].admitted;
    }
    CHECK(there <= POOL);
    sm_tell_synced(&harness);
    if (there == POOL)
        is_decided(2, false);
    check_books(comes, rows);
    for (unsigned i = 0; i < 3; i++) {
        if (!comes[i].admitted)
            continue;
        sm_tell_ended(&harness, (uint16_t)(3 + i), comes[i].logon, REASON_LOGOFF, "");
        lsm_await_state(&harness, (uint16_t)(3 + i), SESSION_NONE);
    }
    is_decided(0, true);
    is_decided(1, true);
    is_decided(2, false);
    check_books((const struct come[3]){{.admitted = true}, {.admitted = true}, {0}}, rows);
    harness_end(&harness);
}

/* Returns false when the broker came through without reaching the step. */
static bool walk_to(const char *mode, long at)
{
    struct come comes[3] = {{.fd = -1}, {.fd = -1}, {.fd = -1}};
    char more[128], number[24];
    snprintf(more, sizeof(more), "[Licences]\nMode = %s\nPoolSize = %d\nGraceDays = 0", mode, POOL);
    snprintf(number, sizeof(number), "%ld", at);
    harness_begin(&harness, more);
    CHECK(setenv("LODGE_KILL_AT", number, 1) == 0 && setenv("LD_PRELOAD", KILL_AT, 1) == 0);
    harness_spawn_broker(&harness);
    CHECK(unsetenv("LODGE_KILL_AT") == 0 && unsetenv("LD_PRELOAD") == 0);
    bool alive = take();
    for (unsigned i = 0; alive && i < 3; i++)
        alive = come(i, &comes[i]);
    CHECK(!alive || (comes[0].admitted && comes[1].admitted && comes[2].refused));
    if (alive)
        kill(harness.broker, SIGKILL);
    int status;
    CHECK(waitpid(harness.broker, &status, 0) == harness.broker);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    close_descriptor(&harness.sm);
    for (unsigned i = 0; i < 3; i++)
        close_descriptor(&comes[i].fd);
    empty_port(harness.lsm_port);
    empty_port(harness.sm_port);
    check_successor(comes, strcmp(mode, "per-user") == 0);
    return !alive;
}

static void walk(const char *mode)
{
    long at = 1;
    while (walk_to(mode, at))
        CHECK(++at < STEPS_MAX);
    printf("%s: killed before each of %ld steps\n", mode, at - 1);
    CHECK(at > 15);
}

int main(void)
{
    walk("per-user");
    walk("concurrent");
    return 0;
}
