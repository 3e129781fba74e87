/* The Display Control channel of a client, without a thread: a raw dynamic channel that each turn of the loop
 * looks after. A client that lacks it keeps the size that it came with. */
#include "common/log.h"
#include "rdp-front/display-control.h"
#include "rdp-front/worker-state.h"

/* Layouts read in one turn; only the last one counts. */
#define LAYOUTS_A_TURN 32

static void give_up(struct worker *worker, const char *why)
{
    log_warning(worker->facts.address, "the client's size is not followed: %s", why);
    display_control_close(worker);
    worker->display.failed = true;
}

static void open_channel(struct worker *worker, event_callback_fn on_wake)
{
    struct display_control *display = &worker->display;
    enum virtual_channel_state state =
        display->failed ? VIRTUAL_CHANNEL_NONE
                        : virtual_channel_open(&display->channel, worker->vcm, DISPLAY_CONTROL_NAME, true);
    display->failed = state == VIRTUAL_CHANNEL_NONE;
    if (state != VIRTUAL_CHANNEL_OPEN)
        return;
    int fd = virtual_channel_fd(&display->channel);
    if (fd < 0) {
        give_up(worker, "the channel has no event");
        return;
    }
    display->event = event_new(worker->base, fd, EV_READ | EV_PERSIST, on_wake, worker);
    event_add(display->event, NULL);
}

/* True once the client has opened its end, and has been told what it may ask for. */
static bool is_open(struct worker *worker)
{
    uint8_t caps[DISPLAY_CONTROL_CAPS_SIZE];
    if (worker->display.told)
        return true;
    if (!virtual_channel_ready(&worker->display.channel))
        return false;
    display_control_caps(caps);
    if (!virtual_channel_write(&worker->display.channel, caps, sizeof(caps))) {
        give_up(worker, "the channel takes nothing");
        return false;
    }
    worker->display.told = true;
    return true;
}

/* Reads one layout. Returns false when there is none, or no more of them are taken. */
static bool read_layout(struct worker *worker, struct display_size *size_r)
{
    uint8_t data[DISPLAY_CONTROL_LAYOUT_BYTES];
    const char *problem;
    long bytes = virtual_channel_next(&worker->display.channel);
    if (bytes == 0)
        return false;
    if (bytes < 0)
        give_up(worker, "the channel has ended");
    else if ((size_t)bytes > sizeof(data) ||
             !virtual_channel_read(&worker->display.channel, data, (size_t)bytes))
        give_up(worker, "the layout is too long");
    else if (!display_control_layout(data, (size_t)bytes, size_r, &problem))
        give_up(worker, problem);
    return !worker->display.failed;
}

void display_control_poll(struct worker *worker, event_callback_fn on_wake)
{
    struct display_size size = {0, 0};
    if (worker->display.channel.handle == NULL)
        open_channel(worker, on_wake);
    if (worker->display.channel.handle == NULL || !is_open(worker))
        return;
    for (int i = 0; i < LAYOUTS_A_TURN && read_layout(worker, &size); i++)
        ;
    if (size.width == 0 || channel_shown(worker) != &worker->channel)
        return; /* another session's size is its own client's affair, and this one's stays as it is */
    worker->display.width = (uint16_t)size.width;
    worker->display.height = (uint16_t)size.height;
    if (worker->stage == STAGE_ATTACHED)
        channel_resize(worker);
}

void display_control_close(struct worker *worker)
{
    if (worker->display.event != NULL)
        event_free(worker->display.event);
    worker->display.event = NULL;
    virtual_channel_close(&worker->display.channel);
}
