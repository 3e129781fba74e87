#include "common/packet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

#define SENT_MOST 253 /* SCM_MAX_FD of Linux */

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * PACKET_MAX_DESCRIPTORS)];
};

/* Takes as many as a sender can send: what the kernel has to close instead may linger. */
union received {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * SENT_MOST)];
};

int packet_send(int fd, const void *data, size_t size, const int *descriptors, size_t descriptor_count)
{
    if (size == 0 || size > PACKET_MAX_BYTES || descriptor_count > PACKET_MAX_DESCRIPTORS)
        return -EMSGSIZE;
    union control control = {0};
    struct iovec part = {.iov_base = (void *)data, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (descriptor_count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * descriptor_count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * descriptor_count);
        memcpy(CMSG_DATA(header), descriptors, sizeof(int) * descriptor_count);
    }
    ssize_t sent;
    do {
        sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

/* Whoever closes the last descriptor of a socket that lingers waits, for as long as its sender has said. */
static void stop_lingering(int fd)
{
    struct linger off = {0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off)); /* fails for what is no socket */
}

/* Keeps up to `room` of the descriptors in the message and closes the others.
 * Returns the number that came. */
static size_t keep_descriptors(struct msghdr *message, int *kept, size_t room)
{
    size_t came = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(fd));
            stop_lingering(fd);
            if (came < room)
                kept[came] = fd;
            else
                close(fd);
            came++;
        }
    }
    return came;
}

ssize_t packet_receive(int fd, void *data, size_t size, int *descriptors, size_t *descriptor_count_r)
{
    union received control;
    struct iovec part = {.iov_base = data, .iov_len = size};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    ssize_t got;
    do {
        got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == ECONNRESET ? 0 : -errno;
    int kept[PACKET_MAX_DESCRIPTORS];
    size_t room = *descriptor_count_r < PACKET_MAX_DESCRIPTORS ? *descriptor_count_r : PACKET_MAX_DESCRIPTORS;
    size_t came = keep_descriptors(&message, kept, room);
    if (came > room || got == 0 || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        for (size_t i = 0; i < came && i < room; i++)
            close(kept[i]);
        return got == 0 && came == 0 ? 0 : -EMSGSIZE;
    }
    if (came > 0)
        memcpy(descriptors, kept, came * sizeof(int));
    *descriptor_count_r = came;
    return got;
}

int packet_peer_of(int fd, struct packet_peer *peer_r)
{
    struct ucred credentials;
    socklen_t size = sizeof(credentials);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        return -errno;
    *peer_r = (struct packet_peer){.pid = credentials.pid, .uid = credentials.uid, .gid = credentials.gid};
    return 0;
}

static int address_of(const char *path, struct sockaddr_un *address_r)
{
    size_t length = strlen(path);
    if (length >= sizeof(address_r->sun_path))
        return -ENAMETOOLONG;
    *address_r = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address_r->sun_path, path, length);
    return 0;
}

int packet_listen(const char *path, mode_t mode)
{
    struct sockaddr_un address;
    int failed = address_of(path, &address);
    if (failed)
        return failed;
    struct stat status;
    if (lstat(path, &status) == 0 && S_ISSOCK(status.st_mode))
        unlink(path);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || chmod(path, mode) != 0 ||
        listen(fd, SOMAXCONN) != 0) {
        failed = -errno;
        close(fd);
        return failed;
    }
    return fd;
}

void packet_take_descriptors(int fd, bool take)
{
    int value = take;
    setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &value, sizeof(value)); /* an older kernel does not know it */
}

static int connect_to(const char *path, bool plain)
{
    struct sockaddr_un address;
    int failed = address_of(path, &address);
    if (failed)
        return failed;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (plain)
        packet_take_descriptors(fd, false);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        failed = -errno;
        close(fd);
        return failed;
    }
    return fd;
}

int packet_connect(const char *path)
{
    return connect_to(path, false);
}

int packet_connect_plain(const char *path)
{
    return connect_to(path, true);
}

int packet_accept(int fd)
{
    int accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    return accepted < 0 ? -errno : accepted;
}

int packet_pair(int pair_r[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair_r) == 0 ? 0 : -errno;
}

void close_descriptor(int *fd)
{
    if (*fd < 0)
        return;
    int saved = errno;
    close(*fd);
    *fd = -1;
    errno = saved;
}

void packet_end(int *fd)
{
    uint8_t byte;
    int descriptors[PACKET_MAX_DESCRIPTORS];
    if (*fd == -1)
        return;
    shutdown(*fd, SHUT_RDWR); /* nothing more can come: what is there is all */
    for (;;) {
        size_t count = PACKET_MAX_DESCRIPTORS;
        ssize_t got = packet_receive(*fd, &byte, sizeof(byte), descriptors, &count);
        if (got <= 0 && got != -EMSGSIZE) /* longer packets than a byte are refused, and gone */
            break;
        for (size_t i = 0; got > 0 && i < count; i++)
            close(descriptors[i]);
    }
    close_descriptor(fd);
}
