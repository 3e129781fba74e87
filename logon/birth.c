#include "logon/birth.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/packet.h"
#include "logon/confine.h"

/* How the process comes into the session's cgroup. Born there it has never run anywhere else, and nothing has
 * to be moved. But newer kernels kill a process born into a cgroup at once where cgroup.kill has been
 * used on it more or less often than on its parent's: then it is made here and joins. */
enum entry { BORN_THERE, JOINS };

#define PROGRAM     "lodge-init"
#define ALIVE       '+'   /* the first byte of the process's report: it has come to run */
#define DEADLINE_MS 30000 /* a home on a server that does not answer must not hold the logon for ever */

bool birth_programs(char *programs_r, size_t size, struct failure *failure_r)
{
    ssize_t length = readlink("/proc/self/exe", programs_r, size);
    if (length <= 0 || (size_t)length >= size)
        return failure_set(failure_r, length < 0 ? errno : 0, "this program's folder cannot be told");
    programs_r[length] = '\0';
    char *slash = strrchr(programs_r, '/');
    if (slash == NULL)
        return failure_set(failure_r, 0, "this program's folder cannot be told");
    *slash = '\0';
    return true;
}

void birth_group(const char *cgroup, char *group_r, size_t size)
{
    const char *last = strrchr(cgroup, '/'), *folder = last;
    while (folder != NULL && folder > cgroup && folder[-1] != '/')
        folder--;
    if (last != NULL)
        snprintf(group_r, size, "%.*s.%s", (int)(last - folder), folder, last + 1);
}

/* In the child: an ordinary program's signals. */
static void signals_reset(void)
{
    sigset_t none;
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the child: moves the two descriptors to 3 and 4, nothing on standard input, and closes the rest at exec.
 */
static bool descriptors_place(const struct birth *birth)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int channel = fcntl(birth->channel, F_DUPFD_CLOEXEC, 10);
    int port = fcntl(birth->port, F_DUPFD_CLOEXEC, 10);
    return channel >= 0 && port >= 0 && (null < 0 || dup2(null, 0) == 0) && dup2(channel, 3) == 3 &&
           dup2(port, 4) == 4 && close_range(5, ~0u, CLOSE_RANGE_CLOEXEC) == 0;
}

static bool cgroup_join(const struct birth *birth, struct failure *failure)
{
    int fd = openat(birth->cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, "0", 1) == 1;
    if (!ok)
        failure_set(failure, errno, "the session's cgroup cannot be joined");
    close_descriptor(&fd);
    return ok;
}

/* In the child: joins what smss made for the session's limits in cgroup v1 hierarchies. *pids_r: the number
 * of processes is bounded there. */
static bool groups_join(const struct birth *birth, bool *pids_r, struct failure *failure)
{
    static const char *const controllers[] = {"memory", "pids", "cpu"};
    for (size_t i = 0; i < sizeof(controllers) / sizeof(controllers[0]); i++) {
        char name[320], path[CONF_TEXT_MAX + 400];
        snprintf(name, sizeof(name), "cgroup-%s/%s/cgroup.procs", controllers[i], birth->group);
        int fd = open(conf_run_path(birth->plan.conf, name, path, sizeof(path)), O_WRONLY | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT)
            continue;
        bool ok = fd >= 0 && write(fd, "0", 1) == 1;
        if (!ok)
            failure_set(failure, errno, "%s cannot be joined", path);
        close_descriptor(&fd);
        if (!ok)
            return false;
        *pids_r |= strcmp(controllers[i], "pids") == 0;
    }
    return true;
}

/* How many processes the user may have, or RLIM_INFINITY: what cgroups do not bound. Lab accounts know no
 * PAM, and one of them must not take all of the machine's processes. */
static rlim_t processes_most(const struct birth *birth, bool pids)
{
    const struct conf *conf = birth->plan.conf;
    rlim_t most = birth->plan.identity->account == SM_ACCOUNT_LAB ? BIRTH_LAB_PROCESSES : RLIM_INFINITY;
    rlim_t sessions = conf->single_session ? 1 : (rlim_t)conf->max_sessions_per_user;
    rlim_t all = (rlim_t)conf->tasks_max * sessions;
    bool bounded = pids || conf->tasks_max == 0 || faccessat(birth->cgroup, "pids.max", F_OK, 0) == 0;
    return !bounded && all < most ? all : most;
}

/* In the child. PAM bounds system accounts as the machine's administrator wants; it only gets less here. Root
 * itself is not held by it. */
static void limits_set(const struct birth *birth, bool pids)
{
    struct rlimit limit;
    rlim_t most = processes_most(birth, pids);
    if (getrlimit(RLIMIT_NPROC, &limit) != 0)
        return;
    if (limit.rlim_max > most)
        limit.rlim_max = most;
    if (limit.rlim_cur > limit.rlim_max)
        limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NPROC, &limit);
}

/* In the child: whose doings the machine's audit takes the session's for. PAM sees to it for system accounts,
 * and a machine without audit has no such file. */
static void audit_tell(const struct identity *identity)
{
    int fd = identity->account == SM_ACCOUNT_LAB ? open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC) : -1;
    if (fd >= 0)
        dprintf(fd, "%u", identity->uid);
    close_descriptor(&fd);
}

