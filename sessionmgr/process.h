/* Starting programs and watching processes by pidfd. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sessionmgr/loop.h"

struct cgroup_base;
struct rlimit;

/* What to start. `path` is executed with `argv` and `environment` (NULL: this process's). The `fd_count`
 * descriptors become 3, 4, ...; standard input is /dev/null, standard output goes where standard error goes
 * (`error_fd`, or this process's when that is -1). The child has default signal handling, an own session, and
 * no other descriptor of this process that is close-on-exec. */
struct process_plan {
    const char *path;
    char *const *argv;
    char *const *environment;
    const int *fds;
    size_t fd_count;
    int error_fd;
    const char *directory;            /* to start in, "/" where that fails; NULL: stay */
    const struct cgroup_base *cgroup; /* with `group`: the cgroup to enter first; NULL: stay */
    const char *group;
    bool born; /* in that cgroup, which spares the kernel's 10 ms for a move; not where cgroup.kill is used:
                * who is born in a cgroup that was killed once is killed by Linux from 6.14 on */
    const struct rlimit *files; /* the limit of open files; NULL: as this process */
    const char *user;           /* the account to become, its groups included; NULL: stay */
};

/* A process that is watched: pidfd is -1 and pid 0 when there is none. `status` is as of waitpid(2), -1 while
 * unknown (always, for a process that is not this one's child). `started` is in the monotonic clock's
 * milliseconds, 0 when that cannot be told. */
struct process {
    pid_t pid;
    int pidfd;
    int status;
    int64_t started;
    struct loop_source *source;
};

#define PROCESS_NONE ((struct process){.pidfd = -1, .status = -1})

/* Starts the plan and watches: `ended` is called once, when the process has ended. Returns 0 or a negative
 * errno. A program that cannot be executed shows as exit status 127 and says why on standard error. */
int process_start(struct process *process_r, const struct process_plan *plan, struct loop *loop,
                  loop_ready *ended, void *context);
/* Watches a process that runs already; the pidfd becomes the object's. */
void process_adopt(struct process *process_r, pid_t pid, int pidfd, struct loop *loop, loop_ready *ended,
                   void *context);
/* Sends a signal; nothing when there is no process. */
void process_signal(const struct process *process, int signal);
/* Ends the watch and forgets the process; it is reaped when it has ended and is a child. */
void process_forget(struct process *process);
/* Fills in `status` of a child that has ended. */
void process_reap(struct process *process);
/* How a process ended: "exited with status 1 after 12.3 s", "was killed by signal 11 (Segmentation fault),
 * core dumped, after 0.5 s" or "ended after 100.0 s", in `text`. Returns it. Before process_forget. */
const char *process_describe(const struct process *process, char *text, size_t size);
