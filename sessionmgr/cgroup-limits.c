/* Limits of groups: by the controllers of cgroup v2 where the base may have them, else by those of v1. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/packet.h"
#include "sessionmgr/cgroup-v1.h"
#include "sessionmgr/cgroup.h"

#define OWN_GROUP "smss"

const char *const cgroup_controllers[CGROUP_CONTROLLERS] = {
    [CGROUP_MEMORY] = "memory", [CGROUP_PIDS] = "pids", [CGROUP_CPU] = "cpu"};

static int write_at(int directory, const char *path, const char *text)
{
    int fd = openat(directory, path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int failed = write(fd, text, strlen(text)) < 0 ? -errno : 0;
    close(fd);
    return failed;
}

/* The controllers named in a file such as cgroup.controllers, as bits. */
static unsigned read_names(const struct cgroup_base *base, const char *file)
{
    char path[PROC_PATH_ROOM + 64], there[512] = " ";
    unsigned found = 0;
    snprintf(path, sizeof(path), "%s/%s", base->path, file);
    ssize_t size = proc_read(path, there + 1, sizeof(there) - 2);
    if (size <= 0)
        return 0;
    there[strcspn(there, "\n")] = ' ';
    for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++) {
        char word[16];
        snprintf(word, sizeof(word), " %s ", cgroup_controllers[i]);
        if (strstr(there, word) != NULL)
            found |= 1U << i;
    }
    return found;
}

/* Writes "+memory" or "-memory" for each of the bits, one at a time: one that fails is not to stop the
 * others. Returns the last failure. */
static int write_names(const struct cgroup_base *base, const char *file, char sign, unsigned which)
{
    int failed = 0;
    for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++) {
        char word[16];
        snprintf(word, sizeof(word), "%c%s", sign, cgroup_controllers[i]);
        int now = which & 1U << i ? write_at(base->fd, file, word) : 0;
        failed = now != 0 ? now : failed;
    }
    return failed;
}

/* The group above the base may hand controllers down when no process is right in it: this one makes way. */
static void enable_above(struct cgroup_base *base)
{
    unsigned missing = read_names(base, "../cgroup.controllers") & ~read_names(base, "cgroup.controllers");
    if (missing == 0 || base->fixed)
        return;
    if (write_names(base, "../cgroup.subtree_control", '+', missing) != 0 &&
        cgroup_make(base, OWN_GROUP) == 0 && cgroup_enter(base, OWN_GROUP) == 0)
        write_names(base, "../cgroup.subtree_control", '+', missing);
    base->above = read_names(base, "cgroup.controllers") & missing;
}

void cgroup_limits_open(struct cgroup_base *base, const char *run_directory)
{
    enable_above(base);
    write_names(base, "cgroup.subtree_control", '+', read_names(base, "cgroup.controllers"));
    base->v2 = read_names(base, "cgroup.subtree_control");
    cgroup_v1_open(base, run_directory);
}

void cgroup_limits_close(struct cgroup_base *base, const char *run_directory)
{
    cgroup_v1_close(base, run_directory);
    write_names(base, "cgroup.subtree_control", '-', base->v2);
    write_names(base, "../cgroup.subtree_control", '-', base->above);
    if (cgroup_has(base, OWN_GROUP, getpid()))
        write_at(base->fd, "../cgroup.procs", "0");
    cgroup_remove(base, OWN_GROUP);
}

const char *cgroup_describe(const struct cgroup_base *base, bool holding, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++) {
        bool v2 = (base->v2 & 1U << i) != 0, v1 = base->v1[i] >= 0;
        if ((v2 || v1) == holding && used + 32 < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s%s", used > 0 ? ", " : "",
                                     cgroup_controllers[i], holding ? (v2 ? " (v2)" : " (v1)") : "");
    }
    return text;
}

static int set(const struct cgroup_base *base, const char *group, const char *file, const char *value)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", group, file);
    return write_at(base->fd, path, value);
}

/* The value as a group's file takes it; 0 is no bound. */
static const char *value_of(const struct cgroup_limits *limits, unsigned controller, char *text, size_t size)
{
    if (controller == CGROUP_CPU)
        snprintf(text, size, "%ld", limits->cpu_weight);
    else if (controller == CGROUP_PIDS && limits->tasks > 0)
        snprintf(text, size, "%ld", limits->tasks);
    else if (controller == CGROUP_MEMORY && limits->memory_mib > 0)
        snprintf(text, size, "%lld", (long long)limits->memory_mib * 1024 * 1024);
    else
        snprintf(text, size, "max");
    return text;
}

int cgroup_limit(const struct cgroup_base *base, const char *group, const struct cgroup_limits *limits)
{
    static const char *const files[] = {
        [CGROUP_MEMORY] = "memory.max", [CGROUP_PIDS] = "pids.max", [CGROUP_CPU] = "cpu.weight"};
    int failed = cgroup_v1_limit(base, group, limits);
    for (unsigned i = 0; i < CGROUP_CONTROLLERS; i++) {
        char text[32];
        int now =
            base->v2 & 1U << i ? set(base, group, files[i], value_of(limits, i, text, sizeof(text))) : 0;
        failed = now != 0 ? now : failed;
    }
    /* What does not fit is not to go on in the machine's swap space instead. No such file: no swap. */
    if (base->v2 & 1U << CGROUP_MEMORY && limits->memory_mib > 0)
        set(base, group, "memory.swap.max", "0");
    return failed;
}

void cgroup_prefer(const struct cgroup_base *base, const char *group)
{
    if (base->v2 & 1U << CGROUP_CPU)
        set(base, group, "cpu.weight", "10000");
}
