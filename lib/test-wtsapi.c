/* The WTSAPI provider as programs on WinPR see it, through WTSAPI_LIBRARY, against a played server. */
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <winpr/error.h>
#include <winpr/string.h>
#include <winpr/wtsapi.h>

#include "common/reason.h"
#include "lib/play.h"
#include "tests/check.h"

static struct play_place place;

static void session_fill(Lodge__Lsm__Session *session, Lodge__Lsm__Client *client, uint32_t id)
{
    lodge__lsm__session__init(session);
    lodge__lsm__client__init(client);
    session->id = id;
    session->client = client;
    session->user = (char *)(id == 3 ? "j\xc3\xb6rg" : "anna\n");
    session->state = id == 3 ? LODGE__LSM__STATE__ACTIVE : LODGE__LSM__STATE__DISCONNECTED;
    session->logon_ms = 1777636805000;
    session->connect_ms = 1777636806000;
    session->now_ms = 1777636807000;
    session->input_ms = 1777636806500;
    session->terminal = (char *)":0";
    session->locked = id == 7;
    client->name = (char *)"PC-\xf0\x9f\x98\x80-0123456789012345678901234567890";
    client->address = (char *)(id == 3 ? "10.0.0.7:50001" : "[fe80::102]:50001");
    client->width = 1024;
    client->height = 768;
    client->build = 2600;
}

/* The box is answered with yes when it has this text. */
static bool answer_message(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__MessageAnswer message = LODGE__LSM__MESSAGE_ANSWER__INIT;
    Lodge__Lsm__Answer reply = LODGE__LSM__ANSWER__INIT;
    if (request->message->session != 3)
        return play_refuse(fd, request, REASON_WRONG_STATE, "");
    CHECK_TEXT(request->message->title, request->message->wait ? "T\xc3\xaa" : "");
    CHECK_TEXT(request->message->text, "Gr\xc3\xbc\xc3\x9f\x65\nyou");
    CHECK(request->message->style == 4 && request->message->timeout_s == 20);
    message.response = request->message->wait ? 6 : IDASYNC;
    reply.result_case = LODGE__LSM__ANSWER__RESULT_MESSAGE;
    reply.message = &message;
    return play_send(fd, request, &reply);
}

/* A stream that ends: what is no event of Windows, a new session, a client that went, a lock, a
 * licence, a gap. */
static bool answer_subscribe(int fd, const Lodge__Lsm__Request *request)
{
    static const Lodge__Lsm__NoticeKind kinds[] = {
        LODGE__LSM__NOTICE_KIND__NOTICE_START, LODGE__LSM__NOTICE_KIND__NOTICE_CREATE,
        LODGE__LSM__NOTICE_KIND__NOTICE_DISCONNECT, LODGE__LSM__NOTICE_KIND__NOTICE_LOCK,
        LODGE__LSM__NOTICE_KIND__NOTICE_LICENCE};
    Lodge__Lsm__Notice notice = LODGE__LSM__NOTICE__INIT, *all[] = {&notice};
    Lodge__Lsm__Notices notices = LODGE__LSM__NOTICES__INIT;
    Lodge__Lsm__Answer reply = LODGE__LSM__ANSWER__INIT;
    reply.result_case = LODGE__LSM__ANSWER__RESULT_NOTICES;
    reply.notices = &notices;
    play_send(fd, request, &reply);
    notices.notice = all;
    notices.n_notice = 1;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        notice.kind = kinds[i];
        play_send(fd, request, &reply);
    }
    notices.n_notice = 0;
    notices.lost = 1;
    play_send(fd, request, &reply);
    return false;
}

/* Session 3 has processes 11 and, on a page of its own, 12, which nobody may end; session 7 has gone. */
static bool answer_processes(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Process process = LODGE__LSM__PROCESS__INIT, *all[] = {&process};
    Lodge__Lsm__Processes page = LODGE__LSM__PROCESSES__INIT;
    Lodge__Lsm__Answer reply = LODGE__LSM__ANSWER__INIT;
    if (request->processes->session != 3)
        return play_refuse(fd, request, REASON_NO_SESSION, "");
    bool first = request->processes->after == 0;
    process.pid = first ? 11 : 12;
    process.name = (char *)(first ? "j\xc3\xb6\n" : "sh");
    process.cpu_ms = 5000000;
    process.memory = first ? 4096 : 5000000000;
    page.process = all;
    page.n_process = 1;
    page.more = first;
    reply.result_case = LODGE__LSM__ANSWER__RESULT_PROCESSES;
    reply.processes = &page;
    return play_send(fd, request, &reply);
}

