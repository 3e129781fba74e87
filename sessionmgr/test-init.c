/* The real lodge-init with real X servers, in namespaces as lodge-logon makes them. This test is the logon.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/packet.h"
#include "common/reason.h"
#include "common/text.h"
#include "common/tree.h"
#include "rpc/sm.h"
#include "sessionmgr/proc.h"
#include "tests/check.h"

#define SKIP    77
#define PATIENT 30000 /* ms */
#define USER    650001
#define DISPLAY 97

static struct {
    char own[PATH_MAX]; /* the folder of the programs under test */
    char folder[64], programs[96], objects[96], home[96];
    int channel, pidfd;
    pid_t parent, init; /* in this namespace */
    bool own_pids, broken_x;
    const char *x_server, *subsystems;
    struct sm_event events[2]; /* that came last, the newest first */
} test = {.own_pids = true, .x_server = "Xtigervnc", .subsystems = ""};

static union sm_body body;

static const char *in(const char *folder, const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
    CHECK(chmod(path, 0755) == 0 && chown(path, USER, USER) == 0);
}

static bool file_has(const char *path, const char *text)
{
    static char content[65536];
    return proc_read(path, content, sizeof(content)) >= 0 && strstr(content, text) != NULL;
}

/* Waits, by looking again and again, until the file holds the text: its writer gives no event. */
static void wait_file(const char *path, const char *text)
{
    int64_t deadline = clock_monotonic_ms() + PATIENT;
    while (!file_has(path, text)) {
        if (clock_monotonic_ms() >= deadline)
            fprintf(stderr, "%s never held \"%s\"\n", path, text);
        CHECK(clock_monotonic_ms() < deadline);
        poll(NULL, 0, 20);
    }
}

/* Early: what /proc says in a mount namespace made later is of no use where this machine is itself a chroot.
 */
static void find_own(void)
{
    ssize_t length = readlink("/proc/self/exe", test.own, sizeof(test.own) - 1);
    CHECK(length > 0);
    test.own[length] = '\0';
    *strrchr(test.own, '/') = '\0';
}

/* A copy: the folder of the build need not be one that the session's user can reach. */
static void copy_program(const char *from, const char *name)
{
    char source[PATH_MAX + 32];
    struct stat status;
    snprintf(source, sizeof(source), "%s/%s", test.own, from);
    int in_fd = open(source, O_RDONLY | O_CLOEXEC);
    int out_fd = open(in(test.programs, name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    CHECK(in_fd >= 0 && out_fd >= 0 && fstat(in_fd, &status) == 0);
    for (off_t left = status.st_size; left > 0;) {
        ssize_t sent = sendfile(out_fd, in_fd, NULL, (size_t)left);
        CHECK(sent > 0);
        left -= sent;
    }
    CHECK(fchmod(out_fd, 0755) == 0 && close(out_fd) == 0);
    close(in_fd);
}

static void prepare(void)
{
    if (geteuid() != 0 || access("/usr/bin/Xtigervnc", X_OK) != 0 || access("/usr/bin/Xvfb", X_OK) != 0) {
        fprintf(stderr, "needs root, Xtigervnc and Xvfb\n");
        exit(SKIP);
    }
    pid_t pid = fork();
    if (pid == 0)
        _exit(unshare(CLONE_NEWPID | CLONE_NEWNS) == 0 ? 0 : 1);
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    if (status != 0) {
        fprintf(stderr, "namespaces cannot be made here\n");
        exit(SKIP);
    }
    CHECK(text_copy(test.folder, sizeof(test.folder), "/tmp/lodge-init-XXXXXX"));
    CHECK(mkdtemp(test.folder) != NULL && chmod(test.folder, 0755) == 0);
    snprintf(test.programs, sizeof(test.programs), "%s/programs", test.folder);
    snprintf(test.objects, sizeof(test.objects), "%s/sessions/5", test.folder);
    snprintf(test.home, sizeof(test.home), "%s/home", test.folder);
    CHECK(mkdir(test.programs, 0755) == 0 && mkdir(in(test.folder, "sessions"), 0755) == 0);
    CHECK(mkdir(in(test.folder, "winstation"), 0755) == 0);
    find_own();
    copy_program("test-agent", "lodge-display");
    copy_program("lodge-session", "lodge-session");
}

/* Fresh home and object folders for one session. */
static void make_folders(void)
{
    static const char *const names[] = {"sessions/5", "home"};
    int folder = open(test.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < 2; i++) {
        unsigned budget = 100000;
        CHECK(tree_remove(folder, names[i], &budget) == 0 && mkdirat(folder, names[i], 0700) == 0);
        CHECK(fchownat(folder, names[i], USER, USER, 0) == 0);
    }
    close(folder);
}

/* Within the session's namespaces. */
static void become_init(int channel, int winstation)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof(path), "%s/lodge-init", test.own);
    const char *sockets = "/tmp/.X11-unix";
    mkdir(sockets, 01777);
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", sockets, "tmpfs", 0, test.broken_x ? "mode=0700" : "mode=1777") != 0 ||
        (test.own_pids && mount("proc", "/proc", "proc", 0, NULL) != 0))
        _exit(124);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int high[2] = {fcntl(channel, F_DUPFD, 50), fcntl(winstation, F_DUPFD, 50)};
    dup2(high[0], 3);
    dup2(high[1], 4);
    clearenv();
    setenv("PAM_GIVEN", "kept", 1);
    execl(path, path, "--channel-fd", "3", "--winstation-fd", "4", NULL);
    _exit(127);
}

