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

static const char *const controllers[] = {"memory", "pids", "cpu"};

#define PROGRAM     "lodge-init"
#define ALIVE       '+'   /* the first byte of the process's report: it has come to run */
#define EXECS       '>'   /* the second, with the time in ns after it: it becomes lodge-init */
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

/* Opens what smss may have made for the session's limits in the cgroup v1 hierarchy of this controller, to be
 * joined. -1 with errno, ENOENT where it made none; its path is in `path`. */
static int group_open(const struct birth *birth, const char *controller, char *path, size_t size)
{
    char name[320];
    snprintf(name, sizeof(name), "cgroup-%s/%s/cgroup.procs", controller, birth->group);
    return open(conf_run_path(birth->plan.conf, name, path, size), O_WRONLY | O_CLOEXEC);
}

/* Puts the process into those groups. The kernel waits for all processors at this (15 ms and more), so it is
 * not the child that does it: meanwhile that arranges its namespaces and becomes lodge-init. Nothing of the
 * user's runs before lodge-init is told to, and it is told when this is done. */
static bool groups_join(const struct birth *birth, pid_t pid, struct failure *failure_r)
{
    for (size_t i = 0; i < sizeof(controllers) / sizeof(controllers[0]); i++) {
        char path[CONF_TEXT_MAX + 400];
        int fd = group_open(birth, controllers[i], path, sizeof(path));
        if (fd < 0 && errno == ENOENT)
            continue;
        bool ok = fd >= 0 && dprintf(fd, "%d", (int)pid) > 0;
        if (!ok)
            failure_set(failure_r, errno, "%s cannot be joined", path);
        close_descriptor(&fd);
        if (!ok)
            return false;
    }
    return true;
}

/* True when such a group bounds the number of processes. */
static bool is_bounded(const struct birth *birth)
{
    char path[CONF_TEXT_MAX + 400];
    int fd = group_open(birth, "pids", path, sizeof(path));
    bool bounded = fd >= 0;
    close_descriptor(&fd);
    return bounded;
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
static void child_exec(const struct birth *birth, enum entry entry, int report, struct failure *failure)
{
    char path[CONF_TEXT_MAX + 64];
    char program[] = PROGRAM, channel[] = "--channel-fd", three[] = "3", port[] = "--winstation-fd",
         four[] = "4";
    char *arguments[] = {program, channel, three, port, four, NULL};
    bool pids = is_bounded(birth);
    umask(0);
    audit_tell(birth->plan.identity);
    if ((entry == JOINS && !cgroup_join(birth, failure)) || !space_arrange(&birth->plan, failure) ||
        !confine_self(failure))
        return;
    umask(022);
    if (chdir("/") != 0 || !descriptors_place(birth)) {
        failure_set(failure, errno, "the descriptors of lodge-init cannot be arranged");
        return;
    }
    limits_set(birth, pids);
    conf_run_path(birth->plan.conf, "programs/" PROGRAM, path, sizeof(path));
    if (dprintf(report, "%c%lld%c", EXECS, (long long)clock_monotonic_ns(), '\0') > 0)
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
    child_exec(birth, entry, high, &failure);
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

/* The report when it has ended, `size` bytes with a NUL after them: ALIVE, EXECS and the time, and, unless
 * the exec came, what failed. */
static bool report_judge(const char *text, size_t size, int64_t *exec_ns_r, bool *killed_r,
                         struct failure *failure_r)
{
    *killed_r = size == 0;
    if (size == 0)
        return failure_set(failure_r, 0, "the session's first process was killed");
    if (size == 1)
        return failure_set(failure_r, 0, "the session's first process ended before it was lodge-init");
    if (text[1] != EXECS)
        return failure_set(failure_r, 0, "%s", text + 1);
    *exec_ns_r = strtoll(text + 2, NULL, 10);
    size_t told = strlen(text) + 1;
    return told >= size || failure_set(failure_r, 0, "%s", text + told);
}

/* Reads the report to its end, which exec makes. Returns false with *failure_r when there was none;
 * *killed_r: the process has never run. */
static bool report_wait(int report, int64_t *exec_ns_r, bool *killed_r, struct failure *failure_r)
{
    char text[sizeof(failure_r->text) + 32] = "";
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
    return report_judge(text, used, exec_ns_r, killed_r, failure_r);
}

static void process_end(int *process)
{
    siginfo_t information;
    syscall(SYS_pidfd_send_signal, *process, SIGKILL, NULL, 0);
    waitid(P_PIDFD, (id_t)*process, &information, WEXITED);
    close_descriptor(process);
}

/* As birth_wait_exec; *killed_r tells a death without a cause from other failures. */
static bool birth_try(const struct birth *birth, enum entry entry, struct born *born_r, bool *killed_r,
                      struct failure *failure_r)
{
    int report[2];
    struct born born = {.process = -1};
    struct failure unlimited = {.text = ""};
    *killed_r = false;
    if (pipe2(report, O_CLOEXEC) != 0)
        return failure_set(failure_r, errno, "cannot make a pipe");
    born.pid = process_make(birth, entry, &born.process);
    if (born.pid == 0)
        child_run(birth, entry, report[1]);
    int failed = errno;
    close_descriptor(&report[1]);
    bool limited = born.pid > 0 && groups_join(birth, born.pid, &unlimited);
    bool ok = born.pid > 0
                  ? report_wait(report[0], &born.exec_ns, killed_r, failure_r)
                  : failure_set(failure_r, failed, "the session's first process cannot be made (clone3)");
    close_descriptor(&report[0]);
    if (ok && !limited)
        ok = failure_set(failure_r, 0, "%s", unlimited.text);
    if (ok)
        *born_r = born;
    else if (born.process >= 0)
        process_end(&born.process);
    return ok;
}

bool birth_wait_exec(const struct birth *birth, struct born *born_r, struct failure *failure_r)
{
    bool killed;
    return birth_try(birth, BORN_THERE, born_r, &killed, failure_r) ||
           (killed && birth_try(birth, JOINS, born_r, &killed, failure_r));
}
