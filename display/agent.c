#include "display/agent.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <xcb/damage.h>
#include <xcb/randr.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/packet.h"
#include "rpc/winstation.h"

/* Nothing is due: how long to wait at most. A viewer that is stuck is found by then. */
#define IDLE_MS 10000

enum {
    AT_CHANNEL,
    AT_LISTEN,
    AT_BROKER,
    AT_X,
    AT_CHILD,
    AT_LOCK,
    AT_LOCKER,
    AT_LOCK_CHILD,
    AT_ENDSESSION,
    AT_MESSAGES,
    AT_REDIRECTS = AT_MESSAGES + MESSAGES_MOST,
    AT_VIEWERS = AT_REDIRECTS + REDIRECTS_MOST
};

bool agent_open(struct agent *agent_r, int listen_fd, int channel_fd)
{
    const char *problem;
    memset(agent_r, 0, sizeof(*agent_r));
    agent_r->listen_fd = listen_fd;
    agent_r->channel_fd = channel_fd;
    agent_r->broker_fd = -1;
    messages_init(&agent_r->messages);
    lock_init(&agent_r->lock);
    redirects_init(&agent_r->redirects);
    endsession_init(&agent_r->endsession);
    struct x *x = &agent_r->x;
    if (!x_open(x, &problem)) {
        log_error(NULL, "%s", problem);
        return false;
    }
    screen_init(&agent_r->screen, x);
    pointer_init(&agent_r->pointer, x);
    resize_init(&agent_r->resize, x);
    input_init(&agent_r->input, x, &agent_r->pointer);
    windows_init(&agent_r->windows, x);
    xcb_randr_select_input(x->connection, x->root, XCB_RANDR_NOTIFY_MASK_SCREEN_CHANGE);
    xcb_flush(x->connection);
    return !xcb_connection_has_error(x->connection);
}

void agent_close(struct agent *agent)
{
    for (struct viewer *viewer = agent->viewers; viewer != NULL; viewer = viewer->next)
        viewer->gone = true;
    if (agent->x.connection != NULL && !xcb_connection_has_error(agent->x.connection)) {
        viewer_reap(agent);
        xcb_flush(agent->x.connection);
    }
    messages_end(&agent->messages);
    lock_end(&agent->lock);
    redirects_end(&agent->redirects);
    endsession_end(&agent->endsession);
    close_descriptor(&agent->broker_fd);
    close_descriptor(&agent->input.layout.child_fd);
    pointer_free(&agent->pointer);
    x_close(&agent->x);
}

static void set_size(struct agent *agent, uint16_t width, uint16_t height)
{
    int failed = screen_set_size(&agent->screen, width, height);
    if (failed) {
        log_error(NULL, "no frame memory for %ux%u: %s", width, height, strerror(-failed));
        agent->screen.broken = true;
    }
}

static void take_event(struct agent *agent, const xcb_generic_event_t *event)
{
    uint8_t type = event->response_type & 0x7F;
    const struct x *x = &agent->x;
    if (type == 0) {
        const xcb_generic_error_t *error = (const xcb_generic_error_t *)event;
        log_debug(NULL, "X error %u of request %u.%u", error->error_code, error->major_code,
                  error->minor_code);
    } else if (type == x->damage_event + XCB_DAMAGE_NOTIFY) {
        screen_take_damage(&agent->screen, event);
    } else if (type == x->randr_event + XCB_RANDR_SCREEN_CHANGE_NOTIFY) {
        const xcb_randr_screen_change_notify_event_t *change =
            (const xcb_randr_screen_change_notify_event_t *)event;
        if (!agent->resize.busy) /* else the end of the change tells */
            set_size(agent, change->width, change->height);
    } else {
        pointer_take_event(&agent->pointer, event);
        input_take_event(&agent->input, event);
        windows_take_event(&agent->windows, event);
    }
}

/* Takes all that has come from the X server. Returns true when there was something. */
static bool take_x(struct agent *agent)
{
    bool any = true, ever = false;
    for (; any; ever = ever || any) {
        any = false;
        xcb_generic_event_t *event;
        while ((event = xcb_poll_for_event(agent->x.connection)) != NULL) {
            take_event(agent, event);
            free(event);
            any = true;
        }
        any = x_take_replies(&agent->x) || any;
        if (agent->resize.ended) {
            agent->resize.ended = false;
            set_size(agent, agent->resize.now_width, agent->resize.now_height);
        }
    }
    return ever;
}

/* Captures when someone would get the frame, and tells the viewers what there is. */
static void serve_viewers(struct agent *agent, int64_t now)
{
    struct region captured;
    bool wanted = false;
    if (screen_take_captured(&agent->screen, &captured)) {
        for (struct viewer *viewer = agent->viewers; viewer != NULL; viewer = viewer->next)
            region_add_region(&viewer->damage, &captured);
    }
    for (struct viewer *viewer = agent->viewers; viewer != NULL; viewer = viewer->next)
        wanted = wanted || viewer_wants_frame(agent, viewer);
    if (wanted && !agent->x.unsent && !agent->resize.busy && screen_capture(&agent->screen))
        pointer_look_soon(&agent->pointer, now);
    for (struct viewer *viewer = agent->viewers; viewer != NULL; viewer = viewer->next)
        viewer_tell(agent, viewer, now);
    viewer_reap(agent);
}

