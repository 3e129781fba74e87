#include "lib/stream.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>

#include "common/clock.h"
#include "common/packet.h"

int stream_send(struct client *client, Lodge__Lsm__Request *request)
{
    request->serial = ++client->serial;
    int failed = lsm_send_request(client->fd, request, -1);
    return failed == -EPIPE ? 0 : failed; /* a server that turned the connection away has said why */
}

/* Returns 0 or a negative errno. */
static int wait_readable(int fd, int64_t deadline)
{
    int64_t left = deadline < 0 ? -1 : deadline - clock_monotonic_ms();
    if (deadline >= 0 && left <= 0)
        return -ETIMEDOUT;
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, (int)left) < 0 && errno != EINTR ? -errno : 0;
}

int stream_next(struct client *client, int64_t timeout_ms, Lodge__Lsm__Answer **answer_r)
{
    int64_t deadline = timeout_ms < 0 ? -1 : clock_monotonic_ms() + timeout_ms;
    int descriptor = -1, got;
    while ((got = lsm_receive_answer(client->fd, answer_r, &descriptor)) == -EAGAIN) {
        int failed = wait_readable(client->fd, deadline);
        if (failed)
            return failed;
    }
    if (got <= 0)
        return got == 0 ? -EPIPE : got;
    bool wrong = descriptor >= 0 || !client_is_answer(client, *answer_r);
    close_descriptor(&descriptor);
    if (!wrong)
        return 0;
    lodge__lsm__answer__free_unpacked(*answer_r, NULL);
    *answer_r = NULL;
    return -EPROTO;
}
