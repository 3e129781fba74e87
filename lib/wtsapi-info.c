/* WTSINFO, WTSINFOEX, WTSCLIENT: structs with arrays of characters, of either kind. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/wtsapi.h"

LARGE_INTEGER wtsapi_time(uint64_t ms)
{
    LARGE_INTEGER time = {.QuadPart = 0};
    if (ms != 0)
        time.QuadPart = (LONGLONG)((ms + 11644473600000u) * 10000u);
    return time;
}

DWORD wtsapi_dword(uint64_t number)
{
    return number < UINT32_MAX ? (DWORD)number : UINT32_MAX;
}

/* Not known of a session without a desktop. */
static LONG lock_of(const struct lodge_session *session)
{
    if (session->terminal[0] == '\0')
        return (LONG)WTS_SESSIONSTATE_UNKNOWN;
    return session->locked ? WTS_SESSIONSTATE_LOCK : WTS_SESSIONSTATE_UNLOCK;
}

#define FIX(array, text, wide) wtsapi_text_fix((array), sizeof(array) / sizeof((array)[0]), (text), (wide))

/* Fills what WTSINFO and the level of WTSINFOEX have in common. */
#define FILL_COMMON(info, session, traffic, wide)                            \
    do {                                                                     \
        char station[WTSAPI_TEXT_MAX];                                       \
        (info)->IncomingBytes = wtsapi_dword((traffic)->received);           \
        (info)->OutgoingBytes = wtsapi_dword((traffic)->sent);               \
        (info)->OutgoingFrames = wtsapi_dword((traffic)->frames);            \
        (info)->SessionId = (session)->id;                                   \
        (info)->ConnectTime = wtsapi_time((session)->connect_ms);            \
        (info)->DisconnectTime = wtsapi_time((session)->disconnect_ms);      \
        (info)->LastInputTime = wtsapi_time((session)->input_ms);            \
        (info)->LogonTime = wtsapi_time((session)->logon_ms);                \
        (info)->_CurrentTime = wtsapi_time((session)->now_ms);               \
        FIX((info)->WinStationName, wtsapi_station(session, station), wide); \
        FIX((info)->UserName, (session)->user, wide);                        \
    } while (0)

#define FILL_INFO(info, session, traffic, wide)                   \
    do {                                                          \
        (info)->State = (WTS_CONNECTSTATE_CLASS)(session)->state; \
        FILL_COMMON(info, session, traffic, wide);                \
    } while (0)

#define FILL_INFO_EX(info, level, session, traffic, wide)                 \
    do {                                                                  \
        (info)->Level = 1;                                                \
        (level)->SessionState = (WTS_CONNECTSTATE_CLASS)(session)->state; \
        (level)->SessionFlags = lock_of(session);                         \
        FILL_COMMON(level, session, traffic, wide);                       \
    } while (0)

#define FILL_CLIENT(info, session, wide)                                          \
    do {                                                                          \
        FIX((info)->ClientName, (session)->client->name, wide);                   \
        FIX((info)->UserName, (session)->user, wide);                             \
        (info)->ClientBuildNumber = (session)->client->build;                     \
        (info)->HRes = (USHORT)(session)->client->width;                          \
        (info)->VRes = (USHORT)(session)->client->height;                         \
        (info)->ClientAddressFamily = address_of(session, (info)->ClientAddress); \
    } while (0)

/* A number of the protocol in each of the array's numbers, as Windows has it. */
static ULONG address_of(const struct lodge_session *session, USHORT *array)
{
    unsigned char bytes[16];
    int family = wtsapi_address(session->client->address, bytes);
    for (size_t i = 0; family == AF_INET && i < 4; i++)
        array[i] = bytes[i];
    for (size_t i = 0; family == AF_INET6 && i < 8; i++)
        array[i] = (USHORT)(bytes[2 * i] << 8 | bytes[2 * i + 1]);
    return (ULONG)family;
}

size_t wtsapi_info(const struct lodge_session *session, const struct lodge_traffic *traffic, bool wide,
                   void **info_r)
{
    size_t size = wide ? sizeof(WTSINFOW) : sizeof(WTSINFOA);
    void *info = *info_r = calloc(1, size);
    if (info != NULL && wide)
        FILL_INFO((WTSINFOW *)info, session, traffic, true);
    else if (info != NULL)
        FILL_INFO((WTSINFOA *)info, session, traffic, false);
    return size;
}

size_t wtsapi_info_ex(const struct lodge_session *session, const struct lodge_traffic *traffic, bool wide,
                      void **info_r)
{
    size_t size = wide ? sizeof(WTSINFOEXW) : sizeof(WTSINFOEXA);
    void *info = *info_r = calloc(1, size);
    WTSINFOEXW *w = info;
    WTSINFOEXA *a = info;
    if (info != NULL && wide)
        FILL_INFO_EX(w, &w->Data.WTSInfoExLevel1, session, traffic, true);
    else if (info != NULL)
        FILL_INFO_EX(a, &a->Data.WTSInfoExLevel1, session, traffic, false);
    return size;
}

size_t wtsapi_client(const struct lodge_session *session, bool wide, void **info_r)
{
    size_t size = wide ? sizeof(WTSCLIENTW) : sizeof(WTSCLIENTA);
    void *info = *info_r = calloc(1, size);
    if (info != NULL && wide)
        FILL_CLIENT((WTSCLIENTW *)info, session, true);
    else if (info != NULL)
        FILL_CLIENT((WTSCLIENTA *)info, session, false);
    return size;
}
