#include "sessionmgr/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/packet.h"
#include "sessionmgr/cgroup.h"
#include "sessionmgr/proc.h"

#define FDS_MOST 4

static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Puts the descriptors where the plan wants them: first out of each other's way. */
static bool place_descriptors(const struct process_plan *plan)
{
    int high[FDS_MOST];
    if (plan->fd_count > FDS_MOST)
        return false;
    for (size_t i = 0; i < plan->fd_count; i++) {
        high[i] = fcntl(plan->fds[i], F_DUPFD_CLOEXEC, 3 + FDS_MOST);
        if (high[i] < 0)
            return false;
    }
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0)
        return false;
    if (plan->error_fd >= 0 && dup2(plan->error_fd, STDERR_FILENO) < 0)
        return false;
    if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return false;
    for (size_t i = 0; i < plan->fd_count; i++) {
        if (dup2(high[i], 3 + (int)i) < 0)
            return false;
    }
    return true;
}

static bool become(const char *name)
{
    errno = ENOENT;
    const struct passwd *user = getpwnam(name);
    return user != NULL && initgroups(name, user->pw_gid) == 0 &&
           setresgid(user->pw_gid, user->pw_gid, user->pw_gid) == 0 &&
           setresuid(user->pw_uid, user->pw_uid, user->pw_uid) == 0;
}

static void run(const struct process_plan *plan, bool inside)
{
    setsid();
    if (plan->cgroup != NULL && !inside && cgroup_enter(plan->cgroup, plan->group) != 0) {
        log_error(plan->group, "cannot enter the cgroup: %m");
        return;
    }
    if (!place_descriptors(plan)) {
        log_error(plan->path, "cannot place descriptors: %m");
        return;
    }
    if (plan->directory != NULL && chdir(plan->directory) != 0 && chdir("/") != 0)
        return;
    if (plan->files != NULL)
        setrlimit(RLIMIT_NOFILE, plan->files);
    reset_signals();
    if (plan->user != NULL && !become(plan->user)) {
        log_error(plan->user, "cannot become this user: %m");
        return;
    }
    execve(plan->path, plan->argv, plan->environment != NULL ? plan->environment : environ);
    log_error(plan->path, "cannot be executed: %m");
}

/* Returns as fork(2) does. */
static pid_t start(const struct process_plan *plan)
{
    struct clone_args arguments = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD};
    int group = plan->born ? openat(plan->cgroup->fd, plan->group, O_PATH | O_CLOEXEC) : -1;
    pid_t pid = -1;
    if (group >= 0) {
        arguments.cgroup = (uint64_t)group;
        pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
    }
    bool inside = pid >= 0;
    if (!inside)
        pid = fork();
    if (pid == 0) {
        run(plan, inside);
        _exit(127);
    }
    close_descriptor(&group);
    return pid;
}

int process_start(struct process *process_r, const struct process_plan *plan, struct loop *loop,
                  loop_ready *ended, void *context)
{
    pid_t pid = start(plan);
    if (pid < 0)
        return -errno;
    int pidfd = pidfd_open(pid, 0);
    if (pidfd < 0) {
        int failed = -errno;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return failed;
    }
    process_adopt(process_r, pid, pidfd, loop, ended, context);
    return 0;
}

void process_adopt(struct process *process_r, pid_t pid, int pidfd, struct loop *loop, loop_ready *ended,
                   void *context)
{
    struct proc_stat stat;
    fcntl(pidfd, F_SETFD, FD_CLOEXEC);
    *process_r = (struct process){.pid = pid, .pidfd = pidfd, .status = -1};
    if (proc_stat_of(pid, &stat))
        process_r->started = clock_monotonic_ms() - clock_boot_ms() + stat.started_ms;
    process_r->source = loop_watch(loop, pidfd, EPOLLIN, ended, context);
}

void process_signal(const struct process *process, int signal)
{
    if (process->pidfd >= 0)
        pidfd_send_signal(process->pidfd, signal, NULL, 0);
}

void process_reap(struct process *process)
{
    siginfo_t info = {0};
    if (process->pidfd < 0 || process->status != -1 ||
        waitid(P_PIDFD, (id_t)process->pidfd, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0)
        return;
    if (info.si_code == CLD_EXITED)
        process->status = W_EXITCODE(info.si_status, 0);
    else
        process->status = (info.si_status & 0x7f) | (info.si_code == CLD_DUMPED ? WCOREFLAG : 0);
}

void process_forget(struct process *process)
{
    process_reap(process);
    loop_unwatch(&process->source);
    close_descriptor(&process->pidfd);
    *process = PROCESS_NONE;
}

const char *process_describe(const struct process *process, char *text, size_t size)
{
    char how[64] = "ended", after[32] = "";
    int status = process->status;
    int64_t ran = process->started != 0 ? (clock_monotonic_ms() - process->started) / 100 : -1;
    if (status != -1 && WIFEXITED(status))
        snprintf(how, sizeof(how), "exited with status %d", WEXITSTATUS(status));
    else if (status != -1)
        snprintf(how, sizeof(how), "was killed by signal %d (%s)%s", WTERMSIG(status),
                 strsignal(WTERMSIG(status)), WCOREDUMP(status) ? ", core dumped," : "");
    if (ran >= 0)
        snprintf(after, sizeof(after), " after %" PRId64 ".%d s", ran / 10, (int)(ran % 10));
    snprintf(text, size, "%s%s", how, after);
    return text;
}
