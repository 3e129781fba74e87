#include "sessionmgr/pend-file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/packet.h"
#include "common/text.h"
#include "sessionmgr/pend.h"

__attribute__((format(printf, 3, 4))) static bool refuse(char *problem, size_t size, const char *format, ...)
{
    char text[PEND_PATH_ROOM + 200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    text_escape(problem, size, text);
    return false;
}

/* True when `path` has no "", "." or ".." between its slashes. */
static bool is_plain(const char *path)
{
    if (path[0] != '/')
        return false;
    while (*path == '/') {
        size_t length = strcspn(++path, "/");
        if (length == 0 || (length == 1 && path[0] == '.') || strncmp(path, "../", 3) == 0 ||
            strcmp(path, "..") == 0)
            return false;
        path += length;
    }
    return true;
}

/* The part of `path` below a root, whose length goes to *length_r; NULL: it is below none. */
static const char *below(const char *roots, const char *path, size_t *length_r)
{
    while (*roots != '\0') {
        size_t length = strcspn(roots, ":");
        size_t used = length;
        while (used > 1 && roots[used - 1] == '/')
            used--;
        if (used > 1 && roots[0] == '/' && strncmp(roots, path, used) == 0 && path[used] == '/') {
            *length_r = used;
            return path + used + 1;
        }
        roots += length + (roots[length] == ':');
    }
    return NULL;
}

bool pend_file_check(const char *roots, const char *path, char *problem, size_t problem_size)
{
    size_t length;
    if (strlen(path) >= PEND_PATH_ROOM || !text_is_printable(path) || !is_plain(path))
        return refuse(problem, problem_size,
                      "\"%s\" must be a path from / on, of at most %d printable bytes, without . and ..",
                      path, PEND_PATH_ROOM - 1);
    if (below(roots, path, &length) == NULL)
        return refuse(
            problem, problem_size,
            "%s is below none of the folders that may be changed (Roots in [PendingFileRename]): %s", path,
            roots);
    if (strncmp(strrchr(path, '/') + 1, PEND_FILE, sizeof(PEND_FILE) - 1) == 0)
        return refuse(problem, problem_size, "%s is the queue's own", path);
    return true;
}

/* The folder that `path` is in, and its name there. -1 after a sentence. */
static int open_parent(const char *roots, const char *path, const char **name_r, char *problem,
                       size_t problem_size)
{
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    char root[PEND_PATH_ROOM], parent[PEND_PATH_ROOM];
    size_t length = 0;
    const char *rest = below(roots, path, &length);
    if (!pend_file_check(roots, path, problem, problem_size) || rest == NULL)
        return -1;
    const char *name = strrchr(path, '/') + 1;
    snprintf(root, sizeof(root), "%.*s", (int)length, path);
    snprintf(parent, sizeof(parent), "%.*s", (int)(name - rest), rest);
    int top = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd =
        top < 0 ? -1 : (int)syscall(SYS_openat2, top, parent[0] != '\0' ? parent : ".", &how, sizeof(how));
    if (fd < 0)
        refuse(problem, problem_size, "%s: its folder cannot be opened: %s%s", path, strerror(errno),
               errno == ELOOP ? " (none is followed)" : "");
    close_descriptor(&top);
    *name_r = name;
    return fd;
}

static bool mark_at(int folder, const char *name, char *mark)
{
    struct statx status;
    if (statx(folder, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &status) != 0)
        return false;
    bool born = (status.stx_mask & STATX_BTIME) != 0;
    snprintf(mark, PEND_MARK_ROOM, "%x:%x:%llx:%llx.%x", status.stx_dev_major, status.stx_dev_minor,
             (unsigned long long)status.stx_ino, born ? (unsigned long long)status.stx_btime.tv_sec : 0,
             born ? status.stx_btime.tv_nsec : 0);
    return true;
}

bool pend_file_mark(const char *roots, const char *path, char *mark, char *problem, size_t problem_size)
{
    const char *name;
    int folder = open_parent(roots, path, &name, problem, problem_size);
    if (folder < 0)
        return false;
    bool there = mark_at(folder, name, mark);
    if (!there)
        refuse(problem, problem_size, "%s: %s", path, strerror(errno));
    close_descriptor(&folder);
    return there;
}

static bool delete_at(int folder, const char *name)
{
    return unlinkat(folder, name, 0) == 0 || (errno == EISDIR && unlinkat(folder, name, AT_REMOVEDIR) == 0);
}

/* Two names of one file: rename(2) would leave both. */
static bool rename_at(int from, const char *from_name, int to, const char *to_name)
{
    struct stat one, other;
    if (fstatat(from, from_name, &one, AT_SYMLINK_NOFOLLOW) == 0 && one.st_nlink > 1 &&
        !S_ISDIR(one.st_mode) && fstatat(to, to_name, &other, AT_SYMLINK_NOFOLLOW) == 0 &&
        one.st_dev == other.st_dev && one.st_ino == other.st_ino)
        return delete_at(from, from_name);
    return renameat(from, from_name, to, to_name) == 0;
}

bool pend_file_do(const char *roots, const char *from, const char *to, char *problem, size_t problem_size)
{
    const char *name, *to_name = NULL;
    int folder = open_parent(roots, from, &name, problem, problem_size), to_folder = -1;
    if (folder >= 0 && to != NULL)
        to_folder = open_parent(roots, to, &to_name, problem, problem_size);
    bool open = folder >= 0 && (to == NULL || to_folder >= 0);
    bool ok = open && (to != NULL ? rename_at(folder, name, to_folder, to_name) : delete_at(folder, name)) &&
              fsync(folder) == 0 && (to == NULL || fsync(to_folder) == 0);
    if (open && !ok)
        refuse(problem, problem_size, "%s%s%s: %s", from, to != NULL ? " to " : "", to != NULL ? to : "",
               strerror(errno));
    close_descriptor(&folder);
    close_descriptor(&to_folder);
    return ok;
}
