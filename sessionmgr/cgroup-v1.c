#include "sessionmgr/cgroup-v1.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/packet.h"

#define CPU_WEIGHT_USUAL 100  /* of cgroup v2, */
#define CPU_SHARES_USUAL 1024 /* and the same in v1 */

/* Is `word` one of the `size` bytes' comma-separated words? */
static bool has_word(const char *list, size_t size, const char *word)
{
    size_t length = strlen(word);
    for (const char *end = list + size; list < end;) {
        const char *comma = memchr(list, ',', (size_t)(end - list));
        size_t piece = (size_t)((comma != NULL ? comma : end) - list);
        if (piece == length && memcmp(list, word, length) == 0)
            return true;
        list += piece + 1;
    }
    return false;
}

bool cgroup_v1_parse_mount(const char *line, const char *controller, struct proc_mount *mount_r)
{
    const char *options = strrchr(line, ' ');
    return options != NULL && proc_parse_mount(line, mount_r) && strcmp(mount_r->type, "cgroup") == 0 &&
           has_word(options + 1, strcspn(options + 1, "\n"), controller);
}

bool cgroup_v1_parse_group(const char *line, const char *controller, char *path, size_t size)
{
    const char *list = strchr(line, ':');
    const char *group = list != NULL ? strchr(list + 1, ':') : NULL;
    if (group == NULL || group[1] != '/' || !has_word(list + 1, (size_t)(group - list - 1), controller))
        return false;
    size_t length = strcspn(group + 1, "\n");
    if (length >= size)
        return false;
    memcpy(path, group + 1, length);
    path[length] = '\0';
    return true;
}

/* Of several mounts the last one wins, as in path look-up. */
static bool find_mount(const char *controller, struct proc_mount *mount_r)
{
    static struct proc_mount mount;
    static char line[4 * PROC_PATH_ROOM];
    FILE *file = fopen("/proc/self/mountinfo", "re");
    bool found = false;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (cgroup_v1_parse_mount(line, controller, &mount)) {
            *mount_r = mount;
            found = true;
        }
    }
    if (file != NULL)
        fclose(file);
    return found;
}

static bool find_own(const char *controller, char *path, size_t size)
{
    static char line[PROC_PATH_ROOM + 256];
    FILE *file = fopen("/proc/self/cgroup", "re");
    bool found = false;
    while (!found && file != NULL && fgets(line, sizeof(line), file) != NULL)
        found = cgroup_v1_parse_group(line, controller, path, size);
    if (file != NULL)
        fclose(file);
    return found;
}

static const char *link_path(const char *run_directory, unsigned controller, char *path, size_t size)
{
    snprintf(path, size, "%s/cgroup-%s", run_directory, cgroup_controllers[controller]);
    return path;
}

/* Where an earlier life had its groups, if that is a place in this hierarchy. */
static int open_link(const struct proc_mount *mount, const char *link)
{
    static char target[PROC_PATH_ROOM];
    ssize_t length = readlink(link, target, sizeof(target) - 1);
    size_t prefix = strlen(mount->point);
    if (length <= 0)
        return -1;
    target[length] = '\0';
    if (strncmp(target, mount->point, prefix) != 0 || (target[prefix] != '/' && target[prefix] != '\0') ||
        strstr(target, "/..") != NULL)
        return -1;
    return open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* This process's own group. A place that cannot be written is none. */
static int open_own(const struct proc_mount *mount, unsigned controller, const char *link)
{
    static char own[PROC_PATH_ROOM], path[2 * PROC_PATH_ROOM];
    const char *root = strcmp(mount->root, "/") == 0 ? "" : mount->root;
    size_t prefix = strlen(root);
    if (!find_own(cgroup_controllers[controller], own, sizeof(own)) || strstr(own, "/..") != NULL ||
        strncmp(own, root, prefix) != 0 || (own[prefix] != '/' && own[prefix] != '\0'))
        return -1;
    snprintf(path, sizeof(path), "%s%s", mount->point, strcmp(own + prefix, "/") == 0 ? "" : own + prefix);
    int fd = access(path, W_OK) == 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    unlink(link);
    if (fd >= 0 && symlink(path, link) != 0)
        close_descriptor(&fd);
    return fd;
}

void cgroup_v1_open(struct cgroup_base *base, const char *run_directory)
{
    static struct proc_mount mount;
    for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++) {
        char link[512];
        base->v1[i] = -1;
        if (base->v2 & 1U << i || !find_mount(cgroup_controllers[i], &mount))
            continue;
        base->v1[i] = open_link(&mount, link_path(run_directory, i, link, sizeof(link)));
        if (base->v1[i] < 0)
            base->v1[i] = open_own(&mount, i, link);
    }
}