/* The parent in between makes the namespaces, and tells the number of init by its exit. */
static void spawn(int channel, int winstation)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid_t middle = fork();
    CHECK(middle >= 0);
    if (middle == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (unshare(CLONE_NEWNS | (test.own_pids ? CLONE_NEWPID : 0)) != 0)
            _exit(126);
        pid_t init = fork();
        if (init == 0)
            become_init(channel, winstation);
        if (write(ends[1], &init, sizeof(init)) != sizeof(init))
            _exit(126);
        close_range(3, ~0U, 0);
        int status;
        waitpid(init, &status, 0);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 99);
    }
    CHECK(read(ends[0], &test.init, sizeof(test.init)) == sizeof(test.init) && test.init > 0);
    close(ends[0]);
    close(ends[1]);
    test.parent = middle;
    test.pidfd = pidfd_open(middle, 0);
    CHECK(test.pidfd >= 0);
}

static void start(const char *desktop)
{
    int pair[2];
    int winstation = packet_listen(in(test.folder, "winstation/5.port"), 0660);
    CHECK(winstation >= 0 && packet_pair(pair) == 0);
    spawn(pair[1], winstation);
    close(pair[1]);
    close(winstation);
    test.channel = pair[0];
    struct sm_run run = {.id = 5, .display = DISPLAY, .width = 640, .height = 480, .uid = USER, .gid = USER};
    CHECK(text_copy(run.user, sizeof(run.user), "labuser"));
    CHECK(text_copy(run.home, sizeof(run.home), test.home));
    CHECK(text_copy(run.shell, sizeof(run.shell), "/bin/sh"));
    CHECK(text_copy(run.programs, sizeof(run.programs), test.programs));
    CHECK(text_copy(run.x_server, sizeof(run.x_server), test.x_server));
    CHECK(text_copy(run.subsystems, sizeof(run.subsystems), test.subsystems));
    CHECK(text_copy(run.desktop, sizeof(run.desktop), desktop));
    CHECK(text_copy(run.fallback_desktop, sizeof(run.fallback_desktop), "lodge-desktop"));
    CHECK(message_send(test.channel, &sm_protocol, SM_RUN, &run, -1) == 0);
}

/* The next message but events, which come at any time: the last two are kept. */
static void expect(unsigned number)
{
    struct message message;
    const char *problem = "";
    int got;
    do {
        struct pollfd wait = {.fd = test.channel, .events = POLLIN};
        CHECK(poll(&wait, 1, PATIENT) == 1);
        got = message_receive(test.channel, &sm_protocol, SM_INIT, &body, sizeof(body), &message, &problem);
        if (got == 1 && message.number == SM_EVENT) {
            test.events[1] = test.events[0];
            test.events[0] = body.event;
        }
    } while (got == 1 && message.number == SM_EVENT && number != SM_EVENT);
    if (got != 1 || message.number != number)
        fprintf(stderr, "wanted %u, got %d %s\n", number, got, got == 1 ? message.type->name : problem);
    CHECK(got == 1 && message.number == number);
}