/* In the child, to its exec or its end. */
static void child_exec(const struct birth *birth, enum entry entry, struct failure *failure)
{
    char path[CONF_TEXT_MAX + 64];
    char program[] = PROGRAM, channel[] = "--channel-fd", three[] = "3", port[] = "--winstation-fd",
         four[] = "4";
    char *arguments[] = {program, channel, three, port, four, NULL};
    bool pids = false;
    umask(0);
    audit_tell(birth->plan.identity);
    if (!groups_join(birth, &pids, failure) || (entry == JOINS && !cgroup_join(birth, failure)) ||
        !space_arrange(&birth->plan, failure) || !confine_self(failure))
        return;
    umask(022);
    if (chdir("/") != 0 || !descriptors_place(birth)) {
        failure_set(failure, errno, "the descriptors of lodge-init cannot be arranged");
        return;
    }
    limits_set(birth, pids);
    conf_run_path(birth->plan.conf, "programs/" PROGRAM, path, sizeof(path));
    execve(path, arguments, birth->environment);
    failure_set(failure, errno, "cannot start %s (it is in %s on the host)", PROGRAM, birth->plan.programs);
}

__attribute__((noreturn)) static void child_run(const struct birth *birth, enum entry entry, int report)
{
    struct failure failure = {.text = ""};
    if (write(report, &(char){ALIVE}, 1) != 1)
        _exit(2);
    /* Dies with the logon. lodge-init has to say so again when it has become the user: the kernel forgets. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signals_reset();
    int high = fcntl(report, F_DUPFD_CLOEXEC, 10);
    child_exec(birth, entry, &failure);
    ssize_t written = write(high, failure.text, strlen(failure.text));
    _exit(written > 0 ? 1 : 2);
}

/* Returns as fork(2). */
static pid_t process_make(const struct birth *birth, enum entry entry, int *process_r)
{
    int process = -1;
    struct clone_args arguments = {
        .flags = CLONE_PIDFD | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS,
        .pidfd = (uint64_t)(uintptr_t)&process,
        .exit_signal = SIGCHLD,
        .cgroup = (uint64_t)birth->cgroup,
    };
    if (entry == BORN_THERE)
        arguments.flags |= CLONE_INTO_CGROUP;
    if (birth->plan.conf->pid_namespace)
        arguments.flags |= CLONE_NEWPID;
    pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
    if (pid > 0)
        *process_r = process;
    return pid;
}

/* Reads the report to its end, which exec makes after ALIVE alone. Returns false with *failure_r otherwise;
 * *killed_r: the process has never run. */
static bool report_wait(int report, bool *killed_r, struct failure *failure_r)
{
    char text[sizeof(failure_r->text) + 1] = "";
    size_t used = 0;
    int64_t deadline = clock_monotonic_ms() + DEADLINE_MS;
    for (;;) {
        struct pollfd wait = {.fd = report, .events = POLLIN};
        int64_t left = deadline - clock_monotonic_ms();
        int ready = left > 0 ? poll(&wait, 1, (int)left) : 0;
        if (ready == 0)
            return failure_set(failure_r, 0, "the session's namespaces were not ready after %d seconds",
                               DEADLINE_MS / 1000);
        if (ready < 0)
            continue;
        ssize_t got = read(report, text + used, sizeof(text) - 1 - used);
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    *killed_r = used == 0;
    if (used == 0)
        return failure_set(failure_r, 0, "the session's first process was killed");
    return used == 1 || failure_set(failure_r, 0, "%s", text + 1);
}

static void process_end(int *process)
{
    siginfo_t information;
    syscall(SYS_pidfd_send_signal, *process, SIGKILL, NULL, 0);
    waitid(P_PIDFD, (id_t)*process, &information, WEXITED);
    close_descriptor(process);
}

/* As birth_wait_exec; *killed_r tells a death without a cause from other failures. */
static bool birth_try(const struct birth *birth, enum entry entry, int *process_r, pid_t *pid_r,
                      bool *killed_r, struct failure *failure_r)
{
    int report[2], process = -1;
    *killed_r = false;
    if (pipe2(report, O_CLOEXEC) != 0)
        return failure_set(failure_r, errno, "cannot make a pipe");
    pid_t pid = process_make(birth, entry, &process);
    if (pid == 0)
        child_run(birth, entry, report[1]);
    int failed = errno;
    close_descriptor(&report[1]);
    bool ok = pid > 0 ? report_wait(report[0], killed_r, failure_r)
                      : failure_set(failure_r, failed, "the session's first process cannot be made (clone3)");
    close_descriptor(&report[0]);
    if (ok) {
        *process_r = process;
        *pid_r = pid;
    } else if (process >= 0) {
        process_end(&process);
    }
    return ok;
}

bool birth_wait_exec(const struct birth *birth, int *process_r, pid_t *pid_r, struct failure *failure_r)
{
    bool killed;
    return birth_try(birth, BORN_THERE, process_r, pid_r, &killed, failure_r) ||
           (killed && birth_try(birth, JOINS, process_r, pid_r, &killed, failure_r));
}
