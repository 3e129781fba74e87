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

/* The channel ended without a BYE: the agent died, init starts it anew. */
static void channel_lost(struct worker *worker, const char *why)
{
    int64_t now = clock_monotonic_ms();
    channel_close(worker);
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

static const char *on_screen(struct worker *worker, const union winstation_body *body, int *fd)
{
    struct frame frame, old = worker->frame;
    const char *problem = frame_map(&frame, &body->screen, *fd);
    if (problem != NULL)
        return problem;
    worker->frame = frame;
    graphics_set_screen(worker->graphics, frame.pixels, frame.width, frame.height, frame.stride);
    frame_unmap(&old);
    screen_free(worker->screen);
    worker->screen = NULL;
    worker->facts.width = frame.width;
    worker->facts.height = frame.height;
    return NULL;
}

static const char *on_damage(struct worker *worker, const union winstation_body *body, int *fd)
{
    (void)fd;
    if (worker->frame.pixels == NULL)
        return "damage came before a screen";
    graphics_damage(worker->graphics, &body->damage.rectangles);
    return NULL;
}

static const char *on_pointer(struct worker *worker, const union winstation_body *body, int *fd)
{
    (void)fd;
    graphics_pointer(worker->graphics, &body->pointer);
    return NULL;
}

static const char *on_pointer_moved(struct worker *worker, const union winstation_body *body, int *fd)
{
    (void)fd;
    worker->mouse_x = body->pointer_moved.x;
    worker->mouse_y = body->pointer_moved.y;
    graphics_pointer_moved(worker->graphics, body->pointer_moved.x, body->pointer_moved.y);
    return NULL;
}

static const char *on_bye(struct worker *worker, const union winstation_body *body, int *fd)
{
    if (body->bye.reason == REASON_MOVED) {
        channel_lost(worker, "the client is moved to another session");
        return NULL;
    }
    (void)fd;
    worker_end(worker, body->bye.reason < REASON_COUNT ? (enum reason)body->bye.reason : REASON_INTERNAL,
               body->bye.detail);
    return NULL;
}

static const char *on_redirect(struct worker *worker, const union winstation_body *body, int *fd)
{
    redirects_program(worker->redirects, body->redirect.kind, *fd);
    *fd = -1;
    return NULL;
}

static const struct {
    unsigned number;
    const char *(*handle)(struct worker *worker, const union winstation_body *body, int *fd);
} handlers[] = {
    {WINSTATION_SCREEN, on_screen},   {WINSTATION_DAMAGE, on_damage},
    {WINSTATION_POINTER, on_pointer}, {WINSTATION_POINTER_MOVED, on_pointer_moved},
    {WINSTATION_BYE, on_bye},         {WINSTATION_REDIRECT, on_redirect},
};

static const char *dispatch(struct worker *worker, unsigned number, const union winstation_body *body,
                            int *fd)
{
    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
        if (handlers[i].number == number)
            return handlers[i].handle(worker, body, fd);
    return "it is for the broker";
}

/* Returns false when there is nothing more to read for now. */
static bool read_one(struct worker *worker)
{
    union winstation_body body;
    struct message message;
    const char *problem = "";
    int got = message_receive(worker->channel, &winstation_protocol, WINSTATION_BY_AGENT, &body, sizeof(body),
                              &message, &problem);
    if (got == -EAGAIN)
        return false;
    if (got <= 0) {
        channel_lost(worker, got == 0 ? "the display agent is gone" : problem);
        return false;
    }
    problem = dispatch(worker, message.number, &body, &message.descriptor);
    close_descriptor(&message.descriptor);
    if (problem != NULL)
        channel_lost(worker, problem);
    return worker->channel >= 0 && worker->stage == STAGE_ATTACHED;
}

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    (void)fd, (void)what;
    struct worker *worker = user;
    for (int i = 0; i < PACKETS_A_TURN && read_one(worker); i++)
        ;
}

/* Sends what waits. What cannot be sent for another cause than a full socket is dropped: reading will tell
 * that the channel has ended. */
static void queue_flush(struct worker *worker)
{
    while (worker->queue_count > 0) {
        const struct waiting_input *first = &worker->queue[worker->queue_first];
        int failed = message_send(worker->channel, &winstation_protocol, first->number, &first->body, -1);
        if (failed == -EAGAIN) {
            event_add(worker->channel_write, NULL);
            return;
        }
        worker->queue_first = (worker->queue_first + 1) % CHANNEL_QUEUE;
        worker->queue_count--;
    }
    worker->queue_overflowed = false;
}

