/* What smss and init read in /proc. The parsers take one line of text and are separate for the tests. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROC_PATH_ROOM 4096

struct proc_mount {
    char root[PROC_PATH_ROOM], point[PROC_PATH_ROOM], type[64];
};

/* A line of /proc/PID/mountinfo, escapes resolved. Returns false for anything else. */
bool proc_parse_mount(const char *line, struct proc_mount *mount_r);
/* The path in the cgroup v2 line ("0::/path") of /proc/PID/cgroup. Returns false for other lines. */
bool proc_parse_cgroup(const char *line, char *path, size_t size);

struct proc_socket {
    uint16_t port;
    bool listening;
    uint64_t inode;
};
/* A line of /proc/net/tcp or tcp6. Returns false for anything else, as the heading. */
bool proc_parse_tcp(const char *line, struct proc_socket *socket_r);

struct proc_stat {
    pid_t pid, parent;
    char state;
    char name[64];
    int64_t cpu_ms;     /* of the processors, its own and the kernel's for it; 0 when the text ends before */
    int64_t started_ms; /* after the boot of the machine; as above */
};
/* /proc/PID/stat; the name may hold any byte. Returns false for anything else. */
bool proc_parse_stat(const char *text, struct proc_stat *stat_r);

/* Reads the whole small file into `text` (NUL at its end, cut where `size` is too small). Returns its size or
 * a negative errno. */
ssize_t proc_read(const char *path, char *text, size_t size);
/* As proc_parse_stat for a process that is there; false when it is not. */
bool proc_stat_of(pid_t pid, struct proc_stat *stat_r);
/* The cgroup v2 path of a process. Returns false when it is not there or has none. */
bool proc_cgroup_of(pid_t pid, char *path, size_t size);
/* True when the process runs the program at `path`, also when that file has been replaced since. */
bool proc_runs(pid_t pid, const char *path);

/* Calls `found` with each process of this pid namespace, until one call returns false. */
void proc_each(bool (*found)(const struct proc_stat *stat, void *context), void *context);
/* Writes "NAME (process PID)" of who listens on the TCP port into `text`. Returns false when it is not
 * found. */
bool proc_port_owner(uint16_t port, char *text, size_t size);
