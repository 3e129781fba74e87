/* wtsapi-probe SERVER list | user ID | state ID | disconnect ID |
 * logoff ID | message ID | events COUNT: a small program on WinPR for the
 * system tests, which knows nothing of Lodge; WTSAPI_LIBRARY names the provider. */
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
    else
        printf("%s\n", data);
    WTSFreeMemory(data);
    return 0;
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

static int act(HANDLE server, const char *what, DWORD id)
{
    if (strcmp(what, "user") == 0)
        return show(server, id, WTSUserName);
    if (strcmp(what, "client") == 0)
        return show(server, id, WTSClientName);
    if (strcmp(what, "state") == 0)
        return show(server, id, WTSConnectState);
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

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    HANDLE server = WTSOpenServerA(argv[1]);
    if (server == NULL)
        return failed("WTSOpenServer");
    int result = argc == 3 && strcmp(argv[2], "list") == 0 ? list(server)
                 : argc == 4 ? act(server, argv[2], (DWORD)strtoul(argv[3], NULL, 10))
                             : 2;
    WTSCloseServer(server);
    return result;
}