static void expect_ended(enum reason reason)
{
    expect(SM_SESSION_ENDED);
    if (body.session_ended.reason != reason)
        fprintf(stderr, "ended for %s: %s\n", reason_name(body.session_ended.reason),
                body.session_ended.detail);
    CHECK(body.session_ended.id == 5 && body.session_ended.reason == reason);
    struct pollfd wait = {.fd = test.pidfd, .events = POLLIN};
    int status;
    CHECK(poll(&wait, 1, PATIENT) == 1 && waitpid(test.parent, &status, 0) == test.parent);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(test.pidfd);
    close(test.channel);
    test.parent = 0;
}

static void end(uint32_t grace_ms)
{
    struct sm_session_end message = {.id = 5, .reason = REASON_LOGOFF_ADMIN, .grace_ms = grace_ms};
    CHECK(message_send(test.channel, &sm_protocol, SM_SESSION_END, &message, -1) == 0);
}

static const char stay[] = "touch up; while :; do sleep 1000; done\n";

static void a_session_is_what_it_should_be(void)
{
    make_folders();
    write_file(in(test.home, "desk"),
               "env >env; id >id; grep -c '@/tmp/.X11-unix/X97' /proc/net/unix >abstract\n"
               "ls /tmp/.X11-unix >sockets; ls /proc/self/fd >fds; tr '\\0' ' ' </proc/1/cmdline >first\n"
               "awk '$4 == \"0A\" && $8 == 650001' /proc/net/tcp /proc/net/tcp6 >tcp\n"
               "readlink /proc/$$/fd/1 /proc/$$/fd/2 | uniq -c >outputs; echo a word >&2\n"
               "touch done; while :; do sleep 1000; done\n");
    start("sh desk");
    expect(SM_STARTED);
    CHECK(body.started.id == 5);
    wait_file(in(test.home, "done"), "");
    static const char *const wanted[] = {"PAM_GIVEN=kept",
                                         "DISPLAY=:97",
                                         "LODGE_SESSION=5",
                                         "USER=labuser",
                                         "LOGNAME=labuser",
                                         "XDG_SESSION_TYPE=x11",
                                         "SHELL=/bin/sh",
                                         "XDG_SESSION_CLASS=user",
                                         "XDG_RUNTIME_DIR=/run/user/650001",
                                         "/sessions/5/Xauthority"};
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        if (!file_has(in(test.home, "env"), wanted[i]))
            fprintf(stderr, "not in the environment: %s\n", wanted[i]);
        CHECK(file_has(in(test.home, "env"), wanted[i]));
    }
    CHECK(file_has(in(test.home, "id"), "uid=650001 gid=650001 groups=650001"));
    CHECK(file_has(in(test.home, "abstract"), "0\n") && file_has(in(test.home, "sockets"), "X97"));
    CHECK(!file_has(in(test.home, "fds"), "4") && !file_has(in(test.home, "tcp"), "0A"));
    CHECK(file_has(in(test.home, "first"), "lodge-init"));
    CHECK(access(in(test.objects, "rfb"), F_OK) != 0);
    /* Not the server's log, which a user could cut off or fill. */
    CHECK(file_has(in(test.home, "outputs"), "2 ") &&
          file_has(in(test.home, "outputs"), "/.xsession-errors\n"));
    CHECK(file_has(in(test.home, ".xsession-errors"), "a word\n"));
    CHECK(file_has(in(test.objects, "agent"), "start 650001 x-usable"));
    end(1000);
    expect_ended(REASON_LOGOFF_ADMIN);
    CHECK(file_has(in(test.objects, "agent"), "notice 14 "));
}

/* The program saves when its window closes, which takes its time; TERM must not come before it has. */
static void programs_may_save_before_term(void)
{
    make_folders();
    write_file(in(test.home, "app"), "trap 'echo termed >termed; exit' TERM\n"
                                     "while [ ! -e ../sessions/5/closing ]; do sleep 0.1; done\n"
                                     "sleep 1; echo saved >saved\n");
    write_file(in(test.home, "desk"), "sh app & touch up; while :; do sleep 1000; done\n");
    start("sh desk");
    expect(SM_STARTED);
    wait_file(in(test.home, "up"), "");
    end(12000);
    expect_ended(REASON_LOGOFF_ADMIN);
    CHECK(file_has(in(test.home, "saved"), "saved") && access(in(test.home, "termed"), F_OK) != 0);
}

