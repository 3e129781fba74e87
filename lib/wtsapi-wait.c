/* WTSWaitSystemEvent. */
#include <errno.h>

#include <winpr/error.h>

#include "lib/wtsapi.h"

static DWORD flags_of(const struct lodge_notice *notice)
{
    static const DWORD flags[] = {
        [LODGE_NOTICE_UNKNOWN] = WTS_EVENT_NONE,
        [LODGE_NOTICE_CREATE] = WTS_EVENT_CREATE | WTS_EVENT_STATECHANGE,
        [LODGE_NOTICE_LOGON] = WTS_EVENT_LOGON,
        [LODGE_NOTICE_CONNECT] = WTS_EVENT_CONNECT | WTS_EVENT_STATECHANGE,
        [LODGE_NOTICE_START] = WTS_EVENT_NONE,
        [LODGE_NOTICE_DISCONNECT] = WTS_EVENT_DISCONNECT | WTS_EVENT_STATECHANGE,
        [LODGE_NOTICE_RECONNECT] = WTS_EVENT_CONNECT | WTS_EVENT_STATECHANGE,
        [LODGE_NOTICE_LOGOFF] = WTS_EVENT_LOGOFF | WTS_EVENT_STATECHANGE,
        [LODGE_NOTICE_TERMINATE] = WTS_EVENT_DELETE | WTS_EVENT_STATECHANGE,
        [LODGE_NOTICE_LICENCE] = WTS_EVENT_LICENSE,
        /* of the rest, as lock and unlock, the API has none */
    };
    return (unsigned)notice->kind < sizeof(flags) / sizeof(flags[0]) ? flags[notice->kind] : WTS_EVENT_NONE;
}

/* Waits on a subscription. Returns 0 with *flags_r what happened of `mask`, or as liblodge. */
static int wait_on(struct lodge *lodge, DWORD mask, DWORD *flags_r)
{
    DWORD flags = WTS_EVENT_NONE;
    while (flags == WTS_EVENT_NONE) {
        struct lodge_notices *notices;
        int code = lodge_next(lodge, -1, &notices, NULL);
        if (code != 0)
            return code;
        for (size_t i = 0; i < notices->count; i++)
            flags |= flags_of(notices->notice[i]) & mask;
        if (notices->lost > 0) /* it may have been any of them */
            flags |= mask & ~WTS_EVENT_FLUSH;
        lodge_notices_free(notices);
    }
    *flags_r = flags;
    return 0;
}

/* A connection that is subscribed, or NULL with the error set. */
static struct lodge *subscribe(HANDLE server)
{
    struct lodge *lodge = wtsapi_connect(server);
    if (lodge == NULL || wtsapi_result(lodge_subscribe(lodge, NULL)))
        return lodge;
    lodge_close(lodge);
    return NULL;
}

/* For the current server, and where another thread waits on the handle's subscription: what happens from now
 * on. */
static BOOL wait_once(HANDLE server, DWORD mask, DWORD *flags_r)
{
    struct lodge *lodge = subscribe(server);
    if (lodge == NULL)
        return FALSE;
    int code = wait_on(lodge, mask, flags_r);
    lodge_close(lodge);
    return wtsapi_result(code);
}

BOOL WINAPI wtsapi_wait_event(HANDLE server, DWORD mask, DWORD *flags_r)
{
    if (flags_r == NULL || mask == WTS_EVENT_NONE)
        return wtsapi_fail(ERROR_INVALID_PARAMETER);
    if (mask & WTS_EVENT_FLUSH)
        return wtsapi_fail(ERROR_NOT_SUPPORTED);
    struct wtsapi_events *events = wtsapi_events_of(server);
    if (events == NULL && server != NULL)
        return FALSE;
    if (events == NULL || pthread_mutex_trylock(&events->lock) != 0)
        return wait_once(server, mask, flags_r);
    if (events->lodge == NULL)
        events->lodge = subscribe(server);
    int code = -EPIPE;
    if (events->lodge != NULL) {
        code = wait_on(events->lodge, mask, flags_r);
        if (code != 0) {
            lodge_close(events->lodge);
            events->lodge = NULL;
        }
        wtsapi_result(code);
    }
    pthread_mutex_unlock(&events->lock);
    return code == 0;
}
