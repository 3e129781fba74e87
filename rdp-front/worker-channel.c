#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/packet.h"
#include "rdp-front/worker-state.h"

#define PACKETS_A_TURN     64
#define REATTACH_MAX       10
#define REATTACH_WINDOW_MS 60000

static void frame_unmap(struct frame *frame)
{
    if (frame->pixels != NULL)
        munmap(frame->pixels, frame->size);
    frame->pixels = NULL;
}

/* Maps what the agent sent, but only memory that is as large as it says and cannot be made smaller: reading
 * past its end would kill us. Returns NULL, or what is wrong. */
static const char *frame_map(struct frame *frame_r, const struct winstation_screen *screen, int fd)
{
    struct stat status;
    size_t size = (size_t)screen->stride * screen->height;
    if (screen->width == 0 || screen->height == 0 || screen->width > WINSTATION_MAX_WIDTH ||
        screen->height > WINSTATION_MAX_HEIGHT || screen->stride < screen->width * 4u ||
        screen->stride > WINSTATION_MAX_WIDTH * 8u)
        return "the screen's size is out of range";
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || !(seals & F_SEAL_SHRINK))
        return "the frame memory could shrink";
    if (fstat(fd, &status) != 0 || status.st_size < 0 || (size_t)status.st_size < size)
        return "the frame memory is too small";
    void *pixels = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (pixels == MAP_FAILED)
        return "the frame memory cannot be mapped";
    *frame_r = (struct frame){pixels, size, screen->width, screen->height, screen->stride};
    return NULL;
}

/* The session's own channel ended without a BYE: the agent died, init starts it anew. */
static void own_lost(struct worker *worker, const char *why)
{
    int64_t now = clock_monotonic_ms();
    channel_close(&worker->channel);
    log_warning(worker->facts.address, "the channel of session %u ended: %s", worker->session, why);
    if (now - worker->reattachments_since_ms > REATTACH_WINDOW_MS) {
        worker->reattachments_since_ms = now;
        worker->reattachments = 0;
    }
    if (++worker->reattachments > REATTACH_MAX)
        worker_end(worker, REASON_DISPLAY_FAILED, NULL);
    else
        broker_attach(worker);
}

static void lost(struct channel *channel, const char *why)
{
    struct worker *worker = channel->worker;
    if (channel == &worker->channel)
        own_lost(worker, why);
    else
        shadow_over(worker, why);
}

struct channel *channel_shown(struct worker *worker)
{
    return worker->shadow.channel.fd >= 0 ? &worker->shadow.channel : &worker->channel;
}

void channel_draw(struct channel *channel)
{
    struct worker *worker = channel->worker;
    const struct frame *frame = &channel->frame;
    graphics_set_screen(worker->graphics, frame->pixels, frame->width, frame->height, frame->stride);
    worker->drawn = channel;
    if (frame->pixels == NULL)
        return;
    screen_free(worker->screen);
    worker->screen = NULL;
}

static const char *on_screen(struct channel *channel, const union winstation_body *body, int *fd)
{
    struct worker *worker = channel->worker;
    struct frame frame, old = channel->frame;
    const char *problem = frame_map(&frame, &body->screen, *fd);
    if (problem != NULL)
        return problem;
    channel->frame = frame;
    if (channel == channel_shown(worker) || channel == worker->drawn)
        channel_draw(channel);
    frame_unmap(&old);
    if (channel != &worker->channel)
        return NULL;
    worker->facts.width = frame.width;
    worker->facts.height = frame.height;
    return NULL;
}

static const char *on_damage(struct channel *channel, const union winstation_body *body, int *fd)
{
    struct worker *worker = channel->worker;
    (void)fd;
    if (channel->frame.pixels == NULL)
        return "damage came before a screen";
    channel->owes = true;
    if (channel == channel_shown(worker))
        graphics_damage(worker->graphics, &body->damage.rectangles);
    else /* it comes again, with all else, when the session is shown again */
        channel_frame_done(channel);
    return NULL;
}

static const char *on_pointer(struct channel *channel, const union winstation_body *body, int *fd)
{
    (void)fd;
    if (channel == channel_shown(channel->worker))
        graphics_pointer(channel->worker->graphics, &body->pointer);
    return NULL;
}

