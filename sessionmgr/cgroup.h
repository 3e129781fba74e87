/* The cgroup v2 folder that all of Lodge's processes live below. A group is named by its path relative to
 * that folder ("broker", "session-3"). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sessionmgr/proc.h"

enum cgroup_controller { CGROUP_MEMORY, CGROUP_PIDS, CGROUP_CPU, CGROUP_CONTROLLERS };
extern const char *const cgroup_controllers[CGROUP_CONTROLLERS];

/* What a group may use; 0: no bound. The weight is cgroup v2's, 1 to 10000, usually 100. */
struct cgroup_limits {
    long memory_mib, tasks, cpu_weight;
};

struct cgroup_base {
    char path[PROC_PATH_ROOM]; /* in the file system */
    char name[PROC_PATH_ROOM]; /* as in /proc/PID/cgroup */
    int fd;
    bool mounted;               /* RUN/cgroup is a mount that Lodge made */
    bool fixed;                 /* the group above the base is to stay as it is */
    unsigned v2, above;         /* bits: controllers that groups have; those that the group above was given */
    int v1[CGROUP_CONTROLLERS]; /* where the limits that v2 cannot hold are set instead, or -1 */
};

/* Finds or mounts cgroup v2 and makes the base folder for this run directory, or finds the one that
 * RUN/cgroup leads to from an earlier life. Returns 0, or a negative errno with a sentence in `error`. */
int cgroup_open(struct cgroup_base *base_r, const char *run_directory, char *error, size_t error_size);
/* Removes the base folder and RUN/cgroup when nothing is left in them. */
void cgroup_close(struct cgroup_base *base, const char *run_directory);
/* The folder name for a run directory: each has its own. */
const char *cgroup_folder_name(const char *run_directory, char *name, size_t size);
/* Arranges that groups can have limits, as far as this machine allows; close undoes it before cgroup_close.
 */
void cgroup_limits_open(struct cgroup_base *base, const char *run_directory);
void cgroup_limits_close(struct cgroup_base *base, const char *run_directory);
/* The controllers whose limits hold ("memory (v2), pids (v1)"), or those whose do not; "" for none. */
const char *cgroup_describe(const struct cgroup_base *base, bool holding, char *text, size_t size);
/* Sets the limits of a group that nothing runs in yet. 0 or a negative errno: the last of several. */
int cgroup_limit(const struct cgroup_base *base, const char *group, const struct cgroup_limits *limits);
/* A service does not wait for its turn behind all of the sessions. */
void cgroup_prefer(const struct cgroup_base *base, const char *group);

/* 0 or a negative errno; a group that is there already is fine. */
int cgroup_make(const struct cgroup_base *base, const char *group);
/* Removes the group and any made inside it; -EBUSY while processes are in one, 0 also when it is not there.
 */
int cgroup_remove(const struct cgroup_base *base, const char *group);
/* SIGKILL to every process in the group and below. */
void cgroup_kill(const struct cgroup_base *base, const char *group);
/* The group's cgroup.events, to wait on (EPOLLPRI); or a negative errno. */
int cgroup_events(const struct cgroup_base *base, const char *group);
/* False too when the group is not there. */
bool cgroup_is_populated(const struct cgroup_base *base, const char *group);
/* Puts the calling process into the group. 0 or a negative errno. */
int cgroup_enter(const struct cgroup_base *base, const char *group);
/* True when the process is in the group ("": the base) or below it. */
bool cgroup_has(const struct cgroup_base *base, const char *group, pid_t pid);
/* Calls `found` with each process right in the group. */
void cgroup_each(const struct cgroup_base *base, const char *group, void (*found)(pid_t pid, void *context),
                 void *context);
/* Calls `found` with each group right below the base; it may be removed meanwhile. */
void cgroup_each_group(const struct cgroup_base *base, void (*found)(const char *group, void *context),
                       void *context);
/* The names of what is in the group, for the log: "xterm 12, sh 15, ..." */
const char *cgroup_names(const struct cgroup_base *base, const char *group, char *text, size_t size);