/* Session 3 has a client that has told what it got; 7 has none, and 9 nothing that runs. */
static bool answer_usage(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Traffic traffic = LODGE__LSM__TRAFFIC__INIT;
    Lodge__Lsm__Use use = LODGE__LSM__USE__INIT, *all[] = {&use};
    Lodge__Lsm__Usage page = LODGE__LSM__USAGE__INIT;
    Lodge__Lsm__Answer reply = LODGE__LSM__ANSWER__INIT;
    use.session = request->usage->session;
    if (use.session == 9)
        return play_refuse(fd, request, REASON_NO_SESSION, "");
    use.traffic = use.session == 3 ? &traffic : NULL;
    traffic.received = 600;
    traffic.sent = 5000000000;
    traffic.frames = 70;
    page.use = all;
    page.n_use = 1;
    reply.result_case = LODGE__LSM__ANSWER__RESULT_USAGE;
    reply.usage = &page;
    return play_send(fd, request, &reply);
}

static bool answer_terminate(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Answer reply = LODGE__LSM__ANSWER__INIT;
    const Lodge__Lsm__TerminateRequest *asked = request->terminate;
    if (asked->session == 7)
        return asked->pid == 71 ? play_send(fd, request, &reply)
                                : play_refuse(fd, request, REASON_NO_SESSION, "");
    if (asked->pid == 12)
        return play_refuse(fd, request, REASON_FORBIDDEN, "");
    bool right = asked->pid == 11 && asked->kill;
    return right ? play_send(fd, request, &reply) : play_refuse(fd, request, REASON_NO_PROCESS, "");
}

/* Sessions 3 (active until it has been disconnected and waited for), 7 (disconnected until it has got the
 * client of 9 and was waited for), and 9 (without a desktop, there until it has been waited for). */
static bool answer(int fd, const Lodge__Lsm__Request *request)
{
    static bool disconnected, gone, connected;
    Lodge__Lsm__Session sessions[2], *all[] = {&sessions[0], &sessions[1]};
    Lodge__Lsm__Client clients[2];
    Lodge__Lsm__Sessions page = LODGE__LSM__SESSIONS__INIT;
    Lodge__Lsm__Waited waited = LODGE__LSM__WAITED__INIT;
    Lodge__Lsm__Answer reply = LODGE__LSM__ANSWER__INIT;
    session_fill(&sessions[0], &clients[0], 3);
    session_fill(&sessions[1], &clients[1], 7);
    if (disconnected)
        sessions[0].state = LODGE__LSM__STATE__DISCONNECTED;
    if (connected)
        sessions[1].state = LODGE__LSM__STATE__ACTIVE;
    switch (request->method_case) {
    case LODGE__LSM__REQUEST__METHOD_LIST:
        page.session = all;
        page.n_session = 2;
        reply.result_case = LODGE__LSM__ANSWER__RESULT_SESSIONS;
        reply.sessions = &page;
        break;
    case LODGE__LSM__REQUEST__METHOD_SHOW:
        if (request->show->session == 4)
            return play_refuse(fd, request, REASON_FORBIDDEN, "");
        if (request->show->session != 3 && request->show->session != 7 &&
            (request->show->session != 9 || gone))
            return play_refuse(fd, request, REASON_NO_SESSION, "");
        if (request->show->session == 9) {
            sessions[0].terminal = (char *)"";
            sessions[0].input_ms = 0;
        }
        reply.result_case = LODGE__LSM__ANSWER__RESULT_SESSION;
        reply.session = all[request->show->session == 7];
        break;
    case LODGE__LSM__REQUEST__METHOD_DISCONNECT:
        if (request->disconnect->session == 7)
            return play_refuse(fd, request, REASON_WRONG_STATE, "");
        break;
    case LODGE__LSM__REQUEST__METHOD_WAIT:
        disconnected = disconnected || request->wait->session == 3;
        gone = gone || request->wait->gone;
        connected =
            connected || (request->wait->session == 7 && request->wait->state == LODGE__LSM__STATE__ACTIVE);
        reply.result_case = LODGE__LSM__ANSWER__RESULT_WAITED;
        reply.waited = &waited;
        break;
    case LODGE__LSM__REQUEST__METHOD_CONNECT:
        if (request->connect->session != 7 || request->connect->from != 9)
            return play_refuse(fd, request, REASON_WRONG_STATE, "");
        break;
    case LODGE__LSM__REQUEST__METHOD_PROCESSES:
        return answer_processes(fd, request);
    case LODGE__LSM__REQUEST__METHOD_USAGE:
        return answer_usage(fd, request);
    case LODGE__LSM__REQUEST__METHOD_TERMINATE:
        return answer_terminate(fd, request);
    case LODGE__LSM__REQUEST__METHOD_MESSAGE:
        return answer_message(fd, request);
    case LODGE__LSM__REQUEST__METHOD_SUBSCRIBE:
        return answer_subscribe(fd, request);
    default:
        CHECK(request->method_case == LODGE__LSM__REQUEST__METHOD_LOGOFF && request->logoff->session == 9);
    }
    return play_send(fd, request, &reply);
}

