/* lodge-logon as it is, against a smss that this test plays: real PAM and lab accounts, real namespaces. The
 * session's first process is stand-in-init.c, which looks around from inside. */
#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/reason.h"
#include "logon/accounts.h"
#include "logon/play.h"
#include "tests/check.h"

#define PASSWORD    "Right 1"
#define PAM_SERVICE "/etc/pam.d/lodge"

static char error[512];
static char system_users[4][32]; /* open, locked, expired, password expired */
static unsigned system_user_count;
static bool service_made;
static pid_t test_pid;
static const struct play *unfinished;

/* However the test ends, the machine is as it was. */
static void clean_up(void)
{
    if (getpid() != test_pid)
        return;
    while (system_user_count > 0)
        play_run("userdel", "-f", system_users[--system_user_count], (char *)NULL);
    if (service_made)
        unlink(PAM_SERVICE);
    if (unfinished != NULL)
        play_abandon(unfinished);
}

static void service_install(void)
{
    if (access(PAM_SERVICE, F_OK) == 0)
        return;
    CHECK(play_run("cp", LODGE_PAM_FILE, PAM_SERVICE, (char *)NULL));
    service_made = true;
}

/* Makes a system account with PASSWORD; the user database may be locked by someone else for a while. */
static void system_user_add(const struct play *play, const char *suffix)
{
    struct crypt_data data = {.initialized = 0};
    char *setting = crypt_gensalt_ra("$y$", 0, NULL, 0), home[160];
    char *name = system_users[system_user_count];
    const char *hash = crypt_r(PASSWORD, setting, &data);
    CHECK(hash != NULL && hash[0] == '$');
    snprintf(name, sizeof(system_users[0]), "lt%d%s", (int)getpid(), suffix);
    snprintf(home, sizeof(home), "%s/home-%s", play->base, suffix);
    bool made = false;
    for (int i = 0; i < 5 && !made; i++)
        made = play_run("useradd", "-m", "-d", home, "-s", "/bin/sh", "-p", hash, name, (char *)NULL);
    CHECK(made);
    system_user_count++;
    free(setting);
}

static void lab_add(const struct play *play, const char *name, bool throwaway)
{
    struct account account = {.expires_day = ACCOUNT_NEVER, .throwaway = throwaway, .full_name = "Lab User"};
    snprintf(account.name, sizeof(account.name), "%s", name);
    if (!accounts_add(&play->conf, &account, PASSWORD, NULL, error, sizeof(error))) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
}

static void accounts_make(const struct play *play)
{
    lab_add(play, "labkept", false);
    lab_add(play, "labgone", true);
    lab_add(play, "lablocked", false);
    lab_add(play, "labexpired", false);
    CHECK(accounts_set_locked(&play->conf, "lablocked", true, error, sizeof(error)));
    CHECK(accounts_set_expiry(&play->conf, "labexpired", 1, error, sizeof(error)));
    system_user_add(play, "open");
    system_user_add(play, "lock");
    system_user_add(play, "old");
    system_user_add(play, "pass");
    CHECK(play_run("usermod", "-L", system_users[1], (char *)NULL));
    CHECK(play_run("chage", "-E", "0", system_users[2], (char *)NULL));
    CHECK(play_run("chage", "-d", "0", system_users[3], (char *)NULL));
}