static void a_logoff_does_not_wait_for_nothing(void)
{
    make_folders();
    write_file(in(test.objects, "answer"), "");
    write_file(in(test.home, "desk"), stay);
    start("sh desk");
    expect(SM_STARTED);
    wait_file(in(test.home, "up"), "");
    int64_t began = clock_monotonic_ms();
    end(600000);
    expect_ended(REASON_LOGOFF_ADMIN);
    CHECK(clock_monotonic_ms() - began < PATIENT);
}

/* Returns after how many ms a session ended whose agent says so of its desktop's session manager. */
static int64_t end_with_manager(const char *answers, uint32_t grace_ms)
{
    make_folders();
    write_file(in(test.objects, "manager"), answers);
    write_file(in(test.home, "desk"), stay);
    start("sh desk");
    expect(SM_STARTED);
    wait_file(in(test.home, "up"), "");
    int64_t began = clock_monotonic_ms();
    end(grace_ms);
    expect_ended(REASON_LOGOFF_ADMIN);
    return clock_monotonic_ms() - began;
}

/* A third of the grace time for the session manager, if there is one, and another for windows. */
static void a_session_manager_has_its_time(void)
{
    int64_t took = end_with_manager("0", 6000);
    CHECK(took >= 2000 && took < 4000);
    /* The first answer counts, and no number that is none. */
    took = end_with_manager("915", 6000);
    CHECK(took >= 4000);
    CHECK(test.events[0].event == EVENT_DESKTOP_EXIT && test.events[1].event == EVENT_DESKTOP_ASKED);
    CHECK(strstr(test.events[1].detail, "has ended it") != NULL);
    /* One that has gone with its desktop is no news. */
    make_folders();
    write_file(in(test.objects, "manager"), "2");
    write_file(in(test.home, "desk"), "(setsid sleep 1000 &)\nexit 0\n");
    start("sh desk");
    expect(SM_STARTED);
    expect_ended(REASON_LOGOFF);
    CHECK(test.events[0].event == EVENT_DESKTOP_EXIT && test.events[1].event != EVENT_DESKTOP_ASKED);
}

static void what_ignores_term_is_killed(void)
{
    make_folders();
    write_file(in(test.home, "desk"), "trap '' TERM; (trap '' TERM HUP; setsid sleep 1000 &) ; touch up\n"
                                      "while :; do sleep 1; done\n");
    start("sh desk");
    expect(SM_STARTED);
    wait_file(in(test.home, "up"), "");
    end(300);
    expect_ended(REASON_LOGOFF_ADMIN);
}

static void the_desktop_ends_the_session(void)
{
    make_folders();
    write_file(in(test.home, ".xsession"), "touch ran-xsession; echo $FROM_PROFILE >profile\nexit 3\n");
    write_file(in(test.home, ".profile"), "FROM_PROFILE=yes\n");
    CHECK(chmod(in(test.home, ".xsession"), 0644) == 0);
    start("sh unused");
    expect(SM_STARTED);
    expect_ended(REASON_LOGOFF);
    CHECK(access(in(test.home, "ran-xsession"), F_OK) == 0);
    CHECK(!file_has(in(test.home, "profile"), "yes")); /* not exported */
    make_folders();
    write_file(in(test.home, ".xsession"), "#!/bin/sh\necho $FROM_PROFILE >profile\n");
    write_file(in(test.home, ".profile"), "export FROM_PROFILE=yes\n");
    start("");
    expect(SM_STARTED);
    expect_ended(REASON_LOGOFF);
    CHECK(file_has(in(test.home, "profile"), "yes"));
    make_folders();
    write_file(in(test.home, ".profile"), "if then fi (\n");
    start("touch survived-profile");
    expect(SM_STARTED);
    expect_ended(REASON_LOGOFF);
    CHECK(access(in(test.home, "survived-profile"), F_OK) == 0);
}