static void check_wide(const WCHAR *got, const char *want)
{
    char *narrow = ConvertWCharToUtf8Alloc(got, NULL);
    CHECK_TEXT(narrow, want);
    free(narrow);
}

static void test_lists(HANDLE server)
{
    PWTS_SESSION_INFOA a;
    PWTS_SESSION_INFOW w;
    PWTS_SESSION_INFO_1A ea;
    PWTS_SESSION_INFO_1W ew;
    DWORD count = 0, level = 1;
    CHECK(WTSEnumerateSessionsA(server, 0, 1, &a, &count) && count == 2);
    CHECK(a[0].SessionId == 3 && a[0].State == WTSActive && a[1].State == WTSDisconnected);
    CHECK_TEXT(a[0].pWinStationName, "RDP-Tcp#3");
    CHECK_TEXT(a[1].pWinStationName, "");
    WTSFreeMemory(a);
    CHECK(WTSEnumerateSessionsW(server, 0, 1, &w, &count) && count == 2 && w[1].SessionId == 7);
    check_wide(w[0].pWinStationName, "RDP-Tcp#3");
    check_wide(w[1].pWinStationName, "");
    WTSFreeMemory(w);
    CHECK(WTSEnumerateSessionsExA(server, &level, 0, &ea, &count) && count == 2 && ea[1].ExecEnvId == 7);
    CHECK_TEXT(ea[0].pUserName, "j\xc3\xb6rg");
    CHECK_TEXT(ea[1].pUserName, "anna\\x0a");
    CHECK_TEXT(ea[1].pDomainName, "");
    CHECK(ea[0].pHostName == NULL && ea[0].pFarmName == NULL);
    CHECK(WTSFreeMemoryExA(WTSTypeSessionInfoLevel1, ea, count));
    CHECK(WTSEnumerateSessionsExW(server, &level, 0, &ew, &count) && count == 2 && ew[0].State == WTSActive);
    check_wide(ew[0].pUserName, "j\xc3\xb6rg");
    check_wide(ew[0].pSessionName, "RDP-Tcp#3");
    CHECK(WTSFreeMemoryExW(WTSTypeSessionInfoLevel1, ew, count));
    a = NULL;
    CHECK(!WTSEnumerateSessionsA(server, 0, 2, &a, &count) && GetLastError() == ERROR_INVALID_PARAMETER);
    level = 0;
    CHECK(!WTSEnumerateSessionsExA(server, &level, 0, &ea, &count));
    CHECK(GetLastError() == ERROR_INVALID_PARAMETER && a == NULL);
}

/* The answer about one class, of this size at least; the caller's to free. */
static void *query(HANDLE server, DWORD session, WTS_INFO_CLASS class, DWORD want)
{
    LPSTR data = NULL;
    DWORD size = 0;
    CHECK(WTSQuerySessionInformationA(server, session, class, &data, &size) && data != NULL && size == want);
    return data;
}