/* Every way in which credentials can be right or wrong, all at the same time. */
static void test_authentication(const struct play *play)
{
    const char *const open = system_users[0];
    char domain[64], address[64];
    snprintf(domain, sizeof(domain), "LAB\\%s", open);
    snprintf(address, sizeof(address), "%s@lab.example", open);
    const struct {
        const char *user, *password;
        enum reason reason;
        enum sm_account account;
        const char *canonical;
    } cases[] = {
        {"labkept", PASSWORD, REASON_NONE, SM_ACCOUNT_LAB, "labkept"},
        {"X\\labkept", PASSWORD, REASON_NONE, SM_ACCOUNT_LAB, "labkept"},
        {"labkept", "wrong", REASON_CREDENTIALS, 0, NULL},
        {"labkept", "", REASON_CREDENTIALS, 0, NULL},
        {"lablocked", PASSWORD, REASON_LOCKED, 0, NULL},
        {"lablocked", "wrong", REASON_CREDENTIALS, 0, NULL},
        {"labexpired", PASSWORD, REASON_EXPIRED, 0, NULL},
        {"nobody-of-this-name", PASSWORD, REASON_CREDENTIALS, 0, NULL},
        {open, PASSWORD, REASON_NONE, SM_ACCOUNT_SYSTEM, open},
        {domain, PASSWORD, REASON_NONE, SM_ACCOUNT_SYSTEM, open},
        {address, PASSWORD, REASON_NONE, SM_ACCOUNT_SYSTEM, open},
        {open, "wrong", REASON_CREDENTIALS, 0, NULL},
        {open, "", REASON_CREDENTIALS, 0, NULL},
        {system_users[1], PASSWORD, REASON_LOCKED, 0, NULL},
        {system_users[1], "wrong", REASON_CREDENTIALS, 0, NULL},
        {system_users[2], PASSWORD, REASON_EXPIRED, 0, NULL},
        {system_users[3], PASSWORD, REASON_PASSWORD_EXPIRED, 0, NULL},
        {"daemon", "", REASON_CREDENTIALS, 0, NULL},
        {"", PASSWORD, REASON_NAME, 0, NULL},
        {"../etc", PASSWORD, REASON_NAME, 0, NULL},
        {"a\nb", PASSWORD, REASON_NAME, 0, NULL},
    };
    enum { COUNT = sizeof(cases) / sizeof(cases[0]) };
    struct player players[COUNT];
    union sm_body body;
    for (size_t i = 0; i < COUNT; i++)
        players[i] = play_start(play, 100 + i, cases[i].user, cases[i].password);
    for (size_t i = 0; i < COUNT; i++)
        play_accept(play, players, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        play_receive(&players[i], SM_LOGON_RESULT, &body);
        const struct sm_logon_result *result = &body.logon_result;
        if (result->reason != cases[i].reason)
            fprintf(stderr, "%s, %s: %s\n", cases[i].user, cases[i].password, reason_name(result->reason));
        CHECK(result->reason == cases[i].reason && result->logon == 100 + i);
        if (result->reason == REASON_NONE) {
            struct sm_logon_drop drop = {.logon = 100 + i, .reason = REASON_DRAIN};
            CHECK(result->account == cases[i].account && result->uid >= 1000);
            CHECK_TEXT(result->user, cases[i].canonical);
            play_send(&players[i], SM_LOGON_DROP, &drop);
        } else {
            CHECK_TEXT(result->user, "");
        }
        CHECK(play_wait(&players[i]) == 0);
    }
}

static struct player logon(const struct play *play, uint64_t number, const char *user)
{
    union sm_body body;
    struct player player = play_start(play, number, user, PASSWORD);
    play_accept(play, &player, 1);
    play_receive(&player, SM_LOGON_RESULT, &body);
    CHECK(body.logon_result.reason == REASON_NONE);
    return player;
}

static void create(const struct play *play, const struct player *player, uint16_t id, uint16_t width)
{
    struct sm_session_create request = {
        .logon = player->logon, .id = id, .display = 0, .width = width, .height = 600};
    snprintf(request.cgroup, sizeof(request.cgroup), "%.200s/session-%u", play->cgroup, id);
    play_send(player, SM_SESSION_CREATE, &request);
}

static void expect_state(const struct player *player, uint16_t id, enum sm_life state, const char *user)
{
    union sm_body body;
    play_receive(player, SM_SESSION_STATE, &body);
    CHECK(body.session_state.id == id && body.session_state.state == state);
    CHECK(body.session_state.logon == player->logon && body.session_state.started_ms > 0);
    CHECK_TEXT(body.session_state.user, user);
}

