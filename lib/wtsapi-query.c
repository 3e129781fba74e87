/* WTSQuerySessionInformation: a row for each class that Lodge can answer. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <winpr/error.h>

#include "common/text.h"
#include "lib/wtsapi.h"

/* What is made for one call. */
struct query {
    const struct lodge_session *session;
    struct lodge_traffic traffic; /* where the row asks for it */
    bool wide;
    void *data; /* the caller's to free; NULL without memory */
    size_t size;
    DWORD error; /* why there is no data */
};

static void give(struct query *query, const void *data, size_t size)
{
    query->data = malloc(size);
    query->size = size;
    if (query->data != NULL)
        memcpy(query->data, data, size);
}

static void give_text(struct query *query, const char *text)
{
    size_t room = wtsapi_text_room(text, query->wide);
    char *at = query->data = calloc(1, room);
    query->size = room;
    if (at == NULL)
        return;
    wtsapi_text_put(&at, text, query->wide);
    for (size_t units = 0; query->wide; units++) { /* without what UTF-16 did not need */
        if (((WCHAR *)query->data)[units] == 0) {
            query->size = (units + 1) * sizeof(WCHAR);
            break;
        }
    }
}

static void give_number(struct query *query, ULONG number)
{
    give(query, &number, sizeof(number));
}

static void give_nothing(struct query *query)
{
    give_text(query, "");
}

static void give_id(struct query *query)
{
    give_number(query, query->session->id);
}

static void give_user(struct query *query)
{
    give_text(query, query->session->user);
}

static void give_station(struct query *query)
{
    char room[WTSAPI_TEXT_MAX];
    give_text(query, wtsapi_station(query->session, room));
}

static void give_state(struct query *query)
{
    WTS_CONNECTSTATE_CLASS state = (WTS_CONNECTSTATE_CLASS)query->session->state;
    give(query, &state, sizeof(state));
}

static void give_client_name(struct query *query)
{
    give_text(query, query->session->client->name);
}

static void give_build(struct query *query)
{
    give_number(query, query->session->client->build);
}

static void give_protocol(struct query *query)
{
    USHORT protocol = WTS_PROTOCOL_TYPE_RDP;
    give(query, &protocol, sizeof(protocol));
}

/* In milliseconds. */
static void give_idle(struct query *query)
{
    const struct lodge_session *session = query->session;
    uint64_t idle = session->now_ms > session->input_ms ? session->now_ms - session->input_ms : 0;
    if (session->input_ms != 0)
        give_number(query, wtsapi_dword(idle));
    else
        query->error = ERROR_NOT_SUPPORTED;
}

static void give_received(struct query *query)
{
    give_number(query, wtsapi_dword(query->traffic.received));
}

static void give_sent(struct query *query)
{
    give_number(query, wtsapi_dword(query->traffic.sent));
}

static void give_frames(struct query *query)
{
    give_number(query, wtsapi_dword(query->traffic.frames));
}

static void give_logon(struct query *query)
{
    LARGE_INTEGER logon = wtsapi_time(query->session->logon_ms);
    give(query, &logon, sizeof(logon));
}

static void give_remote(struct query *query)
{
    BOOL remote = TRUE; /* as all are: the machine's own screen is none of Lodge's sessions */
    give(query, &remote, sizeof(remote));
}

int wtsapi_address(const char *text, unsigned char *bytes)
{
    char address[INET6_ADDRSTRLEN + 2];
    const char *colon = strrchr(text, ':');
    size_t size = colon != NULL ? (size_t)(colon - text) : 0;
    if (size > 2 && text[0] == '[' && text[size - 1] == ']') {
        text++;
        size -= 2;
    }
    if (size == 0 || size >= sizeof(address))
        return AF_UNSPEC;
    memcpy(address, text, size);
    address[size] = '\0';
    if (inet_pton(AF_INET, address, bytes) == 1)
        return AF_INET;
    return inet_pton(AF_INET6, address, bytes) == 1 ? AF_INET6 : AF_UNSPEC;
}

static void give_address(struct query *query)
{
    unsigned char bytes[16];
    WTS_CLIENT_ADDRESS address = {0};
    int family = wtsapi_address(query->session->client->address, bytes);
    address.AddressFamily = (DWORD)family;
    if (family == AF_INET)
        memcpy(address.Address + 2, bytes, 4); /* where Windows has it */
    else if (family == AF_INET6)
        memcpy(address.Address, bytes, 16);
    give(query, &address, sizeof(address));
}

static void give_display(struct query *query)
{
    const struct lodge_client *client = query->session->client;
    WTS_CLIENT_DISPLAY display = {.HorizontalResolution = client->width,
                                  .VerticalResolution = client->height};
    give(query, &display, sizeof(display));
}

static void give_info(struct query *query)
{
    query->size = wtsapi_info(query->session, &query->traffic, query->wide, &query->data);
}

static void give_info_ex(struct query *query)
{
    query->size = wtsapi_info_ex(query->session, &query->traffic, query->wide, &query->data);
}

