#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/packet.h"
#include "common/reason.h"
#include "common/text.h"
#include "display/agent.h"
#include "rpc/sm.h"
#include "rpc/winstation.h"

#define BROKER         "the broker"
#define INPUT_EVERY_MS 1000

/* A shadowing is the broker's: it ends with its connection. */
static void broker_close(struct agent *agent)
{
    close_descriptor(&agent->broker_fd);
    viewer_dismiss_shadows(agent, REASON_NO_BROKER);
}

void broker_send(struct agent *agent, unsigned number, const void *body)
{
    if (agent->broker_fd == -1)
        return;
    int failed = message_send(agent->broker_fd, &winstation_protocol, number, body, -1);
    if (failed) {
        log_warning(BROKER, "closed: %s", strerror(-failed));
        broker_close(agent);
    }
}

static void tell_input(struct agent *agent, int64_t now)
{
    if (agent->input_at != 0)
        broker_send(agent, WINSTATION_INPUT,
                    &(struct winstation_input){.monotonic_ms = (uint64_t)agent->input_at});
    agent->input_told = agent->input_at;
    agent->input_due = now + INPUT_EVERY_MS;
}

void broker_tell_input(struct agent *agent, int64_t now)
{
    if (agent->broker_fd != -1 && agent->input_told != agent->input_at && now >= agent->input_due)
        tell_input(agent, now);
}

/* `serial`: of what this answers, or 0. */
static void tell_desktop(struct agent *agent, uint64_t serial)
{
    const char *display = getenv("DISPLAY");
    unsigned long number = display != NULL && display[0] == ':' ? strtoul(display + 1, NULL, 10) : 0;
    broker_send(agent, WINSTATION_DESKTOP,
                &(struct winstation_desktop){serial, lock_is_locked(&agent->lock), (uint16_t)number});
}

void broker_lock_changed(struct agent *agent)
{
    uint64_t serial;
    if (lock_look(&agent->lock, &serial))
        tell_desktop(agent, serial);
}

static void tell_everything(struct agent *agent)
{
    for (const struct viewer *viewer = agent->viewers; viewer != NULL; viewer = viewer->next) {
        if (!viewer->gone && viewer->part == VIEWER_OWN)
            broker_send(agent, WINSTATION_VIEWER, &(struct winstation_viewer){.viewer = viewer->id});
    }
    tell_input(agent, clock_monotonic_ms());
    tell_desktop(agent, 0);
    broker_send(agent, WINSTATION_CAPABILITIES,
                &(struct winstation_capabilities){WINSTATION_CAN_REDIRECT | WINSTATION_CAN_SHADOW});
    broker_send(agent, WINSTATION_SYNCED,
                &(struct winstation_synced){agent->screen.width, agent->screen.height});
}

/* Programs of the session run as this process's user, and the broker does not. */
void broker_accept(struct agent *agent)
{
    int fd = packet_accept(agent->listen_fd);
    if (fd < 0)
        return; /* gone again, or another wake-up will come */
    struct packet_peer peer;
    if (packet_peer_of(fd, &peer) != 0 || peer.uid == getuid()) {
        log_warning(NULL, "a process of the session's own user is no broker");
        close_descriptor(&fd);
        return;
    }
    broker_close(agent);
    agent->broker_fd = fd;
    tell_everything(agent);
}

static bool on_attach(struct agent *agent, const union winstation_body *body, int descriptor)
{
    const struct winstation_attach *attach = &body->attach;
    if (attach->viewer == 0)
        return false;
    resize_want(&agent->resize, attach->width, attach->height, agent->screen.width, agent->screen.height);
    input_set_layout(&agent->input, attach->keyboard_layout);
    viewer_attach(agent, descriptor, attach->viewer, VIEWER_OWN);
    return true;
}

static bool on_shadow(struct agent *agent, const union winstation_body *body, int descriptor)
{
    const struct winstation_shadow *shadow = &body->shadow;
    if (shadow->viewer == 0)
        return false;
    viewer_attach(agent, descriptor, shadow->viewer, shadow->control ? VIEWER_CONTROLS : VIEWER_LOOKS_ON);
    return true;
}

