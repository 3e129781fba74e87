#include "sessionmgr/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Below this depth a folder is moved up to the top first: a tree may be deeper than a process has
 * descriptors. */
#define DEEPEST 32

static int open_folder(int parent, const char *name)
{
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
                           .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH};
    long fd = syscall(SYS_openat2, parent, name, &how, sizeof(how));
    return fd < 0 ? -errno : (int)fd;
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
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
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