static void *query_wide(HANDLE server, DWORD session, WTS_INFO_CLASS class, DWORD want)
{
    LPWSTR data = NULL;
    DWORD size = 0;
    CHECK(WTSQuerySessionInformationW(server, session, class, &data, &size) && data != NULL && size == want);
    return data;
}

static void expect_text(HANDLE server, WTS_INFO_CLASS class, const char *want)
{
    char *text = query(server, 3, class, (DWORD)strlen(want) + 1);
    CHECK_TEXT(text, want);
    WTSFreeMemory(text);
    SSIZE_T units = ConvertUtf8ToWChar(want, NULL, 0);
    CHECK(units >= 0);
    WCHAR *wide = query_wide(server, 3, class, ((DWORD)units + 1) * 2);
    check_wide(wide, want);
    WTSFreeMemory(wide);
}

static void test_texts(HANDLE server)
{
    expect_text(server, WTSUserName, "j\xc3\xb6rg");
    expect_text(server, WTSWinStationName, "RDP-Tcp#3");
    expect_text(server, WTSDomainName, "");
    expect_text(server, WTSClientName, "PC-\xf0\x9f\x98\x80-0123456789012345678901234567890");
    expect_text(server, WTSInitialProgram, "");
}

#define FILETIME_OF(ms) ((LONGLONG)((ms) + 11644473600000) * 10000)

static void expect_number(HANDLE server, DWORD session, WTS_INFO_CLASS class, ULONG want)
{
    ULONG *number = query(server, session, class, sizeof(*number));
    CHECK(*number == want);
    WTSFreeMemory(number);
}

static void test_traffic(HANDLE server)
{
    expect_number(server, 3, WTSIncomingBytes, 600);
    expect_number(server, 3, WTSOutgoingBytes, UINT32_MAX);
    expect_number(server, 3, WTSOutgoingFrames, 70);
    expect_number(server, 7, WTSIncomingBytes, 0);
    WTSINFOA *a = query(server, 3, WTSSessionInfo, sizeof(*a));
    CHECK(a->IncomingBytes == 600 && a->OutgoingBytes == UINT32_MAX && a->OutgoingFrames == 70);
    WTSFreeMemory(a);
    WTSINFOEXW *w = query_wide(server, 3, WTSSessionInfoEx, sizeof(*w));
    CHECK(w->Data.WTSInfoExLevel1.IncomingBytes == 600 && w->Data.WTSInfoExLevel1.OutgoingFrames == 70);
    WTSFreeMemory(w);
}

static void test_numbers(HANDLE server)
{
    expect_number(server, 3, WTSSessionId, 3);
    expect_number(server, 3, WTSClientBuildNumber, 2600);
    expect_number(server, 3, WTSIdleTime, 500);
    WTS_CONNECTSTATE_CLASS *state = query_wide(server, 7, WTSConnectState, sizeof(*state));
    CHECK(*state == WTSDisconnected);
    WTSFreeMemory(state);
    USHORT *protocol = query(server, 3, WTSClientProtocolType, sizeof(*protocol));
    CHECK(*protocol == WTS_PROTOCOL_TYPE_RDP);
    WTSFreeMemory(protocol);
    LARGE_INTEGER *logon = query(server, 3, WTSLogonTime, sizeof(*logon));
    CHECK(logon->QuadPart == FILETIME_OF(1777636805000));
    WTSFreeMemory(logon);
    WTS_CLIENT_DISPLAY *display = query(server, 3, WTSClientDisplay, sizeof(*display));
    CHECK(display->HorizontalResolution == 1024 && display->VerticalResolution == 768);
    WTSFreeMemory(display);
    WTS_CLIENT_ADDRESS *address = query(server, 3, WTSClientAddress, sizeof(*address));
    CHECK(address->AddressFamily == AF_INET && memcmp(address->Address, "\0\0\12\0\0\7", 6) == 0);
    WTSFreeMemory(address);
    address = query(server, 7, WTSClientAddress, sizeof(*address));
    CHECK(address->AddressFamily == AF_INET6);
    CHECK(memcmp(address->Address, "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\1\2", 16) == 0);
    WTSFreeMemory(address);
}

static void expect_lock(HANDLE server, DWORD session, LONG want)
{
    WTSINFOEXA *ex = query(server, session, WTSSessionInfoEx, sizeof(*ex));
    CHECK(ex->Data.WTSInfoExLevel1.SessionFlags == want);
    WTSFreeMemory(ex);
}