static bool on_detach(struct agent *agent, const union winstation_body *body, int descriptor)
{
    (void)descriptor;
    viewer_dismiss(agent, body->detach.viewer, body->detach.reason, body->detach.detail, false);
    return true;
}

static void tell_answer(struct agent *agent, uint64_t serial, uint32_t response)
{
    broker_send(agent, WINSTATION_MESSAGE_ANSWER, &(struct winstation_message_answer){serial, response});
}

static bool on_message(struct agent *agent, const union winstation_body *body, int descriptor)
{
    (void)descriptor;
    if (!messages_show(&agent->messages, &body->message))
        tell_answer(agent, body->message.serial, 0);
    return true;
}

static bool on_message_cancel(struct agent *agent, const union winstation_body *body, int descriptor)
{
    (void)descriptor;
    messages_cancel(&agent->messages, body->message_cancel.serial);
    return true;
}

static bool on_lock(struct agent *agent, const union winstation_body *body, int descriptor)
{
    const struct winstation_lock_desktop *lock = &body->lock_desktop;
    (void)descriptor;
    if (lock_is_locked(&agent->lock) || !lock_begin(&agent->lock, lock->serial, lock->command))
        tell_desktop(agent, lock->serial);
    return true;
}

/* Names that mean that the value is nobody else's business. */
static bool sounds_secret(const char *name, size_t length)
{
    static const char *const words[] = {"PASS", "SECRET", "TOKEN", "KEY", "CREDENTIAL", "COOKIE", "AUTH_"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        for (size_t at = 0; at + strlen(words[i]) <= length; at++) {
            if (strncasecmp(name + at, words[i], strlen(words[i])) == 0)
                return true;
        }
    }
    return false;
}

/* What lodge-init gave this process it gives to the desktop, too. What does not fit is left out. */
static bool on_environment(struct agent *agent, const union winstation_body *body, int descriptor)
{
    static struct winstation_environment told;
    (void)descriptor;
    told = (struct winstation_environment){.serial = body->environment.serial};
    for (char **variable = environ; *variable != NULL; variable++) {
        const char *equals = strchr(*variable, '=');
        size_t name = equals != NULL ? (size_t)(equals - *variable) + 1 : 0;
        size_t length = name > 0 && sounds_secret(*variable, name) ? name : strlen(*variable);
        if (name == 0 || !text_is_utf8(*variable, strlen(*variable)) ||
            told.variables_count + length + 1 > sizeof(told.variables))
            continue;
        memcpy(told.variables + told.variables_count, *variable, length);
        told.variables[told.variables_count + length] = '\0';
        told.variables_count = (uint16_t)(told.variables_count + length + 1);
    }
    broker_send(agent, WINSTATION_ENVIRONMENT, &told);
    return true;
}

void broker_message_ended(struct agent *agent, size_t place)
{
    struct winstation_message_answer answer;
    if (messages_child_ended(&agent->messages, place, &answer))
        tell_answer(agent, answer.serial, answer.response);
}

/* Handlers take the descriptor when they return true. */
static bool act_for_broker(struct agent *agent, const struct message *message,
                           const union winstation_body *body)
{
    static const struct {
        unsigned number;
        bool (*action)(struct agent *, const union winstation_body *, int);
    } actions[] = {{WINSTATION_ATTACH, on_attach},
                   {WINSTATION_DETACH, on_detach},
                   {WINSTATION_SHADOW, on_shadow},
                   {WINSTATION_MESSAGE, on_message},
                   {WINSTATION_MESSAGE_CANCEL, on_message_cancel},
                   {WINSTATION_LOCK_DESKTOP, on_lock},
                   {WINSTATION_ENVIRONMENT, on_environment}};
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (actions[i].number == message->number)
            return actions[i].action(agent, body, message->descriptor);
    }
    return false;
}

