/* WTSEnumerateSessions and its kin. */
#include <stdio.h>
#include <stdlib.h>

#include <winpr/error.h>

#include "lib/wtsapi.h"

WTSAPI_SAME_PLACE(WTS_SESSION_INFO, pWinStationName);
WTSAPI_SAME_PLACE(WTS_SESSION_INFO_1, pSessionName);
WTSAPI_SAME_PLACE(WTS_SESSION_INFO_1, pUserName);
WTSAPI_SAME_PLACE(WTS_SESSION_INFO_1, pDomainName);

const char *wtsapi_station(const struct lodge_session *session, char *room)
{
    bool connected = session->state == LODGE_ACTIVE || session->state == LODGE_CONNECTED;
    if (!connected)
        return "";
    snprintf(room, WTSAPI_TEXT_MAX, "RDP-Tcp#%u", (unsigned)session->id);
    return room;
}

static struct lodge_sessions *fetch(HANDLE server)
{
    struct lodge_sessions *sessions = NULL;
    struct lodge *lodge = wtsapi_connect(server);
    if (lodge != NULL)
        wtsapi_result(lodge_list_all(lodge, &sessions, NULL));
    lodge_close(lodge);
    return sessions;
}

/* Memory for the structs, of `size` bytes each, and what `texts` more bytes follow. */
static void *make(const struct lodge_sessions *sessions, size_t size, size_t texts, char **texts_r)
{
    char *memory = calloc(1, sessions->count * size + texts + 1);
    if (memory == NULL)
        wtsapi_fail(ERROR_NOT_ENOUGH_MEMORY);
    else
        *texts_r = memory + sessions->count * size;
    return memory;
}

static void *fill(const struct lodge_sessions *sessions, bool wide)
{
    char room[WTSAPI_TEXT_MAX], *at;
    size_t texts = 0;
    for (size_t i = 0; i < sessions->count; i++)
        texts += wtsapi_text_room(wtsapi_station(sessions->session[i], room), wide);
    WTS_SESSION_INFOA *info = make(sessions, sizeof(*info), texts, &at);
    for (size_t i = 0; info != NULL && i < sessions->count; i++) {
        const struct lodge_session *session = sessions->session[i];
        info[i].SessionId = session->id;
        info[i].State = (WTS_CONNECTSTATE_CLASS)session->state;
        info[i].pWinStationName = wtsapi_text_put(&at, wtsapi_station(session, room), wide);
    }
    return info;
}

static void *fill_ex(const struct lodge_sessions *sessions, bool wide)
{
    char room[WTSAPI_TEXT_MAX], *at;
    size_t texts = 0;
    for (size_t i = 0; i < sessions->count; i++) {
        texts += wtsapi_text_room(wtsapi_station(sessions->session[i], room), wide);
        texts += wtsapi_text_room(sessions->session[i]->user, wide) + wtsapi_text_room("", wide);
    }
    WTS_SESSION_INFO_1A *info = make(sessions, sizeof(*info), texts, &at);
    for (size_t i = 0; info != NULL && i < sessions->count; i++) {
        const struct lodge_session *session = sessions->session[i];
        info[i].ExecEnvId = info[i].SessionId = session->id;
        info[i].State = (WTS_CONNECTSTATE_CLASS)session->state;
        info[i].pSessionName = wtsapi_text_put(&at, wtsapi_station(session, room), wide);
        info[i].pUserName = wtsapi_text_put(&at, session->user, wide);
        info[i].pDomainName = wtsapi_text_put(&at, "", wide);
    }
    return info;
}

typedef void *fill_fn(const struct lodge_sessions *sessions, bool wide);

static void *enumerate(HANDLE server, fill_fn *how, bool wide, DWORD *count_r)
{
    struct lodge_sessions *sessions = fetch(server);
    if (sessions == NULL)
        return NULL;
    void *info = how(sessions, wide);
    if (info != NULL)
        *count_r = (DWORD)sessions->count;
    lodge_sessions_free(sessions);
    return info;
}

/* False, with the error set, where the arguments are not as the API has them. */
static bool arguments_are_right(bool right, const void *result_r, const DWORD *count_r)
{
    return (right && result_r != NULL && count_r != NULL) || wtsapi_fail(ERROR_INVALID_PARAMETER);
}

BOOL WINAPI wtsapi_sessions_a(HANDLE server, DWORD reserved, DWORD version, PWTS_SESSION_INFOA *sessions_r,
                              DWORD *count_r)
{
    if (!arguments_are_right(reserved == 0 && version == 1, sessions_r, count_r))
        return FALSE;
    void *info = enumerate(server, fill, false, count_r);
    if (info != NULL)
        *sessions_r = info;
    return info != NULL;
}

BOOL WINAPI wtsapi_sessions_w(HANDLE server, DWORD reserved, DWORD version, PWTS_SESSION_INFOW *sessions_r,
                              DWORD *count_r)
{
    if (!arguments_are_right(reserved == 0 && version == 1, sessions_r, count_r))
        return FALSE;
    void *info = enumerate(server, fill, true, count_r);
    if (info != NULL)
        *sessions_r = info;
    return info != NULL;
}

BOOL WINAPI wtsapi_sessions_ex_a(HANDLE server, DWORD *level, DWORD filter, PWTS_SESSION_INFO_1A *sessions_r,
                                 DWORD *count_r)
{
    if (!arguments_are_right(level != NULL && *level == 1 && filter == 0, sessions_r, count_r))
        return FALSE;
    void *info = enumerate(server, fill_ex, false, count_r);
    if (info != NULL)
        *sessions_r = info;
    return info != NULL;
}

BOOL WINAPI wtsapi_sessions_ex_w(HANDLE server, DWORD *level, DWORD filter, PWTS_SESSION_INFO_1W *sessions_r,
                                 DWORD *count_r)
{
    if (!arguments_are_right(level != NULL && *level == 1 && filter == 0, sessions_r, count_r))
        return FALSE;
    void *info = enumerate(server, fill_ex, true, count_r);
    if (info != NULL)
        *sessions_r = info;
    return info != NULL;
}

VOID WINAPI wtsapi_free(PVOID memory)
{
    free(memory);
}

BOOL WINAPI wtsapi_free_ex(WTS_TYPE_CLASS type, PVOID memory, ULONG count)
{
    (void)count; /* each thing is one piece */
    if ((unsigned)type > WTSTypeSessionInfoLevel1)
        return wtsapi_fail(ERROR_INVALID_PARAMETER);
    free(memory);
    return TRUE;
}