static void test_structs(HANDLE server)
{
    WTSINFOA *a = query(server, 3, WTSSessionInfo, sizeof(*a));
    CHECK(a->State == WTSActive && a->SessionId == 3 && a->DisconnectTime.QuadPart == 0);
    CHECK(a->LogonTime.QuadPart == FILETIME_OF(1777636805000));
    CHECK(a->ConnectTime.QuadPart == FILETIME_OF(1777636806000));
    CHECK(a->_CurrentTime.QuadPart == FILETIME_OF(1777636807000));
    CHECK(a->LastInputTime.QuadPart == FILETIME_OF(1777636806500));
    CHECK_TEXT(a->UserName, "j\xc3\xb6rg");
    CHECK_TEXT(a->WinStationName, "RDP-Tcp#3");
    WTSFreeMemory(a);
    WTSINFOW *w = query_wide(server, 7, WTSSessionInfo, sizeof(*w));
    CHECK(w->State == WTSDisconnected && w->SessionId == 7);
    check_wide(w->UserName, "anna\\x0a");
    WTSFreeMemory(w);
    WTSINFOEXW *ex = query_wide(server, 3, WTSSessionInfoEx, sizeof(*ex));
    CHECK(ex->Level == 1 && ex->Data.WTSInfoExLevel1.SessionState == WTSActive);
    CHECK(ex->Data.WTSInfoExLevel1.LastInputTime.QuadPart == FILETIME_OF(1777636806500));
    check_wide(ex->Data.WTSInfoExLevel1.UserName, "j\xc3\xb6rg");
    WTSFreeMemory(ex);
    expect_lock(server, 3, WTS_SESSIONSTATE_UNLOCK);
    expect_lock(server, 7, WTS_SESSIONSTATE_LOCK);
    expect_lock(server, 9, (LONG)WTS_SESSIONSTATE_UNKNOWN);
    /* Names that are too long end with a whole character: 20 of either kind, the smiling one being four or
     * two. */
    WTSCLIENTA *client = query(server, 7, WTSClientInfo, sizeof(*client));
    CHECK(client->HRes == 1024 && client->VRes == 768 && client->ClientBuildNumber == 2600);
    CHECK(client->ClientAddressFamily == AF_INET6 && client->ClientAddress[0] == 0xfe80);
    CHECK_TEXT(client->ClientName, "PC-\xf0\x9f\x98\x80-012345678901");
    WTSFreeMemory(client);
    WTSCLIENTW *wide = query_wide(server, 3, WTSClientInfo, sizeof(*wide));
    CHECK(wide->ClientAddressFamily == AF_INET && wide->ClientAddress[0] == 10 &&
          wide->ClientAddress[3] == 7);
    check_wide(wide->ClientName, "PC-\xf0\x9f\x98\x80-01234567890123");
    WTSFreeMemory(wide);
}

static void expect_refusal(HANDLE server, DWORD session, WTS_INFO_CLASS class, DWORD error)
{
    LPSTR data = NULL;
    DWORD size = 77;
    SetLastError(0);
    CHECK(!WTSQuerySessionInformationA(server, session, class, &data, &size) && data == NULL && size == 77);
    CHECK(GetLastError() == error);
}

static void test_refusals(HANDLE server)
{
    expect_refusal(server, 8, WTSUserName, ERROR_CTX_WINSTATION_NOT_FOUND);
    expect_refusal(server, 4, WTSUserName, ERROR_ACCESS_DENIED);
    expect_refusal(server, 3, WTSClientHardwareId, ERROR_NOT_SUPPORTED);
    expect_refusal(server, 9, WTSIdleTime, ERROR_NOT_SUPPORTED);
    expect_refusal(server, 9, WTSOutgoingBytes, ERROR_CTX_WINSTATION_NOT_FOUND);
    expect_refusal(server, 3, (WTS_INFO_CLASS)1000, ERROR_INVALID_PARAMETER);
    expect_refusal(server, WTS_CURRENT_SESSION, WTSUserName, ERROR_CTX_WINSTATION_NOT_FOUND);
    expect_refusal(INVALID_HANDLE_VALUE, 3, WTSUserName, ERROR_INVALID_HANDLE);
    CHECK(setenv("LODGE_SESSION", "3", 1) == 0);
    WTSFreeMemory(query(server, WTS_CURRENT_SESSION, WTSUserName, 6));
    CHECK(unsetenv("LODGE_SESSION") == 0);
    CHECK(WTSVirtualChannelOpen(server, 3, NULL) == NULL && GetLastError() == ERROR_CALL_NOT_IMPLEMENTED);
    CHECK(WTSGetActiveConsoleSessionId() == 0xFFFFFFFF);
}

