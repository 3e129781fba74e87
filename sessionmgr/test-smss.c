/* The real lodge-smss: boot, logons, sessions and their ends, recovery, shutdown. */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stddef.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/packet.h"
#include "common/reason.h"
#include "rpc/sm.h"
#include "sessionmgr/proc.h"
#include "sessionmgr/smss-stage.h"
#include "tests/check.h"

static void the_run_directory_is_laid_out(void)
{
    static const struct {
        const char *name;
        mode_t mode;
        bool broker_group;
    } wanted[] = {{"ports", 0755, false},          {"winstation", 0750, true}, {"ports/sm.port", 0660, true},
                  {"ports/lsm.port", 0666, false}, {"sessions", 0711, false},  {"../state/db", 0700, true},
                  {"../state/homes", 0700, false}};
    struct passwd *broker = getpwnam("lodge");
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        char path[160];
        struct stat status;
        snprintf(path, sizeof(path), "%s/%s", test.run, wanted[i].name);
        CHECK(stat(path, &status) == 0 && (status.st_mode & 07777) == wanted[i].mode);
        CHECK(status.st_gid == (wanted[i].broker_group ? broker->pw_gid : 0));
    }
}

static void a_port_in_use_is_explained(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)test.port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    CHECK(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 1) == 0);
    start_smss();
    int status = wait_smss();
    if (log_has("cgroup v2 is not mounted")) {
        fprintf(stderr, "no cgroups here\n");
        exit(SKIP);
    }
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    char text[128];
    snprintf(text, sizeof(text), "port %d is in use by test-smss (process %d)", test.port, (int)getpid());
    CHECK(log_has(text) && log_has("Port in lodge.conf") && log_has("make run PORT="));
    close(fd);
}

static void a_second_one_is_refused(void)
{
    pid_t first = test.smss;
    start_smss();
    int status = wait_smss();
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1 && log_has("another lodge-smss runs"));
    test.smss = first;
}

static void a_refusal_is_passed_on(void)
{
    struct relay logon = start_logon(1);
    say_result(&logon, REASON_CREDENTIALS);
    close(logon.fd);
    logon = start_logon(2);
    say_result(&logon, REASON_NONE);
    say(&test.broker, SM_LOGON_DROP, &(struct sm_logon_drop){.logon = 2, .reason = REASON_USER_LIMIT});
    expect(&logon, SM_LOGON_DROP);
    CHECK(body.logon_drop.reason == REASON_USER_LIMIT);
    close(logon.fd);
}

static void an_admission_that_is_not_configured_is_refused(void)
{
    struct sm_logon_admit bad[] = {{.cpu_weight = 101, .tasks = 77},
                                   {.cpu_weight = 0, .tasks = 77},
                                   {.cpu_weight = 100, .tasks = 78},
                                   {.cpu_weight = 100, .tasks = 77, .memory_mib = 1},
                                   {.cpu_weight = 100, .tasks = 77, .desktop = "a desktop; id"},
                                   {.cpu_weight = 100, .tasks = 77, .home = "/root"}};
    for (uint64_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct relay logon = start_logon(700 + i);
        say_result(&logon, REASON_NONE);
        bad[i].logon = 700 + i;
        say(&test.broker, SM_LOGON_ADMIT, &bad[i]);
        expect(&test.broker, SM_LOGON_RESULT);
        CHECK(body.logon_result.logon == 700 + i && body.logon_result.reason == REASON_SESSION_FAILED);
        expect(&logon, SM_LOGON_DROP);
        close(logon.fd);
    }
}