static void give_client(struct query *query)
{
    query->size = wtsapi_client(query->session, query->wide, &query->data);
}

#define CLASS_COUNT (WTSIsRemoteSession + 1)
/* Empty: what Lodge does not know, or Windows does not answer either. */
static void (*const rows[CLASS_COUNT])(struct query *) = {
    [WTSInitialProgram] = give_nothing, /* a session has a desktop, and no program instead of it */
    [WTSApplicationName] = give_nothing,
    [WTSWorkingDirectory] = give_nothing,
    [WTSSessionId] = give_id,
    [WTSUserName] = give_user,
    [WTSWinStationName] = give_station,
    [WTSDomainName] = give_nothing, /* accounts are in no domain */
    [WTSConnectState] = give_state,
    [WTSClientBuildNumber] = give_build,
    [WTSClientName] = give_client_name,
    [WTSClientAddress] = give_address,
    [WTSClientDisplay] = give_display,
    [WTSClientProtocolType] = give_protocol,
    [WTSIdleTime] = give_idle,
    [WTSLogonTime] = give_logon,
    [WTSIncomingBytes] = give_received,
    [WTSOutgoingBytes] = give_sent,
    [WTSOutgoingFrames] = give_frames,
    [WTSClientInfo] = give_client,
    [WTSSessionInfo] = give_info,
    [WTSSessionInfoEx] = give_info_ex,
    [WTSIsRemoteSession] = give_remote,
};

/* Whether a row tells of the traffic, which is asked for apart. */
static bool tells_traffic(WTS_INFO_CLASS class)
{
    return class == WTSIncomingBytes || class == WTSOutgoingBytes || class == WTSOutgoingFrames ||
           class == WTSSessionInfo || class == WTSSessionInfoEx;
}

/* All 0 without a client. Returns as liblodge. */
static int fetch_traffic(struct lodge *lodge, uint32_t id, struct lodge_traffic *traffic)
{
    struct lodge_usage *usage;
    int code = lodge_usage(lodge, id, 0, 0, &usage, NULL);
    if (code != 0)
        return code;
    if (usage->count > 0 && usage->use[0]->traffic != NULL)
        *traffic = *usage->use[0]->traffic;
    lodge_usage_free(usage);
    return 0;
}

/* The caller's to free; NULL with the error set. */
static struct lodge_session *fetch(HANDLE server, DWORD which, WTS_INFO_CLASS class,
                                   struct lodge_traffic *traffic)
{
    struct lodge_session *session = NULL;
    uint32_t id;
    if (!wtsapi_session_id(which, &id))
        return NULL;
    struct lodge *lodge = wtsapi_connect(server);
    if (lodge == NULL)
        return NULL;
    int code = lodge_show(lodge, id, &session, NULL);
    if (code == 0 && tells_traffic(class))
        code = fetch_traffic(lodge, id, traffic);
    if (code > 0 && session != NULL && (class == WTSSessionInfo || class == WTSSessionInfoEx))
        code = 0; /* the rest of it is known */
    lodge_close(lodge);
    if (!wtsapi_result(code)) {
        lodge_session_free(session);
        return NULL;
    }
    return session;
}

/* NULL with the error set. */
static void *ask(HANDLE server, DWORD which, WTS_INFO_CLASS class, bool wide, DWORD *size_r)
{
    struct query query = {.wide = wide, .error = ERROR_NOT_ENOUGH_MEMORY};
    if ((unsigned)class >= CLASS_COUNT || size_r == NULL) {
        wtsapi_fail(ERROR_INVALID_PARAMETER);
        return NULL;
    }
    if (rows[class] == NULL) {
        wtsapi_fail(ERROR_NOT_SUPPORTED);
        return NULL;
    }
    struct lodge_session *session = fetch(server, which, class, &query.traffic);
    if (session == NULL)
        return NULL;
    query.session = session;
    rows[class](&query);
    lodge_session_free(session);
    if (query.data != NULL)
        *size_r = (DWORD)query.size;
    else
        wtsapi_fail(query.error);
    return query.data;
}

BOOL WINAPI wtsapi_query_a(HANDLE server, DWORD session, WTS_INFO_CLASS class, LPSTR *buffer_r, DWORD *size_r)
{
    void *data = buffer_r != NULL ? ask(server, session, class, false, size_r) : NULL;
    if (buffer_r == NULL)
        return wtsapi_fail(ERROR_INVALID_PARAMETER);
    if (data != NULL)
        *buffer_r = data;
    return data != NULL;
}

BOOL WINAPI wtsapi_query_w(HANDLE server, DWORD session, WTS_INFO_CLASS class, LPWSTR *buffer_r,
                           DWORD *size_r)
{
    void *data = buffer_r != NULL ? ask(server, session, class, true, size_r) : NULL;
    if (buffer_r == NULL)
        return wtsapi_fail(ERROR_INVALID_PARAMETER);
    if (data != NULL)
        *buffer_r = data;
    return data != NULL;
}
