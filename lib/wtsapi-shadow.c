/* WTSStartRemoteControlSession and its kin, WTSStopRemoteControlSession: Windows' words for shadowing. */
#include <stdlib.h>

#include <winpr/error.h>
#include <winpr/string.h>

#include "lib/wtsapi.h"

/* Sets the error for what a function of liblodge returned. `wrong_state` is what that means here. */
static BOOL result(int code, DWORD wrong_state)
{
    if (code == LODGE_REASON_SHADOW_REFUSED)
        return wtsapi_fail(ERROR_CTX_SHADOW_DENIED);
    return code == LODGE_REASON_WRONG_STATE ? wtsapi_fail(wrong_state) : wtsapi_result(code);
}

/* The caller's own session's client is shown `session` of that server. Comes back when it has begun. */
static BOOL start(LPSTR name, ULONG session, BYTE hotkey, USHORT modifiers, DWORD flags)
{
    const DWORD unseen = REMOTECONTROL_FLAG_DISABLE_INPUT;
    uint32_t id, own;
    if (flags != 0 && flags != unseen) /* of both, or of neither */
        return wtsapi_fail(ERROR_INVALID_PARAMETER);
    if (!wtsapi_session_id(session, &id) || !wtsapi_session_id(WTS_CURRENT_SESSION, &own))
        return FALSE;
    HANDLE server = wtsapi_open_server_a(name);
    struct lodge *lodge = server != NULL ? wtsapi_connect(server) : NULL;
    BOOL done = FALSE;
    if (lodge != NULL)
        done = result(lodge_shadow(lodge, id, own, flags != 0 ? LODGE_SHADOW_VIEW : LODGE_SHADOW_AS_ALLOWED,
                                   hotkey, modifiers, NULL, NULL),
                      ERROR_CTX_SHADOW_INVALID);
    DWORD error = GetLastError();
    lodge_close(lodge);
    if (server != NULL)
        wtsapi_close_server(server);
    SetLastError(error);
    return done;
}

static BOOL start_wide(LPWSTR name, ULONG session, BYTE hotkey, USHORT modifiers, DWORD flags)
{
    char *narrow = name != NULL ? ConvertWCharToUtf8Alloc(name, NULL) : NULL;
    if (name != NULL && narrow == NULL)
        return wtsapi_fail(ERROR_INVALID_PARAMETER);
    BOOL done = start(narrow, session, hotkey, modifiers, flags);
    DWORD error = GetLastError();
    free(narrow);
    SetLastError(error);
    return done;
}

BOOL WINAPI wtsapi_shadow_a(LPSTR name, ULONG session, BYTE hotkey, USHORT modifiers)
{
    return start(name, session, hotkey, modifiers, 0);
}

BOOL WINAPI wtsapi_shadow_w(LPWSTR name, ULONG session, BYTE hotkey, USHORT modifiers)
{
    return start_wide(name, session, hotkey, modifiers, 0);
}

BOOL WINAPI wtsapi_shadow_ex_a(LPSTR name, ULONG session, BYTE hotkey, USHORT modifiers, DWORD flags)
{
    return start(name, session, hotkey, modifiers, flags);
}

BOOL WINAPI wtsapi_shadow_ex_w(LPWSTR name, ULONG session, BYTE hotkey, USHORT modifiers, DWORD flags)
{
    return start_wide(name, session, hotkey, modifiers, flags);
}

BOOL WINAPI wtsapi_shadow_stop(ULONG session)
{
    uint32_t id;
    if (!wtsapi_session_id(session, &id))
        return FALSE;
    struct lodge *lodge = wtsapi_connect(WTS_CURRENT_SERVER_HANDLE);
    if (lodge == NULL)
        return FALSE;
    int code = lodge_shadow_stop(lodge, id, NULL);
    lodge_close(lodge);
    return result(code, ERROR_CTX_SHADOW_NOT_RUNNING);
}
