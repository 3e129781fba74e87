#include "sessionmgr/proc.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"

/* Copies the next word, octal escapes (\040) resolved. Returns where the word ends, or NULL when there is
 * none or no room. */
static const char *take_word(const char *at, char *word, size_t size)
{
    size_t used = 0;
    while (*at == ' ')
        at++;
    if (*at == '\0' || *at == '\n')
        return NULL;
    for (; *at != '\0' && *at != ' ' && *at != '\n'; at++) {
        char byte = *at;
        unsigned octal;
        if (byte == '\\' && isdigit(at[1]) && isdigit(at[2]) && isdigit(at[3]) &&
            sscanf(at + 1, "%3o", &octal) == 1 && octal > 0 && octal < 256) {
            byte = (char)octal;
            at += 3;
        }
        if (used + 1 >= size)
            return NULL;
        word[used++] = byte;
    }
    word[used] = '\0';
    return at;
}

bool proc_parse_mount(const char *line, struct proc_mount *mount_r)
{
    char skipped[PROC_PATH_ROOM];
    const char *at = line;
    for (int i = 0; i < 3 && at != NULL; i++)
        at = take_word(at, skipped, sizeof(skipped));
    if (at != NULL)
        at = take_word(at, mount_r->root, sizeof(mount_r->root));
    if (at != NULL)
        at = take_word(at, mount_r->point, sizeof(mount_r->point));
    while (at != NULL) {
        at = take_word(at, skipped, sizeof(skipped));
        if (at != NULL && strcmp(skipped, "-") == 0)
            return take_word(at, mount_r->type, sizeof(mount_r->type)) != NULL;
    }
    return false;
}

bool proc_parse_cgroup(const char *line, char *path, size_t size)
{
    if (strncmp(line, "0::/", 4) != 0)
        return false;
    size_t length = strcspn(line + 3, "\n");
    if (length >= size)
        return false;
    memcpy(path, line + 3, length);
    path[length] = '\0';
    return true;
}

bool proc_parse_tcp(const char *line, struct proc_socket *socket_r)
{
    unsigned port, state;
    uint64_t inode;
    if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %*u %*u %" SCNu64,
               &port, &state, &inode) != 3 ||
        port > UINT16_MAX)
        return false;
    *socket_r = (struct proc_socket){.port = (uint16_t)port, .listening = state == 0x0a, .inode = inode};
    return true;
}

bool proc_parse_stat(const char *text, struct proc_stat *stat_r)
{
    const char *open = strchr(text, '('), *close = strrchr(text, ')');
    int pid, parent;
    char state;
    unsigned long long user = 0, kernel = 0, started = 0;
    if (open == NULL || close == NULL || close < open || sscanf(text, "%d ", &pid) != 1 ||
        sscanf(close + 1, " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d %llu",
               &state, &parent, &user, &kernel, &started) < 2)
        return false;
    unsigned long long tick_ms = 1000 / (unsigned long long)sysconf(_SC_CLK_TCK);
    *stat_r = (struct proc_stat){.pid = pid,
                                 .parent = parent,
                                 .state = state,
                                 .cpu_ms = (int64_t)((user + kernel) * tick_ms),
                                 .started_ms = (int64_t)(started * tick_ms)};
    size_t length = (size_t)(close - open) - 1;
    if (length >= sizeof(stat_r->name))
        length = sizeof(stat_r->name) - 1;
    memcpy(stat_r->name, open + 1, length);
    stat_r->name[length] = '\0';
    return true;
}

ssize_t proc_read(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    size_t used = 0;
    ssize_t got = 0;
    while (used + 1 < size && (got = read(fd, text + used, size - 1 - used)) > 0)
        used += (size_t)got;
    ssize_t result = got < 0 ? -errno : (ssize_t)used;
    close(fd);
    text[used] = '\0';
    return result;
}

bool proc_stat_of(pid_t pid, struct proc_stat *stat_r)
{
    char path[64], text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    return proc_read(path, text, sizeof(text)) > 0 && proc_parse_stat(text, stat_r);
}

bool proc_cgroup_of(pid_t pid, char *path, size_t size)
{
    char name[64], text[8192];
    snprintf(name, sizeof(name), "/proc/%d/cgroup", (int)pid);
    if (proc_read(name, text, sizeof(text)) <= 0)
        return false;
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (proc_parse_cgroup(line, path, size))
            return true;
    }
    return false;
}

bool proc_runs(pid_t pid, const char *path)
{
    static const char deleted[] = " (deleted)";
    char link[64], target[PATH_MAX];
    struct stat running, wanted;
    snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
    if (stat(link, &running) == 0 && stat(path, &wanted) == 0 && running.st_dev == wanted.st_dev &&
        running.st_ino == wanted.st_ino)
        return true;
    ssize_t length = readlink(link, target, sizeof(target) - 1);
    if (length <= 0)
        return false;
    target[length] = '\0';
    if ((size_t)length >= sizeof(deleted) &&
        strcmp(target + length - (ssize_t)sizeof(deleted) + 1, deleted) == 0)
        target[length - (ssize_t)sizeof(deleted) + 1] = '\0';
    return strcmp(target, path) == 0;
}

void proc_each(bool (*found)(const struct proc_stat *stat, void *context), void *context)
{
    DIR *directory = opendir("/proc");
    if (directory == NULL)
        return;
    struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        long pid;
        struct proc_stat stat;
        if (text_number(entry->d_name, 1, INT_MAX, &pid) && proc_stat_of((pid_t)pid, &stat) &&
            !found(&stat, context))
            break;
    }
    closedir(directory);
}

static uint64_t listening_inode(const char *table, uint16_t port)
{
    FILE *file = fopen(table, "re");
    if (file == NULL)
        return 0;
    char line[512];
    uint64_t inode = 0;
    struct proc_socket socket;
    while (inode == 0 && fgets(line, sizeof(line), file) != NULL) {
        if (proc_parse_tcp(line, &socket) && socket.listening && socket.port == port)
            inode = socket.inode;
    }
    fclose(file);
    return inode;
}

struct holder {
    char link[64];
    char *text;
    size_t size;
    bool found;
};

static bool holds(const struct proc_stat *stat, void *context)
{
    struct holder *holder = context;
    char path[64], link[64];
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)stat->pid);
    DIR *directory = opendir(path);
    struct dirent *entry;
    while (directory != NULL && !holder->found && (entry = readdir(directory)) != NULL) {
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, link, sizeof(link) - 1);
        link[length > 0 ? length : 0] = '\0';
        holder->found = strcmp(link, holder->link) == 0;
    }
    if (directory != NULL)
        closedir(directory);
    if (holder->found)
        snprintf(holder->text, holder->size, "%s (process %d)", stat->name, (int)stat->pid);
    return !holder->found;
}

bool proc_port_owner(uint16_t port, char *text, size_t size)
{
    uint64_t inode = listening_inode("/proc/net/tcp", port);
    if (inode == 0)
        inode = listening_inode("/proc/net/tcp6", port);
    if (inode == 0)
        return false;
    struct holder holder = {.text = text, .size = size};
    snprintf(holder.link, sizeof(holder.link), "socket:[%" PRIu64 "]", inode);
    proc_each(holds, &holder);
    return holder.found;
}