/* What stands in the file counts when the broker has read it, and not what stood there before. */
static void a_new_configuration_counts_when_it_is_read(void)
{
    static const char fresh[] = "[Group others]\nCpuWeight = 7\n";
    const struct sm_logon_admit admits[] = {{.logon = 720, .cpu_weight = 7, .tasks = 77},
                                            {.logon = 721, .cpu_weight = 7, .tasks = 77},
                                            {.logon = 722, .cpu_weight = 7, .tasks = 77}};
    struct stat before;
    FILE *file = fopen(test.conf, "a");
    CHECK(file != NULL && fstat(fileno(file), &before) == 0 && fputs(fresh, file) >= 0 && fclose(file) == 0);
    for (int i = 0; i < 3; i++) {
        struct relay logon = start_logon(admits[i].logon);
        say_result(&logon, REASON_NONE);
        if (i == 2)
            CHECK(truncate(test.conf, before.st_size) == 0);
        if (i > 0)
            say(&test.broker, SM_CONF_READ, &(struct sm_conf_read){.groups = 0});
        say(&test.broker, SM_LOGON_ADMIT, &admits[i]);
        if (i == 1) {
            expect(&test.broker, SM_SESSION_STATE);
            uint16_t id = body.session_state.id;
            expect(&logon, SM_SESSION_CREATE);
            snprintf(test.cgroup, sizeof(test.cgroup), "%s", body.session_create.cgroup);
            CHECK(kill(logon.who.pid, SIGKILL) == 0);
            expect_ended(id, REASON_SESSION_DIED);
        } else {
            expect(&test.broker, SM_LOGON_RESULT);
            CHECK(body.logon_result.reason == REASON_SESSION_FAILED);
            expect(&logon, SM_LOGON_DROP);
        }
        close(logon.fd);
    }
}

static void a_logon_that_dies_is_a_refusal(void)
{
    struct relay logon = start_logon(3);
    CHECK(kill(logon.who.pid, SIGKILL) == 0);
    expect(&test.broker, SM_LOGON_RESULT);
    CHECK(body.logon_result.logon == 3 && body.logon_result.reason == REASON_INTERNAL);
    close(logon.fd);
    say(&test.broker, SM_LOGON_ADMIT, &(struct sm_logon_admit){.logon = 3});
    expect(&test.broker, SM_LOGON_RESULT);
    CHECK(body.logon_result.logon == 3 && body.logon_result.reason == REASON_SESSION_FAILED);
}

static void too_many_logons_are_busy(void)
{
    enum { MOST = 64 };
    static struct relay logons[MOST];
    for (int i = 0; i < MOST; i++)
        logons[i] = start_logon(1000 + (uint64_t)i);
    say_logon_start(5000);
    expect(&test.broker, SM_LOGON_RESULT);
    CHECK(body.logon_result.logon == 5000 && body.logon_result.reason == REASON_BUSY);
    for (int i = 0; i < MOST; i++) {
        CHECK(kill(logons[i].who.pid, SIGKILL) == 0);
        close(logons[i].fd);
        expect(&test.broker, SM_LOGON_RESULT);
    }
}

static void a_session_ends_and_nothing_is_left(void)
{
    struct relay logon = start_logon(10);
    say_result(&logon, REASON_NONE);
    uint16_t id = make_session(&logon);
    pid_t straggler = add_straggler(test.cgroup, "straggler");
    struct sm_session_end end = {.id = id, .reason = REASON_LOGOFF_ADMIN, .grace_ms = 1000};
    struct sm_event event = {.event = EVENT_LICENCE_WARNING, .session = 4711, .detail = "of a session"};
    say(&logon, SM_EVENT, &event);
    expect_event(EVENT_LICENCE_WARNING, id); /* its own, whatever it says */
    CHECK_TEXT(test.event.detail, "of a session");
    say(&test.broker, SM_SESSION_END, &end);
    expect(&logon, SM_SESSION_END);
    CHECK(body.session_end.reason == REASON_LOGOFF_ADMIN && body.session_end.grace_ms == 1000);
    struct sm_session_ended ended = {.id = id, .reason = REASON_LOGOFF_ADMIN, .logon = 10, .detail = "why"};
    say(&logon, SM_SESSION_ENDED, &ended);
    close(logon.fd); /* it exits */
    expect_ended(id, REASON_LOGOFF_ADMIN);
    CHECK_TEXT(body.session_ended.detail, "why");
    int status;
    CHECK(waitpid(straggler, &status, 0) == straggler && WIFSIGNALED(status));
    CHECK(log_has("killed what was left: straggler"));
}

