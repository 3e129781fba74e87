#include "common/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/packet.h"

/* Below this depth a folder is moved up to the top first: a tree may be deeper than a process has
 * descriptors. */
#define DEEPEST        32
#define COPY_DEPTH_MAX 32
#define ATTEMPTS       5 /* a process that still writes into the tree must not make it endless */
#define OPEN_FOLDER    (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)

static int open_folder(int parent, const char *name)
{
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
                           .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH};
    long fd = syscall(SYS_openat2, parent, name, &how, sizeof(how));
    return fd < 0 ? -errno : (int)fd;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

struct removal {
    int top;
    unsigned *budget;
    unsigned moved;
};

static int empty_folder(struct removal *removal, int folder, unsigned depth);

/* Gives a folder that lies too deep a name at the top, where it is removed later. */
static int move_up(struct removal *removal, int folder, const char *name)
{
    char moved[64];
    do {
        snprintf(moved, sizeof(moved), ".deep-%u", removal->moved++);
        if (syscall(SYS_renameat2, folder, name, removal->top, moved, 1 /* RENAME_NOREPLACE */) == 0)
            return 0;
    } while (errno == EEXIST && removal->moved < 100000);
    return -errno;
}

static int remove_entry(struct removal *removal, int folder, const char *name, unsigned depth)
{
    if (*removal->budget == 0)
        return -EAGAIN;
    (*removal->budget)--;
    if (unlinkat(folder, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -errno;
    if (unlinkat(folder, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    if (errno != ENOTEMPTY && errno != EEXIST)
        return errno == EBUSY ? -EXDEV : -errno;
    if (depth >= DEEPEST)
        return move_up(removal, folder, name);
    int inner = open_folder(folder, name);
    if (inner < 0)
        return inner;
    int failed = empty_folder(removal, inner, depth + 1);
    close(inner);
    if (failed)
        return failed;
    return unlinkat(folder, name, AT_REMOVEDIR) == 0 ? 0 : errno == EBUSY ? -EXDEV : -errno;
}

/* Goes on past what cannot be removed, and returns the last failure. */
static int empty_folder(struct removal *removal, int folder, unsigned depth)
{
    int copy = dup(folder), failed = 0;
    DIR *directory = copy < 0 ? NULL : fdopendir(copy);
    if (directory == NULL) {
        failed = -errno;
        if (copy >= 0)
            close(copy);
        return failed;
    }
    rewinddir(directory); /* the copy shares its position with `folder` */
    struct dirent *entry;
    while (failed != -EAGAIN && (entry = readdir(directory)) != NULL) {
        if (is_dots(entry->d_name))
            continue;
        int result = remove_entry(removal, folder, entry->d_name, depth);
        failed = result != 0 ? result : failed;
    }
    closedir(directory);
    return failed;
}

int tree_remove(int parent, const char *name, unsigned *budget_r)
{
    int top = open_folder(parent, name);
    if (top == -ENOENT)
        return 0;
    if (top == -ENOTDIR || top == -ELOOP)
        return unlinkat(parent, name, 0) == 0 ? 0 : -errno;
    if (top < 0)
        return top;
    struct removal removal = {.top = top, .budget = budget_r};
    int failed;
    do {
        removal.moved = 0;
        failed = empty_folder(&removal, top, 1);
    } while (failed == 0 && removal.moved > 0);
    close(top);
    if (failed)
        return failed;
    return unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0
           : errno == EBUSY                                             ? -EXDEV
                                                                        : -errno;
}

/* Something came or was renamed while it was removed. */
static bool is_in_motion(int failed)
{
    return failed == -ENOTEMPTY || failed == -EEXIST || failed == -ENOENT;
}

int tree_remove_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX] = ".";
    if (slash != NULL && (size_t)(slash - path) >= sizeof(folder) - 1)
        return -ENAMETOOLONG;
    if (slash != NULL)
        snprintf(folder, sizeof(folder), "%.*s/", (int)(slash - path), path);
    int parent = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), failed, attempt = 0;
    if (parent < 0)
        return errno == ENOENT ? 0 : -errno;
    do {
        unsigned budget = UINT_MAX;
        failed = tree_remove(parent, slash != NULL ? slash + 1 : path, &budget);
    } while (is_in_motion(failed) && ++attempt < ATTEMPTS);
    close_descriptor(&parent);
    return failed;
}

static int file_write(int from, int to)
{
    char data[16384];
    for (;;) {
        ssize_t got = read(from, data, sizeof(data));
        if (got <= 0)
            return got < 0 ? -errno : 0;
        for (ssize_t done = 0; done < got;) {
            ssize_t put = write(to, data + done, (size_t)(got - done));
            if (put < 0)
                return -errno;
            done += put;
        }
    }
}

static int file_copy(int from, int to, const char *name, const struct stat *status, uid_t uid, gid_t gid)
{
    int source = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (source < 0)
        return -errno;
    int failed = 0;
    int target = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (target < 0)
        failed = -errno;
    else
        failed = file_write(source, target);
    if (!failed && (fchown(target, uid, gid) != 0 || fchmod(target, status->st_mode & 0777) != 0))
        failed = -errno;
    close_descriptor(&target);
    close(source);
    return failed;
}

static int link_copy(int from, int to, const char *name, uid_t uid, gid_t gid)
{
    char target[PATH_MAX];
    ssize_t size = readlinkat(from, name, target, sizeof(target) - 1);
    if (size < 0)
        return -errno;
    target[size] = '\0';
    if (symlinkat(target, to, name) != 0 || fchownat(to, name, uid, gid, AT_SYMLINK_NOFOLLOW) != 0)
        return -errno;
    return 0;
}

static int copy_into(int from, int to, uid_t uid, gid_t gid, int depth);

static int directory_copy(int from, int to, const char *name, const struct stat *status, uid_t uid, gid_t gid,
                          int depth)
{
    int failed = 0;
    int source = openat(from, name, OPEN_FOLDER);
    if (source < 0)
        return -errno;
    int target = mkdirat(to, name, 0700) == 0 ? openat(to, name, OPEN_FOLDER) : -1;
    if (target < 0)
        failed = -errno;
    else
        failed = copy_into(source, target, uid, gid, depth + 1);
    /* Given away last: until then nobody else reaches into it. */
    if (!failed && (fchown(target, uid, gid) != 0 || fchmod(target, status->st_mode & 0777) != 0))
        failed = -errno;
    close_descriptor(&target);
    close(source);
    return failed;
}

static int entry_copy(int from, int to, const char *name, uid_t uid, gid_t gid, int depth)
{
    struct stat status;
    if (fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return -errno;
    if (S_ISREG(status.st_mode))
        return file_copy(from, to, name, &status, uid, gid);
    if (S_ISLNK(status.st_mode))
        return link_copy(from, to, name, uid, gid);
    if (S_ISDIR(status.st_mode))
        return directory_copy(from, to, name, &status, uid, gid, depth);
    return 0;
}

static int copy_into(int from, int to, uid_t uid, gid_t gid, int depth)
{
    if (depth > COPY_DEPTH_MAX)
        return -ELOOP;
    int fd = openat(from, ".", OPEN_FOLDER);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    if (directory == NULL) {
        int failed = -errno;
        close_descriptor(&fd);
        return failed;
    }
    int failed = 0;
    const struct dirent *entry;
    while (!failed && (entry = readdir(directory)) != NULL)
        if (!is_dots(entry->d_name))
            failed = entry_copy(from, to, entry->d_name, uid, gid, depth);
    closedir(directory);
    return failed;
}

int tree_copy(int from, int to, uid_t uid, gid_t gid)
{
    return copy_into(from, to, uid, gid, 0);
}
