/* Where the drives are seen: a folder of the user's home, with a FUSE file system on it. */
#pragma once

#include <stdbool.h>

#include "redirect/drives.h"

struct mount {
    struct fuse_session *session; /* NULL: nothing is mounted */
    char *path;                   /* NULL: no folder has been found yet */
    int guard;                    /* a pipe to who unmounts when this process is killed; -1: nobody */
};

/* Waits until no other lodge-drives of this session is there: that one is about to end. Returns a descriptor
 * to keep open until the mount is gone, or -1: there is no place for a lock, or no memory. */
int mount_wait_turn(void);
/* `lock` is from mount_wait_turn. Mounts on ~/Drives, or where that is in use on "~/Drives (client)". Returns
 * false, with a line in the log, when it cannot be. */
bool mount_begin(struct mount *mount, struct drives *drives, int lock);
/* The descriptor of the kernel's requests, -1: nothing is mounted. */
int mount_fd(const struct mount *mount);
/* Serves requests that are there, up to some. Returns false when it has been unmounted. */
bool mount_serve(struct mount *mount);
/* Unmounts; what programs have open gets errors. */
void mount_end(struct mount *mount);
