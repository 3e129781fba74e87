/* lodge-logon as it is, against a smss that this test plays: real PAM and lab accounts, real namespaces. The
 * session's first process is stand-in-init.c, which looks around from inside. */
#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/event.h"
#include "common/reason.h"
#include "logon/accounts.h"
#include "logon/play-session.h"
#include "tests/check.h"

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

/* Makes a system account with PLAY_PASSWORD; the user database may be locked by someone else for a while. */
static void system_user_add(const struct play *play, const char *suffix)
{
    struct crypt_data data = {.initialized = 0};
    char *setting = crypt_gensalt_ra("$y$", 0, NULL, 0), home[160];
    char *name = system_users[system_user_count];
    const char *hash = crypt_r(PLAY_PASSWORD, setting, &data);
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

static void accounts_make(const struct play *play)
{
    play_lab_add(play, "labkept", false);
    play_lab_add(play, "labgone", true);
    play_lab_add(play, "lablocked", false);
    play_lab_add(play, "labexpired", false);
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
        {"labkept", PLAY_PASSWORD, REASON_NONE, SM_ACCOUNT_LAB, "labkept"},
        {"X\\labkept", PLAY_PASSWORD, REASON_NONE, SM_ACCOUNT_LAB, "labkept"},
        {"labkept", "wrong", REASON_CREDENTIALS, 0, NULL},
        {"labkept", "", REASON_CREDENTIALS, 0, NULL},
        {"lablocked", PLAY_PASSWORD, REASON_LOCKED, 0, NULL},
        {"lablocked", "wrong", REASON_CREDENTIALS, 0, NULL},
        {"labexpired", PLAY_PASSWORD, REASON_EXPIRED, 0, NULL},
        {"nobody-of-this-name", PLAY_PASSWORD, REASON_CREDENTIALS, 0, NULL},
        {open, PLAY_PASSWORD, REASON_NONE, SM_ACCOUNT_SYSTEM, open},
        {domain, PLAY_PASSWORD, REASON_NONE, SM_ACCOUNT_SYSTEM, open},
        {address, PLAY_PASSWORD, REASON_NONE, SM_ACCOUNT_SYSTEM, open},
        {open, "wrong", REASON_CREDENTIALS, 0, NULL},
        {open, "", REASON_CREDENTIALS, 0, NULL},
        {system_users[1], PLAY_PASSWORD, REASON_LOCKED, 0, NULL},
        {system_users[1], "wrong", REASON_CREDENTIALS, 0, NULL},
        {system_users[2], PLAY_PASSWORD, REASON_EXPIRED, 0, NULL},
        {system_users[3], PLAY_PASSWORD, REASON_PASSWORD_EXPIRED, 0, NULL},
        {"daemon", "", REASON_CREDENTIALS, 0, NULL},
        {"", PLAY_PASSWORD, REASON_NAME, 0, NULL},
        {"../etc", PLAY_PASSWORD, REASON_NAME, 0, NULL},
        {"a\nb", PLAY_PASSWORD, REASON_NAME, 0, NULL},
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

/* In a mount namespace of its own: a PAM service that first writes down where the client is. */
static void service_replace(const struct play *play)
{
    char script[160], line[256], command[600];
    snprintf(script, sizeof(script), "%s/where", play->base);
    FILE *file = fopen(script, "we");
    CHECK(file != NULL &&
          fprintf(file, "#!/bin/sh\necho \"${PAM_RHOST:-none}\" >>%s/seen\n", play->base) > 0 &&
          fclose(file) == 0 && chmod(script, 0755) == 0);
    snprintf(line, sizeof(line), "auth required pam_exec.so %s", script);
    snprintf(command, sizeof(command), "{ echo '%s'; cat " PAM_SERVICE "; } >%s/service", line, play->base);
    CHECK(play_run("sh", "-c", command, (char *)NULL));
    snprintf(command, sizeof(command), "%s/service", play->base);
    CHECK(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
          mount(command, PAM_SERVICE, NULL, MS_BIND, NULL) == 0);
}

/* PAM learns the client's address, and nothing that is none. */
static void test_client(const struct play *play)
{
    static const char *const clients[] = {"192.0.2.7:50123", "[2001:db8::7]:1", "evil host", ""};
    char path[160], text[256] = "";
    int status;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        service_replace(play);
        for (size_t i = 0; i < 4; i++) {
            union sm_body body;
            struct player player = play_start_from(play, 161 + i, system_users[0], PLAY_PASSWORD, clients[i]);
            play_accept(play, &player, 1);
            play_receive(&player, SM_LOGON_RESULT, &body);
            CHECK(body.logon_result.reason == REASON_NONE);
            play_send(&player, SM_LOGON_DROP,
                      &(struct sm_logon_drop){.logon = 161 + i, .reason = REASON_DRAIN});
            CHECK(play_wait(&player) == 0);
        }
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    snprintf(path, sizeof(path), "%s/seen", play->base);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
    close(fd);
    CHECK_TEXT(text, "192.0.2.7\n2001:db8::7\nnone\nnone\n");
}

/* A session as a service's account could do what the service may. */
static void test_service_account(struct play *play)
{
    char path[160];
    union sm_body body;
    snprintf(path, sizeof(path), "%s/lodge.conf", play->base);
    FILE *file = fopen(path, "ae");
    CHECK(file != NULL && fprintf(file, "[Server]\nFrontUser = %s\n", system_users[0]) > 0 &&
          fclose(file) == 0);
    struct player player = play_start(play, 151, system_users[0], PLAY_PASSWORD);
    play_accept(play, &player, 1);
    play_receive(&player, SM_LOGON_RESULT, &body);
    CHECK(body.logon_result.reason == REASON_DENIED);
    CHECK(play_wait(&player) == 0);
    play_configure(play, true);
}

static void test_sessions(struct play *play)
{
    struct stat status;
    play_session(play, "labkept", 800);
    CHECK(play_exists(play, "state/homes/labkept/kept", &status));
    play_session(play, "labkept", 800); /* with the home that is there now */
    play_session(play, "labgone", 800);
    CHECK(!play_exists(play, "state/homes/labgone", &status) && access("/home/labgone", F_OK) != 0);
    CHECK(access("/home/labkept", F_OK) != 0);
    play_session(play, system_users[0], 800);
    char pids[400];
    snprintf(pids, sizeof(pids), "%s/session-1/pids.max", play->cgroup);
    if (access(pids, F_OK) != 0) { /* no cgroup holds it */
        play_session(play, system_users[0], PLAY_WIDTH_BOUNDED);
        play_session(play, "labgone", PLAY_WIDTH_BOUNDED);
    }
    play_configure(play, false);
    play_session(play, "labgone", 801);
    play_configure(play, true);
}

/* Two sessions of different people at once do not see each other, and end on their own. */
static void test_two(const struct play *play)
{
    struct player one = play_logon(play, 21, "labkept"), two = play_logon(play, 22, system_users[0]);
    play_create(play, &one, 1, 800);
    play_create(play, &two, 2, 800);
    play_expect_state(&one, 1, SM_SESSION_UP, "labkept");
    play_expect_state(&two, 2, SM_SESSION_UP, system_users[0]);
    play_end(&one, 1, 1000);
    play_expect_ended(&one, 1, REASON_LOGOFF_ADMIN);
    play_wait_cgroup(play, "session-2", true);
    play_check_files(play, 2, true);
    play_end(&two, 2, 1000);
    play_expect_ended(&two, 2, REASON_LOGOFF_ADMIN);
}

static void test_smss_restart(struct play *play)
{
    struct player player = play_logon(play, 31, "labgone");
    play_create(play, &player, 3, 800);
    play_expect_state(&player, 3, SM_SESSION_UP, "labgone");
    play_deafen(play);
    close(player.fd);
    player.fd = -1;
    play_listen(play);
    play_accept(play, &player, 1);
    play_expect_state(&player, 3, SM_SESSION_UP, "labgone");
    /* It ends while nobody listens: told when somebody does. */
    play_end(&player, 3, 1000);
    play_deafen(play);
    close(player.fd);
    player.fd = -1;
    play_wait_cgroup(play, "session-3", false);
    play_listen(play);
    play_accept(play, &player, 1);
    play_expect_state(&player, 3, SM_SESSION_ENDING, "labgone");
    play_expect_ended(&player, 3, REASON_LOGOFF_ADMIN);
    play_check_files(play, 3, false);
}

static void test_failures(const struct play *play)
{
    /* No such cgroup: undone and told. */
    struct player player = play_logon(play, 41, "labgone");
    struct sm_session_create request = {.logon = 41, .id = 1, .cgroup = "/nowhere"};
    play_send(&player, SM_SESSION_CREATE, &request);
    play_expect_ended(&player, 1, REASON_SESSION_FAILED);
    play_check_files(play, 1, false);
    /* The first process dies without a word. */
    player = play_logon(play, 42, "labgone");
    play_create(play, &player, 1, 800);
    play_expect_state(&player, 1, SM_SESSION_UP, "labgone");
    play_end(&player, 1, 1);
    play_expect_ended(&player, 1, REASON_LOGOFF_ADMIN);
    play_check_files(play, 1, false);
    /* smss goes before it wanted anything: nothing to wait for. */
    player = play_logon(play, 43, system_users[0]);
    close(player.fd);
    player.fd = -1;
    CHECK(play_wait(&player) == 0);
}

/* What nobody asked for. */
static void test_deaths(const struct play *play)
{
    char path[400];
    struct player player = play_logon(play, 51, "labgone");
    play_create(play, &player, 1, 800);
    play_expect_state(&player, 1, SM_SESSION_UP, "labgone");
    play_send(&player, SM_PING, &(struct sm_ping){.seconds = 15});
    union sm_body body;
    play_receive(&player, SM_PONG, &body);
    CHECK(body.pong.who == SM_ALIVE_ITSELF); /* the stand-in for lodge-init says nothing */
    snprintf(path, sizeof(path), "%s/session-1/cgroup.kill", play->cgroup);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    CHECK(fd >= 0 && write(fd, "1", 1) == 1);
    close(fd);
    play_receive(&player, SM_EVENT, &body);
    CHECK(body.event.event == EVENT_INIT_EXIT);
    CHECK(strncmp(body.event.detail, "lodge-init was killed by signal 9 after ", 40) == 0);
    play_expect_ended(&player, 1, REASON_SESSION_DIED);
    play_check_files(play, 1, false);
    /* The logon is killed: the session dies with it. */
    player = play_logon(play, 52, "labgone");
    play_create(play, &player, 1, 800);
    play_expect_state(&player, 1, SM_SESSION_UP, "labgone");
    CHECK(kill(player.pid, SIGKILL) == 0);
    CHECK(WIFSIGNALED(play_wait(&player)));
    play_wait_cgroup(play, "session-1", false);
    /* What it left behind is in nobody's way. */
    play_session(play, "labgone", 800);
    /* The logon is asked to end: as at shutdown. */
    player = play_logon(play, 53, "labgone");
    play_create(play, &player, 1, 800);
    play_expect_state(&player, 1, SM_SESSION_UP, "labgone");
    CHECK(kill(player.pid, SIGTERM) == 0);
    play_expect_ended(&player, 1, REASON_SHUTDOWN);
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
    test_client(&play);
    test_service_account(&play);
    test_sessions(&play);
    test_two(&play);
    test_smss_restart(&play);
    test_failures(&play);
    test_deaths(&play);
    play_finish(&play);
    unfinished = NULL;
    return 0;
}
