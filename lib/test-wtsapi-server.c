/* What the WTSAPI provider asks of the server as a whole, through WinPR, against a played one; and that every
 * place of its table has a function. */
#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>

#include <winpr/error.h>
#include <winpr/string.h>
#include <winpr/wtsapi.h>

#include "common/reason.h"
#include "lib/play.h"
#include "tests/check.h"

static struct play_place place;

/* It stops; then it takes nobody any more, and its sessions end; then the machine begins anew. It cannot be
 * turned off. */
static bool answer_shutdown(int fd, const Lodge__Lsm__Request *request, bool drained)
{
    Lodge__Lsm__Shutdown shutdown = LODGE__LSM__SHUTDOWN__INIT;
    Lodge__Lsm__Answer reply = LODGE__LSM__ANSWER__INIT;
    const Lodge__Lsm__ShutdownRequest *asked = request->shutdown;
    CHECK(asked->now && asked->in_s == 0 && !asked->force);
    if (asked->action == LODGE__LSM__SHUTDOWN_ACTION__HALT)
        return play_refuse(fd, request, REASON_WRONG_STATE, "");
    CHECK(asked->action ==
          (drained ? LODGE__LSM__SHUTDOWN_ACTION__REBOOT : LODGE__LSM__SHUTDOWN_ACTION__STOP));
    reply.result_case = LODGE__LSM__ANSWER__RESULT_SHUTDOWN;
    reply.shutdown = &shutdown;
    return play_send(fd, request, &reply);
}

static bool answer_drain(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Drain drain = LODGE__LSM__DRAIN__INIT;
    Lodge__Lsm__Answer reply = LODGE__LSM__ANSWER__INIT;
    CHECK(request->drain->mode == LODGE__LSM__DRAIN_MODE__UNTIL_RESTART);
    reply.result_case = LODGE__LSM__ANSWER__RESULT_DRAIN;
    reply.drain = &drain;
    return play_send(fd, request, &reply);
}

/* 3, 5, which is the caller's own, and 7. */
static bool answer_list(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Session sessions[3], *all[] = {&sessions[0], &sessions[1], &sessions[2]};
    Lodge__Lsm__Sessions page = LODGE__LSM__SESSIONS__INIT;
    Lodge__Lsm__Answer reply = LODGE__LSM__ANSWER__INIT;
    for (uint32_t i = 0; i < 3; i++) {
        lodge__lsm__session__init(&sessions[i]);
        sessions[i].id = 3 + 2 * i;
    }
    page.session = all;
    page.n_session = 3;
    reply.result_case = LODGE__LSM__ANSWER__RESULT_SESSIONS;
    reply.sessions = &page;
    return play_send(fd, request, &reply);
}

static bool answer_listeners(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Listener listener = LODGE__LSM__LISTENER__INIT, *listeners[] = {&listener};
    Lodge__Lsm__Listeners list = LODGE__LSM__LISTENERS__INIT;
    Lodge__Lsm__Answer reply = LODGE__LSM__ANSWER__INIT;
    listener.name = (char *)"rdp";
    listener.state = (char *)"listening";
    listener.port = 3389;
    list.listener = listeners;
    list.n_listener = 1;
    reply.result_case = LODGE__LSM__ANSWER__RESULT_LISTENERS;
    reply.listeners = &list;
    return play_send(fd, request, &reply);
}

static bool answer_policy(int fd, const Lodge__Lsm__Request *request)
{
    static const char *const told[][3] = {
        {"Sessions", "MaxIdleSeconds", "90"},  {"Group staff", "MaxConnectedSeconds", "60"},
        {"Sessions", "BrokenConnection", "1"}, {"Sessions", "Clipboard", "2"},
        {"Sessions", "Drives", "0"},           {"Sessions", "Shadow", "4"}};
    enum { VALUES = sizeof(told) / sizeof(told[0]) };
    Lodge__Lsm__PolicyValue values[VALUES], *pointers[VALUES];
    Lodge__Lsm__Policy policy = LODGE__LSM__POLICY__INIT;
    Lodge__Lsm__Answer reply = LODGE__LSM__ANSWER__INIT;
    for (size_t i = 0; i < VALUES; i++) {
        lodge__lsm__policy_value__init(&values[i]);
        pointers[i] = &values[i];
        values[i].section = (char *)told[i][0];
        values[i].key = (char *)told[i][1];
        values[i].value = (char *)told[i][2];
    }
    policy.value = pointers;
    policy.n_value = VALUES;
    reply.result_case = LODGE__LSM__ANSWER__RESULT_POLICY;
    reply.policy = &policy;
    return play_send(fd, request, &reply);
}

/* Session 7 may be shadowed by the caller's own session, 5; the person in 3 says no; nobody is connected
 * to 9. */
