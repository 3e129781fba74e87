/* wtsapi-probe SERVER list | processes | user ID | client ID | state ID | idle ID | info ID | disconnect ID |
 * logoff ID | message ID | events COUNT | processes ID | terminate PID | connect ID FROM | listener: a small
 * program on WinPR for the system tests, which knows nothing of Lodge; WTSAPI_LIBRARY names the provider. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <winpr/error.h>
#include <winpr/wtsapi.h>

static int failed(const char *what)
{
    fprintf(stderr, "%s: error %u\n", what, (unsigned)GetLastError());
    return 1;
}

static int list(HANDLE server)
{
    PWTS_SESSION_INFO_1A sessions;
    DWORD count, level = 1;
    if (!WTSEnumerateSessionsExA(server, &level, 0, &sessions, &count))
        return failed("WTSEnumerateSessionsEx");
    for (DWORD i = 0; i < count; i++)
        printf("%u %d %s %s\n", (unsigned)sessions[i].SessionId, (int)sessions[i].State,
               sessions[i].pUserName, sessions[i].pSessionName);
    WTSFreeMemoryExA(WTSTypeSessionInfoLevel1, sessions, count);
    return 0;
}

static int show(HANDLE server, DWORD id, WTS_INFO_CLASS class)
{
    LPSTR data;
    DWORD size;
    if (!WTSQuerySessionInformationA(server, id, class, &data, &size))
        return failed("WTSQuerySessionInformation");
    if (class == WTSConnectState)
        printf("%d\n", (int)*(WTS_CONNECTSTATE_CLASS *)(void *)data);
    else if (class == WTSIdleTime)
        printf("%u\n", (unsigned)*(ULONG *)(void *)data);
    else
        printf("%s\n", data);
    WTSFreeMemory(data);
    return 0;
}

/* Writes the lock's state, the time of the last input in Windows' units, and the frames that went out. */
static int info(HANDLE server, DWORD id)
{
    LPSTR data;
    DWORD size;
    if (!WTSQuerySessionInformationA(server, id, WTSSessionInfoEx, &data, &size))
        return failed("WTSQuerySessionInformation");
    const WTSINFOEX_LEVEL1_A *level = &((WTSINFOEXA *)(void *)data)->Data.WTSInfoExLevel1;
    printf("%d %lld %u\n", (int)level->SessionFlags, (long long)level->LastInputTime.QuadPart,
           (unsigned)level->OutgoingFrames);
    WTSFreeMemory(data);
    return 0;
}

/* Writes session, number, memory and name of each process. */
static int processes(HANDLE server, DWORD id)
{
    LPSTR data;
    DWORD count, level = WTS_PROCESS_INFO_LEVEL_1;
    if (!WTSEnumerateProcessesExA(server, &level, id, &data, &count))
        return failed("WTSEnumerateProcessesEx");
    const WTS_PROCESS_INFO_EXA *all = (void *)data;
    for (DWORD i = 0; i < count; i++)
        printf("%u %u %u %s\n", (unsigned)all[i].SessionId, (unsigned)all[i].ProcessId,
               (unsigned)all[i].WorkingSetSize, all[i].pProcessName);
    WTSFreeMemoryExA(WTSTypeProcessInfoLevel1, data, count);
    return 0;
}

/* The client of a session comes to another one, of the current server. */
static int connect_sessions(DWORD id, DWORD from)
{
    char password[] = "";
    return WTSConnectSessionA(id, from, password, TRUE) ? 0 : failed("WTSConnectSession");
}

/* Shows a box for a second. */
static int message(HANDLE server, DWORD id)
{
    char title[] = "Probe", text[] = "A box from a program on WinPR";
    DWORD response;
    if (!WTSSendMessageA(server, id, title, sizeof(title) - 1, text, sizeof(text) - 1, 0, 1, &response, TRUE))
        return failed("WTSSendMessage");
    printf("%u\n", (unsigned)response);
    return 0;
}

/* Writes what happens, a line of flags for each wait. */
static int events(HANDLE server, DWORD count)
{
    DWORD flags;
    setlinebuf(stdout);
    for (DWORD i = 0; i < count; i++) {
        if (!WTSWaitSystemEvent(server, WTS_EVENT_ALL & ~WTS_EVENT_STATECHANGE, &flags))
            return failed("WTSWaitSystemEvent");
        printf("%u\n", (unsigned)flags);
    }
    return 0;
}

/* Writes the first listener's name, port, whether it is enabled, and the time without input that it allows.
 */
static int listener(HANDLE server)
{
    WTSLISTENERNAMEA name;
    WTSLISTENERCONFIGA config;
    DWORD count = 1;
    if (!WTSEnumerateListenersA(server, NULL, 0, &name, &count))
        return failed("WTSEnumerateListeners");
    if (count != 1 || !WTSQueryListenerConfigA(server, NULL, 0, name, &config))
        return failed("WTSQueryListenerConfig");
    printf("%s %u %u %u\n", name, (unsigned)config.PortNumber, (unsigned)config.fEnableListener,
           (unsigned)config.TimeoutSettingsIdle);
    return 0;
}

static int act(HANDLE server, const char *what, DWORD id)
{
    if (strcmp(what, "user") == 0)
        return show(server, id, WTSUserName);
    if (strcmp(what, "client") == 0)
        return show(server, id, WTSClientName);
    if (strcmp(what, "state") == 0)
        return show(server, id, WTSConnectState);
    if (strcmp(what, "idle") == 0)
        return show(server, id, WTSIdleTime);
    if (strcmp(what, "info") == 0)
        return info(server, id);
    if (strcmp(what, "processes") == 0)
        return processes(server, id);
    if (strcmp(what, "terminate") == 0)
        return WTSTerminateProcess(server, id, 0) ? 0 : failed("WTSTerminateProcess");
    if (strcmp(what, "events") == 0)
        return events(server, id);
    if (strcmp(what, "message") == 0)
        return message(server, id);
    if (strcmp(what, "disconnect") == 0)
        return WTSDisconnectSession(server, id, TRUE) ? 0 : failed("WTSDisconnectSession");
    if (strcmp(what, "logoff") == 0)
        return WTSLogoffSession(server, id, TRUE) ? 0 : failed("WTSLogoffSession");
    fprintf(stderr, "%s: what is that?\n", what);
    return 2;
}

static DWORD number_of(const char *text)
{
    return (DWORD)strtoul(text, NULL, 10);
}

static int run(HANDLE server, int count, char **words)
{
    if (count == 1 && strcmp(words[0], "list") == 0)
        return list(server);
    if (count == 1 && strcmp(words[0], "listener") == 0)
        return listener(server);
    if (count == 1 && strcmp(words[0], "processes") == 0)
        return processes(server, WTS_ANY_SESSION);
    if (count == 3 && strcmp(words[0], "connect") == 0)
        return connect_sessions(number_of(words[1]), number_of(words[2]));
    return count == 2 ? act(server, words[0], number_of(words[1])) : 2;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    HANDLE server = WTSOpenServerA(argv[1]);
    if (server == NULL)
        return failed("WTSOpenServer");
    int result = run(server, argc - 2, argv + 2);
    WTSCloseServer(server);
    return result;
}