static void a_missing_desktop_is_named(void)
{
    make_folders();
    start("no-such-desktop --option");
    expect(SM_STARTED);
    expect_ended(REASON_DESKTOP_FAILED);
    CHECK(strstr(body.session_ended.detail, "\"no-such-desktop --option\" was not found") != NULL);
    CHECK(test.events[0].event == EVENT_DESKTOP_EXIT &&
          strstr(test.events[0].detail, "no-such-desktop --option exited with status 127 after ") != NULL);
    CHECK(file_has(in(test.objects, "agent"), "no-such-desktop"));
    /* Whatever the user put where the choice is written down, lodge-init does not wait on it. */
    char command[256];
    make_folders();
    snprintf(command, sizeof(command), "rm %1$s; mkfifo %1$s; exit 127", in(test.objects, "desktop"));
    start(command);
    expect(SM_STARTED);
    expect_ended(REASON_DESKTOP_FAILED);
    CHECK(strstr(body.session_ended.detail, "mkfifo") != NULL);
}

static void a_failing_x_server_is_explained(void)
{
    make_folders();
    test.broken_x = true;
    start("sh unused");
    expect_ended(REASON_DISPLAY_FAILED);
    CHECK(strstr(body.session_ended.detail, "Xtigervnc could not be started: ") != NULL);
    CHECK(strlen(body.session_ended.detail) > strlen("The X server Xtigervnc could not be started: ") + 5);
    CHECK(test.events[0].event == EVENT_X_SERVER_EXIT &&
          strstr(test.events[0].detail, "Xtigervnc exited with status 1 after ") != NULL);
    test.broken_x = false;
    make_folders();
    test.x_server = "Xnone";
    start("sh unused");
    expect_ended(REASON_DISPLAY_FAILED);
    test.x_server = "Xtigervnc";
}

static bool find_named(const struct proc_stat *process, void *context)
{
    pid_t *found = context;
    char path[64];
    struct stat status;
    snprintf(path, sizeof(path), "/proc/%d", (int)process->pid);
    if (strcmp(process->name, "lodge-display") == 0 && process->parent == test.init &&
        process->state != 'Z' && stat(path, &status) == 0 && status.st_uid == USER)
        *found = process->pid;
    return *found == 0;
}

static void the_agent_is_started_again(void)
{
    make_folders();
    write_file(in(test.home, "desk"), stay);
    start("sh desk");
    expect(SM_STARTED);
    pid_t agent = 0;
    proc_each(find_named, &agent);
    CHECK(agent > 0 && kill(agent, SIGKILL) == 0);
    expect(SM_EVENT);
    CHECK(body.event.event == EVENT_AGENT_EXIT &&
          strstr(body.event.detail, "lodge-display was killed by signal 9 (Killed) after ") != NULL);
    wait_file(in(test.objects, "agent"), "start 650001 x-usable\nstart 650001 x-usable\n");
    write_file(in(test.objects, "crash"), "");
    for (int64_t deadline = clock_monotonic_ms() + PATIENT;; poll(NULL, 0, 20)) {
        pid_t next = 0;
        proc_each(find_named, &next);
        CHECK(clock_monotonic_ms() < deadline);
        if (next > 0 && next != agent) {
            kill(next, SIGKILL);
            break;
        }
    }
    expect_ended(REASON_DISPLAY_FAILED);
    CHECK(strstr(body.session_ended.detail, "The display agent ended") != NULL);
}

/* The stand-in for the agent does not know the question. */
static void a_hung_agent_is_started_again(void)
{
    make_folders();
    write_file(in(test.home, "desk"), stay);
    start("sh desk");
    expect(SM_STARTED);
    struct sm_ping ping = {.seconds = 1};
    CHECK(message_send(test.channel, &sm_protocol, SM_PING, &ping, -1) == 0);
    expect(SM_PONG);
    CHECK(body.pong.who == SM_ALIVE_ITSELF);
    expect(SM_EVENT);
    CHECK(body.event.event == EVENT_HUNG && strstr(body.event.detail, "lodge-display is stuck") != NULL);
    expect(SM_EVENT);
    CHECK(body.event.event == EVENT_AGENT_EXIT);
    wait_file(in(test.objects, "agent"), "start 650001 x-usable\nstart 650001 x-usable\n");
    end(1000);
    expect_ended(REASON_LOGOFF_ADMIN);
}

