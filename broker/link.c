#include "broker/link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "broker/attach.h"
#include "broker/broker.h"
#include "broker/desktop.h"
#include "broker/limits.h"
#include "broker/shadow.h"
#include "common/log.h"
#include "common/packet.h"
#include "common/text.h"
#include "rpc/winstation.h"

#define FIRST_DELAY_MS 20
#define LAST_DELAY_MS  1000 /* while somebody waits for the agent */
#define IDLE_DELAY_MS  5000 /* else: lodge-smss says when the session is up, and then it is tried at once */
#define QUICK_TRIES    100  /* with the first delay, while somebody waits */
#define PACKETS_MAX    16   /* received in one turn */
#define NAMES_MAX      64

static void retry_later(struct session *session)
{
    struct agent_link *link = &session->link;
    bool awaited = session->pending != NULL;
    unsigned most_ms = awaited ? LAST_DELAY_MS : IDLE_DELAY_MS;
    if (link->retry == NULL)
        return;
    /* thousands that became unreachable at once do not all try in one turn of the loop */
    unsigned delay_ms = link->delay_ms + (awaited ? 0 : session->id % link->delay_ms);
    struct timeval delay = {.tv_sec = delay_ms / 1000, .tv_usec = delay_ms % 1000 * 1000};
    evtimer_add(link->retry, &delay);
    if (!awaited || ++link->tries > QUICK_TRIES)
        link->delay_ms = link->delay_ms * 2 < most_ms ? link->delay_ms * 2 : most_ms;
}

static void disconnect(struct agent_link *link)
{
    if (link->readable != NULL)
        event_free(link->readable);
    link->readable = NULL;
    packet_end(&link->fd);
    link->synced = link->named = false;
    link->can = 0;
    link->names = 0;
}

void link_reset(struct session *session, const char *why)
{
    char about[SESSION_ABOUT_ROOM];
    log_debug(session_about(session, about), "the connection to the display agent ended: %s", why);
    disconnect(&session->link);
    asks_agent_gone(session);
    shadow_agent_gone(session);
    retry_later(session);
}

static void accuse(struct session *session, const char *what)
{
    char about[SESSION_ABOUT_ROOM];
    log_warning(session_about(session, about), "the display agent breaks the protocol: %s", what);
    session->link.delay_ms = LAST_DELAY_MS;
    session->link.tries = QUICK_TRIES;
    link_reset(session, what);
}

static bool take_viewer(struct session *session, const union winstation_body *body)
{
    if (++session->link.names > NAMES_MAX || body->viewer.viewer == 0)
        return false;
    attach_viewer_named(session, body->viewer.viewer);
    return true;
}

static bool take_viewer_gone(struct session *session, const union winstation_body *body)
{
    if (!shadow_viewer_gone(session, body->viewer_gone.viewer))
        attach_viewer_gone(session, body->viewer_gone.viewer);
    return true;
}

static bool take_synced(struct session *session, const union winstation_body *body)
{
    (void)body;
    if (session->link.synced)
        return false;
    session->link.synced = true;
    session->link.delay_ms = FIRST_DELAY_MS;
    session->link.tries = 0;
    attach_link_synced(session);
    return true;
}

static bool take_input(struct session *session, const union winstation_body *body)
{
    limits_session_input(session, body->input.monotonic_ms);
    return true;
}

static bool take_message_answer(struct session *session, const union winstation_body *body)
{
    const struct winstation_message_answer *answer = &body->message_answer;
    if (!shadow_answered(session, answer->serial, answer->response))
        messages_answered(session, answer->serial, answer->response);
    return true;
}

static bool take_desktop(struct session *session, const union winstation_body *body)
{
    return desktop_told(session, &body->desktop);
}

static bool take_environment(struct session *session, const union winstation_body *body)
{
    return desktop_environment_told(session, &body->environment);
}

static bool take_capabilities(struct session *session, const union winstation_body *body)
{
    session->link.can = (uint8_t)body->capabilities.bits;
    return true;
}

static const struct {
    unsigned number;
    bool (*take)(struct session *session, const union winstation_body *body);
} handlers[] = {
    {WINSTATION_VIEWER, take_viewer},
    {WINSTATION_VIEWER_GONE, take_viewer_gone},
    {WINSTATION_SYNCED, take_synced},
    {WINSTATION_INPUT, take_input},
    {WINSTATION_MESSAGE_ANSWER, take_message_answer},
    {WINSTATION_DESKTOP, take_desktop},
    {WINSTATION_ENVIRONMENT, take_environment},
    {WINSTATION_CAPABILITIES, take_capabilities},
};