static void test_acts(HANDLE server)
{
    DWORD size;
    LPSTR data;
    CHECK(!WTSDisconnectSession(server, 7, FALSE) && GetLastError() == ERROR_INVALID_STATE);
    CHECK(WTSDisconnectSession(server, 3, FALSE));
    WTS_CONNECTSTATE_CLASS *state = query(server, 3, WTSConnectState, sizeof(*state));
    CHECK(*state == WTSActive); /* not yet */
    WTSFreeMemory(state);
    CHECK(WTSDisconnectSession(server, 3, TRUE));
    state = query(server, 3, WTSConnectState, sizeof(*state));
    CHECK(*state == WTSDisconnected);
    WTSFreeMemory(state);
    CHECK(WTSLogoffSession(server, 9, FALSE)); /* begun */
    WTSFreeMemory(query(server, 9, WTSConnectState, sizeof(*state)));
    CHECK(WTSLogoffSession(server, 9, TRUE)); /* done */
    CHECK(!WTSQuerySessionInformationA(server, 9, WTSConnectState, &data, &size));
}

static void test_processes(HANDLE server)
{
    PWTS_PROCESS_INFOA a = NULL;
    PWTS_PROCESS_INFOW w;
    LPSTR narrow = NULL;
    LPWSTR wide;
    DWORD count = 0, level = 1;
    CHECK(WTSEnumerateProcessesA(server, 0, 1, &a, &count) && count == 2);
    CHECK(a[0].SessionId == 3 && a[0].ProcessId == 11 && a[1].SessionId == 3 && a[1].ProcessId == 12);
    CHECK_TEXT(a[0].pProcessName, "j\xc3\xb6\\x0a");
    CHECK_TEXT(a[1].pProcessName, "sh");
    CHECK(a[0].pUserSid == NULL);
    WTSFreeMemory(a);
    CHECK(WTSEnumerateProcessesW(server, 0, 1, &w, &count) && count == 2 && w[1].ProcessId == 12);
    check_wide(w[0].pProcessName, "j\xc3\xb6\\x0a");
    WTSFreeMemory(w);
    CHECK(WTSEnumerateProcessesExA(server, &level, WTS_ANY_SESSION, &narrow, &count) && count == 2);
    PWTS_PROCESS_INFO_EXA ea = (void *)narrow;
    CHECK(ea[0].WorkingSetSize == 4096 && ea[1].WorkingSetSize == UINT32_MAX);
    CHECK(ea[1].SessionId == 3 && ea[1].ProcessId == 12 && ea[1].UserTime.QuadPart == 50000000000);
    CHECK_TEXT(ea[1].pProcessName, "sh");
    CHECK(WTSFreeMemoryExA(WTSTypeProcessInfoLevel1, ea, count));
    CHECK(WTSEnumerateProcessesExW(server, &level, 3, &wide, &count) && count == 2);
    PWTS_PROCESS_INFO_EXW ew = (void *)wide;
    CHECK(ew[0].ProcessId == 11);
    check_wide(ew[1].pProcessName, "sh");
    CHECK(WTSFreeMemoryExW(WTSTypeProcessInfoLevel1, ew, count));
    level = 0;
    CHECK(WTSEnumerateProcessesExA(server, &level, 3, &narrow, &count) && count == 2);
    a = (void *)narrow;
    CHECK(a[1].ProcessId == 12);
    CHECK(WTSFreeMemoryExA(WTSTypeProcessInfoLevel0, a, count));
    CHECK(!WTSFreeMemoryExA((WTS_TYPE_CLASS)3, NULL, 0) && GetLastError() == ERROR_INVALID_PARAMETER);
    CHECK(!WTSEnumerateProcessesExA(server, &level, 7, &narrow, &count));
    CHECK(GetLastError() == ERROR_CTX_WINSTATION_NOT_FOUND);
    level = 2;
    CHECK(!WTSEnumerateProcessesExA(server, &level, 3, &narrow, &count));
    CHECK(GetLastError() == ERROR_INVALID_PARAMETER);
    CHECK(!WTSEnumerateProcessesA(server, 0, 2, &a, &count) && GetLastError() == ERROR_INVALID_PARAMETER);
    CHECK(!WTSEnumerateProcessesA(server, 1, 1, &a, &count) && GetLastError() == ERROR_INVALID_PARAMETER);
}

