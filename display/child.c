#include "display/child.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/packet.h"

extern char **environ;

static bool program_path(const char *name, char *path_r, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", path_r, size - 1);
    if (length <= 0)
        return false;
    path_r[length] = '\0';
    char *slash = strrchr(path_r, '/');
    if (slash == NULL || (size_t)(slash + 1 - path_r) + strlen(name) + 1 > size)
        return false;
    memcpy(slash + 1, name, strlen(name) + 1);
    return true;
}

static int spawn(pid_t *pid_r, const char *path, char *const arguments[], int input)
{
    posix_spawn_file_actions_t actions;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed)
        return -failed;
    failed = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    if (!failed)
        failed = posix_spawn(pid_r, path, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return -failed;
}

int child_start(const char *name, char *const arguments[], int input)
{
    char path[PATH_MAX];
    pid_t pid = -1;
    if (!program_path(name, path, sizeof(path)))
        return -ENOENT;
    int failed = spawn(&pid, path, arguments, input);
    if (failed)
        return failed;
    int fd = pidfd_open(pid, 0);
    if (fd >= 0)
        return fd;
    failed = -errno; /* out of descriptors */
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return failed;
}

bool child_ended(int *fd, int *status_r)
{
    siginfo_t info = {0};
    if (waitid(P_PIDFD, (id_t)*fd, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0)
        return false;
    close_descriptor(fd);
    *status_r = info.si_code == CLD_EXITED ? info.si_status : -1;
    return true;
}

void child_kill(int *fd)
{
    siginfo_t info;
    pidfd_send_signal(*fd, SIGKILL, NULL, 0);
    waitid(P_PIDFD, (id_t)*fd, &info, WEXITED);
    close_descriptor(fd);
}