/* lodge-smss is told of a death and of what the dead had said before at the same time: the reason counts. */
static void last_words_are_heard(void)
{
    struct relay logon = start_logon(14);
    say_result(&logon, REASON_NONE);
    uint16_t id = make_session(&logon);
    int pidfd = pidfd_open(logon.who.pid, 0);
    CHECK(pidfd >= 0 && kill(test.smss, SIGSTOP) == 0);
    for (int i = 0; i < 3; i++)
        say(&logon, SM_EVENT, &(struct sm_event){.event = EVENT_SHELL_START, .detail = "on its way"});
    say(&logon, SM_SESSION_ENDED,
        &(struct sm_session_ended){.id = id, .reason = REASON_DISPLAY_FAILED, .logon = 14, .detail = "why"});
    close(logon.fd); /* it exits */
    wait_readable(pidfd);
    close(pidfd);
    CHECK(kill(test.smss, SIGCONT) == 0);
    expect_ended(id, REASON_DISPLAY_FAILED);
    CHECK_TEXT(body.session_ended.detail, "why");
}

static void a_session_that_is_not_there_has_ended(void)
{
    say(&test.broker, SM_SESSION_END, &(struct sm_session_end){.id = 4711, .reason = REASON_LOGOFF});
    expect(&test.broker, SM_SESSION_ENDED);
    CHECK(body.session_ended.id == 4711 && body.session_ended.reason == REASON_NO_SESSION);
}

static void a_logon_that_dies_ends_its_session(void)
{
    struct relay logon = start_logon(11);
    say_result(&logon, REASON_NONE);
    uint16_t id = make_session(&logon);
    CHECK(kill(logon.who.pid, SIGKILL) == 0);
    close(logon.fd);
    expect_ended(id, REASON_SESSION_DIED);
}

static void a_logon_that_does_not_listen_is_killed(void)
{
    struct relay logon = start_logon(12);
    say_result(&logon, REASON_NONE);
    uint16_t id = make_session(&logon);
    CHECK(kill(logon.who.pid, SIGSTOP) == 0);
    say(&test.broker, SM_SESSION_END, &(struct sm_session_end){.id = id, .reason = REASON_LOGOFF_ADMIN});
    expect_ended(id, REASON_LOGOFF_ADMIN);
    close(logon.fd);
}

static void dead_services_are_started_again(void)
{
    struct relay logon = start_logon(13);
    say_result(&logon, REASON_NONE);
    uint16_t id = make_session(&logon);
    say(&test.broker, SM_VIEWER, &(struct sm_viewer){.id = id, .viewer = 4711});
    say(&test.broker, SM_SESSION_END, &(struct sm_session_end){.id = id + 1}); /* the answer comes after */
    expect(&test.broker, SM_SESSION_ENDED);
    CHECK(kill(test.broker.who.pid, SIGKILL) == 0);
    expect_end(&test.broker);
    test.broker = accept_relay(SM_BROKER); /* so that the old one is known to be gone */
    say(&logon, SM_EVENT, &(struct sm_event){.event = EVENT_SHELL_START, .detail = "waits"});
    greet_broker();
    expect(&test.broker, SM_SESSION_STATE);
    CHECK(body.session_state.id == id && body.session_state.state == SM_SESSION_UP);
    CHECK_TEXT(body.session_state.user, "demo");
    expect(&test.broker, SM_VIEWER);
    CHECK(body.viewer.id == id && body.viewer.viewer == 4711);
    expect(&test.broker, SM_SYNCED);
    CHECK(body.synced.sessions == 1);
    expect_event(EVENT_SHELL_START, id);
    CHECK(kill(test.listener.who.pid, SIGKILL) == 0);
    expect_end(&test.listener);
    test.listener = accept_relay(SM_LISTENER);
    expect_hello(&test.listener);
    expect_fact("\nlistener=starting\n"); /* it was ready before */
    say(&test.listener, SM_READY, &(struct sm_ready){.role = SM_LISTENER});
    expect_fact("\nlistener=ready\n");
    CHECK(kill(logon.who.pid, SIGKILL) == 0);
    close(logon.fd);
    expect_ended(id, REASON_SESSION_DIED);
}

