#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/packet.h"
#include "common/text.h"
#include "rdp-front/control.h"
#include "rdp-front/worker-state.h"

/* The listener has gone, and of a worker that has a session the zygote too: what is there goes on, a new
 * broker connection cannot be had any more. Where nobody has logged on or is about to, nothing is lost: a
 * server that shuts down does not wait for a logon screen. */
static void control_lost(struct worker *worker)
{
    event_free(worker->control_event);
    worker->control_event = NULL;
    close_descriptor(&worker->control);
    if (worker->peer == NULL)
        worker->stage = STAGE_DONE;
    else if (worker->stage != STAGE_ATTACHED && worker->lsm < 0)
        worker_end(worker, REASON_NO_BROKER, NULL);
    else if (worker->stage != STAGE_ATTACHED && worker->pending != PENDING_LOGON)
        worker_end(worker, REASON_SHUTDOWN, NULL);
}

static void on_client(struct worker *worker, const struct control_client *client, int *socket)
{
    if (worker->peer != NULL)
        return;
    text_copy(worker->facts.address, sizeof(worker->facts.address), client->address);
    int fd = *socket;
    *socket = -1;
    if (!peer_open(worker, fd)) {
        log_error(worker->facts.address, "the RDP library cannot serve this connection");
        worker->stage = STAGE_DONE;
    }
}

static void on_control(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    struct worker *worker = user;
    union control_body body;
    struct message message;
    const char *problem = "";
    int got =
        message_receive(fd, &control_protocol, CONTROL_BY_LISTENER, &body, sizeof(body), &message, &problem);
    if (got == -EAGAIN)
        return;
    if (got <= 0) {
        control_lost(worker);
        return;
    }
    if (message.number == CONTROL_CLIENT)
        on_client(worker, &body.client, &message.descriptor);
    else if (message.number == CONTROL_LSM && worker->lsm < 0) {
        broker_open(worker, message.descriptor);
        message.descriptor = -1;
    }
    close_descriptor(&message.descriptor);
}

void control_open(struct worker *worker, int fd)
{
    worker->control = fd;
    worker->control_event = event_new(worker->base, fd, EV_READ | EV_PERSIST, on_control, worker);
    event_add(worker->control_event, NULL);
}

void control_want_broker(struct worker *worker)
{
    if (worker->control >= 0)
        message_send(worker->control, &control_protocol, CONTROL_LSM_WANTED, &(struct control_lsm_wanted){0},
                     -1);
}

void control_logged_on(struct worker *worker)
{
    if (worker->control >= 0)
        message_send(worker->control, &control_protocol, CONTROL_LOGGED_ON,
                     &(struct control_logged_on){worker->session}, -1);
}
