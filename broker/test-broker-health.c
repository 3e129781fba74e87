/* health, and the database in trouble of every kind: the fault is seen within seconds, in health and in
 * syslog, logons and answers go on, and it is over when it is over. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "broker/harness.h"
#include "common/clock.h"
#include "common/event.h"

static struct harness harness;
static union sm_body sm;
static int syslog_socket = -1;
static bool on_tmpfs;

static const char *path_of(const char *name)
{
    static char path[100];
    snprintf(path, sizeof(path), "%s/%s", harness.directory, name);
    return path;
}

/* The broker reads its configuration when it starts: until then the socket's name is added to it. */
static void listen_as_syslog(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path_of("log"));
    syslog_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(syslog_socket >= 0);
    CHECK(bind(syslog_socket, (struct sockaddr *)&address, sizeof(address)) == 0 &&
          chmod(address.sun_path, 0666) == 0);
    FILE *file = fopen(path_of("lodge.conf"), "a");
    CHECK(file != NULL);
    fprintf(file, "[Events]\nSyslog = syslog\nSyslogSocket = %s\n", address.sun_path);
    CHECK(fclose(file) == 0);
}

/* All that syslog has got. */
static char said[1 << 22];
static size_t said_size, looked_at;

static void listen_on(void)
{
    ssize_t size;
    while ((size = recv(syslog_socket, said + said_size, sizeof(said) - said_size - 2, MSG_DONTWAIT)) > 0) {
        CHECK(memchr(said + said_size, '\n', (size_t)size) == NULL);
        said_size += (size_t)size;
        said[said_size++] = '\n';
    }
}

/* The text comes, or has come since the last time that one was expected. */
static void expect_in_syslog(const char *want)
{
    int64_t deadline = clock_monotonic_ms() + HARNESS_PATIENCE_MS;
    const char *found;
    for (listen_on(); (found = strstr(said + looked_at, want)) == NULL; listen_on()) {
        struct pollfd wait = {.fd = syslog_socket, .events = POLLIN};
        CHECK(clock_monotonic_ms() < deadline && poll(&wait, 1, HARNESS_PATIENCE_MS) == 1);
    }
    looked_at = (size_t)(found - said) + strlen(want);
}

static Lodge__Lsm__Answer *ask_health(void)
{
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_HEALTH;
    request.health = &nothing;
    int fd = lsm_connect_as(&harness, 0);
    int64_t start = clock_monotonic_ms();
    Lodge__Lsm__Answer *answer = lsm_expect(fd, lsm_ask(&harness, fd, &request, -1), NULL);
    CHECK(clock_monotonic_ms() - start < 10000);
    CHECK(answer->reason == REASON_NONE && answer->health->n_check >= 13);
    close(fd);
    return answer;
}

/* The state of a check, whose text has to have `want` in it; the worst of all states has to be as bad. */
static int state_of(const char *check, const char *want)
{
    int state = -1;
    Lodge__Lsm__Answer *answer = ask_health();
    listen_on();
    for (size_t i = 0; i < answer->health->n_check; i++) {
        const Lodge__Lsm__Check *one = answer->health->check[i];
        CHECK(one->state <= answer->health->state);
        CHECK((one->state == LODGE__LSM__HEALTH_STATE__HEALTH_OK) == (one->advice[0] == '\0'));
        if (strcmp(one->name, check) == 0 && strstr(one->text, want) != NULL)
            state = (int)one->state;
        else if (strcmp(one->name, check) == 0)
            fprintf(stderr, "%s: %s, wanted %s\n", check, one->text, want);
    }
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return state;
}

#define OK      LODGE__LSM__HEALTH_STATE__HEALTH_OK
#define WARNING LODGE__LSM__HEALTH_STATE__HEALTH_WARNING
#define FAILED  LODGE__LSM__HEALTH_STATE__HEALTH_FAILED

static void expect_works_again(void)
{
    expect_in_syslog("storage-works id=1013");
    CHECK(state_of("storage", "can be written") == OK);
}