static const char *on_pointer_moved(struct channel *channel, const union winstation_body *body, int *fd)
{
    struct worker *worker = channel->worker;
    (void)fd;
    if (channel != channel_shown(worker))
        return NULL;
    worker->mouse_x = body->pointer_moved.x;
    worker->mouse_y = body->pointer_moved.y;
    graphics_pointer_moved(worker->graphics, body->pointer_moved.x, body->pointer_moved.y);
    return NULL;
}

static const char *on_bye(struct channel *channel, const union winstation_body *body, int *fd)
{
    struct worker *worker = channel->worker;
    enum reason reason = body->bye.reason < REASON_COUNT ? (enum reason)body->bye.reason : REASON_INTERNAL;
    (void)fd;
    if (channel != &worker->channel)
        lost(channel, reason_name(reason));
    else if (reason == REASON_MOVED)
        lost(channel, "the client is moved to another session");
    else
        worker_end(worker, reason, body->bye.detail);
    return NULL;
}

static const char *on_redirect(struct channel *channel, const union winstation_body *body, int *fd)
{
    struct worker *worker = channel->worker;
    if (channel != &worker->channel)
        return "a session that is only shown has nothing to do with the client's devices";
    redirects_program(worker->redirects, body->redirect.kind, *fd);
    *fd = -1;
    return NULL;
}

static const struct {
    unsigned number;
    const char *(*handle)(struct channel *channel, const union winstation_body *body, int *fd);
} handlers[] = {
    {WINSTATION_SCREEN, on_screen},   {WINSTATION_DAMAGE, on_damage},
    {WINSTATION_POINTER, on_pointer}, {WINSTATION_POINTER_MOVED, on_pointer_moved},
    {WINSTATION_BYE, on_bye},         {WINSTATION_REDIRECT, on_redirect},
};

static const char *dispatch(struct channel *channel, unsigned number, const union winstation_body *body,
                            int *fd)
{
    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
        if (handlers[i].number == number)
            return handlers[i].handle(channel, body, fd);
    return "it is for the broker";
}

/* Returns false when there is nothing more to read for now. */
static bool read_one(struct channel *channel)
{
    union winstation_body body;
    struct message message;
    const char *problem = "";
    int got = message_receive(channel->fd, &winstation_protocol, WINSTATION_BY_AGENT, &body, sizeof(body),
                              &message, &problem);
    if (got == -EAGAIN)
        return false;
    if (got <= 0) {
        lost(channel, got == 0 ? "the display agent is gone" : problem);
        return false;
    }
    problem = dispatch(channel, message.number, &body, &message.descriptor);
    close_descriptor(&message.descriptor);
    if (problem != NULL)
        lost(channel, problem);
    return channel->fd >= 0 && channel->worker->stage == STAGE_ATTACHED;
}

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    (void)fd, (void)what;
    struct channel *channel = user;
    for (int i = 0; i < PACKETS_A_TURN && read_one(channel); i++)
        ;
}

/* Sends what waits. What cannot be sent for another cause than a full socket is dropped: reading will tell
 * that the channel has ended. */
static void queue_flush(struct channel *channel)
{
    while (channel->queue_count > 0) {
        const struct waiting_input *first = &channel->queue[channel->queue_first];
        int failed = message_send(channel->fd, &winstation_protocol, first->number, &first->body, -1);
        if (failed == -EAGAIN) {
            event_add(channel->writable, NULL);
            return;
        }
        channel->queue_first = (channel->queue_first + 1) % CHANNEL_QUEUE;
        channel->queue_count--;
    }
    channel->queue_overflowed = false;
}

static void on_writable(evutil_socket_t fd, short what, void *user)
{
    (void)fd, (void)what;
    queue_flush(user);
}

/* A move replaces a move that waits at the end: only the last position counts. */
static bool replace_move(struct channel *channel, const struct waiting_input *input)
{
    if (channel->queue_count == 0 || input->number != WINSTATION_MOUSE)
        return false;
    struct waiting_input *last =
        &channel->queue[(channel->queue_first + channel->queue_count - 1) % CHANNEL_QUEUE];
    if (last->number != WINSTATION_MOUSE || last->body.mouse.buttons != input->body.mouse.buttons ||
        last->body.mouse.wheel || last->body.mouse.horizontal_wheel || input->body.mouse.wheel ||
        input->body.mouse.horizontal_wheel)
        return false;
    *last = *input;
    return true;
}

