#include "rdp-front/sandbox.h"
#include "tests/check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SKIPPED 77

/* Runs `body` in a child that has limits and filter; returns what wait(2) says. */
static int in_worker(void (*body)(void))
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(sandbox_limit(10) == 0);
        CHECK(sandbox_filter() == 0);
        body();
        _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    return status;
}

static void *thread_body(void *argument)
{
    return argument;
}

static void may(void)
{
    int ends[2];
    char byte = 'x';
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    CHECK(write(ends[1], &byte, 1) == 1 && read(ends[0], &byte, 1) == 1);
    struct stat status;
    CHECK(fstat(ends[0], &status) == 0);
    CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, thread_body, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    void *memory = malloc(64 << 20);
    CHECK(memory != NULL);
    free(memory);
    alarm(10);
    alarm(0);
    CHECK(sandbox_trust() == 0);
}

static void may_not(void)
{
    CHECK(open("/etc/passwd", O_RDONLY) == -1 && errno == ENOENT);
    struct stat status;
    CHECK(stat("/", &status) == -1 && errno == ENOENT);
    CHECK(socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == EACCES);
    CHECK(fcntl(1, F_DUPFD, 0) == -1 && errno == EINVAL);
    int winsize[4];
    CHECK(syscall(SYS_ioctl, 0, 0x5413, winsize) == -1 && errno == ENOTTY);
    CHECK(open("/dev/null", O_WRONLY) == -1);
}

static void do_fork(void)
{
    fork();
}

static void do_exec(void)
{
    execl("/bin/true", "true", (char *)NULL);
}

static void do_kill(void)
{
    kill(getppid(), 0);
}

static void do_memfd(void)
{
    memfd_create("x", 0);
}

/* What the listener may and may not; in a child of its own. */
static void check_listener(void)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(sandbox_filter_listener() == 0);
        int pair[2];
        CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
        CHECK(socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == EPERM);
        CHECK(open("/etc/passwd", O_RDONLY) == -1 && errno == ENOENT);
        CHECK(fork() == -1 && errno == EPERM);
        CHECK(execl("/bin/true", "true", (char *)NULL) == -1 && errno == EPERM);
        _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static bool killed(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

/* In namespaces and a root of its own, nothing but the kept directory is there. */
static void check_root(void)
{
    char kept[] = "/tmp/lodge-sandbox-XXXXXX", file[64];
    CHECK(mkdtemp(kept) != NULL);
    snprintf(file, sizeof(file), "%s/file", kept);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (sandbox_enter(kept) == -EPERM)
            _exit(SKIPPED);
        CHECK(access(kept, R_OK) == 0);
        CHECK(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600) >= 0);
        CHECK(access("/etc", F_OK) == -1 && access("/proc", F_OK) == -1);
        CHECK(mkdir("/new", 0700) == -1 && errno == EROFS);
        CHECK(sandbox_drop(65534, 65534, 65533) == 0);
        gid_t groups[4];
        CHECK(getgroups(4, groups) == 1 && groups[0] == 65533);
        CHECK(getuid() == 65534 && getegid() == 65534 && setuid(0) == -1);
        CHECK(open(file, O_RDONLY | O_CLOEXEC) == -1);
        _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    bool made = unlink(file) == 0;
    CHECK(rmdir(kept) == 0);
    CHECK(WIFEXITED(status));
    if (WEXITSTATUS(status) == SKIPPED)
        exit(SKIPPED);
    CHECK(WEXITSTATUS(status) == 0 && made);
}

int main(void)
{
    CHECK(in_worker(may) == 0);
    CHECK(in_worker(may_not) == 0);
    CHECK(killed(in_worker(do_fork)));
    CHECK(killed(in_worker(do_exec)));
    CHECK(killed(in_worker(do_kill)));
    CHECK(killed(in_worker(do_memfd)));
    check_listener();
    if (geteuid() != 0)
        return SKIPPED;
    check_root();
    return 0;
}
