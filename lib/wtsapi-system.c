/* WTSShutdownSystem. */
#include <winpr/error.h>

#include "lib/wtsapi.h"

/* Ends each session but the caller's own. What ends meanwhile is no failure. As liblodge. */
static int log_off_all(struct lodge *lodge)
{
    struct lodge_sessions *sessions;
    uint32_t own = 0;
    wtsapi_session_id(WTS_CURRENT_SESSION, &own);
    int code = lodge_list_all(lodge, &sessions, NULL);
    if (code != 0)
        return code;
    for (size_t i = 0; i < sessions->count && code >= 0; i++) {
        if (sessions->session[i]->id != own)
            code = lodge_logoff(lodge, sessions->session[i]->id, NULL);
        if (code == LODGE_REASON_NO_SESSION || code == LODGE_REASON_WRONG_STATE)
            code = 0;
    }
    lodge_sessions_free(sessions);
    return code;
}

/* No new sessions until the server is started anew, and an end to those that there are. As liblodge. */
static int clear(struct lodge *lodge)
{
    int code = lodge_drain(lodge, LODGE_DRAIN_UNTIL_RESTART, NULL, NULL);
    return code == 0 ? log_off_all(lodge) : code;
}

BOOL WINAPI wtsapi_shutdown(HANDLE server, DWORD flag)
{
    static const struct {
        DWORD flag;
        enum lodge_shutdown_action action;
    } actions[] = {{WTS_WSD_SHUTDOWN, LODGE_SHUTDOWN_STOP},
                   {WTS_WSD_REBOOT, LODGE_SHUTDOWN_REBOOT},
                   {WTS_WSD_POWEROFF, LODGE_SHUTDOWN_HALT}};
    struct lodge_shutdown_order order = {0}; /* now */
    size_t i = 0, count = sizeof(actions) / sizeof(actions[0]);
    while (i < count && actions[i].flag != flag)
        i++;
    if (i == count && flag != WTS_WSD_LOGOFF)
        return wtsapi_fail(ERROR_INVALID_PARAMETER);
    struct lodge *lodge = wtsapi_connect(server);
    if (lodge == NULL)
        return FALSE;
    if (i < count)
        order.action = actions[i].action;
    int code = i < count ? lodge_shutdown(lodge, &order, NULL, NULL) : clear(lodge);
    lodge_close(lodge);
    return wtsapi_result(code);
}
