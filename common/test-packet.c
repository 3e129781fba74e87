#include "common/packet.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/check.h"

static size_t open_descriptors(void)
{
    size_t count = 0;
    DIR *directory = opendir("/proc/self/fd");
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static void descriptors_travel_with_their_packet(void)
{
    int pair[2], pipes[2];
    CHECK(packet_pair(pair) == 0 && pipe(pipes) == 0);
    CHECK(packet_send(pair[0], "hello", 5, pipes, 2) == 0);
    char data[16];
    int got[2];
    size_t count = 2;
    CHECK(packet_receive(pair[1], data, sizeof(data), got, &count) == 5);
    CHECK(count == 2 && memcmp(data, "hello", 5) == 0);
    CHECK((fcntl(got[0], F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(write(got[1], "x", 1) == 1 && read(pipes[0], data, 1) == 1 && data[0] == 'x');
    for (int i = 0; i < 2; i++) {
        close(got[i]);
        close(pipes[i]);
        close(pair[i]);
    }
}

static void what_does_not_fit_leaks_nothing(void)
{
    int pair[2], pipes[2];
    CHECK(packet_pair(pair) == 0 && pipe(pipes) == 0);
    size_t before = open_descriptors();
    char data[4];
    int got[1];
    size_t count = 1;
    CHECK(packet_send(pair[0], "ab", 2, pipes, 2) == 0);
    CHECK(packet_receive(pair[1], data, sizeof(data), got, &count) == -EMSGSIZE);
    CHECK(packet_send(pair[0], "abcdefgh", 8, pipes, 1) == 0);
    CHECK(packet_receive(pair[1], data, sizeof(data), got, &count) == -EMSGSIZE);
    CHECK(packet_receive(pair[1], data, sizeof(data), got, &count) == -EAGAIN);
    CHECK(open_descriptors() == before);
    CHECK(packet_send(pair[0], data, 0, NULL, 0) == -EMSGSIZE);
    close(pair[0]);
    CHECK(packet_receive(pair[1], data, sizeof(data), got, &count) == 0);
    close(pair[1]);
    close(pipes[0]);
    close(pipes[1]);
}

static void a_port_is_replaced_and_names_its_peer(void)
{
    char path[] = "/tmp/lodge-packet-XXXXXX";
    CHECK(mkdtemp(path) != NULL);
    char name[64];
    snprintf(name, sizeof(name), "%s/port", path);
    int first = packet_listen(name, 0600);
    CHECK(first >= 0);
    close(first);
    CHECK(packet_connect(name) == -ECONNREFUSED);
    int port = packet_listen(name, 0640);
    struct stat status;
    CHECK(port >= 0 && stat(name, &status) == 0 && (status.st_mode & 0777) == 0640);
    int client = packet_connect(name);
    int server = packet_accept(port);
    struct packet_peer peer;
    CHECK(client >= 0 && server >= 0 && packet_peer_of(server, &peer) == 0);
    CHECK(peer.pid == getpid() && peer.uid == getuid());
    CHECK(packet_accept(port) == -EAGAIN);
    close(client);
    close(server);
    close(port);
    unlink(name);
    rmdir(path);
}

static void a_full_socket_says_so(void)
{
    int pair[2];
    char data[1024] = {0};
    CHECK(packet_pair(pair) == 0);
    int sent = 0, result;
    while ((result = packet_send(pair[0], data, sizeof(data), NULL, 0)) == 0 && sent < 100000)
        sent++;
    CHECK(result == -EAGAIN && sent > 0);
    close(pair[0]);
    close(pair[1]);
}

/* Both ends speak at once, and one of them ends: its last word arrives. */
static void a_last_word_arrives(void)
{
    int pair[2];
    char got[8];
    size_t none = 0;
    CHECK(packet_pair(pair) == 0);
    for (int i = 0; i < 3; i++)
        CHECK(packet_send(pair[1], "unread", 6, &pair[1], 1) == 0);
    CHECK(packet_send(pair[0], "bye", 3, NULL, 0) == 0);
    packet_end(&pair[0]);
    CHECK(pair[0] == -1);
    CHECK(packet_receive(pair[1], got, sizeof(got), NULL, &none) == 3 && memcmp(got, "bye", 3) == 0);
    CHECK(packet_receive(pair[1], got, sizeof(got), NULL, &none) == 0);
    CHECK(packet_send(pair[1], "late", 4, NULL, 0) == -EPIPE);
    close(pair[1]);
    packet_end(&pair[0]); /* nothing happens */
}

/* A TCP connection of which close() waits half a minute: more is sent than the other end takes. */
static int make_lingering(int *other_r)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct linger linger = {.l_onoff = 1, .l_linger = 30};
    socklen_t size = sizeof(address);
    static char data[65536];
    int port = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(port, (struct sockaddr *)&address, size) == 0 && listen(port, 1) == 0);
    CHECK(getsockname(port, (struct sockaddr *)&address, &size) == 0);
    CHECK(connect(fd, (struct sockaddr *)&address, size) == 0 && (*other_r = accept(port, NULL, NULL)) >= 0);
    while (send(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
        ;
    CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0);
    close(port);
    return fd;
}

/* Sends a packet with so many descriptors of it and closes it here. */
static void send_lingering(int to, size_t count, int *other_r)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int) * 253)];
    } control = {0};
    struct iovec part = {.iov_base = "x", .iov_len = 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = CMSG_SPACE(sizeof(int) * count)};
    int fd = make_lingering(other_r);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int) * count);
    for (size_t i = 0; i < count; i++)
        memcpy(CMSG_DATA(&control.header) + i * sizeof(int), &fd, sizeof(fd));
    CHECK(sendmsg(to, &message, 0) == 1);
    close(fd);
}

/* Whoever is sent a socket that lingers does not have to wait for it. */
static void nothing_lingers(void)
{
    static const size_t counts[] = {1, 253};
    struct timespec began, ended;
    clock_gettime(CLOCK_MONOTONIC, &began);
    for (size_t i = 0; i < 2; i++) {
        int pair[2], received = -1, others[2];
        char got[8];
        size_t count = 1;
        CHECK(packet_pair(pair) == 0);
        send_lingering(pair[0], counts[i], &others[0]);
        CHECK(packet_receive(pair[1], got, sizeof(got), &received, &count) ==
              (counts[i] == 1 ? 1 : -EMSGSIZE));
        close_descriptor(&received);
        send_lingering(pair[0], counts[i], &others[1]);
        packet_end(&pair[1]);
        close(pair[0]);
        close(others[0]);
        close(others[1]);
    }
    clock_gettime(CLOCK_MONOTONIC, &ended);
    CHECK(ended.tv_sec - began.tv_sec < 25);
}

int main(void)
{
    descriptors_travel_with_their_packet();
    what_does_not_fit_leaks_nothing();
    a_port_is_replaced_and_names_its_peer();
    a_full_socket_says_so();
    a_last_word_arrives();
    nothing_lingers();
    return 0;
}