static void who_breaks_the_protocol_is_closed(void)
{
    struct relay logon = start_logon(14);
    say(&logon, SM_LOGON_RESULT, &(struct sm_logon_result){.logon = 99});
    expect_hello(&logon); /* closed, connected again */
    say_result(&logon, REASON_CREDENTIALS);
    close(logon.fd);
    char path[160];
    snprintf(path, sizeof(path), "%s/ports/sm.port", test.run);
    int fd = packet_connect(path);
    CHECK(fd >= 0);
    struct sm_hello hello = {.role = SM_LOGON, .logon = 14};
    CHECK(message_send(fd, &sm_protocol, SM_HELLO, &hello, -1) == 0); /* root, but no lodge-logon */
    struct relay stranger = {.fd = fd};
    expect_end(&stranger);
}

/* The broker is told of the session that goes on, then SYNCED; and, at any time, of the one that is lost. */
static void expect_recovery(uint16_t kept, uint16_t lost)
{
    bool told = false, synced = false, ended = false;
    while (!told || !synced || !ended) {
        unsigned number = receive(&test.broker);
        if (number == SM_SESSION_STATE) {
            CHECK(!synced && body.session_state.id == kept && body.session_state.state == SM_SESSION_UP);
            told = true;
        } else if (number == SM_SYNCED) {
            CHECK(told && body.synced.sessions == 1);
            synced = true;
        } else {
            CHECK(number == SM_SESSION_ENDED && body.session_ended.id == lost);
            CHECK(body.session_ended.reason == REASON_SESSION_DIED);
            ended = true;
        }
    }
}

/* The number that RUN/display holds. */
static long saved_display(void)
{
    char path[160], text[16];
    snprintf(path, sizeof(path), "%s/display", test.run);
    CHECK(proc_read(path, text, sizeof(text)) > 0);
    return strtol(text, NULL, 10);
}

static bool is_name_free(unsigned display)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "/tmp/.X11-unix/X%u", display);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
    bool is_free = bind(fd, (struct sockaddr *)&address, size) == 0;
    CHECK(is_free || errno == EADDRINUSE);
    close(fd);
    return is_free;
}

/* kill -9 and a new start: services and the session go on; a session whose logon died meanwhile is cleaned.
 */
static void sessions_outlive_smss(void)
{
    struct relay kept = start_logon(20), lost = start_logon(21);
    long display = saved_display();
    char lost_group[PATH_MAX];
    say_result(&lost, REASON_NONE);
    uint16_t lost_id = make_session(&lost);
    snprintf(lost_group, sizeof(lost_group), "%s", test.cgroup);
    pid_t straggler = add_straggler(lost_group, "straggler");
    CHECK(straggler > 0);
    say_result(&kept, REASON_NONE);
    uint16_t kept_id = make_session(&kept);
    char kept_group[PATH_MAX];
    snprintf(kept_group, sizeof(kept_group), "%s", test.cgroup);
    CHECK(kill(test.smss, SIGKILL) == 0 && WIFSIGNALED(wait_smss()));
    /* Nobody else can be the X server of the session that lives on. */
    CHECK(!is_name_free((unsigned)display));
    CHECK(kill(lost.who.pid, SIGKILL) == 0);
    close(lost.fd);
    start_smss();
    expect_hello(&test.broker);
    expect_hello(&test.listener);
    expect_hello(&kept);
    say_state(&kept, kept_id, SM_SESSION_UP);
    expect_recovery(kept_id, lost_id);
    CHECK(access(lost_group, F_OK) != 0 && waitpid(straggler, NULL, 0) == straggler);
    CHECK(kill(kept.who.pid, 0) == 0);
    struct relay next = start_logon(22);
    say_result(&next, REASON_NONE);
    CHECK(make_session(&next) == kept_id + 1);
    CHECK(kill(next.who.pid, SIGKILL) == 0);
    close(next.fd);
    expect_ended((uint16_t)(kept_id + 1), REASON_SESSION_DIED);
    snprintf(test.cgroup, sizeof(test.cgroup), "%s", kept_group);
    say(&test.broker, SM_SESSION_END, &(struct sm_session_end){.id = kept_id, .reason = REASON_LOGOFF});
    expect(&kept, SM_SESSION_END);
    say(&kept, SM_SESSION_ENDED, &(struct sm_session_ended){.id = kept_id, .reason = REASON_LOGOFF});
    close(kept.fd);
    expect_ended(kept_id, REASON_LOGOFF);
}