static void test_terminate(HANDLE server)
{
    CHECK(WTSTerminateProcess(server, 11, 0) && WTSTerminateProcess(server, 71, 0));
    CHECK(!WTSTerminateProcess(server, 12, 0) && GetLastError() == ERROR_ACCESS_DENIED);
    CHECK(!WTSTerminateProcess(server, 13, 0) && GetLastError() == ERROR_INVALID_PARAMETER);
    CHECK(!WTSTerminateProcess(INVALID_HANDLE_VALUE, 11, 0) && GetLastError() == ERROR_INVALID_HANDLE);
}

static void test_connect(HANDLE server)
{
    char password[] = "";
    WCHAR wide[] = {0};
    CHECK(setenv("LODGE_CONFIG", place.config, 1) == 0);
    CHECK(!WTSConnectSessionA(9, 7, password, TRUE) && GetLastError() == ERROR_INVALID_STATE);
    CHECK(!WTSConnectSessionW(7, WTS_CURRENT_SESSION, wide, TRUE));
    CHECK(GetLastError() == ERROR_CTX_WINSTATION_NOT_FOUND);
    CHECK(WTSConnectSessionA(7, 9, password, FALSE)); /* begun */
    WTS_CONNECTSTATE_CLASS *state = query(server, 7, WTSConnectState, sizeof(*state));
    CHECK(*state == WTSDisconnected);
    WTSFreeMemory(state);
    CHECK(WTSConnectSessionW(7, 9, wide, TRUE)); /* done */
    state = query(server, 7, WTSConnectState, sizeof(*state));
    CHECK(*state == WTSActive && unsetenv("LODGE_CONFIG") == 0);
    WTSFreeMemory(state);
}

static void test_messages(HANDLE server)
{
    /* What is behind the length does not belong to it. */
    char title[] = "T\xc3\xaa?", text[] = "Gr\xc3\xbc\xc3\x9f\x65\nyou!";
    WCHAR *wide_title = ConvertUtf8ToWCharAlloc(title, NULL),
          *wide_text = ConvertUtf8ToWCharAlloc(text, NULL);
    DWORD response = 0;
    CHECK(WTSSendMessageA(server, 3, title, 3, text, sizeof(text) - 2, 4, 20, &response, TRUE));
    CHECK(response == 6);
    CHECK(WTSSendMessageW(server, 3, wide_title, 4, wide_text, 18, 4, 20, &response, TRUE));
    CHECK(response == 6);
    CHECK(WTSSendMessageA(server, 3, title, 0, text, sizeof(text) - 2, 4, 20, &response, FALSE));
    CHECK(response == IDASYNC);
    response = 77;
    CHECK(WTSSendMessageW(server, 3, wide_title, 0, wide_text, 18, 4, 20, &response, FALSE));
    CHECK(response == IDASYNC);
    CHECK(!WTSSendMessageA(server, 7, title, 3, text, 1, 4, 20, &response, TRUE));
    CHECK(GetLastError() == ERROR_INVALID_STATE && response == IDASYNC);
    CHECK(!WTSSendMessageA(server, 3, title, 3, NULL, 0, 4, 20, &response, TRUE));
    CHECK(GetLastError() == ERROR_INVALID_PARAMETER);
    free(wide_title);
    free(wide_text);
}

