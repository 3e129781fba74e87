#include "logon/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/packet.h"

#define DEPTH_MAX      48 /* directories open at once while removing */
#define COPY_DEPTH_MAX 32
#define ATTEMPTS       5 /* a process that still writes into the tree must not make it endless */
#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)

/* Where a tree's too deep folders are moved to, to be removed from there. */
struct removal {
    int top;
    dev_t device;
    unsigned moved;
};

static int directory_empty(struct removal *removal, int at, const char *name, int depth);

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int entry_remove(struct removal *removal, int at, const char *name, int depth)
{
    if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -errno;
    if (depth >= DEPTH_MAX) {
        char moved[32];
        snprintf(moved, sizeof(moved), ".lodge-deep-%u", removal->moved);
        /* One that cannot be moved at all (something is mounted there) counts as no progress. */
        int failed = renameat(at, name, removal->top, moved) == 0 || errno == ENOENT ? 0 : -errno;
        removal->moved += failed == 0 || failed == -ENOTEMPTY || failed == -EEXIST || failed == -ENOTDIR;
        return failed;
    }
    int failed = directory_empty(removal, at, name, depth);
    if (failed)
        return failed == -ENOENT ? 0 : failed;
    return unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -errno;
}

/* Removes everything in the directory `name`, on the tree's own file system; it stays itself. The first
 * failure is returned, the rest is removed all the same. */
static int directory_empty(struct removal *removal, int at, const char *name, int depth)
{
    int fd = openat(at, name, OPEN_DIRECTORY);
    if (fd < 0)
        return -errno;
    DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        int failed = -errno;
        close(fd);
        return failed;
    }
    int failed = 0;
    const struct dirent *entry;
    struct stat status = {.st_dev = 0};
    if (fstat(fd, &status) != 0)
        failed = -errno;
    if (depth == 0) {
        removal->top = fd;
        removal->device = status.st_dev;
    } else if (!failed && status.st_dev != removal->device) {
        failed = -EBUSY;
    }
    if (failed) {
        closedir(directory);
        return failed;
    }
    while ((entry = readdir(directory)) != NULL)
        if (!is_dots(entry->d_name)) {
            int result = entry_remove(removal, fd, entry->d_name, depth + 1);
            failed = failed ? failed : result;
        }
    closedir(directory);
    return failed;
}

int tree_remove(int at, const char *name)
{
    if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -errno;
    struct removal removal = {.top = -1};
    int failed = -ENOTEMPTY;
    /* Once more for every layer that was moved up, as long as that goes on. */
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        unsigned moved = removal.moved;
        failed = directory_empty(&removal, at, name, 0);
        if (unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
            return 0;
        if (!failed)
            failed = -errno;
        if (removal.moved != moved)
            attempt = -1;
        if (removal.moved > 1000000)
            break;
    }
    return failed;
}

int tree_remove_path(const char *path)
{
    return tree_remove(AT_FDCWD, path);
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
    int source = openat(from, name, OPEN_DIRECTORY);
    if (source < 0)
        return -errno;
    int target = mkdirat(to, name, 0700) == 0 ? openat(to, name, OPEN_DIRECTORY) : -1;
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
    int fd = openat(from, ".", OPEN_DIRECTORY);
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
