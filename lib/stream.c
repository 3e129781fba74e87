#include "lib/stream.h"

#include <errno.h>

#include "common/clock.h"

int stream_send(struct client *client, Lodge__Lsm__Request *request)
{
    request->serial = ++client->serial;
    int failed = lsm_send_request(client->fd, request, -1);
    return failed == -EPIPE ? 0 : failed; /* a server that turned the connection away has said why */
}

int stream_next(struct client *client, int64_t timeout_ms, Lodge__Lsm__Answer **answer_r)
{
    return client_receive(client, timeout_ms < 0 ? -1 : clock_monotonic_ms() + timeout_ms, answer_r);
}
