#include "rdp-front/virtual-channel.h"

#include <freerdp/channels/drdynvc.h>
#include <freerdp/channels/wtsvc.h>
#include <string.h>
#include <winpr/error.h>
#include <winpr/synch.h>
#include <winpr/wtsapi.h>

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

/* The number that the library knows the client by. */
static DWORD session_of(HANDLE vcm)
{
    LPSTR text = NULL;
    DWORD bytes = 0;
    ULONG id = 0;
    if (WTSQuerySessionInformationA(vcm, WTS_CURRENT_SESSION, WTSSessionId, &text, &bytes) && text != NULL &&
        bytes >= sizeof(id))
        memcpy(&id, text, sizeof(id));
    WTSFreeMemory(text);
    return id;
}

enum virtual_channel_state virtual_channel_open(struct virtual_channel *channel_r, HANDLE vcm,
                                                const char *name, bool dynamic)
{
    if (!WTSVirtualChannelManagerIsChannelJoined(vcm, dynamic ? DRDYNVC_SVC_CHANNEL_NAME : name))
        return VIRTUAL_CHANNEL_NONE;
    if (dynamic && WTSVirtualChannelManagerGetDrdynvcState(vcm) != DRDYNVC_STATE_READY)
        return VIRTUAL_CHANNEL_WAIT;
    HANDLE handle = dynamic
                        ? WTSVirtualChannelOpenEx(session_of(vcm), (LPSTR)name, WTS_CHANNEL_OPTION_DYNAMIC)
                        : WTSVirtualChannelOpen(vcm, WTS_CURRENT_SESSION, (LPSTR)name);
    if (handle == NULL)
        return VIRTUAL_CHANNEL_NONE;
    *channel_r = (struct virtual_channel){handle, dynamic, !dynamic};
    return VIRTUAL_CHANNEL_OPEN;
}

int virtual_channel_fd(const struct virtual_channel *channel)
{
    HANDLE event = (HANDLE)query(channel->handle, WTSVirtualEventHandle, sizeof(HANDLE));
    return event != NULL ? GetEventFileDescriptor(event) : -1;
}

bool virtual_channel_ready(struct virtual_channel *channel)
{
    if (!channel->ready)
        channel->ready = query(channel->handle, WTSVirtualChannelReady, sizeof(BOOL)) != 0;
    return channel->ready;
}

long virtual_channel_next(struct virtual_channel *channel)
{
    ULONG bytes = 0;
    char none[1];
    SetLastError(0); /* the end of the channel sets none */
    while (WTSVirtualChannelRead(channel->handle, 0, NULL, 0, &bytes)) {
        if (bytes > 0)
            return (long)bytes;
        if (!WTSVirtualChannelRead(channel->handle, 0, none, sizeof(none), &bytes)) /* an empty message */
            return -1;
    }
    return GetLastError() == ERROR_NO_DATA ? 0 : -1;
}

bool virtual_channel_read(struct virtual_channel *channel, void *data, size_t size)
{
    ULONG bytes = 0;
    return WTSVirtualChannelRead(channel->handle, 0, data, (ULONG)size, &bytes) && bytes == size;
}

bool virtual_channel_write(struct virtual_channel *channel, const void *data, size_t size)
{
    ULONG written = 0;
    return WTSVirtualChannelWrite(channel->handle, (PCHAR)data, (ULONG)size, &written);
}

void virtual_channel_close(struct virtual_channel *channel)
{
    if (channel->handle != NULL)
        WTSVirtualChannelClose(channel->handle);
    *channel = (struct virtual_channel){0};
}
