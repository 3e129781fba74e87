#include "sessionmgr/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"
#include "sessionmgr/cgroup-v1.h"

/* Opens GROUP/FILE; NAME_MAX bounds both. */
static int open_file(const struct cgroup_base *base, const char *group, const char *file, int flags)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", group, file);
    int fd = openat(base->fd, path, flags | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int write_file(const struct cgroup_base *base, const char *group, const char *file, const char *text)
{
    int fd = open_file(base, group, file, O_WRONLY);
    if (fd < 0)
        return fd;
    int failed = write(fd, text, strlen(text)) < 0 ? -errno : 0;
    close(fd);
    return failed;
}

static FILE *read_file(const struct cgroup_base *base, const char *group, const char *file)
{
    int fd = open_file(base, group, file, O_RDONLY);
    FILE *stream = fd < 0 ? NULL : fdopen(fd, "r");
    if (stream == NULL && fd >= 0)
        close(fd);
    return stream;
}

int cgroup_make(const struct cgroup_base *base, const char *group)
{
    return mkdirat(base->fd, group, 0755) == 0 || errno == EEXIST ? 0 : -errno;
}

static int remove_below(int parent, const char *name, unsigned depth)
{
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    int failed = -errno;
    if ((failed != -EBUSY && failed != -ENOTEMPTY) || depth > 64)
        return failed;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (directory == NULL) {
        if (fd >= 0)
            close(fd);
        return failed;
    }
    struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            remove_below(fd, entry->d_name, depth + 1);
    }
    closedir(directory);
    return unlinkat(parent, name, AT_REMOVEDIR) == 0 ? 0 : -errno;
}

int cgroup_remove(const struct cgroup_base *base, const char *group)
{
    int failed = remove_below(base->fd, group, 0), v1 = cgroup_v1_remove(base, group);
    return failed != 0 ? failed : v1;
}

static void kill_one(pid_t pid, void *context)
{
    (void)context;
    kill(pid, SIGKILL);
}

void cgroup_kill(const struct cgroup_base *base, const char *group)
{
    if (write_file(base, group, "cgroup.kill", "1") == 0)
        return;
    cgroup_each(base, group, kill_one, NULL); /* before Linux 5.14 */
}

int cgroup_events(const struct cgroup_base *base, const char *group)
{
    return open_file(base, group, "cgroup.events", O_RDONLY);
}

bool cgroup_is_populated(const struct cgroup_base *base, const char *group)
{
    FILE *file = read_file(base, group, "cgroup.events");
    char line[64];
    bool populated = false;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        populated |= strncmp(line, "populated 1", 11) == 0;
    if (file != NULL)
        fclose(file);
    return populated;
}

int cgroup_enter(const struct cgroup_base *base, const char *group)
{
    return write_file(base, group, "cgroup.procs", "0");
}

bool cgroup_has(const struct cgroup_base *base, const char *group, pid_t pid)
{
    char path[PROC_PATH_ROOM], wanted[PROC_PATH_ROOM + 64];
    int length = snprintf(wanted, sizeof(wanted), "%s%s%s", base->name, group[0] != '\0' ? "/" : "", group);
    if (!proc_cgroup_of(pid, path, sizeof(path)) || length < 0 || (size_t)length >= sizeof(wanted))
        return false;
    return strncmp(path, wanted, (size_t)length) == 0 && (path[length] == '\0' || path[length] == '/');
}

void cgroup_each(const struct cgroup_base *base, const char *group, void (*found)(pid_t pid, void *context),
                 void *context)
{
    FILE *file = read_file(base, group, "cgroup.procs");
    char line[32];
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        long pid;
        line[strcspn(line, "\n")] = '\0';
        if (text_number(line, 1, INT_MAX, &pid))
            found((pid_t)pid, context);
    }
    if (file != NULL)
        fclose(file);
}

void cgroup_each_group(const struct cgroup_base *base, void (*found)(const char *group, void *context),
                       void *context)
{
    DIR *directory = opendir(base->path);
    struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            found(entry->d_name, context);
    }
    if (directory != NULL)
        closedir(directory);
    cgroup_v1_each_group(base, found, context);
}

struct name_list {
    char *text;
    size_t size, used;
    bool full; /* what comes after is not even looked at: there may be very many */
};

static void add_name(pid_t pid, void *context)
{
    struct name_list *list = context;
    struct proc_stat stat;
    char piece[128];
    if (list->full || !proc_stat_of(pid, &stat))
        return;
    int length = snprintf(piece, sizeof(piece), "%s%s %d", list->used > 0 ? ", " : "", stat.name, (int)pid);
    list->full = length < 0 || list->used + (size_t)length + 1 > list->size;
    if (!list->full) {
        memcpy(list->text + list->used, piece, (size_t)length + 1);
        list->used += (size_t)length;
    }
}

const char *cgroup_names(const struct cgroup_base *base, const char *group, char *text, size_t size)
{
    struct name_list list = {.text = text, .size = size};
    text[0] = '\0';
    cgroup_each(base, group, add_name, &list);
    return text;
}
