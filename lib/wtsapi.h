/* Inside the WTSAPI provider: what its parts share. Functions of the table return FALSE with the error in
 * GetLastError; what they give is one piece of memory, freed with WTSFreeMemory. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include <winpr/wtsapi.h>

#include "lib/lodge.h"

#define WTSAPI_TEXT_MAX 512 /* no text is longer than this, in bytes with its NUL */

/* The structs of either kind differ in that of their texts alone, so that one function fills both. */
#define WTSAPI_SAME_PLACE(name, member)                                          \
    _Static_assert(offsetof(name##A, member) == offsetof(name##W, member) &&     \
                       sizeof(name##A) == sizeof(name##W) && sizeof(WCHAR) == 2, \
                   "both kinds have the same members in the same places")

/* What WinPR looks for in the library that WTSAPI_LIBRARY names. */
LODGE_API const WtsApiFunctionTable *CDECL InitWtsApi(void);

/* wtsapi-server.c. A handle names a server: each call makes a connection of its own, so that handles may be
 * used by several threads, and outlive a server that comes back. */
HANDLE WINAPI wtsapi_open_server_a(LPSTR name);
HANDLE WINAPI wtsapi_open_server_w(LPWSTR name);
VOID WINAPI wtsapi_close_server(HANDLE server);
/* Connects to the server that `server` names; NULL: the one of LODGE_CONFIG in the environment, or of
 * /etc/lodge/lodge.conf. Returns NULL with the error set. */
struct lodge *wtsapi_connect(HANDLE server);
/* The session that an id of the API means (WTS_CURRENT_SESSION: LODGE_SESSION in the environment). Returns
 * false with the error set where there is none. */
bool wtsapi_session_id(DWORD session, uint32_t *id_r);
/* The subscription of an open server, made at its first wait, so that nothing between two waits is missed. */
struct wtsapi_events {
    pthread_mutex_t lock; /* who waits on it holds it */
    struct lodge *lodge;  /* NULL: not yet, or it has failed */
};
/* NULL for the current server, which has none; and with the error set for what is no handle. */
struct wtsapi_events *wtsapi_events_of(HANDLE server);
/* Sets the error for what a function of liblodge returned. Returns FALSE for anything but 0. */
BOOL wtsapi_result(int code);
BOOL wtsapi_fail(DWORD error);

/* wtsapi-text.c. Text as programs get it: control characters and what is no UTF-8 as \xNN, in UTF-16 where
 * `wide`. */
size_t wtsapi_text_room(const char *text, bool wide); /* bytes that it takes at most, with its end */
/* Writes `text` at *at_r, which has that room, and moves *at_r behind it. Returns where it stands. */
void *wtsapi_text_put(char **at_r, const char *text, bool wide);
/* Writes as much of `text` as fits into an array of `units` characters, with its end. */
void wtsapi_text_fix(void *array, size_t units, const char *text, bool wide);

/* wtsapi-list.c */
BOOL WINAPI wtsapi_sessions_a(HANDLE server, DWORD reserved, DWORD version, PWTS_SESSION_INFOA *sessions_r,
                              DWORD *count_r);
BOOL WINAPI wtsapi_sessions_w(HANDLE server, DWORD reserved, DWORD version, PWTS_SESSION_INFOW *sessions_r,
                              DWORD *count_r);
BOOL WINAPI wtsapi_sessions_ex_a(HANDLE server, DWORD *level, DWORD filter, PWTS_SESSION_INFO_1A *sessions_r,
                                 DWORD *count_r);
BOOL WINAPI wtsapi_sessions_ex_w(HANDLE server, DWORD *level, DWORD filter, PWTS_SESSION_INFO_1W *sessions_r,
                                 DWORD *count_r);
VOID WINAPI wtsapi_free(PVOID memory);
BOOL WINAPI wtsapi_free_ex(WTS_TYPE_CLASS type, PVOID memory, ULONG count);
/* The name of the session's terminal, "" while no client is there. `room` has WTSAPI_TEXT_MAX bytes. */
const char *wtsapi_station(const struct lodge_session *session, char *room);

/* wtsapi-query.c */
BOOL WINAPI wtsapi_query_a(HANDLE server, DWORD session, WTS_INFO_CLASS class, LPSTR *buffer_r,
                           DWORD *size_r);
BOOL WINAPI wtsapi_query_w(HANDLE server, DWORD session, WTS_INFO_CLASS class, LPWSTR *buffer_r,
                           DWORD *size_r);
/* The address alone of ADDRESS:PORT: the family, and its bytes as they are in memory (room for 16). AF_UNSPEC
 * for what is none. */
int wtsapi_address(const char *text, unsigned char *bytes);

/* wtsapi-info.c: the large structs, from a session and its client's traffic; each returns its size. */
size_t wtsapi_info(const struct lodge_session *session, const struct lodge_traffic *traffic, bool wide,
                   void **info_r);
size_t wtsapi_info_ex(const struct lodge_session *session, const struct lodge_traffic *traffic, bool wide,
                      void **info_r);
/* What is too much for it is the most. */
DWORD wtsapi_dword(uint64_t number);
/* As Windows counts: 100 ns since 1601; 0 stays never. */
LARGE_INTEGER wtsapi_time(uint64_t ms);
size_t wtsapi_client(const struct lodge_session *session, bool wide, void **info_r);

/* wtsapi-message.c. Lengths are in bytes, as in Windows. */
BOOL WINAPI wtsapi_message_a(HANDLE server, DWORD session, LPSTR title, DWORD title_size, LPSTR text,
                             DWORD text_size, DWORD style, DWORD timeout_s, DWORD *response_r, BOOL wait);
BOOL WINAPI wtsapi_message_w(HANDLE server, DWORD session, LPWSTR title, DWORD title_size, LPWSTR text,
                             DWORD text_size, DWORD style, DWORD timeout_s, DWORD *response_r, BOOL wait);

/* wtsapi-act.c */
BOOL WINAPI wtsapi_disconnect(HANDLE server, DWORD session, BOOL wait);
BOOL WINAPI wtsapi_logoff(HANDLE server, DWORD session, BOOL wait);
BOOL WINAPI wtsapi_connect_a(ULONG session, ULONG from, PSTR password, BOOL wait);
BOOL WINAPI wtsapi_connect_w(ULONG session, ULONG from, PWSTR password, BOOL wait);
DWORD WINAPI wtsapi_console(void);

/* wtsapi-shadow.c */
BOOL WINAPI wtsapi_shadow_a(LPSTR name, ULONG session, BYTE hotkey, USHORT modifiers);
BOOL WINAPI wtsapi_shadow_w(LPWSTR name, ULONG session, BYTE hotkey, USHORT modifiers);
BOOL WINAPI wtsapi_shadow_ex_a(LPSTR name, ULONG session, BYTE hotkey, USHORT modifiers, DWORD flags);
BOOL WINAPI wtsapi_shadow_ex_w(LPWSTR name, ULONG session, BYTE hotkey, USHORT modifiers, DWORD flags);
BOOL WINAPI wtsapi_shadow_stop(ULONG session);

/* wtsapi-process.c */
BOOL WINAPI wtsapi_processes_a(HANDLE server, DWORD reserved, DWORD version, PWTS_PROCESS_INFOA *processes_r,
                               DWORD *count_r);
BOOL WINAPI wtsapi_processes_w(HANDLE server, DWORD reserved, DWORD version, PWTS_PROCESS_INFOW *processes_r,
                               DWORD *count_r);
BOOL WINAPI wtsapi_processes_ex_a(HANDLE server, DWORD *level, DWORD session, LPSTR *processes_r,
                                  DWORD *count_r);
BOOL WINAPI wtsapi_processes_ex_w(HANDLE server, DWORD *level, DWORD session, LPWSTR *processes_r,
                                  DWORD *count_r);
BOOL WINAPI wtsapi_terminate(HANDLE server, DWORD pid, DWORD code);

/* wtsapi-system.c */
BOOL WINAPI wtsapi_shutdown(HANDLE server, DWORD flag);

/* wtsapi-listener.c */
BOOL WINAPI wtsapi_listeners_a(HANDLE server, PVOID reserved, DWORD reserved_too, PWTSLISTENERNAMEA names,
                               DWORD *count_r);
BOOL WINAPI wtsapi_listeners_w(HANDLE server, PVOID reserved, DWORD reserved_too, PWTSLISTENERNAMEW names,
                               DWORD *count_r);
BOOL WINAPI wtsapi_listener_config_a(HANDLE server, PVOID reserved, DWORD reserved_too, LPSTR name,
                                     PWTSLISTENERCONFIGA config_r);
BOOL WINAPI wtsapi_listener_config_w(HANDLE server, PVOID reserved, DWORD reserved_too, LPWSTR name,
                                     PWTSLISTENERCONFIGW config_r);

/* wtsapi-wait.c */
BOOL WINAPI wtsapi_wait_event(HANDLE server, DWORD mask, DWORD *flags_r);
