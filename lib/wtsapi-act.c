/* WTSDisconnectSession, WTSLogoffSession, WTSConnectSession. */
#include "lib/wtsapi.h"

#define DISCONNECT_MS 60000
#define CONNECT_MS    60000
#define LOGOFF_MS     86400000 /* it takes what LogoffSeconds says, and what PAM takes */

typedef int act_fn(struct lodge *lodge, uint32_t session, struct lodge_error *error);

/* Does it, and with `wait` waits up to `wait_ms` until the session is in `state`, or is gone. */
static BOOL act(HANDLE server, DWORD which, act_fn *what, BOOL wait, int state, uint32_t wait_ms)
{
    uint32_t id;
    if (!wtsapi_session_id(which, &id))
        return FALSE;
    struct lodge *lodge = wtsapi_connect(server);
    if (lodge == NULL)
        return FALSE;
    int code = what(lodge, id, NULL);
    if (code == 0 && wait) {
        code = lodge_wait(lodge, id, NULL, state, wait_ms, NULL, NULL);
        if (code == LODGE_REASON_NO_SESSION)
            code = 0;
    }
    lodge_close(lodge);
    return wtsapi_result(code);
}

BOOL WINAPI wtsapi_disconnect(HANDLE server, DWORD session, BOOL wait)
{
    return act(server, session, lodge_disconnect, wait, LODGE_DISCONNECTED, DISCONNECT_MS);
}

BOOL WINAPI wtsapi_logoff(HANDLE server, DWORD session, BOOL wait)
{
    return act(server, session, lodge_logoff, wait, LODGE_GONE, LOGOFF_MS);
}

/* Waits until a client has moved from session `from` to `session`. As liblodge. */
static int wait_connected(struct lodge *lodge, uint32_t session, uint32_t from)
{
    int code = lodge_wait(lodge, from, NULL, LODGE_DISCONNECTED, CONNECT_MS, NULL, NULL);
    if (code != 0 && code != LODGE_REASON_NO_SESSION)
        return code;
    return lodge_wait(lodge, session, NULL, LODGE_ACTIVE, CONNECT_MS, NULL, NULL);
}

static BOOL connect_sessions(DWORD session, DWORD from, BOOL wait)
{
    uint32_t id, from_id;
    if (!wtsapi_session_id(session, &id) || !wtsapi_session_id(from, &from_id))
        return FALSE;
    struct lodge *lodge = wtsapi_connect(WTS_CURRENT_SERVER_HANDLE);
    if (lodge == NULL)
        return FALSE;
    int code = lodge_connect(lodge, id, from_id, NULL);
    if (code == 0 && wait)
        code = wait_connected(lodge, id, from_id);
    lodge_close(lodge);
    return wtsapi_result(code);
}

/* Nobody needs a password: who the caller is decides. */
BOOL WINAPI wtsapi_connect_a(ULONG session, ULONG from, PSTR password, BOOL wait)
{
    (void)password;
    return connect_sessions(session, from, wait);
}

BOOL WINAPI wtsapi_connect_w(ULONG session, ULONG from, PWSTR password, BOOL wait)
{
    (void)password;
    return connect_sessions(session, from, wait);
}

DWORD WINAPI wtsapi_console(void)
{
    return 0xFFFFFFFF; /* no session of Lodge is on the machine's own screen */
}
