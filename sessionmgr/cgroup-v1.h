/* Session limits where the controllers sit in cgroup v1 hierarchies, as in containers on older hosts: in each
 * a group FOLDER.session-N right below lodge-smss's own, beside the cgroup v2 group that everything else
 * stands on. RUN/cgroup-CONTROLLER leads to where they are, for lodge-logon and for the next lodge-smss. */
#pragma once

#include "sessionmgr/cgroup.h"

/* True for a line of /proc/self/mountinfo that is the v1 hierarchy with this controller. */
bool cgroup_v1_parse_mount(const char *line, const char *controller, struct proc_mount *mount_r);
/* The path in the line of /proc/self/cgroup that is about this controller. False for other lines. */
bool cgroup_v1_parse_group(const char *line, const char *controller, char *path, size_t size);

/* Fills in base->v1 for the controllers that v2 does not have; none is no error. */
void cgroup_v1_open(struct cgroup_base *base, const char *run_directory);
void cgroup_v1_close(struct cgroup_base *base, const char *run_directory);
/* Makes the groups that these limits need. 0 or a negative errno. */
int cgroup_v1_limit(const struct cgroup_base *base, const char *group, const struct cgroup_limits *limits);
/* 0, also where there are none; -EBUSY while processes are in one. */
int cgroup_v1_remove(const struct cgroup_base *base, const char *group);
void cgroup_v1_each_group(const struct cgroup_base *base, void (*found)(const char *group, void *context),
                          void *context);