static void the_other_x_servers_work(void)
{
    static const char *const servers[] = {"Xvfb", "Xorg"};
    for (size_t i = 0; i < 2; i++) {
        if (i == 1 && access("/usr/lib/xorg/modules/drivers/dummy_drv.so", R_OK) != 0) {
            fprintf(stderr, "Xorg's dummy driver is not here: not tested\n");
            continue;
        }
        make_folders();
        test.x_server = servers[i];
        start("true");
        expect(SM_STARTED);
        expect_ended(REASON_LOGOFF);
        CHECK(file_has(in(test.objects, "agent"), "start 650001 x-usable"));
    }
    test.x_server = "Xtigervnc";
}

static bool find_user(const struct proc_stat *process, void *context)
{
    unsigned *count = context;
    char path[64];
    struct stat status;
    snprintf(path, sizeof(path), "/proc/%d", (int)process->pid);
    if (process->state != 'Z' && stat(path, &status) == 0 && status.st_uid == USER) {
        fprintf(stderr, "%s (%d) runs on\n", process->name, (int)process->pid);
        (*count)++;
    }
    return true;
}

static void nothing_runs_on_without_a_pid_namespace(void)
{
    make_folders();
    test.own_pids = false;
    write_file(in(test.home, "desk"), "(setsid sleep 1000 &); (trap '' TERM; setsid sleep 1001 &); touch up\n"
                                      "while :; do sleep 1; done\n");
    start("sh desk");
    expect(SM_STARTED);
    wait_file(in(test.home, "up"), "");
    end(500);
    expect_ended(REASON_LOGOFF_ADMIN);
    unsigned count = 0;
    proc_each(find_user, &count);
    CHECK(count == 0);
    test.own_pids = true;
}

static void the_session_dies_with_its_logon(void)
{
    make_folders();
    write_file(in(test.home, "desk"), stay);
    start("sh desk");
    expect(SM_STARTED);
    int init = pidfd_open(test.init, 0);
    CHECK(init >= 0 && kill(test.parent, SIGKILL) == 0 && waitpid(test.parent, NULL, 0) == test.parent);
    struct pollfd wait = {.fd = init, .events = POLLIN};
    CHECK(poll(&wait, 1, PATIENT) == 1);
    close(init);
    close(test.channel);
    close(test.pidfd);
    test.parent = 0;
}

/* Each waits in a named pipe for this test to open it. */
static void open_gate(const char *name)
{
    int fd = open(in(test.home, name), O_WRONLY | O_CLOEXEC);
    CHECK(fd >= 0 && write(fd, "go\n", 3) == 3 && close(fd) == 0);
}

static void make_gate(const char *name)
{
    CHECK(mkfifo(in(test.home, name), 0600) == 0 && chown(in(test.home, name), USER, USER) == 0);
}

/* Events of others are left out. */
static void expect_exit_event(const char *how)
{
    do
        expect(SM_EVENT);
    while (body.event.event != EVENT_SUBSYSTEM_EXIT || strstr(body.event.detail, how) == NULL);
    CHECK(body.event.session == 5);
}

/* The second is started when the first one says that it is ready, the desktop when the second one does. */
static void subsystems_come_before_the_desktop(void)
{
    make_folders();
    make_gate("first");
    make_gate("second");
    write_file(in(test.home, "desk"), "echo desktop $LODGE_READY_FD >>order; touch up\n"
                                      "while :; do sleep 1000; done\n");
    test.subsystems =
        "first required 0 ready echo first $(id -u) $DISPLAY $LODGE_SESSION $PWD >>order; "
        "read word <first; echo opened >>order; trap 'echo termed >>order; exit' TERM; echo >&3; "
        "while :; do sleep 1000 & wait; done\n"
        "side optional 0 ready echo side >>order; exec sleep 1000\n"
        "second required 0 ready read word <second; echo second >>order; echo >&3; exec sleep 1000\n";
    start("sh desk");
    open_gate("first"); /* opens once the subsystem reads */
    open_gate("second");
    expect(SM_STARTED);
    wait_file(in(test.home, "up"), "");
    wait_file(in(test.home, "order"), "side\n");
    char order[256], *side;
    CHECK(proc_read(in(test.home, "order"), order, sizeof(order)) > 0);
    side = strstr(order, "side\n"); /* nobody waits for it */
    memmove(side, side + strlen("side\n"), strlen(side + strlen("side\n")) + 1);
    char want[256];
    snprintf(want, sizeof(want), "first %d :97 5 %s\nopened\nsecond\ndesktop\n", USER, test.home);
    CHECK_TEXT(order, want);
    end(5000);
    expect_ended(REASON_LOGOFF_ADMIN);
    /* TERM reached it, and it was not started again: neither is there an event. */
    CHECK(file_has(in(test.home, "order"), "termed\n") && !file_has(in(test.home, "order"), "\nfirst"));
    CHECK(test.events[0].event != EVENT_SUBSYSTEM_EXIT);
}

