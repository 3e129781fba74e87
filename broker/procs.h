/* What the kernel tells about the processes of a session: /proc and its cgroup, read without privilege. For
 * threads: reading about a process may take as long as that process wants. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCS_COMMAND_ROOM 512

struct procs_one {
    pid_t pid, parent;
    pid_t inside; /* its number in the session; 0: not known */
    uid_t uid;
    char state; /* as in /proc/PID/stat */
    char name[64], command[PROCS_COMMAND_ROOM];
    uint64_t started_ms;     /* since 1970 */
    uint64_t cpu_ms, memory; /* memory: resident bytes */
};

struct procs_use {
    uint64_t cpu_ms, memory;
    uint32_t tasks;
};

/* The processes of the cgroup in the folder `group` with numbers above `after`, ascending, at most `room`.
 * Returns how many, or a negative errno: -ENOENT where there is no such group, -EACCES where there are
 * processes and nothing can be read about any. *more_r: there are further ones. */
ssize_t procs_list(const char *group, pid_t after, struct procs_one *at, size_t room, bool *more_r);
/* What the group uses. Returns 0 or a negative errno. Memory is the group's own count where it has one,
 * otherwise what is resident of its processes, shared pages counted in each. */
int procs_use(const char *group, struct procs_use *use_r);