static void on_writable(evutil_socket_t fd, short what, void *user)
{
    (void)fd, (void)what;
    queue_flush(user);
}

/* A move replaces a move that waits at the end: only the last position counts. */
static bool replace_move(struct worker *worker, const struct waiting_input *input)
{
    if (worker->queue_count == 0 || input->number != WINSTATION_MOUSE)
        return false;
    struct waiting_input *last =
        &worker->queue[(worker->queue_first + worker->queue_count - 1) % CHANNEL_QUEUE];
    if (last->number != WINSTATION_MOUSE || last->body.mouse.buttons != input->body.mouse.buttons ||
        last->body.mouse.wheel || last->body.mouse.horizontal_wheel || input->body.mouse.wheel ||
        input->body.mouse.horizontal_wheel)
        return false;
    *last = *input;
    return true;
}

static void enqueue(struct worker *worker, const struct waiting_input *input)
{
    if (worker->channel < 0 || replace_move(worker, input))
        return;
    if (worker->queue_count == CHANNEL_QUEUE) {
        if (!worker->queue_overflowed)
            log_warning(worker->facts.address, "session %u does not take its input", worker->session);
        worker->queue_overflowed = true;
        return;
    }
    worker->queue[(worker->queue_first + worker->queue_count++) % CHANNEL_QUEUE] = *input;
    queue_flush(worker);
}

void channel_open(struct worker *worker, int fd)
{
    channel_close(worker);
    worker->channel = fd;
    worker->channel_event = event_new(worker->base, fd, EV_READ | EV_PERSIST, on_readable, worker);
    worker->channel_write = event_new(worker->base, fd, EV_WRITE, on_writable, worker);
    if (worker->activated_once)
        channel_start(worker);
}

void channel_start(struct worker *worker)
{
    if (worker->channel < 0)
        return;
    event_add(worker->channel_event, NULL);
    channel_locks(worker, worker->locks);
    if (worker->suppressed)
        channel_suppress(worker, true);
    if (worker->display.width != 0)
        channel_resize(worker);
    redirects_session_there(worker->redirects);
}

void channel_close(struct worker *worker)
{
    if (worker->channel < 0)
        return;
    redirects_session_gone(worker->redirects);
    event_free(worker->channel_event);
    event_free(worker->channel_write);
    worker->channel_event = worker->channel_write = NULL;
    close_descriptor(&worker->channel);
    worker->queue_count = 0;
}

void channel_frame_done(struct worker *worker)
{
    enqueue(worker, &(struct waiting_input){.number = WINSTATION_FRAME_DONE});
}

void channel_key(struct worker *worker, unsigned flags, unsigned scancode)
{
    enqueue(worker, &(struct waiting_input){.number = WINSTATION_KEY,
                                            .body.key = {(uint8_t)flags, (uint8_t)scancode}});
}

void channel_text(struct worker *worker, bool down, uint16_t unit)
{
    enqueue(worker, &(struct waiting_input){.number = WINSTATION_TEXT, .body.text = {down, unit}});
}

static uint16_t within(unsigned position, unsigned size)
{
    return (uint16_t)(size > 0 && position >= size ? size - 1 : position);
}

void channel_mouse(struct worker *worker, int wheel, int horizontal_wheel)
{
    struct winstation_mouse mouse = {.x = within(worker->mouse_x, worker->frame.width),
                                     .y = within(worker->mouse_y, worker->frame.height),
                                     .buttons = worker->buttons,
                                     .wheel = (uint16_t)wheel,
                                     .horizontal_wheel = (uint16_t)horizontal_wheel};
    enqueue(worker, &(struct waiting_input){.number = WINSTATION_MOUSE, .body.mouse = mouse});
}

void channel_locks(struct worker *worker, unsigned locks)
{
    enqueue(worker, &(struct waiting_input){.number = WINSTATION_LOCKS, .body.locks = {(uint8_t)locks}});
}

void channel_suppress(struct worker *worker, bool suppressed)
{
    enqueue(worker, &(struct waiting_input){.number = WINSTATION_SUPPRESS, .body.suppress = {suppressed}});
}

void channel_resize(struct worker *worker)
{
    struct winstation_resize resize = {worker->display.width, worker->display.height};
    enqueue(worker, &(struct waiting_input){.number = WINSTATION_RESIZE, .body.resize = resize});
}

void channel_redirect(struct worker *worker, unsigned kind, uint32_t bits)
{
    struct winstation_redirect_wanted wanted = {(uint8_t)kind, bits};
    enqueue(worker,
            &(struct waiting_input){.number = WINSTATION_REDIRECT_WANTED, .body.redirect_wanted = wanted});
}
