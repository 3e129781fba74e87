#include "rdp-front/listener-left.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/packet.h"
#include "common/text.h"

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

/* The other end of descriptor `number` of the process, where it is a connection over the net. */
static bool peer_of(int worker, int number, struct sockaddr_storage *from_r)
{
    struct sockaddr_storage from = {0};
    socklen_t size = sizeof(from);
    int fd = (int)syscall(SYS_pidfd_getfd, worker, number, 0);
    bool found = fd >= 0 && getpeername(fd, (struct sockaddr *)&from, &size) == 0 &&
                 (from.ss_family == AF_INET || from.ss_family == AF_INET6);
    close_descriptor(&fd);
    if (found)
        *from_r = from;
    return found;
}

static bool is_socket(int folder, const char *name)
{
    static const char socket[] = "socket:[";
    char target[32];
    ssize_t size = readlinkat(folder, name, target, sizeof(target));
    return size > (ssize_t)sizeof(socket) && strncmp(target, socket, sizeof(socket) - 1) == 0;
}

/* Whose client the process serves. False where it serves none. */
static bool client_of(int worker, long pid, struct sockaddr_storage *from_r)
{
    char path[64];
    long number;
    bool found = false;
    const struct dirent *entry;
    snprintf(path, sizeof(path), "/proc/%ld/fd", pid);
    DIR *folder = opendir(path);
    while (folder != NULL && !found && (entry = readdir(folder)) != NULL)
        found = text_number(entry->d_name, 0, INT32_MAX, &number) &&
                is_socket(dirfd(folder), entry->d_name) && peer_of(worker, (int)number, from_r);
    if (folder != NULL)
        closedir(folder);
    return found;
}

static bool left_room(struct left_clients *left)
{
    if (left->count < left->room)
        return true;
    size_t room = left->room > 0 ? 2 * left->room : 64;
    struct left_client *all = reallocarray(left->all, room, sizeof(*all));
    if (all == NULL)
        return false;
    left->all = all;
    left->room = room;
    return true;
}

static void look_at(struct left_clients *left, long pid)
{
    struct left_client client = {.worker = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0)};
    if (client.worker >= 0 && client_of(client.worker, pid, &client.from) && left_room(left))
        left->all[left->count++] = client;
    else
        close_descriptor(&client.worker);
}

void left_clients_find(const struct conf *conf, struct left_clients *left_r)
{
    char path[CONF_TEXT_MAX + 48];
    long pid;
    *left_r = (struct left_clients){0};
    FILE *processes = fopen(conf_run_path(conf, "cgroup/listener/cgroup.procs", path, sizeof(path)), "re");
    while (processes != NULL && fscanf(processes, "%ld", &pid) == 1)
        look_at(left_r, pid);
    if (processes != NULL)
        fclose(processes);
}

void left_clients_free(struct left_clients *left)
{
    free(left->all);
    *left = (struct left_clients){0};
}