static void end(const struct player *player, uint16_t id, uint32_t grace_ms)
{
    struct sm_session_end request = {.id = id, .reason = REASON_LOGOFF_ADMIN, .grace_ms = grace_ms};
    play_send(player, SM_SESSION_END, &request);
}

static void expect_ended(struct player *player, uint16_t id, enum reason reason)
{
    union sm_body body;
    play_receive(player, SM_SESSION_ENDED, &body);
    if (body.session_ended.reason != reason)
        fprintf(stderr, "%s: %s\n", reason_name(body.session_ended.reason), body.session_ended.detail);
    CHECK(body.session_ended.id == id && body.session_ended.reason == reason);
    CHECK(body.session_ended.logon == player->logon);
    CHECK(play_wait(player) == 0);
}

static bool exists(const struct play *play, const char *name, struct stat *status_r)
{
    char path[200];
    snprintf(path, sizeof(path), "%s/%s", play->base, name);
    return lstat(path, status_r) == 0;
}

static void check_session_files(const struct play *play, uint16_t id, bool wanted)
{
    struct stat status;
    const struct group *group = getgrnam("daemon");
    char directory[64], port[64];
    snprintf(directory, sizeof(directory), "run/sessions/%u", id);
    snprintf(port, sizeof(port), "run/winstation/%u.port", id);
    CHECK(exists(play, directory, &status) == wanted);
    CHECK(!wanted || (status.st_mode & 07777) == 0700);
    CHECK(exists(play, port, &status) == wanted);
    CHECK(!wanted || ((status.st_mode & 07777) == 0660 && status.st_uid == 0 && group != NULL &&
                      status.st_gid == group->gr_gid));
}

/* The places a session mounts something on; anything new there would have leaked to the host. */
static unsigned host_mounts(const struct play *play)
{
    static const char *const places[] = {"/tmp",       "/home",      "/dev/shm",  "/dev/mqueue",
                                         "/proc",      "/run/user",  "/run/nscd", "/etc/passwd",
                                         "/etc/group", "/etc/shadow"};
    char line[1024], point[256];
    unsigned count = 0;
    FILE *file = fopen("/proc/self/mountinfo", "re");
    CHECK(file != NULL);
    while (fgets(line, sizeof(line), file) != NULL) {
        CHECK(sscanf(line, "%*s %*s %*s %*s %255s", point) == 1);
        for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
            count += strcmp(point, places[i]) == 0;
        count += strncmp(point, play->base, strlen(play->base)) == 0;
    }
    fclose(file);
    return count;
}

/* One session from logon to logoff. */
static void session(const struct play *play, const char *user, uint16_t width)
{
    unsigned before = host_mounts(play);
    struct player player = logon(play, 7, user);
    create(play, &player, 1, width);
    expect_state(&player, 1, SM_SESSION_UP, user);
    play_wait_cgroup(play, "session-1", true);
    check_session_files(play, 1, true);
    CHECK(host_mounts(play) == before);
    end(&player, 1, 1000);
    expect_ended(&player, 1, REASON_LOGOFF_ADMIN);
    play_wait_cgroup(play, "session-1", false);
    check_session_files(play, 1, false);
    CHECK(host_mounts(play) == before);
}

static void test_sessions(struct play *play)
{
    struct stat status;
    session(play, "labkept", 800);
    CHECK(exists(play, "state/homes/labkept/kept", &status));
    session(play, "labkept", 800); /* with the home that is there now */
    session(play, "labgone", 800);
    CHECK(!exists(play, "state/homes/labgone", &status) && access("/home/labgone", F_OK) != 0);
    CHECK(access("/home/labkept", F_OK) != 0);
    session(play, system_users[0], 800);
    play_configure(play, false);
    session(play, "labgone", 801);
    play_configure(play, true);
}