static void test_events(HANDLE server)
{
    DWORD flags = 0;
    CHECK(!WTSWaitSystemEvent(server, WTS_EVENT_FLUSH, &flags) && GetLastError() == ERROR_NOT_SUPPORTED);
    CHECK(!WTSWaitSystemEvent(server, WTS_EVENT_NONE, &flags));
    CHECK(!WTSWaitSystemEvent(INVALID_HANDLE_VALUE, WTS_EVENT_ALL, &flags));
    CHECK(GetLastError() == ERROR_INVALID_HANDLE && flags == 0);
    /* What happens between two waits on a handle is not missed. */
    for (int i = 0; i < 2; i++) { /* the stream ends, and begins anew at the next wait */
        CHECK(WTSWaitSystemEvent(server, WTS_EVENT_ALL, &flags));
        CHECK(flags == (WTS_EVENT_CREATE | WTS_EVENT_STATECHANGE));
        CHECK(WTSWaitSystemEvent(server, WTS_EVENT_DISCONNECT, &flags) && flags == WTS_EVENT_DISCONNECT);
        CHECK(WTSWaitSystemEvent(server, WTS_EVENT_ALL, &flags) && flags == WTS_EVENT_LICENSE);
        CHECK(WTSWaitSystemEvent(server, WTS_EVENT_LOGOFF, &flags) && flags == WTS_EVENT_LOGOFF); /* lost */
        CHECK(!WTSWaitSystemEvent(server, WTS_EVENT_ALL, &flags) && GetLastError() == RPC_S_CALL_FAILED);
    }
    CHECK(setenv("LODGE_CONFIG", place.config, 1) == 0);
    CHECK(WTSWaitSystemEvent(WTS_CURRENT_SERVER_HANDLE, WTS_EVENT_CREATE, &flags));
    CHECK(flags == WTS_EVENT_CREATE && unsetenv("LODGE_CONFIG") == 0);
}

static void test_servers(void)
{
    PWTS_SESSION_INFOA sessions;
    DWORD count;
    char nowhere[] = "/nonexistent/lodge.conf", other[] = "elsewhere.example", here[] = "localhost";
    pid_t server = play_start(place.port, answer);
    CHECK(WTSOpenServerA(nowhere) == NULL && GetLastError() == RPC_S_SERVER_UNAVAILABLE);
    CHECK(WTSOpenServerA(other) == NULL && GetLastError() == RPC_S_SERVER_UNAVAILABLE);
    WCHAR *wide = ConvertUtf8ToWCharAlloc(place.port, NULL);
    HANDLE handle = WTSOpenServerW(wide);
    CHECK(handle != NULL && WTSEnumerateSessionsA(handle, 0, 1, &sessions, &count) && count == 2);
    WTSFreeMemory(sessions);
    free(wide);
    /* A handle outlives its server, and finds the next one. */
    play_stop(server, place.port);
    CHECK(!WTSEnumerateSessionsA(handle, 0, 1, &sessions, &count));
    CHECK(GetLastError() == RPC_S_SERVER_UNAVAILABLE);
    server = play_start(place.port, answer);
    CHECK(WTSEnumerateSessionsA(handle, 0, 1, &sessions, &count));
    WTSFreeMemory(sessions);
    WTSCloseServer(handle);
    /* The current server. */
    CHECK(setenv("LODGE_CONFIG", place.config, 1) == 0);
    CHECK(WTSEnumerateSessionsA(WTS_CURRENT_SERVER_HANDLE, 0, 1, &sessions, &count) && count == 2);
    WTSFreeMemory(sessions);
    handle = WTSOpenServerA(here);
    CHECK(handle != NULL);
    WTSCloseServer(handle);
    WTSCloseServer(NULL);
    WTSFreeMemory(NULL);
    play_stop(server, place.port);
}

int main(void)
{
    CHECK(setenv("WTSAPI_LIBRARY", LODGE_WTSAPI, 1) == 0);
    play_place_make(&place);
    pid_t server = play_start(place.port, answer);
    HANDLE handle = WTSOpenServerA(place.config);
    CHECK(handle != NULL);
    test_lists(handle);
    test_texts(handle);
    test_numbers(handle);
    test_traffic(handle);
    test_structs(handle);
    test_refusals(handle);
    test_acts(handle);
    test_processes(handle);
    test_terminate(handle);
    test_connect(handle);
    test_messages(handle);
    test_events(handle);
    WTSCloseServer(handle);
    play_stop(server, place.port);
    test_servers();
    play_place_remove(&place);
    return 0;
}