static bool dispatch(struct session *session, struct message *message, const union winstation_body *body)
{
    close_descriptor(&message->descriptor);
    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        if (handlers[i].number == message->number)
            return handlers[i].take(session, body);
    }
    return false;
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    struct session *session = context;
    (void)what;
    for (int i = 0; i < PACKETS_MAX && session->link.fd == fd; i++) {
        union winstation_body body;
        struct message message;
        const char *problem = "";
        int got = message_receive(fd, &winstation_protocol, WINSTATION_BY_AGENT, &body, sizeof(body),
                                  &message, &problem);
        if (got == -EAGAIN)
            return;
        if (got == 0) {
            link_reset(session, "the agent is gone");
            return;
        }
        if (got < 0) {
            accuse(session, problem[0] != '\0' ? problem : strerror(-got));
            return;
        }
        if (!dispatch(session, &message, &body)) {
            accuse(session, "a message that is not for the broker");
            return;
        }
    }
}

static void on_retry(evutil_socket_t fd, short what, void *context)
{
    struct session *session = context;
    struct agent_link *link = &session->link;
    struct broker *broker = session->broker;
    char name[32], path[CONF_TEXT_MAX + 64];
    (void)fd, (void)what;
    snprintf(name, sizeof(name), "winstation/%u.port", session->id);
    link->fd = packet_connect_plain(conf_run_path(&broker->conf, name, path, sizeof(path)));
    if (link->fd < 0) {
        link->fd = -1;
        retry_later(session);
        return;
    }
    link->readable = event_new(broker->base, link->fd, EV_READ | EV_PERSIST, on_readable, session);
    if (link->readable == NULL || event_add(link->readable, NULL) != 0) {
        link_reset(session, strerror(ENOMEM));
        return;
    }
    attach_pending(session);
}

void link_start(struct session *session)
{
    struct agent_link *link = &session->link;
    link->fd = -1;
    link->delay_ms = FIRST_DELAY_MS;
    if (session->load_test)
        return;
    link->retry = evtimer_new(session->broker->base, on_retry, session);
    if (link->retry != NULL)
        on_retry(-1, 0, session);
}

void link_try_now(struct session *session)
{
    struct agent_link *link = &session->link;
    if (link->fd >= 0 || link->retry == NULL)
        return;
    link->delay_ms = FIRST_DELAY_MS;
    link->tries = 0;
    evtimer_add(link->retry, &(struct timeval){0});
}

void link_stop(struct session *session)
{
    disconnect(&session->link);
    asks_agent_gone(session);
    shadow_agent_gone(session);
    if (session->link.retry != NULL)
        event_free(session->link.retry);
    session->link.retry = NULL;
}

bool link_can_attach(const struct session *session)
{
    bool starting = session->state == SESSION_INIT || session->state == SESSION_CONNECTED;
    return session->link.fd >= 0 && (session->link.synced || (session->fresh && starting));
}

bool link_agent_can(const struct session *session, enum winstation_capability capability)
{
    return !session->link.synced || (session->link.can & capability) != 0;
}

void link_send_detach(struct session *session, uint64_t viewer, enum reason reason, const char *detail)
{
    struct winstation_detach detach = {.viewer = viewer, .reason = (uint16_t)reason};
    if (detail != NULL)
        text_copy(detach.detail, sizeof(detach.detail), detail);
    /* viewer 0 would be every viewer */
    if (session->link.fd >= 0 && viewer != 0)
        message_send(session->link.fd, &winstation_protocol, WINSTATION_DETACH, &detach, -1);
}

void link_send_cancel(struct session *session, uint64_t serial)
{
    struct winstation_message_cancel cancel = {.serial = serial};
    if (session->link.fd >= 0)
        message_send(session->link.fd, &winstation_protocol, WINSTATION_MESSAGE_CANCEL, &cancel, -1);
}

bool link_send(struct session *session, unsigned number, const void *body)
{
    return session->link.fd >= 0 &&
           message_send(session->link.fd, &winstation_protocol, number, body, -1) == 0;
}

int link_draw_viewer(uint64_t *viewer_r)
{
    uint64_t viewer;
    if (getrandom(&viewer, sizeof(viewer), 0) != sizeof(viewer) || viewer == 0)
        return -EAGAIN;
    *viewer_r = viewer;
    return 0;
}

int link_send_channel(struct session *session, unsigned number, const void *body)
{
    int pair[2];
    int failed = packet_pair(pair);
    if (failed)
        return failed;
    failed = message_send(session->link.fd, &winstation_protocol, number, body, pair[0]);
    close_descriptor(&pair[0]);
    if (failed) {
        close_descriptor(&pair[1]);
        return failed;
    }
    return pair[1];
}