/* A session is made, seen and ended, whatever the database does. */
static void sessions_go_on(void)
{
    static uint16_t id = 100;
    struct agent agent;
    struct attached attached;
    int worker = lsm_connect_front(&harness), root = lsm_connect_as(&harness, 0);
    id++;
    harness_log_on(&harness, worker, 6000, id, &agent, &attached);
    CHECK(lsm_expect_reason(root, lsm_ask_session(&harness, root, LODGE__LSM__REQUEST__METHOD_LOGOFF, id)) ==
          REASON_NONE);
    sm_expect(&harness, SM_SESSION_END, &sm, NULL);
    sm_tell_ended(&harness, id, 0, REASON_LOGOFF, "");
    lsm_await_state(&harness, id, SESSION_NONE);
    close(worker), close(root), close(attached.channel);
    agent_end(&harness, &agent);
}

static void what_is_well_is_said(void)
{
    CHECK(state_of("storage", "can be written") == OK && state_of("events", "none lost") == OK);
    CHECK(state_of("smss", "in step") == OK && state_of("logons", "of") == OK);
    CHECK(state_of("syslog", "syslog gets") == OK && state_of("licences", "none are needed") == OK);
    CHECK(state_of("clock", "evenly") == OK && state_of("load-test", "no") == OK);
    CHECK(state_of("certificate", "is made when") == OK);
    FILE *file = fopen(path_of("state/rdp-cert.pem"), "w");
    CHECK(file != NULL && fputs("-----BEGIN CERTIFICATE-----\n", file) >= 0 && fclose(file) == 0);
    CHECK(state_of("certificate", "has no certificate") == WARNING);
    CHECK(state_of("listener", "not known") == WARNING && state_of("limits", "not known") == WARNING);
    struct sm_facts facts = {.text = "limits=memory (v2), pids (v2), cpu (v2)\nmissing=\nlistener=ready\n"};
    sm_tell(&harness, SM_FACTS, &facts);
    while (state_of("listener", "takes clients") != OK)
        poll(NULL, 0, 5);
    CHECK(state_of("limits", "hold: memory (v2)") == OK);
    facts = (struct sm_facts){.text = "limits=\nmissing=memory, pids, cpu\nlistener=waiting\n"};
    sm_tell(&harness, SM_FACTS, &facts);
    while (state_of("listener", "is waiting") != FAILED)
        poll(NULL, 0, 5);
    CHECK(state_of("limits", "no memory, pids, cpu; there are: none") == WARNING);
}

static void drain_and_smss_are_seen(void)
{
    Lodge__Lsm__DrainRequest drain = LODGE__LSM__DRAIN_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    int root = lsm_connect_as(&harness, 0);
    drain.mode = LODGE__LSM__DRAIN_MODE__RECONNECTS;
    request.method_case = LODGE__LSM__REQUEST__METHOD_DRAIN;
    request.drain = &drain;
    CHECK(lsm_expect_reason(root, lsm_ask(&harness, root, &request, -1)) == REASON_NONE);
    CHECK(state_of("logons", "drain mode is reconnects") == WARNING);
    drain.mode = LODGE__LSM__DRAIN_MODE__OFF;
    CHECK(lsm_expect_reason(root, lsm_ask(&harness, root, &request, -1)) == REASON_NONE);
    close(root);
    close(harness.sm);
    while (state_of("smss", "lodge-smss is away") != FAILED)
        poll(NULL, 0, 5);
    harness_take_broker(&harness);
    sm_tell_synced(&harness);
    while (state_of("smss", "in step") != OK)
        poll(NULL, 0, 5);
}

/* The longest time that an answer takes which has nothing to do with the database; in microseconds. */
static int64_t slowest_answer(void)
{
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_PING;
    request.ping = &nothing;
    int fd = lsm_connect_as(&harness, 0);
    int64_t slowest = 0;
    for (int i = 0; i < 1000; i++) {
        struct sm_event event = {.event = EVENT_DESKTOP_EXIT, .time_ms = 1000};
        int64_t start = clock_monotonic_ns();
        sm_tell(&harness, SM_EVENT, &event); /* and there is something to write all the time */
        CHECK(lsm_expect_reason(fd, lsm_ask(&harness, fd, &request, -1)) == REASON_NONE);
        int64_t took = (clock_monotonic_ns() - start) / 1000;
        slowest = took > slowest ? took : slowest;
        listen_on();
    }
    close(fd);
    return slowest;
}