/* Of a listener that lives on nothing is taken but a socket where the configuration has it. */
static void a_listener_that_listens_elsewhere_is_replaced(void)
{
    char path[160];
    snprintf(path, sizeof(path), "%s/elsewhere", test.folder);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fclose(file) == 0);
    CHECK(kill(test.smss, SIGKILL) == 0 && WIFSIGNALED(wait_smss()));
    start_smss();
    expect_hello(&test.broker);
    expect(&test.broker, SM_SYNCED);
    expect_end(&test.listener);
    CHECK(unlink(path) == 0);
    test.listener = accept_relay(SM_LISTENER);
    expect_hello(&test.listener);
    say(&test.listener, SM_READY, &(struct sm_ready){.role = SM_LISTENER});
}

static void shutdown_ends_everything_in_order(void)
{
    struct relay logon = start_logon(30);
    say_result(&logon, REASON_NONE);
    uint16_t id = make_session(&logon);
    CHECK(kill(test.smss, SIGTERM) == 0);
    expect(&test.broker, SM_STOPPING);
    expect(&logon, SM_SESSION_END);
    CHECK(body.session_end.reason == REASON_SHUTDOWN && body.session_end.grace_ms == 1000);
    say(&logon, SM_SESSION_ENDED,
        &(struct sm_session_ended){.id = id, .reason = REASON_SHUTDOWN, .logon = 30});
    close(logon.fd);
    expect_ended(id, REASON_SHUTDOWN);
    expect_end(&test.listener);
    expect_end(&test.broker);
    int status = wait_smss();
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    *strrchr(test.cgroup, '/') = '\0';
    CHECK(access(test.cgroup, F_OK) != 0);
    char path[160];
    snprintf(path, sizeof(path), "%s/ports", test.run);
    CHECK(access(path, F_OK) != 0);
}

/* With a lodge-logon that does not react the shutdown would take the grace time and ten seconds more. */
static void asked_again_the_shutdown_is_faster(void)
{
    start_smss();
    start_services();
    struct relay logon = start_logon(40);
    say_result(&logon, REASON_NONE);
    uint16_t id = make_session(&logon);
    pid_t straggler = add_straggler(test.cgroup, "straggler");
    CHECK(kill(logon.who.pid, SIGSTOP) == 0);
    int64_t began = clock_monotonic_ms();
    CHECK(kill(test.smss, SIGTERM) == 0);
    expect(&test.broker, SM_STOPPING);
    CHECK(kill(test.smss, SIGTERM) == 0);
    int status = wait_smss();
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0 && clock_monotonic_ms() - began < 9000);
    CHECK(waitpid(straggler, NULL, 0) == straggler);
    check_nothing_left(id);
    close(logon.fd);
    close(test.broker.fd);
    close(test.listener.fd);
}

static bool port_is_open(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)test.port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool open = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return open;
}

