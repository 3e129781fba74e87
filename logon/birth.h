/* lodge-init's birth: from this process's fork to its exec, in the session's cgroup and namespaces. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "logon/failure.h"
#include "logon/space.h"

/* Processes and threads of a lab account, over all its sessions. */
#define BIRTH_LAB_PROCESSES 8192

struct birth {
    struct space_plan plan;
    int cgroup;        /* the cgroup's directory */
    char group[256];   /* the name of those in cgroup v1 hierarchies that smss may have made too */
    int channel, port; /* lodge-init's descriptors 3 and 4 */
    char **environment;
};

/* lodge-init as it has come into the world. */
struct born {
    int process; /* a pidfd */
    pid_t pid;
    int64_t exec_ns; /* when, in the monotonic clock */
};

/* The folder of this program, where all of Lodge's are, into programs_r of `size` bytes. */
bool birth_programs(char *programs_r, size_t size, struct failure *failure_r);
/* The name of the v1 groups for a session whose cgroup has this path. */
void birth_group(const char *cgroup, char *group_r, size_t size);
/* Makes the process and waits until it is lodge-init, with its limits: so it may be told to run. The pidfd in
 * *born_r is the caller's to wait for and close; false with *failure_r, and no process. All descriptors of
 * `birth` stay the caller's. */
bool birth_wait_exec(const struct birth *birth, struct born *born_r, struct failure *failure_r);