/* Two sessions of different people at once do not see each other, and end on their own. */
static void test_two(const struct play *play)
{
    struct player one = logon(play, 21, "labkept"), two = logon(play, 22, system_users[0]);
    create(play, &one, 1, 800);
    create(play, &two, 2, 800);
    expect_state(&one, 1, SM_SESSION_UP, "labkept");
    expect_state(&two, 2, SM_SESSION_UP, system_users[0]);
    end(&one, 1, 1000);
    expect_ended(&one, 1, REASON_LOGOFF_ADMIN);
    play_wait_cgroup(play, "session-2", true);
    check_session_files(play, 2, true);
    end(&two, 2, 1000);
    expect_ended(&two, 2, REASON_LOGOFF_ADMIN);
}

static void test_smss_restart(struct play *play)
{
    struct player player = logon(play, 31, "labgone");
    create(play, &player, 3, 800);
    expect_state(&player, 3, SM_SESSION_UP, "labgone");
    play_deafen(play);
    close(player.fd);
    player.fd = -1;
    play_listen(play);
    play_accept(play, &player, 1);
    expect_state(&player, 3, SM_SESSION_UP, "labgone");
    /* It ends while nobody listens: told when somebody does. */
    end(&player, 3, 1000);
    play_deafen(play);
    close(player.fd);
    player.fd = -1;
    play_wait_cgroup(play, "session-3", false);
    play_listen(play);
    play_accept(play, &player, 1);
    expect_state(&player, 3, SM_SESSION_ENDING, "labgone");
    expect_ended(&player, 3, REASON_LOGOFF_ADMIN);
    check_session_files(play, 3, false);
}

static void test_failures(const struct play *play)
{
    /* No such cgroup: undone and told. */
    struct player player = logon(play, 41, "labgone");
    struct sm_session_create request = {.logon = 41, .id = 1, .cgroup = "/nowhere"};
    play_send(&player, SM_SESSION_CREATE, &request);
    expect_ended(&player, 1, REASON_SESSION_FAILED);
    check_session_files(play, 1, false);
    /* The first process dies without a word. */
    player = logon(play, 42, "labgone");
    create(play, &player, 1, 800);
    expect_state(&player, 1, SM_SESSION_UP, "labgone");
    end(&player, 1, 1);
    expect_ended(&player, 1, REASON_LOGOFF_ADMIN);
    check_session_files(play, 1, false);
    /* smss goes before it wanted anything: nothing to wait for. */
    player = logon(play, 43, system_users[0]);
    close(player.fd);
    player.fd = -1;
    CHECK(play_wait(&player) == 0);
}

/* What nobody asked for. */
static void test_deaths(const struct play *play)
{
    char path[400];
    struct player player = logon(play, 51, "labgone");
    create(play, &player, 1, 800);
    expect_state(&player, 1, SM_SESSION_UP, "labgone");
    snprintf(path, sizeof(path), "%s/session-1/cgroup.kill", play->cgroup);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    CHECK(fd >= 0 && write(fd, "1", 1) == 1);
    close(fd);
    expect_ended(&player, 1, REASON_SESSION_DIED);
    check_session_files(play, 1, false);
    /* The logon is killed: the session dies with it. */
    player = logon(play, 52, "labgone");
    create(play, &player, 1, 800);
    expect_state(&player, 1, SM_SESSION_UP, "labgone");
    CHECK(kill(player.pid, SIGKILL) == 0);
    CHECK(WIFSIGNALED(play_wait(&player)));
    play_wait_cgroup(play, "session-1", false);
    /* What it left behind is in nobody's way. */
    session(play, "labgone", 800);
    /* The logon is asked to end: as at shutdown. */
    player = logon(play, 53, "labgone");
    create(play, &player, 1, 800);
    expect_state(&player, 1, SM_SESSION_UP, "labgone");
    CHECK(kill(player.pid, SIGTERM) == 0);
    expect_ended(&player, 1, REASON_SHUTDOWN);
}

int main(void)
{
    static struct play play;
    test_pid = getpid();
    play_begin(&play);
    unfinished = &play;
    atexit(clean_up);
    service_install();
    accounts_make(&play);
    test_authentication(&play);
    test_sessions(&play);
    test_two(&play);
    test_smss_restart(&play);
    test_failures(&play);
    test_deaths(&play);
    play_finish(&play);
    unfinished = NULL;
    return 0;
}
