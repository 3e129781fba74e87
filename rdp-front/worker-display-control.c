/* The Display Control channel of a client, without a thread: a raw dynamic channel that each turn of the loop
 * looks after. A client that lacks it keeps the size that it came with. */
#include <freerdp/channels/drdynvc.h>
#include <freerdp/channels/wtsvc.h>
#include <string.h>
#include <winpr/error.h>
#include <winpr/synch.h>
#include <winpr/wtsapi.h>

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

/* What a query tells, as a number; 0 when it tells nothing. */
static uintptr_t query(HANDLE channel, WTS_VIRTUAL_CLASS what, size_t size)
{
    void *buffer = NULL;
    DWORD bytes = 0;
    uintptr_t value = 0;
    if (!WTSVirtualChannelQuery(channel, what, &buffer, &bytes) || buffer == NULL)
        return 0;
    if (bytes >= size && size == sizeof(uintptr_t))
        memcpy(&value, buffer, sizeof(value));
    else if (bytes >= size && size == sizeof(BOOL))
        value = (uintptr_t) * (BOOL *)buffer;
    WTSFreeMemory(buffer);
    return value;
}

static void open_channel(struct worker *worker, event_callback_fn on_wake)
{
    if (!WTSVirtualChannelManagerIsChannelJoined(worker->vcm, DRDYNVC_SVC_CHANNEL_NAME))
        worker->display.failed = true;
    if (worker->display.failed || WTSVirtualChannelManagerGetDrdynvcState(worker->vcm) != DRDYNVC_STATE_READY)
        return;
    LPSTR text = NULL;
    DWORD bytes = 0, session = 0;
    if (WTSQuerySessionInformationA(worker->vcm, WTS_CURRENT_SESSION, WTSSessionId, &text, &bytes) &&
        text != NULL && bytes >= sizeof(ULONG)) {
        ULONG id;
        memcpy(&id, text, sizeof(id));
        session = id;
    }
    WTSFreeMemory(text);
    HANDLE channel =
        WTSVirtualChannelOpenEx(session, (LPSTR)DISPLAY_CONTROL_NAME, WTS_CHANNEL_OPTION_DYNAMIC);
    if (channel == NULL) {
        worker->display.failed = true;
        return;
    }
    worker->display.channel = channel;
    HANDLE handle = (HANDLE)query(channel, WTSVirtualEventHandle, sizeof(HANDLE));
    int fd = handle == NULL ? -1 : GetEventFileDescriptor(handle);
    if (fd < 0) {
        give_up(worker, "the channel has no event");
        return;
    }
    worker->display.event = event_new(worker->base, fd, EV_READ | EV_PERSIST, on_wake, worker);
    event_add(worker->display.event, NULL);
}

/* True once the client has opened its end, and has been told what it may ask for. */
static bool is_open(struct worker *worker)
{
    uint8_t caps[DISPLAY_CONTROL_CAPS_SIZE];
    ULONG written;
    if (worker->display.told)
        return true;
    if (!query(worker->display.channel, WTSVirtualChannelReady, sizeof(BOOL)))
        return false;
    display_control_caps(caps);
    if (!WTSVirtualChannelWrite(worker->display.channel, (PCHAR)caps, sizeof(caps), &written)) {
        give_up(worker, "the channel takes nothing");
        return false;
    }
    worker->display.told = true;
    return true;
}

/* Reads one layout. Returns false when there is none, or no more of them are taken. */
static bool read_layout(struct worker *worker, struct display_size *size_r)
{
    uint8_t data[DISPLAY_CONTROL_LAYOUT_BYTES + 1]; /* a longer message is seen to be one */
    const char *problem;
    ULONG bytes = 0;
    SetLastError(0); /* the end of the channel sets none */
    if (!WTSVirtualChannelRead(worker->display.channel, 0, (PCHAR)data, sizeof(data), &bytes)) {
        if (GetLastError() != ERROR_NO_DATA)
            give_up(worker, "the channel has ended");
        return false;
    }
    if (!display_control_layout(data, bytes, size_r, &problem))
        give_up(worker, problem);
    return !worker->display.failed;
}

void display_control_poll(struct worker *worker, event_callback_fn on_wake)
{
    struct display_size size = {0, 0};
    if (worker->display.channel == NULL)
        open_channel(worker, on_wake);
    if (worker->display.channel == NULL || !is_open(worker))
        return;
    for (int i = 0; i < LAYOUTS_A_TURN && read_layout(worker, &size); i++)
        ;
    if (size.width == 0)
        return;
    worker->display.width = (uint16_t)size.width;
    worker->display.height = (uint16_t)size.height;
    if (worker->stage == STAGE_ATTACHED)
        channel_resize(worker);
}

void display_control_close(struct worker *worker)
{
    if (worker->display.event != NULL)
        event_free(worker->display.event);
    if (worker->display.channel != NULL)
        WTSVirtualChannelClose(worker->display.channel);
    worker->display.event = NULL;
    worker->display.channel = NULL;
}
