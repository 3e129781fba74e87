#include "logon/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/packet.h"
#include "rpc/sm.h"

/* In a chroot into a plain folder the mount that the root lies on cannot be named, and what is mounted below
 * the root would be seen by everyone who shares it. So this process moves into a copy of the tree, which is a
 * mount of its own. A copy must be attached somewhere that is not shared: /proc is always a mount point. */
static bool root_copy(struct failure *failure_r)
{
    int tree = open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (tree < 0)
        return failure_set(failure_r, errno, "the root directory cannot be cloned (open_tree)");
    bool ok = false;
    if (mount(NULL, "/proc", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        failure_set(
            failure_r, errno,
            "neither / nor /proc is a mount point; mount proc there (mount -t proc proc /proc), or bind "
            "the root onto itself (mount --bind / /)");
    else if (move_mount(tree, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH) != 0)
        failure_set(failure_r, errno, "the copy of the root directory cannot be mounted");
    else if (fchdir(tree) != 0 || chroot(".") != 0 || chdir("/") != 0)
        failure_set(failure_r, errno, "the copy of the root directory cannot be entered");
    else
        ok = true;
    close_descriptor(&tree);
    return ok;
}

bool mounts_cut_off(struct failure *failure_r)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0)
        return true;
    if (errno != EINVAL)
        return failure_set(failure_r, errno, "the mounts cannot be cut off from the host's");
    if (!root_copy(failure_r))
        return false;
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0)
        return failure_set(failure_r, errno, "the mounts cannot be cut off from the host's");
    return true;
}

struct mounts_kept mounts_keep(const char *path)
{
    return (struct mounts_kept){.path = path, .fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC)};
}

/* Opens the folder, and makes what is missing of its path. Where others than root may write no link is
 * followed: the user, whose home it may be, could have it lead below a folder of root's meanwhile. -1 with
 * errno. */
static int folders_reach(const char *path)
{
    int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    while (at >= 0 && path[strspn(path, "/")] != '\0') {
        char part[SM_PATH_ROOM];
        struct stat above;
        path += strspn(path, "/");
        size_t length = strcspn(path, "/");
        snprintf(part, sizeof(part), "%.*s", (int)length, path);
        errno = EINVAL;
        bool there = length < sizeof(part) && strcmp(part, "..") != 0 && fstat(at, &above) == 0 &&
                     (mkdirat(at, part, 0755) == 0 || errno == EEXIST);
        bool roots = there && above.st_uid == 0 && (above.st_mode & (S_IWGRP | S_IWOTH)) == 0;
        int next = there ? openat(at, part, O_PATH | O_DIRECTORY | O_CLOEXEC | (roots ? 0 : O_NOFOLLOW)) : -1;
        close_descriptor(&at);
        at = next;
        path += length;
    }
    return at;
}

bool mounts_keep_restore(const struct mounts_kept *kept, struct failure *failure_r)
{
    struct stat was, is;
    if (kept->fd < 0 || fstat(kept->fd, &was) != 0)
        return true;
    if (stat(kept->path, &is) == 0 && is.st_dev == was.st_dev && is.st_ino == was.st_ino)
        return true;
    char source[32], target[32];
    int there = folders_reach(kept->path);
    snprintf(source, sizeof(source), "/proc/self/fd/%d", kept->fd);
    snprintf(target, sizeof(target), "/proc/self/fd/%d", there);
    bool ok = (there >= 0 && mount(source, target, NULL, MS_BIND | MS_REC, NULL) == 0) ||
              failure_set(failure_r, errno, "cannot bring back %s", kept->path);
    close_descriptor(&there);
    return ok;
}

bool mounts_tmpfs(const char *path, const char *options, struct failure *failure_r)
{
    if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, options) != 0)
        return failure_set(failure_r, errno, "cannot mount a private %s", path);
    return true;
}

bool mounts_bind(int fd, const char *path, unsigned long flags, struct failure *failure_r)
{
    char source[32];
    snprintf(source, sizeof(source), "/proc/self/fd/%d", fd);
    if (mount(source, path, NULL, MS_BIND, NULL) != 0 ||
        mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_NOSUID | MS_NODEV | flags, NULL) != 0)
        return failure_set(failure_r, errno, "cannot bind %s", path);
    return true;
}

bool mounts_bind_file(const char *source, const char *path, struct failure *failure_r)
{
    if (mount(source, path, NULL, MS_BIND, NULL) != 0)
        return failure_set(failure_r, errno, "cannot put a private file over %s", path);
    return true;
}

bool mounts_folder(const char *path, mode_t mode, uid_t uid, gid_t gid, struct failure *failure_r)
{
    if (mkdir(path, 0700) != 0 || lchown(path, uid, gid) != 0 || chmod(path, mode) != 0)
        return failure_set(failure_r, errno, "cannot make %s", path);
    return true;
}
