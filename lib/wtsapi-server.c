#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <winpr/error.h>
#include <winpr/string.h>

#include "common/text.h"
#include "lib/wtsapi.h"

#define SERVER_MAGIC 0x4c6f6467

struct server {
    unsigned magic;
    struct wtsapi_events events;
    char path[]; /* of a configuration or a socket */
};

BOOL wtsapi_fail(DWORD error)
{
    SetLastError(error);
    return FALSE;
}

BOOL wtsapi_result(int code)
{
    static const struct {
        int code;
        DWORD error;
    } errors[] = {
        {LODGE_REASON_NO_SESSION, ERROR_CTX_WINSTATION_NOT_FOUND},
        {LODGE_REASON_FORBIDDEN, ERROR_ACCESS_DENIED},
        {LODGE_REASON_BAD_REQUEST, ERROR_INVALID_PARAMETER},
        {LODGE_REASON_WRONG_STATE, ERROR_INVALID_STATE},
        {LODGE_REASON_TIMED_OUT, ERROR_TIMEOUT},
        {LODGE_REASON_NO_PROCESS, ERROR_INVALID_PARAMETER}, /* as of OpenProcess */
        {-EACCES, ERROR_ACCESS_DENIED},
        {-ENOENT, RPC_S_SERVER_UNAVAILABLE},
        {-ECONNREFUSED, RPC_S_SERVER_UNAVAILABLE},
        {-EINVAL, RPC_S_SERVER_UNAVAILABLE}, /* no configuration that tells where it is */
        {-ENOMEM, ERROR_NOT_ENOUGH_MEMORY},
        {-ETIMEDOUT, ERROR_TIMEOUT},
    };
    if (code == 0)
        return TRUE;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        if (errors[i].code == code)
            return wtsapi_fail(errors[i].error);
    }
    return wtsapi_fail(code > 0 ? ERROR_GEN_FAILURE : RPC_S_CALL_FAILED);
}

/* A socket, or else a configuration. */
static struct lodge *connect_to(const char *path)
{
    struct lodge *lodge = NULL;
    struct stat status;
    bool is_socket = path != NULL && stat(path, &status) == 0 && S_ISSOCK(status.st_mode);
    wtsapi_result(is_socket ? lodge_open_port(path, &lodge, NULL) : lodge_open(path, &lodge, NULL));
    return lodge;
}

/* NULL with the error set for what is none. */
static struct server *server_of(HANDLE handle)
{
    struct server *server = handle;
    if (server != NULL && handle != INVALID_HANDLE_VALUE && server->magic == SERVER_MAGIC)
        return server;
    wtsapi_fail(ERROR_INVALID_HANDLE);
    return NULL;
}

struct lodge *wtsapi_connect(HANDLE handle)
{
    if (handle == NULL)
        return connect_to(secure_getenv("LODGE_CONFIG"));
    const struct server *server = server_of(handle);
    return server != NULL ? connect_to(server->path) : NULL;
}

struct wtsapi_events *wtsapi_events_of(HANDLE handle)
{
    struct server *server = handle != NULL ? server_of(handle) : NULL;
    return server != NULL ? &server->events : NULL;
}

/* The server's path for a name: a path is one; no name means the current server. NULL for another machine. */
static const char *path_of(const char *name)
{
    if (name != NULL && name[0] == '/')
        return name;
    if (name == NULL || name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "localhost") == 0) {
        const char *path = secure_getenv("LODGE_CONFIG");
        return path != NULL ? path : "/etc/lodge/lodge.conf";
    }
    return NULL;
}

HANDLE WINAPI wtsapi_open_server_a(LPSTR name)
{
    const char *path = path_of(name);
    struct lodge *lodge = NULL;
    if (path == NULL)
        wtsapi_fail(RPC_S_SERVER_UNAVAILABLE);
    else
        lodge = connect_to(path);
    if (lodge == NULL)
        return NULL;
    lodge_close(lodge);
    size_t size = strlen(path) + 1;
    struct server *server = malloc(sizeof(*server) + size);
    if (server == NULL) {
        wtsapi_fail(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    server->magic = SERVER_MAGIC;
    server->events.lodge = NULL;
    pthread_mutex_init(&server->events.lock, NULL);
    memcpy(server->path, path, size);
    return server;
}

HANDLE WINAPI wtsapi_open_server_w(LPWSTR name)
{
    if (name == NULL)
        return wtsapi_open_server_a(NULL);
    char *narrow = ConvertWCharToUtf8Alloc(name, NULL);
    if (narrow == NULL) {
        wtsapi_fail(ERROR_INVALID_PARAMETER);
        return NULL;
    }
    HANDLE server = wtsapi_open_server_a(narrow);
    free(narrow);
    return server;
}

VOID WINAPI wtsapi_close_server(HANDLE handle)
{
    struct server *server = server_of(handle);
    if (server == NULL)
        return;
    server->magic = 0;
    lodge_close(server->events.lodge);
    pthread_mutex_destroy(&server->events.lock);
    free(server);
}

bool wtsapi_session_id(DWORD session, uint32_t *id_r)
{
    long own;
    if (session != WTS_CURRENT_SESSION) {
        *id_r = session;
        return true;
    }
    const char *text = secure_getenv("LODGE_SESSION");
    if (text == NULL || !text_number(text, 1, UINT16_MAX, &own))
        return wtsapi_fail(ERROR_CTX_WINSTATION_NOT_FOUND);
    *id_r = (uint32_t)own;
    return true;
}
