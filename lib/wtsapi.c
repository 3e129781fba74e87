/* The provider's table: what Lodge answers, and for the rest functions that say that they are not there. */
#include "lib/wtsapi.h"

#include <winpr/error.h>

/* R(what it returns, name, parameters). */
#define REST(R)                                                                                       \
    R(BOOL, EnumerateServersW, (LPWSTR a, DWORD b, DWORD c, PWTS_SERVER_INFOW * d, DWORD * e))        \
    R(BOOL, EnumerateServersA, (LPSTR a, DWORD b, DWORD c, PWTS_SERVER_INFOA * d, DWORD * e))         \
    R(BOOL, QueryUserConfigW, (LPWSTR a, LPWSTR b, WTS_CONFIG_CLASS c, LPWSTR * d, DWORD * e))        \
    R(BOOL, QueryUserConfigA, (LPSTR a, LPSTR b, WTS_CONFIG_CLASS c, LPSTR * d, DWORD * e))           \
    R(BOOL, SetUserConfigW, (LPWSTR a, LPWSTR b, WTS_CONFIG_CLASS c, LPWSTR d, DWORD e))              \
    R(BOOL, SetUserConfigA, (LPSTR a, LPSTR b, WTS_CONFIG_CLASS c, LPSTR d, DWORD e))                 \
    R(HANDLE, VirtualChannelOpen, (HANDLE a, DWORD b, LPSTR c))                                       \
    R(HANDLE, VirtualChannelOpenEx, (DWORD a, LPSTR b, DWORD c))                                      \
    R(BOOL, VirtualChannelClose, (HANDLE a))                                                          \
    R(BOOL, VirtualChannelRead, (HANDLE a, ULONG b, PCHAR c, ULONG d, PULONG e))                      \
    R(BOOL, VirtualChannelWrite, (HANDLE a, PCHAR b, ULONG c, PULONG d))                              \
    R(BOOL, VirtualChannelPurgeInput, (HANDLE a))                                                     \
    R(BOOL, VirtualChannelPurgeOutput, (HANDLE a))                                                    \
    R(BOOL, VirtualChannelQuery, (HANDLE a, WTS_VIRTUAL_CLASS b, PVOID * c, DWORD * d))               \
    R(BOOL, RegisterSessionNotification, (HWND a, DWORD b))                                           \
    R(BOOL, UnRegisterSessionNotification, (HWND a))                                                  \
    R(BOOL, RegisterSessionNotificationEx, (HANDLE a, HWND b, DWORD c))                               \
    R(BOOL, UnRegisterSessionNotificationEx, (HANDLE a, HWND b))                                      \
    R(BOOL, QueryUserToken, (ULONG a, PHANDLE b))                                                     \
    R(BOOL, CreateListenerW, (HANDLE a, PVOID b, DWORD c, LPWSTR d, PWTSLISTENERCONFIGW e, DWORD f))  \
    R(BOOL, CreateListenerA, (HANDLE a, PVOID b, DWORD c, LPSTR d, PWTSLISTENERCONFIGA e, DWORD f))   \
    R(BOOL, SetListenerSecurityW,                                                                     \
      (HANDLE a, PVOID b, DWORD c, LPWSTR d, SECURITY_INFORMATION e, PSECURITY_DESCRIPTOR f))         \
    R(BOOL, SetListenerSecurityA,                                                                     \
      (HANDLE a, PVOID b, DWORD c, LPSTR d, SECURITY_INFORMATION e, PSECURITY_DESCRIPTOR f))          \
    R(BOOL, GetListenerSecurityW,                                                                     \
      (HANDLE a, PVOID b, DWORD c, LPWSTR d, SECURITY_INFORMATION e, PSECURITY_DESCRIPTOR f, DWORD g, \
       LPDWORD h))                                                                                    \
    R(BOOL, GetListenerSecurityA,                                                                     \
      (HANDLE a, PVOID b, DWORD c, LPSTR d, SECURITY_INFORMATION e, PSECURITY_DESCRIPTOR f, DWORD g,  \
       LPDWORD h))                                                                                    \
    R(BOOL, EnableChildSessions, (BOOL a))                                                            \
    R(BOOL, IsChildSessionsEnabled, (PBOOL a))                                                        \
    R(BOOL, GetChildSessionId, (PULONG a))                                                            \
    R(BOOL, LogonUser, (HANDLE a, LPCSTR b, LPCSTR c, LPCSTR d))                                      \
    R(BOOL, LogoffUser, (HANDLE a))

/* FALSE, or a handle that is none. */
#define REST_FUNCTION(type, name, parameters)     \
    static type WINAPI rest_##name parameters     \
    {                                             \
        SetLastError(ERROR_CALL_NOT_IMPLEMENTED); \
        return (type)0;                           \
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
REST(REST_FUNCTION)
#pragma GCC diagnostic pop

#define REST_ENTRY(type, name, parameters) .p##name = rest_##name,

static const WtsApiFunctionTable table = {.dwVersion = 1,
                                          .pOpenServerW = wtsapi_open_server_w,
                                          .pOpenServerA = wtsapi_open_server_a,
                                          .pOpenServerExW = wtsapi_open_server_w,
                                          .pOpenServerExA = wtsapi_open_server_a,
                                          .pCloseServer = wtsapi_close_server,
                                          .pEnumerateSessionsW = wtsapi_sessions_w,
                                          .pEnumerateSessionsA = wtsapi_sessions_a,
                                          .pEnumerateSessionsExW = wtsapi_sessions_ex_w,
                                          .pEnumerateSessionsExA = wtsapi_sessions_ex_a,
                                          .pQuerySessionInformationW = wtsapi_query_w,
                                          .pQuerySessionInformationA = wtsapi_query_a,
                                          .pDisconnectSession = wtsapi_disconnect,
                                          .pLogoffSession = wtsapi_logoff,
                                          .pFreeMemory = wtsapi_free,
                                          .pFreeMemoryExW = wtsapi_free_ex,
                                          .pFreeMemoryExA = wtsapi_free_ex,
                                          .pSendMessageA = wtsapi_message_a,
                                          .pSendMessageW = wtsapi_message_w,
                                          .pWaitSystemEvent = wtsapi_wait_event,
                                          .pConnectSessionA = wtsapi_connect_a,
                                          .pConnectSessionW = wtsapi_connect_w,
                                          .pEnumerateProcessesA = wtsapi_processes_a,
                                          .pEnumerateProcessesW = wtsapi_processes_w,
                                          .pEnumerateProcessesExA = wtsapi_processes_ex_a,
                                          .pEnumerateProcessesExW = wtsapi_processes_ex_w,
                                          .pTerminateProcess = wtsapi_terminate,
                                          .pGetActiveConsoleSessionId = wtsapi_console,
                                          .pShutdownSystem = wtsapi_shutdown,
                                          .pEnumerateListenersA = wtsapi_listeners_a,
                                          .pEnumerateListenersW = wtsapi_listeners_w,
                                          .pQueryListenerConfigA = wtsapi_listener_config_a,
                                          .pQueryListenerConfigW = wtsapi_listener_config_w,
                                          .pStopRemoteControlSession = wtsapi_shadow_stop,
                                          .pStartRemoteControlSessionA = wtsapi_shadow_a,
                                          .pStartRemoteControlSessionW = wtsapi_shadow_w,
                                          .pStartRemoteControlSessionExA = wtsapi_shadow_ex_a,
                                          .pStartRemoteControlSessionExW = wtsapi_shadow_ex_w,
                                          REST(REST_ENTRY)};

const WtsApiFunctionTable *CDECL InitWtsApi(void)
{
    return &table;
}