static bool answer_shadow(int fd, const Lodge__Lsm__Request *request)
{
    const Lodge__Lsm__ShadowRequest *asked = request->shadow;
    Lodge__Lsm__Shadowing shadowing = LODGE__LSM__SHADOWING__INIT;
    Lodge__Lsm__Answer reply = LODGE__LSM__ANSWER__INIT;
    CHECK(asked->from == 5);
    if (asked->session == 3)
        return play_refuse(fd, request, REASON_SHADOW_REFUSED, "");
    if (asked->session == 9)
        return play_refuse(fd, request, REASON_WRONG_STATE, "");
    bool views = asked->mode == LODGE__LSM__SHADOW_MODE__SHADOW_VIEW;
    CHECK(asked->session == 7 && asked->mode != LODGE__LSM__SHADOW_MODE__SHADOW_CONTROL);
    CHECK(asked->hotkey == (views ? 0x7b : 0) && asked->modifiers == (views ? 6 : 0)); /* F12 */
    shadowing.control = !views;
    reply.result_case = LODGE__LSM__ANSWER__RESULT_SHADOWING;
    reply.shadowing = &shadowing;
    return play_send(fd, request, &reply);
}

static bool answer(int fd, const Lodge__Lsm__Request *request)
{
    static bool drained, ended;
    Lodge__Lsm__Answer reply = LODGE__LSM__ANSWER__INIT;
    switch (request->method_case) {
    case LODGE__LSM__REQUEST__METHOD_SHUTDOWN:
        CHECK(drained == ended);
        return answer_shutdown(fd, request, drained);
    case LODGE__LSM__REQUEST__METHOD_DRAIN:
        drained = true;
        return answer_drain(fd, request);
    case LODGE__LSM__REQUEST__METHOD_LIST:
        return answer_list(fd, request);
    case LODGE__LSM__REQUEST__METHOD_LISTENERS:
        return answer_listeners(fd, request);
    case LODGE__LSM__REQUEST__METHOD_POLICY:
        return answer_policy(fd, request);
    case LODGE__LSM__REQUEST__METHOD_SHADOW:
        return answer_shadow(fd, request);
    case LODGE__LSM__REQUEST__METHOD_SHADOW_STOP:
        return play_refuse(fd, request, request->shadow_stop->session == 7 ? REASON_NONE : REASON_WRONG_STATE,
                           "");
    default:
        CHECK(request->method_case == LODGE__LSM__REQUEST__METHOD_LOGOFF && drained);
        if (request->logoff->session == 3)
            return play_refuse(fd, request, REASON_NO_SESSION, ""); /* it has gone meanwhile */
        CHECK(request->logoff->session == 7);
        ended = true;
        return play_send(fd, request, &reply);
    }
}

static void test_shutdown(HANDLE server)
{
    CHECK(WTSShutdownSystem(server, WTS_WSD_SHUTDOWN));
    CHECK(!WTSShutdownSystem(server, WTS_WSD_POWEROFF) && GetLastError() == ERROR_INVALID_STATE);
    CHECK(WTSShutdownSystem(server, WTS_WSD_LOGOFF)); /* 3 has gone meanwhile, and 7 ends */
    CHECK(WTSShutdownSystem(server, WTS_WSD_REBOOT)); /* it has been drained */
    CHECK(!WTSShutdownSystem(server, WTS_WSD_FASTREBOOT) && GetLastError() == ERROR_INVALID_PARAMETER);
    CHECK(!WTSShutdownSystem(server, WTS_WSD_SHUTDOWN | WTS_WSD_REBOOT));
    CHECK(!WTSShutdownSystem(INVALID_HANDLE_VALUE, WTS_WSD_REBOOT));
    CHECK(GetLastError() == ERROR_INVALID_HANDLE);
}

static void test_listeners(HANDLE server)
{
    WTSLISTENERNAMEA a[2];
    WTSLISTENERNAMEW w[1];
    WTSLISTENERCONFIGA config;
    WTSLISTENERCONFIGW wide_config;
    DWORD count = 0;
    char rdp[] = "rdp-tcp", other[] = "ICA-Tcp";
    CHECK(WTSEnumerateListenersA(server, NULL, 0, NULL, &count) && count == 1);
    count = 0;
    CHECK(!WTSEnumerateListenersA(server, NULL, 0, a, &count) && count == 1);
    CHECK(GetLastError() == ERROR_INSUFFICIENT_BUFFER);
    count = 2;
    CHECK(WTSEnumerateListenersA(server, NULL, 0, a, &count) && count == 1);
    CHECK_TEXT(a[0], "RDP-Tcp");
    CHECK(WTSEnumerateListenersW(server, NULL, 0, w, &count) && count == 1);
    char *narrow = ConvertWCharToUtf8Alloc(w[0], NULL);
    CHECK_TEXT(narrow, "RDP-Tcp");
    free(narrow);
    CHECK(!WTSEnumerateListenersW(server, NULL, 1, w, &count) && GetLastError() == ERROR_INVALID_PARAMETER);
    CHECK(!WTSEnumerateListenersW(server, NULL, 0, w, NULL));
    CHECK(WTSQueryListenerConfigA(server, NULL, 0, rdp, &config) && config.version == 1);
    CHECK(config.fEnableListener && config.PortNumber == 3389 && config.BrokenTimeoutSettings == 1);
    CHECK(config.TimeoutSettingsIdle == 90000 && config.TimeoutSettingsConnection == 0); /* of a group */
    CHECK(!config.fDisableClipboardRedirection && config.fDisableDriveRedirection);
    CHECK(config.fDisablePrinterRedirection && config.ShadowSettings == 4);
    CHECK_TEXT(config.Comment, "");
    CHECK(!WTSQueryListenerConfigA(server, NULL, 0, other, &config));
    CHECK(GetLastError() == ERROR_FILE_NOT_FOUND);
    CHECK(WTSQueryListenerConfigW(server, NULL, 0, w[0], &wide_config) && wide_config.PortNumber == 3389);
    CHECK(wide_config.TimeoutSettingsIdle == 90000 && wide_config.InitialProgram[0] == 0);
    CHECK(!WTSQueryListenerConfigW(server, NULL, 0, NULL, &wide_config));
    CHECK(GetLastError() == ERROR_INVALID_PARAMETER);
}