void cgroup_v1_close(struct cgroup_base *base, const char *run_directory)
{
    for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++) {
        char link[512];
        close_descriptor(&base->v1[i]);
        unlink(link_path(run_directory, i, link, sizeof(link)));
    }
}

static const char *folder_of(const struct cgroup_base *base)
{
    return strrchr(base->path, '/') + 1;
}

static int write_file(int directory, const char *group, const char *file, long long value)
{
    char path[700], text[32];
    snprintf(path, sizeof(path), "%s/%s", group, file);
    snprintf(text, sizeof(text), "%lld", value);
    int fd = openat(directory, path, O_WRONLY | O_CLOEXEC);
    int failed = fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
    close_descriptor(&fd);
    return failed;
}

static int set_memory(int directory, const char *group, const struct cgroup_limits *limits)
{
    long long bytes = (long long)limits->memory_mib * 1024 * 1024;
    int failed = write_file(directory, group, "memory.limit_in_bytes", bytes);
    /* Memory and swap space together; no such file: swap is not counted here. */
    write_file(directory, group, "memory.memsw.limit_in_bytes", bytes);
    return failed;
}

static int set_pids(int directory, const char *group, const struct cgroup_limits *limits)
{
    return write_file(directory, group, "pids.max", limits->tasks);
}

static int set_cpu(int directory, const char *group, const struct cgroup_limits *limits)
{
    return write_file(directory, group, "cpu.shares",
                      (long long)limits->cpu_weight * CPU_SHARES_USUAL / CPU_WEIGHT_USUAL);
}

int cgroup_v1_limit(const struct cgroup_base *base, const char *group, const struct cgroup_limits *limits)
{
    const struct {
        bool wanted;
        int (*apply)(int directory, const char *group, const struct cgroup_limits *limits);
    } kinds[CGROUP_CONTROLLERS] = {[CGROUP_MEMORY] = {limits->memory_mib > 0, set_memory},
                                   [CGROUP_PIDS] = {limits->tasks > 0, set_pids},
                                   /* one against the other, also at the usual weight: a session that
                                    * runs a hundred programs is to get no more than one that runs one */
                                   [CGROUP_CPU] = {true, set_cpu}};
    int failed = 0;
    char name[600];
    snprintf(name, sizeof(name), "%s.%s", folder_of(base), group);
    for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++) {
        if (base->v1[i] < 0 || !kinds[i].wanted)
            continue;
        int now = mkdirat(base->v1[i], name, 0755) == 0 || errno == EEXIST ? 0 : -errno;
        now = now == 0 ? kinds[i].apply(base->v1[i], name, limits) : now;
        failed = now != 0 ? now : failed;
    }
    return failed;
}

int cgroup_v1_remove(const struct cgroup_base *base, const char *group)
{
    int failed = 0;
    char name[600];
    snprintf(name, sizeof(name), "%s.%s", folder_of(base), group);
    for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++) {
        if (base->v1[i] >= 0 && unlinkat(base->v1[i], name, AT_REMOVEDIR) != 0 && errno != ENOENT)
            failed = -errno;
    }
    return failed;
}

void cgroup_v1_each_group(const struct cgroup_base *base, void (*found)(const char *group, void *context),
                          void *context)
{
    const char *folder = folder_of(base);
    size_t length = strlen(folder);
    for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++) {
        int fd = base->v1[i] >= 0 ? openat(base->v1[i], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
        struct dirent *entry;
        while (directory != NULL && (entry = readdir(directory)) != NULL) {
            if (strncmp(entry->d_name, folder, length) == 0 && entry->d_name[length] == '.')
                found(entry->d_name + length + 1, context);
        }
        if (directory != NULL)
            closedir(directory);
        else
            close_descriptor(&fd);
    }
}
