/* WTSSendMessage. */
#include <stdlib.h>
#include <string.h>

#include <winpr/error.h>
#include <winpr/string.h>

#include "lib/wtsapi.h"

static BOOL send(HANDLE server, DWORD which, const char *title, const char *text, DWORD style,
                 DWORD timeout_s, BOOL wait, DWORD *response_r)
{
    uint32_t id, response;
    if (!wtsapi_session_id(which, &id))
        return FALSE;
    struct lodge *lodge = wtsapi_connect(server);
    if (lodge == NULL)
        return FALSE;
    int code = lodge_message(lodge, id, title, text, style, timeout_s, wait, &response, NULL);
    lodge_close(lodge);
    if (code == 0)
        *response_r = response;
    return wtsapi_result(code);
}

BOOL WINAPI wtsapi_message_a(HANDLE server, DWORD session, LPSTR title, DWORD title_size, LPSTR text,
                             DWORD text_size, DWORD style, DWORD timeout_s, DWORD *response_r, BOOL wait)
{
    if (title == NULL || text == NULL || response_r == NULL)
        return wtsapi_fail(ERROR_INVALID_PARAMETER);
    char *whole_title = strndup(title, title_size), *whole_text = strndup(text, text_size);
    BOOL done = FALSE;
    if (whole_title == NULL || whole_text == NULL)
        wtsapi_fail(ERROR_NOT_ENOUGH_MEMORY);
    else
        done = send(server, session, whole_title, whole_text, style, timeout_s, wait, response_r);
    free(whole_title);
    free(whole_text);
    return done;
}

BOOL WINAPI wtsapi_message_w(HANDLE server, DWORD session, LPWSTR title, DWORD title_size, LPWSTR text,
                             DWORD text_size, DWORD style, DWORD timeout_s, DWORD *response_r, BOOL wait)
{
    if (title == NULL || text == NULL || response_r == NULL)
        return wtsapi_fail(ERROR_INVALID_PARAMETER);
    char *narrow_title = ConvertWCharNToUtf8Alloc(title, title_size / sizeof(WCHAR), NULL);
    char *narrow_text = ConvertWCharNToUtf8Alloc(text, text_size / sizeof(WCHAR), NULL);
    BOOL done = FALSE;
    if (narrow_title == NULL || narrow_text == NULL)
        wtsapi_fail(ERROR_INVALID_PARAMETER);
    else
        done = send(server, session, narrow_title, narrow_text, style, timeout_s, wait, response_r);
    free(narrow_title);
    free(narrow_text);
    return done;
}