/* Messages to the broker keep their order: what was told before the end of a session is there with it. */
static void the_listener_is_stopped_and_started(void)
{
    struct sm_session_end end = {.id = 9999, .reason = REASON_LOGOFF};
    CHECK(port_is_open());
    for (uint8_t stopped = 2; stopped-- > 0;) {
        for (int twice = 0; twice < 2; twice++) {
            say(&test.broker, SM_LISTENER_SET, &(struct sm_listener_set){.stopped = stopped});
            say(&test.broker, SM_SESSION_END, &end);
            expect(&test.broker, SM_SESSION_ENDED);
            CHECK(test.listening.answer == 1 && test.listening.port == test.port);
            CHECK(test.listening.state == (stopped ? SM_LISTENING_STOPPED : SM_LISTENING));
            CHECK(port_is_open() == !stopped);
        }
    }
}

static void read_file(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
}

/* Whoever asks for it, the way is the same; the machine is halted once, by the command, after everything. */
static void the_broker_asks_and_the_machine_follows(void)
{
    char halted[160], text[64];
    snprintf(halted, sizeof(halted), "%s/halted", test.folder);
    FILE *file = fopen(test.conf, "a");
    CHECK(file != NULL);
    fprintf(file, "[Shutdown]\nHaltCommand = test -e %s/ports || echo gone >> %s\nRebootCommand = false\n",
            test.run, halted);
    CHECK(fclose(file) == 0);
    start_smss();
    start_services();
    struct relay logon = start_logon(50);
    say_result(&logon, REASON_NONE);
    uint16_t id = make_session(&logon);
    pid_t straggler = add_straggler(test.cgroup, "\xffno-text");
    struct sm_shutdown asked = {.action = SM_HALT, .uid = 0, .reason = "test"};
    say(&test.broker, SM_SHUTDOWN, &asked);
    expect(&test.broker, SM_STOPPING);
    expect_event(EVENT_SHUTDOWN_BEGIN, 0);
    expect(&logon, SM_SESSION_END);
    CHECK(body.session_end.reason == REASON_SHUTDOWN && body.session_end.grace_ms == 1000);
    say(&logon, SM_SESSION_ENDED,
        &(struct sm_session_ended){.id = id, .reason = REASON_SHUTDOWN, .logon = 50});
    close(logon.fd);
    expect_ended(id, REASON_SHUTDOWN);
    CHECK_TEXT(test.status.phase, "sessions");
    CHECK(test.status.action == SM_HALT && test.status.sessions == 1);
    CHECK(strstr(test.status.waits_for, "\\xffno-text ") != NULL);
    CHECK(waitpid(straggler, NULL, 0) == straggler);
    expect_end(&test.listener);
    expect_end(&test.broker);
    int status = wait_smss();
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    read_file(halted, text, sizeof(text));
    CHECK_TEXT(text, "gone\n");
}

int main(void)
{
    prepare();
    atexit(clean_up);
    a_port_in_use_is_explained();
    start_smss();
    start_services();
    the_run_directory_is_laid_out();
    a_second_one_is_refused();
    a_refusal_is_passed_on();
    an_admission_that_is_not_configured_is_refused();
    a_new_configuration_counts_when_it_is_read();
    a_logon_that_dies_is_a_refusal();
    too_many_logons_are_busy();
    a_session_ends_and_nothing_is_left();
    last_words_are_heard();
    a_session_that_is_not_there_has_ended();
    a_logon_that_dies_ends_its_session();
    a_logon_that_does_not_listen_is_killed();
    dead_services_are_started_again();
    who_breaks_the_protocol_is_closed();
    the_listener_is_stopped_and_started();
    sessions_outlive_smss();
    a_listener_that_listens_elsewhere_is_replaced();
    shutdown_ends_everything_in_order();
    asked_again_the_shutdown_is_faster();
    the_broker_asks_and_the_machine_follows();
    test.smss = 0;
    return 0;
}
