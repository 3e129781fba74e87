#include "common/slice.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/check.h"

static bool kernel_heeds(void)
{
    struct utsname name;
    int major = 0, minor = 0;
    CHECK(uname(&name) == 0 && sscanf(name.release, "%d.%d", &major, &minor) == 2);
    return major > 6 || (major == 6 && minor >= 12);
}

/* The slice that the kernel keeps for a thread, ns. */
static uint64_t slice_of(pid_t thread)
{
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attributes = {0};
    CHECK(syscall(SYS_sched_getattr, thread, &attributes, sizeof(attributes), 0) == 0);
    return attributes.runtime;
}

static pid_t waiter_start(void)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        pause();
        _exit(0);
    }
    return pid;
}

static void waiter_end(pid_t pid)
{
    CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
}

static void another_processes_turns_are_shortened(void)
{
    uint64_t before = slice_of(0);
    pid_t other = waiter_start();
    CHECK(slice_shorten(other) == 0);
    if (kernel_heeds())
        CHECK(slice_of(other) == 100000 && before > 100000);
    CHECK(slice_of(0) == before);
    waiter_end(other);
}

static void ones_own_and_ones_childrens(void)
{
    CHECK(setpriority(PRIO_PROCESS, 0, 3) == 0);
    CHECK(slice_shorten(0) == 0);
    CHECK(getpriority(PRIO_PROCESS, 0) == 3 && sched_getscheduler(0) == SCHED_OTHER);
    pid_t child = waiter_start();
    if (kernel_heeds())
        CHECK(slice_of(0) == 100000 && slice_of(child) == 100000);
    waiter_end(child);
}

static void other_policies_stay(void)
{
    pid_t other = waiter_start();
    struct sched_param none = {0};
    CHECK(sched_setscheduler(other, SCHED_IDLE, &none) == 0);
    CHECK(slice_shorten(other) == 0);
    CHECK(sched_getscheduler(other) == SCHED_IDLE && slice_of(other) != 100000);
    waiter_end(other);
    CHECK(slice_shorten(other) == -ESRCH);
}

int main(void)
{
    other_policies_stay();
    another_processes_turns_are_shortened();
    ones_own_and_ones_childrens();
    return 0;
}