void broker_receive(struct agent *agent)
{
    while (agent->broker_fd != -1) {
        union winstation_body body;
        struct message message;
        const char *problem = "";
        int got = message_receive(agent->broker_fd, &winstation_protocol, WINSTATION_BY_BROKER, &body,
                                  sizeof(body), &message, &problem);
        if (got == -EAGAIN)
            return;
        if (got > 0 && act_for_broker(agent, &message, &body))
            continue;
        if (got > 0) {
            close_descriptor(&message.descriptor);
            problem = "a viewer must have a number";
        }
        if (got != 0)
            log_warning(BROKER, "closed: %s", problem[0] ? problem : strerror(-got));
        broker_close(agent);
    }
}

int channel_ready(struct agent *agent)
{
    return message_send(agent->channel_fd, &sm_protocol, SM_READY, &(struct sm_ready){.role = SM_AGENT}, -1);
}

void channel_tell_closed(struct agent *agent)
{
    agent->windows_told = true;
    int failed = message_send(agent->channel_fd, &sm_protocol, SM_WINDOWS_CLOSED,
                              &(struct sm_windows_closed){.left = 0}, -1);
    if (failed)
        log_warning("lodge-init", "does not take WINDOWS_CLOSED: %s", strerror(-failed));
}

static void tell_alive(struct agent *agent, enum sm_alive who)
{
    int failed =
        message_send(agent->channel_fd, &sm_protocol, SM_PONG, &(struct sm_pong){.who = (uint8_t)who}, -1);
    if (failed)
        log_warning("lodge-init", "does not take PONG: %s", strerror(-failed));
}

static void x_answered(void *context, uint64_t argument, void *reply, const xcb_generic_error_t *error)
{
    struct agent *agent = context;
    (void)argument;
    agent->x_asked = false;
    if (reply != NULL || error != NULL)
        tell_alive(agent, SM_ALIVE_NEXT);
}

/* Does this process work, and does the X server? Whom the X server keeps waiting asks it nothing more. */
static void on_ping(struct agent *agent)
{
    tell_alive(agent, SM_ALIVE_ITSELF);
    if (agent->x_asked)
        return;
    agent->x_asked = true;
    xcb_get_input_focus_cookie_t cookie = xcb_get_input_focus(agent->x.connection);
    x_expect(&agent->x, cookie.sequence, x_answered, agent, 0);
}

void channel_manager_answered(struct agent *agent, enum sm_manager answer)
{
    int failed = message_send(agent->channel_fd, &sm_protocol, SM_MANAGER_ANSWER,
                              &(struct sm_manager_answer){.answer = (uint8_t)answer}, -1);
    if (failed)
        log_warning("lodge-init", "does not take MANAGER_ANSWER: %s", strerror(-failed));
    agent->windows_told = false;
    windows_close_all(&agent->windows);
}

/* The session manager may take a third of the grace time. */
static void on_close_windows(struct agent *agent, uint32_t grace_ms)
{
    if (!endsession_begin(&agent->endsession, grace_ms / 3))
        channel_manager_answered(agent, SM_MANAGER_NONE);
}

void channel_receive(struct agent *agent)
{
    while (!agent->over) {
        union sm_body body;
        struct message message;
        const char *problem = "";
        int got = message_receive(agent->channel_fd, &sm_protocol, SM_INIT, &body, sizeof(body), &message,
                                  &problem);
        if (got == -EAGAIN)
            return;
        if (got <= 0) { /* lodge-init is gone, and the session with it */
            if (got < 0)
                log_error("lodge-init", "closed: %s", problem[0] ? problem : strerror(-got));
            agent->over = true;
            agent->status = got == 0 ? 0 : 1;
        } else if (message.number == SM_NOTICE) {
            viewer_dismiss(agent, 0, body.notice.reason, body.notice.detail, true);
        } else if (message.number == SM_CLOSE_WINDOWS) {
            on_close_windows(agent, body.close_windows.grace_ms);
        } else if (message.number == SM_PING) {
            on_ping(agent);
        }
    }
}
