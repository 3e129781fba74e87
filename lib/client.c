#include "lib/client.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>

#include "common/clock.h"
#include "common/packet.h"

#define CONNECT_AGAIN_MS 5

int client_open(struct client *client_r, const char *path)
{
    int64_t deadline = clock_monotonic_ms() + CLIENT_ANSWER_MS;
    int fd;
    /* others may be coming faster than the server takes them in */
    while ((fd = packet_connect(path)) == -EAGAIN && clock_monotonic_ms() < deadline)
        poll(NULL, 0, CONNECT_AGAIN_MS);
    *client_r = (struct client){.fd = fd < 0 ? -1 : fd};
    return fd < 0 ? fd : 0;
}

void client_close(struct client *client)
{
    close_descriptor(&client->fd);
}

/* Waits for `events` until `deadline`, or for ever where that is negative. Returns 0 or a negative errno. */
static int wait_for(int fd, short events, int64_t deadline)
{
    for (;;) {
        int64_t left = deadline < 0 ? -1 : deadline - clock_monotonic_ms();
        if (deadline >= 0 && left <= 0)
            return -ETIMEDOUT;
        struct pollfd wait = {.fd = fd, .events = events};
        int ready = poll(&wait, 1, (int)left);
        if (ready > 0)
            return 0;
        if (ready < 0 && errno != EINTR)
            return -errno;
    }
}

/* True for the answer to the last request, and for the one with which a server turns a connection away. */
static bool is_answer(const struct client *client, const Lodge__Lsm__Answer *answer)
{
    return answer->serial == client->serial || (answer->serial == 0 && answer->reason != 0);
}

int client_receive(struct client *client, int64_t deadline_ms, Lodge__Lsm__Answer **answer_r)
{
    int descriptor = -1, got;
    while ((got = lsm_receive_answer(client->fd, answer_r, &descriptor)) == -EAGAIN) {
        int failed = wait_for(client->fd, POLLIN, deadline_ms);
        if (failed)
            return failed;
    }
    if (got <= 0)
        return got == 0 ? -EPIPE : got;
    bool wrong = descriptor >= 0 || !is_answer(client, *answer_r);
    close_descriptor(&descriptor);
    if (wrong) {
        lodge__lsm__answer__free_unpacked(*answer_r, NULL);
        *answer_r = NULL;
        return -EPROTO;
    }
    return 0;
}

int client_call(struct client *client, Lodge__Lsm__Request *request, Lodge__Lsm__Answer **answer_r)
{
    int64_t deadline = clock_monotonic_ms() + CLIENT_ANSWER_MS;
    int failed;
    request->serial = ++client->serial;
    while ((failed = lsm_send_request(client->fd, request, -1)) == -EAGAIN) {
        failed = wait_for(client->fd, POLLOUT, deadline);
        if (failed)
            return failed;
    }
    /* a server that turned the connection away has said why */
    return failed != 0 && failed != -EPIPE ? failed : client_receive(client, deadline, answer_r);
}