static void enqueue(struct channel *channel, const struct waiting_input *input)
{
    if (channel->fd < 0 || replace_move(channel, input))
        return;
    if (channel->queue_count == CHANNEL_QUEUE) {
        if (!channel->queue_overflowed)
            log_warning(channel->worker->facts.address, "session %u does not take its input",
                        channel->worker->session);
        channel->queue_overflowed = true;
        return;
    }
    channel->queue[(channel->queue_first + channel->queue_count++) % CHANNEL_QUEUE] = *input;
    queue_flush(channel);
}

void channel_open(struct channel *channel, int fd)
{
    struct worker *worker = channel->worker;
    channel_close(channel);
    channel->fd = fd;
    channel->readable = event_new(worker->base, fd, EV_READ | EV_PERSIST, on_readable, channel);
    channel->writable = event_new(worker->base, fd, EV_WRITE, on_writable, channel);
    if (worker->activated_once)
        channel_start(channel);
}

void channel_start(struct channel *channel)
{
    struct worker *worker = channel->worker;
    if (channel->fd < 0)
        return;
    event_add(channel->readable, NULL);
    if (channel == &worker->channel)
        channel_locks(channel, worker->locks);
    if (worker->suppressed || channel != channel_shown(worker))
        channel_suppress(channel, true);
    if (channel == &worker->channel && worker->display.width != 0)
        channel_resize(worker);
    if (channel == &worker->channel)
        redirects_session_there(worker->redirects);
}

void channel_close(struct channel *channel)
{
    if (channel->fd < 0)
        return;
    if (channel == &channel->worker->channel && channel->worker->redirects != NULL)
        redirects_session_gone(channel->worker->redirects);
    event_free(channel->readable);
    event_free(channel->writable);
    channel->readable = channel->writable = NULL;
    close_descriptor(&channel->fd);
    channel->queue_count = 0;
    channel->owes = false;
}

void channel_finish(struct channel *channel)
{
    channel_close(channel);
    frame_unmap(&channel->frame);
}

void channel_frame_done(struct channel *channel)
{
    if (!channel->owes)
        return;
    channel->owes = false;
    enqueue(channel, &(struct waiting_input){.number = WINSTATION_FRAME_DONE});
}

void channel_key(struct channel *channel, unsigned flags, unsigned scancode)
{
    enqueue(channel, &(struct waiting_input){.number = WINSTATION_KEY,
                                             .body.key = {(uint8_t)flags, (uint8_t)scancode}});
}

void channel_text(struct channel *channel, bool down, uint16_t unit)
{
    enqueue(channel, &(struct waiting_input){.number = WINSTATION_TEXT, .body.text = {down, unit}});
}

static uint16_t within(unsigned position, unsigned size)
{
    return (uint16_t)(size > 0 && position >= size ? size - 1 : position);
}

void channel_mouse(struct channel *channel, int wheel, int horizontal_wheel)
{
    const struct worker *worker = channel->worker;
    struct winstation_mouse mouse = {.x = within(worker->mouse_x, channel->frame.width),
                                     .y = within(worker->mouse_y, channel->frame.height),
                                     .buttons = worker->buttons,
                                     .wheel = (uint16_t)wheel,
                                     .horizontal_wheel = (uint16_t)horizontal_wheel};
    enqueue(channel, &(struct waiting_input){.number = WINSTATION_MOUSE, .body.mouse = mouse});
}

void channel_locks(struct channel *channel, unsigned locks)
{
    enqueue(channel, &(struct waiting_input){.number = WINSTATION_LOCKS, .body.locks = {(uint8_t)locks}});
}

void channel_suppress(struct channel *channel, bool suppressed)
{
    enqueue(channel, &(struct waiting_input){.number = WINSTATION_SUPPRESS, .body.suppress = {suppressed}});
}

void channel_resize(struct worker *worker)
{
    struct winstation_resize resize = {worker->display.width, worker->display.height};
    enqueue(&worker->channel, &(struct waiting_input){.number = WINSTATION_RESIZE, .body.resize = resize});
}

void channel_redirect(struct worker *worker, unsigned kind, uint32_t bits)
{
    struct winstation_redirect_wanted wanted = {(uint8_t)kind, bits};
    enqueue(&worker->channel,
            &(struct waiting_input){.number = WINSTATION_REDIRECT_WANTED, .body.redirect_wanted = wanted});
}
