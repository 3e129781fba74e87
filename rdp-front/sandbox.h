/* How the front end's processes give up what they do not need. All functions return 0 or a negative errno and
 * are meant for start-up: a process whose sandbox failed must exit. */
#pragma once

#include <sys/types.h>

/* As root: new mount, network, IPC and UTS namespaces, and a root directory (an empty, read-only tmpfs) in
 * which there is nothing but the directory `keep`, bound at its own path (NULL: nothing at all). */
int sandbox_enter(const char *keep);
/* Becomes this user with `group` as the only supplementary group ((gid_t)-1: none), without capabilities and
 * without a way to get any. */
int sandbox_drop(uid_t uid, gid_t gid, gid_t group);
/* In a worker, before the client's first byte: no core files, no debugger, bounded memory and descriptors,
 * and `cpu_seconds` of processor time until sandbox_trust. */
int sandbox_limit(unsigned cpu_seconds);
/* The person has logged on: no bound on processor time any more. */
int sandbox_trust(void);
/* In a worker, last: system calls outside of what a worker does kill it from now on. Opening files fails with
 * ENOENT and making sockets with EACCES, for libraries try these; processes cannot be made, threads can. */
int sandbox_filter(void);
/* In the listener, before it serves: what is outside of accepting, connecting to Unix sockets and passing
 * descriptors fails with EPERM (it is there for everyone, and parses nothing, so it is not killed). */
int sandbox_filter_listener(void);
