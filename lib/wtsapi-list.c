/* WTSEnumerateSessions and its kin. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <winpr/error.h>

#include "lib/wtsapi.h"

WTSAPI_SAME_PLACE(WTS_SESSION_INFO, pWinStationName);
WTSAPI_SAME_PLACE(WTS_SESSION_INFO_1, pSessionName);
WTSAPI_SAME_PLACE(WTS_SESSION_INFO_1, pUserName);
WTSAPI_SAME_PLACE(WTS_SESSION_INFO_1, pDomainName);

const char *wtsapi_station(const struct lodge_session *session, char *room)
{
    bool connected =
        session->state == LODGE_ACTIVE || session->state == LODGE_CONNECTED || session->state == LODGE_SHADOW;
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

/* All four forms; `right`: the other arguments are as the API has them. *sessions_r is a pointer to structs.
 */
static BOOL enumerate(HANDLE server, bool right, fill_fn *how, bool wide, void *sessions_r, DWORD *count_r)
{
    if (!right || sessions_r == NULL || count_r == NULL)
        return wtsapi_fail(ERROR_INVALID_PARAMETER);
    struct lodge_sessions *sessions = fetch(server);
    if (sessions == NULL)
        return FALSE;
    void *info = how(sessions, wide);
    if (info != NULL) {
        memcpy(sessions_r, &info, sizeof(info));
        *count_r = (DWORD)sessions->count;
    }
    lodge_sessions_free(sessions);
    return info != NULL;
}

BOOL WINAPI wtsapi_sessions_a(HANDLE server, DWORD reserved, DWORD version, PWTS_SESSION_INFOA *sessions_r,
                              DWORD *count_r)
{
    return enumerate(server, reserved == 0 && version == 1, fill, false, sessions_r, count_r);
}

BOOL WINAPI wtsapi_sessions_w(HANDLE server, DWORD reserved, DWORD version, PWTS_SESSION_INFOW *sessions_r,
                              DWORD *count_r)
{
    return enumerate(server, reserved == 0 && version == 1, fill, true, sessions_r, count_r);
}

static bool is_level_1(const DWORD *level, DWORD filter)
{
    return level != NULL && *level == 1 && filter == 0;
}

BOOL WINAPI wtsapi_sessions_ex_a(HANDLE server, DWORD *level, DWORD filter, PWTS_SESSION_INFO_1A *sessions_r,
                                 DWORD *count_r)
{
    return enumerate(server, is_level_1(level, filter), fill_ex, false, sessions_r, count_r);
}

BOOL WINAPI wtsapi_sessions_ex_w(HANDLE server, DWORD *level, DWORD filter, PWTS_SESSION_INFO_1W *sessions_r,
                                 DWORD *count_r)
{
    return enumerate(server, is_level_1(level, filter), fill_ex, true, sessions_r, count_r);
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
