/* WTSDisconnectSession, WTSLogoffSession. */
#include <poll.h>

#include <winpr/error.h>

#include "lib/wtsapi.h"

#define LOOK_EVERY_MS 50

typedef int act_fn(struct lodge *lodge, uint32_t session, struct lodge_error *error);

/* Whether there is still a client. */
static bool is_connected(const struct lodge_session *session)
{
    return session->state == LODGE_ACTIVE || session->state == LODGE_CONNECTED;
}

static bool is_there(const struct lodge_session *session)
{
    (void)session;
    return true;
}

/* Waits until the session is gone or `holds` no more. Returns 0, or as liblodge. */
static int wait_while(struct lodge *lodge, uint32_t id, bool (*holds)(const struct lodge_session *))
{
    for (;;) {
        struct lodge_session *session;
        int code = lodge_show(lodge, id, &session, NULL);
        if (code != 0)
            return code == LODGE_REASON_NO_SESSION ? 0 : code;
        bool still = holds(session);
        lodge_session_free(session);
        if (!still)
            return 0;
        poll(NULL, 0, LOOK_EVERY_MS);
    }
}

static BOOL act(HANDLE server, DWORD which, BOOL wait, act_fn *what,
                bool (*holds)(const struct lodge_session *))
{
    uint32_t id;
    if (!wtsapi_session_id(which, &id))
        return FALSE;
    struct lodge *lodge = wtsapi_connect(server);
    if (lodge == NULL)
        return FALSE;
    int code = what(lodge, id, NULL);
    if (code == 0 && wait)
        code = wait_while(lodge, id, holds);
    lodge_close(lodge);
    return wtsapi_result(code);
}

BOOL WINAPI wtsapi_disconnect(HANDLE server, DWORD session, BOOL wait)
{
    return act(server, session, wait, lodge_disconnect, is_connected);
}

BOOL WINAPI wtsapi_logoff(HANDLE server, DWORD session, BOOL wait)
{
    return act(server, session, wait, lodge_logoff, is_there);
}

DWORD WINAPI wtsapi_console(void)
{
    return 0xFFFFFFFF; /* no session of Lodge is on the machine's own screen */
}
