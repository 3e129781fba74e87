#include "broker/procs.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/text.h"
#include "sessionmgr/proc.h"

#define PIDS_MAX   65536
#define FILE_ROOM  8192
#define GROUP_ROOM 4096

static ssize_t read_of(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    return proc_read(path, text, size);
}

static int compare_pids(const void *a, const void *b)
{
    pid_t first = *(const pid_t *)a, second = *(const pid_t *)b;
    return (first > second) - (first < second);
}

/* The processes of the group, ascending, each once; the caller's to free. Returns how many or a negative
 * errno. */
static ssize_t list_pids(const char *group, pid_t **pids_r)
{
    char path[GROUP_ROOM], line[32];
    size_t count = 0, kept = 0;
    snprintf(path, sizeof(path), "%s/cgroup.procs", group);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return -errno;
    pid_t *pids = calloc(PIDS_MAX, sizeof(*pids));
    while (pids != NULL && count < PIDS_MAX && fgets(line, sizeof(line), file) != NULL) {
        long pid;
        line[strcspn(line, "\n")] = '\0';
        if (text_number(line, 1, INT_MAX, &pid))
            pids[count++] = (pid_t)pid;
    }
    fclose(file);
    if (pids == NULL)
        return -ENOMEM;
    qsort(pids, count, sizeof(*pids), compare_pids);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || pids[kept - 1] != pids[i])
            pids[kept++] = pids[i];
    }
    *pids_r = pids;
    return (ssize_t)kept;
}

/* The user, and the number in the innermost pid namespace: the last of the line NSpid. */
static void take_status(struct procs_one *one, const char *text)
{
    const char *uid = strstr(text, "\nUid:"), *inside = strstr(text, "\nNSpid:");
    unsigned number;
    if (uid != NULL && sscanf(uid, "\nUid: %*u %u", &number) == 1)
        one->uid = number;
    if (inside == NULL)
        return;
    const char *end = strchr(inside + 1, '\n');
    const char *last = end != NULL ? end : inside + strlen(inside);
    while (last > inside && last[-1] != '\t' && last[-1] != ' ')
        last--;
    one->inside = (pid_t)strtol(last, NULL, 10);
}

/* The arguments with blanks between them, and nothing that a terminal would take for more than text. */
static void take_command(struct procs_one *one, char *text, size_t size)
{
    while (size > 0 && text[size - 1] == '\0')
        size--;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\0')
            text[i] = ' ';
    }
    text_escape(one->command, sizeof(one->command), text);
}

static uint64_t resident(pid_t pid)
{
    char text[256];
    unsigned long long pages = 0;
    if (read_of(pid, "statm", text, sizeof(text)) <= 0 || sscanf(text, "%*u %llu", &pages) != 1)
        return 0;
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Returns false where the process is gone or hidden. */
static bool read_one(pid_t pid, struct procs_one *one_r)
{
    struct proc_stat stat;
    char text[FILE_ROOM];
    if (!proc_stat_of(pid, &stat))
        return false;
    int64_t age_ms = clock_boot_ms() - stat.started_ms, now_ms = clock_real_ms();
    *one_r = (struct procs_one){.pid = pid,
                                .parent = stat.parent,
                                .state = stat.state,
                                .uid = (uid_t)-1,
                                .cpu_ms = (uint64_t)stat.cpu_ms,
                                .started_ms = age_ms < now_ms ? (uint64_t)(now_ms - age_ms) : 0,
                                .memory = resident(pid)};
    text_escape(one_r->name, sizeof(one_r->name), stat.name);
    if (read_of(pid, "status", text, sizeof(text)) > 0)
        take_status(one_r, text);
    ssize_t size = read_of(pid, "cmdline", text, sizeof(text));
    if (size > 0)
        take_command(one_r, text, (size_t)size);
    return true;
}

ssize_t procs_list(const char *group, pid_t after, struct procs_one *at, size_t room, bool *more_r)
{
    pid_t *pids;
    size_t found = 0;
    ssize_t count = list_pids(group, &pids), i = 0;
    if (count < 0)
        return count;
    while (i < count && pids[i] <= after)
        i++;
    ssize_t first = i;
    for (; i < count && found < room; i++)
        found += read_one(pids[i], &at[found]);
    *more_r = i < count;
    free(pids);
    /* a process or two may end while they are read; that all of many do, nobody sees */
    return found == 0 && i - first > 2 ? -EACCES : (ssize_t)found;
}

/* The number behind `key` and a blank, or, where `key` is NULL, at the front. */
static bool read_number(const char *group, const char *name, const char *key, uint64_t *number_r)
{
    char path[GROUP_ROOM], text[FILE_ROOM];
    snprintf(path, sizeof(path), "%s/%s", group, name);
    if (proc_read(path, text, sizeof(text)) <= 0)
        return false;
    const char *at = text;
    if (key != NULL) {
        at = strstr(text, key);
        if (at == NULL || (at != text && at[-1] != '\n'))
            return false;
        at += strlen(key);
    }
    return sscanf(at, " %" SCNu64, number_r) == 1;
}

static uint64_t sum_resident(const char *group)
{
    pid_t *pids = NULL;
    uint64_t sum = 0;
    ssize_t count = list_pids(group, &pids);
    for (ssize_t i = 0; pids != NULL && i < count; i++)
        sum += resident(pids[i]);
    free(pids);
    return sum;
}

static uint32_t count_threads(const char *group)
{
    char path[GROUP_ROOM], line[32];
    uint32_t count = 0;
    snprintf(path, sizeof(path), "%s/cgroup.threads", group);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        count++;
    if (file != NULL)
        fclose(file);
    return count;
}

int procs_use(const char *group, struct procs_use *use_r)
{
    uint64_t cpu_us, tasks;
    if (!read_number(group, "cpu.stat", "usage_usec", &cpu_us))
        return -ENOENT;
    *use_r = (struct procs_use){.cpu_ms = cpu_us / 1000};
    if (!read_number(group, "memory.current", NULL, &use_r->memory))
        use_r->memory = sum_resident(group);
    use_r->tasks = read_number(group, "pids.current", NULL, &tasks) ? (uint32_t)tasks : count_threads(group);
    return 0;
}
