/* Mounts of a session's own mount namespace, for the one process that is inside and has not exec'd yet. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "logon/failure.h"

/* A directory of the host that must be there inside too, where something private now hides it. */
struct mounts_kept {
    const char *path;
    int fd; /* -1: there was no such directory */
};

/* From now on no mount made here is seen outside; what the host mounts and unmounts later is still seen here.
 * Works in a chroot whose root is no mount point as well: the process gets a root of its own. */
bool mounts_cut_off(struct failure *failure_r);
/* Opens the directory for mounts_keep_restore, or for mounts_bind. */
struct mounts_kept mounts_keep(const char *path);
/* Puts the directory back at its path where that leads elsewhere now. */
bool mounts_keep_restore(const struct mounts_kept *kept, struct failure *failure_r);

/* An empty tmpfs without set-user-ID programs and devices at `path`, with tmpfs(5) options. */
bool mounts_tmpfs(const char *path, const char *options, struct failure *failure_r);
/* The directory `fd` at `path`, without set-user-ID programs and devices, and with `flags` of mount(2). */
bool mounts_bind(int fd, const char *path, unsigned long flags, struct failure *failure_r);
/* The file `source` over the file `path`. */
bool mounts_bind_file(const char *source, const char *path, struct failure *failure_r);
/* Makes the folder `path` with owner and mode whatever the umask; one that is there is an error. */
bool mounts_folder(const char *path, mode_t mode, uid_t uid, gid_t gid, struct failure *failure_r);
