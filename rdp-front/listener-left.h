/* Clients that another listener has left: their workers have sessions and live on, and their zygote cares for
 * them. They count towards the limits of this listener until they go. Who they are, the kernel says: the
 * processes of the listener's cgroup, and whom their sockets are connected to. */
#pragma once

#include <stddef.h>
#include <sys/socket.h>

#include "common/conf.h"

struct left_client {
    int worker; /* its pidfd, readable when it has ended; whoever takes the client owns it */
    struct sockaddr_storage from;
};

struct left_clients {
    struct left_client *all;
    size_t count, room;
};

/* Finds those that there are now. Needs root. What cannot be read is not counted. *left_r is the caller's to
 * free with left_clients_free. */
void left_clients_find(const struct conf *conf, struct left_clients *left_r);
/* Frees the list, not the pidfds. */
void left_clients_free(struct left_clients *left);