static void a_locked_file(void)
{
    sqlite3 *other;
    CHECK(sqlite3_open(path_of("state/db/lodge.db"), &other) == SQLITE_OK);
    CHECK(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
    CHECK(state_of("storage", "database is locked") == FAILED);
    expect_in_syslog("storage-failed id=1012");
    int64_t slowest = slowest_answer();
    printf("with a locked database the slowest of 1000 answers took %lld us\n", (long long)slowest);
    CHECK(slowest < 5000000);
    sessions_go_on();
    expect_in_syslog("logoff id=23 session=101 user=\"somebody\"");
    CHECK(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(other);
    expect_works_again();
    lsm_await_event(&harness, EVENT_LOGOFF, 101); /* written once it could be */
}

static void a_full_disk(void)
{
    static const char zeros[4096];
    int fd = open(path_of("state/db/ballast"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    while (write(fd, zeros, sizeof(zeros)) == sizeof(zeros))
        continue;
    CHECK(errno == ENOSPC);
    CHECK(state_of("state-disk", "0 MiB") == FAILED);
    /* what is written goes to where the log has been before, until that is full */
    int64_t deadline = clock_monotonic_ms() + HARNESS_PATIENCE_MS;
    struct sm_event event = {.event = EVENT_DESKTOP_EXIT, .time_ms = 1000};
    memset(event.detail, 'x', sizeof(event.detail) - 1);
    while (state_of("storage", "full") != FAILED) {
        CHECK(clock_monotonic_ms() < deadline);
        for (int i = 0; i < 5; i++) /* no more than syslog's socket takes at a time */
            sm_tell(&harness, SM_EVENT, &event);
        listen_on();
    }
    expect_in_syslog("storage-failed id=1012");
    sessions_go_on();
    close(fd);
    CHECK(unlink(path_of("state/db/ballast")) == 0);
    expect_works_again();
}

static void a_read_only_disk(void)
{
    /* an open file can be written for as long as it is open, and so the disk cannot be made read-only */
    harness_kill_broker(&harness);
    CHECK(mount(NULL, path_of("state/db"), NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
    harness_start_broker(&harness);
    sm_tell_synced(&harness);
    CHECK(state_of("storage", "readonly") == FAILED);
    expect_in_syslog("storage-failed id=1012");
    sessions_go_on();
    CHECK(mount(NULL, path_of("state/db"), NULL, MS_REMOUNT, NULL) == 0);
    expect_works_again();
}

static bool is_set_aside(void)
{
    bool found = false;
    DIR *folder = opendir(path_of("state/db"));
    CHECK(folder != NULL);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        found |= strncmp(entry->d_name, "lodge.db.corrupt-", 17) == 0;
    closedir(folder);
    return found;
}

/* Under a broker that runs. */
static void a_corrupt_file(void)
{
    int fd = open(path_of("state/db/lodge.db"), O_WRONLY | O_CLOEXEC);
    CHECK(fd >= 0 && !is_set_aside());
    for (int i = 0; i < 64; i++)
        CHECK(write(fd, "this is no database, whatever it was before.....................", 64) == 64);
    CHECK(ftruncate(fd, 4096) == 0);
    close(fd);
    CHECK(truncate(path_of("state/db/lodge.db-wal"), 0) == 0); /* it has whole pages, which are fine */
    sessions_go_on();
    int64_t deadline = clock_monotonic_ms() + HARNESS_PATIENCE_MS;
    while (state_of("storage", "set aside as") != WARNING)
        CHECK(clock_monotonic_ms() < deadline);
    CHECK(is_set_aside());
    expect_in_syslog("storage-set-aside id=1014");
    sessions_go_on();
    lsm_await_event(&harness, EVENT_LOGOFF, 105);
}

/* The file of the database is on a disk of its own, so that that can be full. */
static void make_disk(void)
{
    CHECK(mkdir(path_of("state/db"), 0700) == 0);
    on_tmpfs = mount("tmpfs", path_of("state/db"), "tmpfs", 0, "size=1m") == 0;
    if (!on_tmpfs)
        printf("no tmpfs can be mounted: a full and a read-only disk are not tested\n");
}

static void unmount(void)
{
    if (on_tmpfs)
        umount2(path_of("state/db"), MNT_DETACH);
}

int main(void)
{
    harness_begin(&harness, "");
    make_disk();
    atexit(unmount);
    listen_as_syslog();
    harness_start_broker(&harness);
    sm_tell_synced(&harness);
    what_is_well_is_said();
    drain_and_smss_are_seen();
    a_locked_file();
    if (on_tmpfs) {
        a_full_disk();
        a_read_only_disk();
    }
    a_corrupt_file();
    unmount();
    on_tmpfs = false;
    harness_end(&harness);
    return 0;
}
