#include "logon/play.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/packet.h"
#include "common/tree.h"
#include "rpc/credentials.h"
#include "tests/check.h"

#define SKIP 77

static const char *const cgroups[] = {"logons", "session-1", "session-2", "session-3"};

static void skip(const char *why)
{
    fprintf(stderr, "skipped: %s\n", why);
    exit(SKIP);
}

bool play_run_words(const char *const *words)
{
    int status;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        execvp(words[0], (char **)(uintptr_t)words);
        _exit(127);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void folder(const struct play *play, const char *name, mode_t mode)
{
    char path[160];
    snprintf(path, sizeof(path), "%s/%s", play->base, name);
    CHECK(mkdir(path, 0700) == 0 && chmod(path, mode) == 0);
}

static void file_touch(const char *in, const char *name)
{
    char path[160];
    snprintf(path, sizeof(path), "%s/%s", in, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    CHECK(fd >= 0);
    close(fd);
}

static void file_remove(const char *in, const char *name)
{
    char path[160];
    snprintf(path, sizeof(path), "%s/%s", in, name);
    unlink(path);
}

/* Where the cgroup v2 tree is mounted, with this process's place in it. False: nowhere. */
static bool cgroup_find(char *path_r, size_t size)
{
    char line[1024], root[256] = "", own[256] = "";
    FILE *mounts = fopen("/proc/self/mountinfo", "re"), *place = fopen("/proc/self/cgroup", "re");
    CHECK(mounts != NULL && place != NULL);
    while (fgets(line, sizeof(line), mounts) != NULL)
        if (strstr(line, " - cgroup2 ") != NULL && root[0] == '\0')
            CHECK(sscanf(line, "%*s %*s %*s %*s %255s", root) == 1);
    while (fgets(line, sizeof(line), place) != NULL)
        sscanf(line, "0::%255[^\n]", own);
    fclose(mounts);
    fclose(place);
    if (root[0] == '\0' || own[0] != '/')
        return false;
    snprintf(path_r, size, "%s%s", root, strcmp(own, "/") == 0 ? "" : own);
    return access(path_r, W_OK) == 0;
}

static void cgroup_make(struct play *play)
{
    char above[256], path[400];
    if (!cgroup_find(above, sizeof(above)))
        skip("no cgroup v2 tree that can be written to");
    snprintf(play->cgroup, sizeof(play->cgroup), "%.200s/lodge-logon-test-%d", above, (int)getpid());
    if (mkdir(play->cgroup, 0755) != 0)
        skip("no cgroup can be made");
    for (size_t i = 0; i < sizeof(cgroups) / sizeof(cgroups[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", play->cgroup, cgroups[i]);
        CHECK(mkdir(path, 0755) == 0);
    }
}

static void cgroup_remove(const struct play *play)
{
    char path[400];
    for (size_t i = 0; i < sizeof(cgroups) / sizeof(cgroups[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", play->cgroup, cgroups[i]);
        play_wait_cgroup(play, cgroups[i], false);
        CHECK(rmdir(path) == 0);
    }
    CHECK(rmdir(play->cgroup) == 0);
}

const char *play_programs(void)
{
    static char folder[256];
    if (folder[0] != '\0')
        return folder;
    ssize_t size = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
    CHECK(size > 0);
    folder[size] = '\0';
    *strrchr(folder, '/') = '\0';
    return folder;
}

static void copy_programs(const struct play *play)
{
    char to[160], source[400];
    static const char *const names[][2] = {{"lodge-logon", "lodge-logon"}, {"stand-in-init", "lodge-init"}};
    for (size_t i = 0; i < 2; i++) {
        snprintf(source, sizeof(source), "%s/%s", play_programs(), names[i][0]);
        snprintf(to, sizeof(to), "%s/bin/%s", play->base, names[i][1]);
        CHECK(play_run("cp", source, to, (char *)NULL));
    }
}

void play_configure(struct play *play, bool pid_namespace)
{
    char path[160], error[512];
    snprintf(path, sizeof(path), "%s/lodge.conf", play->base);
    FILE *file = fopen(path, "we");
    CHECK(file != NULL);
    fprintf(file,
            "[Server]\nRunDirectory = %s/run\nStateDirectory = %s/state\nLogLevel = 3\nBrokerUser = daemon\n"
            "[Sessions]\nLabFirstUid = 73000\nLabUids = 100\nDesktop = %s\nPidNamespace = %d\n"
            "TasksMax = %d\n",
            play->base, play->base, play->marker, pid_namespace ? 1 : 0, PLAY_TASKS);
    CHECK(fclose(file) == 0);
    if (!conf_load(&play->conf, path, error, sizeof(error))) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
}

void play_begin(struct play *play_r)
{
    if (geteuid() != 0)
        skip("only root can");
    int status;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        _exit(unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS) == 0 ? 0 : 1);
    CHECK(waitpid(pid, &status, 0) == pid);
    if (status != 0)
        skip("no namespaces can be made");
    umask(022);
    *play_r = (struct play){.base = "/tmp/lodge-logon-XXXXXX", .port = -1};
    cgroup_make(play_r);
    CHECK(mkdtemp(play_r->base) != NULL && chmod(play_r->base, 0755) == 0);
    static const char *const folders[] = {"run", "run/ports", "run/sessions", "state", "bin"};
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        folder(play_r, folders[i], 0755);
    folder(play_r, "run/winstation", 0750);
    snprintf(play_r->marker, sizeof(play_r->marker), "lodge-marker-%d", (int)getpid());
    file_touch("/tmp", play_r->marker);
    file_touch("/dev/shm", play_r->marker);
    copy_programs(play_r);
    play_configure(play_r, true);
    play_listen(play_r);
}

void play_finish(struct play *play)
{
    play_deafen(play);
    cgroup_remove(play);
    file_remove("/tmp", play->marker);
    file_remove("/dev/shm", play->marker);
    CHECK(tree_remove_path(play->base) == 0);
}

void play_abandon(const struct play *play)
{
    char path[400];
    int64_t deadline = clock_monotonic_ms() + PLAY_MS;
    snprintf(path, sizeof(path), "%s/cgroup.kill", play->cgroup);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t put = fd >= 0 ? write(fd, "1", 1) : 0;
    close_descriptor(&fd);
    for (size_t i = 0; put == 1 && i < sizeof(cgroups) / sizeof(cgroups[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", play->cgroup, cgroups[i]);
        while (rmdir(path) != 0 && errno == EBUSY && clock_monotonic_ms() < deadline)
            poll(NULL, 0, 20);
    }
    rmdir(play->cgroup);
    file_remove("/tmp", play->marker);
    file_remove("/dev/shm", play->marker);
    tree_remove_path(play->base);
}

void play_listen(struct play *play)
{
    char path[160];
    snprintf(path, sizeof(path), "%s/run/ports/sm.port", play->base);
    play->port = packet_listen(path, 0660);
    CHECK(play->port >= 0);
}

void play_deafen(struct play *play)
{
    close_descriptor(&play->port);
}

struct player play_start(const struct play *play, uint64_t logon, const char *user, const char *password)
{
    return play_start_from(play, logon, user, password, "");
}

struct player play_start_from(const struct play *play, uint64_t logon, const char *user, const char *password,
                              const char *client)
{
    struct credentials credentials = {.user = ""};
    char path[160], conf[160], number[32];
    snprintf(credentials.user, sizeof(credentials.user), "%s", user);
    snprintf(credentials.password, sizeof(credentials.password), "%s", password);
    snprintf(path, sizeof(path), "%s/bin/lodge-logon", play->base);
    snprintf(conf, sizeof(conf), "%s/lodge.conf", play->base);
    snprintf(number, sizeof(number), "%llu", (unsigned long long)logon);
    int pipe = credentials_pipe(&credentials);
    CHECK(pipe >= 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* whatever becomes of the test */
        int high = fcntl(pipe, F_DUPFD, 10);
        dup2(high, 3);
        close_range(4, ~0u, 0);
        execl(path, path, "--config", conf, "--logon", number, "--credentials-fd", "3", "--client", client,
              (char *)NULL);
        _exit(127);
    }
    close(pipe);
    return (struct player){.pid = pid, .fd = -1, .logon = logon};
}

static void wait_readable(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    CHECK(poll(&wait, 1, PLAY_MS) == 1);
}

static void receive_any(int fd, struct message *message_r, union sm_body *body_r)
{
    const char *problem = NULL;
    wait_readable(fd);
    int got = message_receive(fd, &sm_protocol, SM_LOGON, body_r, sizeof(*body_r), message_r, &problem);
    if (got != 1)
        fprintf(stderr, "no message: %s\n", got == 0 ? "closed" : problem != NULL ? problem : strerror(-got));
    CHECK(got == 1);
}

void play_accept(const struct play *play, struct player *players, size_t count)
{
    union sm_body body;
    struct message message;
    wait_readable(play->port);
    int fd = packet_accept(play->port);
    CHECK(fd >= 0);
    receive_any(fd, &message, &body);
    CHECK(message.number == SM_HELLO && body.hello.role == SM_LOGON);
    for (size_t i = 0; i < count; i++)
        if (players[i].logon == body.hello.logon) {
            close_descriptor(&players[i].fd);
            players[i].fd = fd;
            return;
        }
    CHECK(!"a logon that was started");
}

void play_receive(const struct player *player, unsigned number, union sm_body *body_r)
{
    struct message message;
    do {
        receive_any(player->fd, &message, body_r);
        CHECK(message.number != SM_EVENT ||
              body_r->event.event != EVENT_LOGON); /* as lodge-init's stand-in says */
    } while ((number != SM_EVENT && message.number == SM_EVENT) ||
             (number == SM_SESSION_ENDED && message.number == SM_SESSION_STATE &&
              body_r->session_state.state == SM_SESSION_ENDING)); /* told on the way there */
    if (message.number != number)
        fprintf(stderr, "got %s %s\n", message.type->name,
                message.number == SM_SESSION_ENDED ? body_r->session_ended.detail : "");
    CHECK(message.number == number);
}

void play_send(const struct player *player, unsigned number, const void *body)
{
    CHECK(message_send(player->fd, &sm_protocol, number, body, -1) == 0);
}

int play_wait(struct player *player)
{
    int status, process = (int)syscall(SYS_pidfd_open, player->pid, 0);
    CHECK(process >= 0);
    wait_readable(process);
    close(process);
    CHECK(waitpid(player->pid, &status, 0) == player->pid);
    close_descriptor(&player->fd);
    return status;
}

static bool cgroup_is_populated(const char *path)
{
    char text[256];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    ssize_t got = read(fd, text, sizeof(text) - 1);
    CHECK(got > 0);
    text[got] = '\0';
    close(fd);
    return strstr(text, "populated 1") != NULL;
}

void play_wait_cgroup(const struct play *play, const char *name, bool populated)
{
    char path[400];
    snprintf(path, sizeof(path), "%s/%s/cgroup.events", play->cgroup, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    int64_t deadline = clock_monotonic_ms() + PLAY_MS;
    while (cgroup_is_populated(path) != populated) {
        struct pollfd changed = {.fd = fd, .events = POLLPRI};
        CHECK(clock_monotonic_ms() < deadline);
        char text[256];
        CHECK(pread(fd, text, sizeof(text), 0) >= 0);
        if (cgroup_is_populated(path) != populated)
            CHECK(poll(&changed, 1, 1000) >= 0);
    }
    close(fd);
}