/* Works until there is nothing to do but wait. Sending may itself have read from the X server. */
static void work(struct agent *agent)
{
    xcb_connection_t *c = agent->x.connection;
    take_x(agent);
    do {
        int64_t now = clock_monotonic_ms();
        if (x_flush(&agent->x)) {
            input_check_time(&agent->input, now);
            pointer_look(&agent->pointer, now);
        }
        serve_viewers(agent, now);
        broker_tell_input(agent, now);
        x_flush(&agent->x);
        if (agent->screen.broken || xcb_connection_has_error(c)) {
            log_error(NULL, agent->screen.broken ? "the screen cannot be captured any more"
                                                 : "the X server is gone");
            agent->over = true;
            agent->status = 1;
            return;
        }
    } while (take_x(agent));
    if (agent->windows.closed && !agent->windows_told)
        channel_tell_closed(agent);
}

/* Windows are asked to close when the session manager has had its turn. */
static void look_at_manager(struct agent *agent)
{
    enum sm_manager answer;
    if (endsession_look(&agent->endsession, clock_monotonic_ms(), &answer))
        channel_manager_answered(agent, answer);
}

static int wait_ms(const struct agent *agent)
{
    int64_t now = clock_monotonic_ms(), end = now + IDLE_MS;
    bool idle = agent->viewers == NULL;
    bool held_up = agent->x.unsent; /* then nothing is done that is due, until the X server reads */
    if (!held_up && agent->pointer.place_due != 0 && agent->pointer.place_due < end) {
        end = agent->pointer.place_due;
        idle = false;
    }
    if (!held_up && agent->input.waiting && agent->input.wait_end < end) {
        end = agent->input.wait_end;
        idle = false;
    }
    if (agent->broker_fd != -1 && agent->input_told != agent->input_at && agent->input_due < end) {
        end = agent->input_due;
        idle = false;
    }
    if (agent->endsession.fd != -1 && agent->endsession.due < end) {
        end = agent->endsession.due;
        idle = false;
    }
    if (idle)
        return -1;
    return end > now ? (int)(end - now) : 0;
}

/* While the X server does not read, nothing is taken from viewers that would have to be sent to it. */
static nfds_t fill_poll(const struct agent *agent, struct pollfd *poll_r)
{
    bool unsent = agent->x.unsent;
    nfds_t count = AT_VIEWERS;
    poll_r[AT_CHANNEL] = (struct pollfd){.fd = agent->channel_fd, .events = POLLIN};
    poll_r[AT_LISTEN] = (struct pollfd){.fd = agent->listen_fd, .events = POLLIN};
    poll_r[AT_BROKER] = (struct pollfd){.fd = agent->broker_fd, .events = POLLIN};
    poll_r[AT_X] = (struct pollfd){.fd = xcb_get_file_descriptor(agent->x.connection),
                                   .events = (short)(unsent ? POLLIN | POLLOUT : POLLIN)};
    poll_r[AT_CHILD] = (struct pollfd){.fd = agent->input.layout.child_fd, .events = POLLIN};
    poll_r[AT_LOCK] = (struct pollfd){.fd = agent->lock.watch, .events = POLLIN};
    poll_r[AT_LOCKER] = (struct pollfd){.fd = agent->lock.locker, .events = POLLIN};
    poll_r[AT_LOCK_CHILD] = (struct pollfd){.fd = agent->lock.child, .events = POLLIN};
    poll_r[AT_ENDSESSION] = (struct pollfd){.fd = agent->endsession.fd, .events = POLLIN};
    for (size_t i = 0; i < MESSAGES_MOST; i++)
        poll_r[AT_MESSAGES + i] = (struct pollfd){.fd = agent->messages.at[i].fd, .events = POLLIN};
    for (size_t i = 0; i < REDIRECTS_MOST; i++)
        poll_r[AT_REDIRECTS + i] = (struct pollfd){.fd = agent->redirects.at[i].child, .events = POLLIN};
    for (const struct viewer *viewer = agent->viewers; viewer != NULL; viewer = viewer->next) {
        short events = (short)((unsent ? 0 : POLLIN) | (viewer->full ? POLLOUT : 0));
        poll_r[count++] = (struct pollfd){.fd = viewer->fd, .events = events};
    }
    return count;
}

static void serve_ports(struct agent *agent, const struct pollfd *polled)
{
    const struct pollfd *at = &polled[AT_VIEWERS];
    for (struct viewer *viewer = agent->viewers; viewer != NULL; viewer = viewer->next, at++) {
        if (at->revents & POLLOUT)
            viewer->full = false;
        if (at->revents & (POLLIN | POLLHUP | POLLERR))
            viewer_receive(agent, viewer);
    }
    if (polled[AT_CHILD].revents)
        input_layout_child_ended(&agent->input);
    for (size_t i = 0; i < MESSAGES_MOST; i++) {
        if (polled[AT_MESSAGES + i].revents)
            broker_message_ended(agent, i);
    }
    for (size_t i = 0; i < REDIRECTS_MOST; i++) {
        if (polled[AT_REDIRECTS + i].revents)
            redirects_look(&agent->redirects, i);
    }
    if (polled[AT_LOCK].revents || polled[AT_LOCKER].revents || polled[AT_LOCK_CHILD].revents)
        broker_lock_changed(agent);
    if (polled[AT_BROKER].revents)
        broker_receive(agent);
    if (polled[AT_LISTEN].revents)
        broker_accept(agent);
    if (polled[AT_CHANNEL].revents)
        channel_receive(agent);
}

int agent_run(struct agent *agent)
{
    struct pollfd polled[AT_VIEWERS + AGENT_MAX_VIEWERS * 2];
    work(agent);
    while (!agent->over) {
        nfds_t count = fill_poll(agent, polled);
        int ready = poll(polled, count, wait_ms(agent));
        if (ready < 0 && errno != EINTR) {
            log_error(NULL, "poll: %s", strerror(errno));
            return 1;
        }
        if (ready > 0)
            serve_ports(agent, polled);
        look_at_manager(agent);
        if (!agent->over)
            work(agent);
    }
    return agent->status;
}
