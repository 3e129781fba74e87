/* SOCK_SEQPACKET sockets with descriptors: the transport of every port. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PACKET_MAX_BYTES       65536
#define PACKET_MAX_DESCRIPTORS 4

/* Who is at the other end of a Unix socket, by the kernel (unix(7), SO_PEERCRED). */
struct packet_peer {
    pid_t pid;
    uid_t uid;
    gid_t gid;
};

/* Sends one packet, never blocking. The descriptors are duplicated into it and stay the caller's.
 * Returns 0 or a negative errno: -EAGAIN when the other end does not read. */
int packet_send(int fd, const void *data, size_t size, const int *descriptors, size_t descriptor_count);

/* Receives one packet, never blocking. On entry *descriptor_count_r is the room in `descriptors`; on success
 * it is the number received, which the caller owns (close-on-exec). A packet larger than `size`, or with more
 * descriptors than there is room for, is refused with -EMSGSIZE and its descriptors are closed.
 * Returns the size, 0 at the end of the stream (an empty packet counts as the end), or a negative errno. */
ssize_t packet_receive(int fd, void *data, size_t size, int *descriptors, size_t *descriptor_count_r);

/* Fills *peer_r. Returns 0 or a negative errno. */
int packet_peer_of(int fd, struct packet_peer *peer_r);

/* Makes a non-blocking listening socket at `path`, replacing a socket that is there, with `mode`.
 * Returns the descriptor or a negative errno. */
int packet_listen(const char *path, mode_t mode);
/* Connects to `path`. Returns a non-blocking descriptor or a negative errno. */
int packet_connect(const char *path);
/* The same, for a connection on which no descriptor is to come: packet_take_descriptors(false) from the
 * start. */
int packet_connect_plain(const char *path);
/* Whether the other end may send descriptors on `fd`; on a listening socket, whether those that connect may.
 * Who may not is told so (EPERM). To close a descriptor that a stranger sent may take as long as the stranger
 * likes: its file system is asked. Before Linux 6.16 everybody may, and nothing is done. */
void packet_take_descriptors(int fd, bool take);
/* Accepts one connection, non-blocking and close-on-exec. Returns the descriptor or a negative errno. */
int packet_accept(int fd);
/* A connected non-blocking close-on-exec pair. Returns 0 or a negative errno. */
int packet_pair(int pair_r[2]);

/* Closes *fd where it is not -1, and sets it to -1. Keeps errno. */
void close_descriptor(int *fd);

/* Ends a connection so that the other end still gets all that was sent to it. A plain close() with packets
 * unread makes the other end's next receive fail with ECONNRESET, before what is waiting for it there: a last
 * word would be lost whenever both ends speak at once. Sets *fd to -1. Never blocks. */
void packet_end(int *fd);