static void subsystems_are_started_again(void)
{
    make_folders();
    make_gate("end");
    write_file(in(test.home, "desk"), stay);
    test.subsystems = "dying required 1 ready sleep 1000 & echo $! >>left; echo >&3; read word <end; exit 4\n"
                      "broken optional 2 - echo x >>count; exit 9\n";
    start("sh desk");
    expect(SM_STARTED); /* whatever happens to an optional one */
    wait_file(in(test.home, "up"), "");
    wait_file(in(test.home, "count"), "x\nx\nx\n");
    open_gate("end");
    expect_exit_event("dying exited with status 4 after ");
    open_gate("end"); /* the second one has started when this opens, and it is one too many */
    expect_exit_event("dying exited with status 4 after ");
    expect_ended(REASON_SESSION_DIED);
    CHECK(file_has(in(test.home, "count"), "x\nx\nx\n") && !file_has(in(test.home, "count"), "x\nx\nx\nx"));
    CHECK(strstr(body.session_ended.detail, "The subsystem dying ended 2 times within 60 s") != NULL);
}

static void a_required_subsystem_that_fails_ends_the_session(void)
{
    make_folders();
    write_file(in(test.home, "desk"), stay);
    test.subsystems = "broken required 1 ready echo x >>count; exit 3\nnever required 1 - touch never\n";
    start("sh desk");
    expect_exit_event("broken exited with status 3 after ");
    expect_ended(REASON_SESSION_FAILED); /* and no STARTED before */
    CHECK(strstr(body.session_ended.detail,
                 "The subsystem broken ended 2 times within 60 s; the last time it exited with status 3") !=
          NULL);
    CHECK(file_has(in(test.objects, "agent"), "The subsystem broken ended 2 times"));
    CHECK(file_has(in(test.home, "count"), "x\nx\n") && access(in(test.home, "never"), F_OK) != 0);
    CHECK(access(in(test.home, "up"), F_OK) != 0);
}

static void bad_definitions_are_refused(void)
{
    make_folders();
    test.subsystems = "good optional 1 - touch ran\nbad whatever 1 - true\n";
    start("true");
    struct pollfd wait = {.fd = test.pidfd, .events = POLLIN};
    int status;
    CHECK(poll(&wait, 1, PATIENT) == 1 && waitpid(test.parent, &status, 0) == test.parent);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1 && access(in(test.home, "ran"), F_OK) != 0);
    close(test.pidfd);
    close(test.channel);
    test.parent = 0;
    test.subsystems = "";
}

static void clean_up(void)
{
    unsigned budget = 100000;
    if (test.parent > 0)
        kill(test.parent, SIGKILL); /* init dies with it */
    int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    tree_remove(tmp, test.folder + strlen("/tmp/"), &budget);
    close(tmp);
}

int main(void)
{
    prepare();
    atexit(clean_up);
    a_session_is_what_it_should_be();
    programs_may_save_before_term();
    a_logoff_does_not_wait_for_nothing();
    a_session_manager_has_its_time();
    what_ignores_term_is_killed();
    the_desktop_ends_the_session();
    a_missing_desktop_is_named();
    a_failing_x_server_is_explained();
    the_agent_is_started_again();
    a_hung_agent_is_started_again();
    the_other_x_servers_work();
    nothing_runs_on_without_a_pid_namespace();
    subsystems_come_before_the_desktop();
    subsystems_are_started_again();
    a_required_subsystem_that_fails_ends_the_session();
    bad_definitions_are_refused();
    the_session_dies_with_its_logon();
    return 0;
}