static void test_shadow(void)
{
    WCHAR *wide = ConvertUtf8ToWCharAlloc(place.config, NULL);
    const DWORD views = REMOTECONTROL_FLAG_DISABLE_INPUT;
    char elsewhere[] = "elsewhere";
    CHECK(wide != NULL && setenv("LODGE_CONFIG", place.config, 1) == 0);
    CHECK(WTSStartRemoteControlSessionA(place.config, 7, 0, 0));
    CHECK(WTSStartRemoteControlSessionW(NULL, 7, 0, 0));
    CHECK(!WTSStartRemoteControlSessionW(wide, 3, 0, 0) && GetLastError() == ERROR_CTX_SHADOW_DENIED);
    CHECK(!WTSStartRemoteControlSessionA(NULL, 9, 0, 0) && GetLastError() == ERROR_CTX_SHADOW_INVALID);
    CHECK(!WTSStartRemoteControlSessionA(elsewhere, 7, 0, 0));
    CHECK(GetLastError() == RPC_S_SERVER_UNAVAILABLE);
    USHORT modifiers = REMOTECONTROL_KBDCTRL_HOTKEY | REMOTECONTROL_KBDALT_HOTKEY;
    CHECK(WTSStartRemoteControlSessionExA(place.config, 7, 0x7b, modifiers, views));
    CHECK(WTSStartRemoteControlSessionExW(wide, 7, 0x7b, modifiers, views));
    CHECK(!WTSStartRemoteControlSessionExW(wide, 7, 0, 0, REMOTECONTROL_FLAG_DISABLE_MOUSE));
    CHECK(GetLastError() == ERROR_INVALID_PARAMETER);
    CHECK(WTSStopRemoteControlSession(7));
    CHECK(!WTSStopRemoteControlSession(3) && GetLastError() == ERROR_CTX_SHADOW_NOT_RUNNING);
    CHECK(unsetenv("LODGE_CONFIG") == 0);
    free(wide);
}

/* Every place of the table has a function, whatever WinPR's header has there. */
static void test_table(void)
{
    void *library = dlopen(LODGE_WTSAPI, RTLD_NOW);
    CHECK(library != NULL);
    INIT_WTSAPI_FN init;
    *(void **)(void *)&init = dlsym(library, "InitWtsApi");
    CHECK(init != NULL);
    const WtsApiFunctionTable *table = init();
    CHECK(table->dwVersion == 1 && table->dwFlags == 0);
    size_t first = offsetof(WtsApiFunctionTable, pStopRemoteControlSession), none = 0;
    CHECK(first % sizeof(void *) == 0 && sizeof(*table) % sizeof(void *) == 0);
    for (size_t at = first; at < sizeof(*table); at += sizeof(void *)) {
        void *function;
        memcpy(&function, (const char *)table + at, sizeof(function));
        none += function == NULL;
    }
    CHECK(none == 0);
    SetLastError(0);
    CHECK(!table->pCreateListenerW(NULL, NULL, 0, NULL, NULL, 0));
    CHECK(GetLastError() == ERROR_CALL_NOT_IMPLEMENTED);
    CHECK(dlclose(library) == 0);
}

int main(void)
{
    CHECK(setenv("WTSAPI_LIBRARY", LODGE_WTSAPI, 1) == 0 && setenv("LODGE_SESSION", "5", 1) == 0);
    test_table();
    play_place_make(&place);
    pid_t server = play_start(place.port, answer);
    HANDLE handle = WTSOpenServerA(place.config);
    CHECK(handle != NULL);
    test_listeners(handle);
    test_shadow();
    test_shutdown(handle);
    WTSCloseServer(handle);
    play_stop(server, place.port);
    play_place_remove(&place);
    return 0;
}
