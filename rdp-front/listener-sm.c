#include <errno.h>
#include <unistd.h>

#include "common/log.h"
#include "common/packet.h"
#include "rdp-front/listener-state.h"
#include "rpc/sm.h"

#define NUMBERS_MS 500 /* whoever looks sees them so late */

static void retry_later(struct listener *listener)
{
    struct timeval delay = {0, RETRY_MS * 1000};
    event_add(listener->sm_retry, &delay);
}

static void sm_lost(struct listener *listener)
{
    event_free(listener->sm_event);
    listener->sm_event = NULL;
    close_descriptor(&listener->sm);
    retry_later(listener);
}

/* smss asks whether the listener works, which it does not without its zygote. */
static void on_sm(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    struct listener *listener = user;
    union sm_body body;
    struct message message;
    const char *problem = "";
    int got = message_receive(fd, &sm_protocol, SM_SMSS, &body, sizeof(body), &message, &problem);
    if (got == -EAGAIN)
        return;
    if (got > 0 && message.number == SM_LISTENER_SET && message.descriptor >= 0) {
        connections_listen_on(listener, message.descriptor);
        return;
    }
    if (got > 0) {
        close_descriptor(&message.descriptor);
        if (message.number == SM_PING)
            zygote_ask(listener);
        return;
    }
    log_warning(NULL, "the connection to lodge-smss ended %s", problem);
    sm_lost(listener);
}

void sm_say_alive(struct listener *listener)
{
    if (listener->sm >= 0)
        message_send(listener->sm, &sm_protocol, SM_PONG, &(struct sm_pong){.who = SM_ALIVE_ITSELF}, -1);
}

void sm_say_ready(struct listener *listener)
{
    if (listener->sm >= 0 && listener->ready)
        message_send(listener->sm, &sm_protocol, SM_READY, &(struct sm_ready){SM_LISTENER}, -1);
}

static void on_numbers(evutil_socket_t fd, short what, void *user)
{
    (void)fd, (void)what;
    struct listener *listener = user;
    struct sm_listener_state numbers = {
        .connections = listener->open, .accepted = listener->accepted, .refused = listener->refused};
    if (listener->sm >= 0)
        message_send(listener->sm, &sm_protocol, SM_LISTENER_STATE, &numbers, -1);
}

void sm_numbers_changed(struct listener *listener)
{
    static const struct timeval delay = {.tv_usec = NUMBERS_MS * 1000};
    if (!event_pending(listener->numbers, EV_TIMEOUT, NULL))
        event_add(listener->numbers, &delay);
}

static void sm_connect(struct listener *listener)
{
    char path[CONF_TEXT_MAX + 32];
    int fd = packet_connect(conf_run_path(&listener->conf, "ports/sm.port", path, sizeof(path)));
    if (fd < 0) {
        retry_later(listener);
        return;
    }
    listener->sm = fd;
    listener->sm_event = event_new(listener->base, fd, EV_READ | EV_PERSIST, on_sm, listener);
    event_add(listener->sm_event, NULL);
    struct sm_hello hello = {.role = SM_LISTENER};
    if (message_send(fd, &sm_protocol, SM_HELLO, &hello, listener->listen) != 0) {
        sm_lost(listener);
        return;
    }
    sm_say_ready(listener);
    sm_numbers_changed(listener);
}

static void on_retry(evutil_socket_t fd, short what, void *user)
{
    (void)fd, (void)what;
    sm_connect(user);
}

void sm_watch(struct listener *listener)
{
    listener->numbers = evtimer_new(listener->base, on_numbers, listener);
    listener->sm_retry = evtimer_new(listener->base, on_retry, listener);
    sm_connect(listener);
}
