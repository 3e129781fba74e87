/* The table of methods: every method of lsm.proto has its row, and every method is called as every role. */
#include <grp.h>
#include <unistd.h>

#include "broker/harness.h"
#include "broker/methods.h"

static struct harness harness;

static void every_method_has_its_row(void)
{
    const ProtobufCMessageDescriptor *type = &lodge__lsm__request__descriptor;
    size_t found = 0;
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0)
            continue;
        CHECK(field->id < method_count && methods[field->id].call != NULL && methods[field->id].roles != 0);
        CHECK_TEXT(methods[field->id].name, field->name);
        found++;
    }
    size_t rows = 0;
    for (size_t i = 0; i < method_count; i++)
        rows += methods[i].call != NULL;
    CHECK(rows == found);
}

/* Who may call what, a second time and by hand: so a changed table has to be meant. */
static const struct {
    Lodge__Lsm__Request__MethodCase method;
    bool admin, member, front, user;
    enum reason reason; /* the answer to one who may, with all fields empty */
} rows[] = {
    {LODGE__LSM__REQUEST__METHOD_PING, true, true, true, true, REASON_NONE},
    {LODGE__LSM__REQUEST__METHOD_VERSION, true, true, true, true, REASON_NONE},
    {LODGE__LSM__REQUEST__METHOD_LOGON, false, false, true, false, REASON_BAD_REQUEST},
    {LODGE__LSM__REQUEST__METHOD_TAKE_OVER, false, false, true, false, REASON_WRONG_STATE},
    {LODGE__LSM__REQUEST__METHOD_ATTACH, false, false, true, false, REASON_NO_SESSION},
    {LODGE__LSM__REQUEST__METHOD_ANNOUNCE, false, false, true, false, REASON_BAD_REQUEST},
    {LODGE__LSM__REQUEST__METHOD_CLIENT, false, false, true, false, REASON_WRONG_STATE},
    {LODGE__LSM__REQUEST__METHOD_LIST, true, true, false, true, REASON_NONE},
    {LODGE__LSM__REQUEST__METHOD_SHOW, true, true, false, true, REASON_NO_SESSION},
    {LODGE__LSM__REQUEST__METHOD_DISCONNECT, true, true, false, true, REASON_NO_SESSION},
    {LODGE__LSM__REQUEST__METHOD_LOGOFF, true, true, false, true, REASON_NO_SESSION},
    {LODGE__LSM__REQUEST__METHOD_EVENTS, true, true, false, false, REASON_NONE},
    {LODGE__LSM__REQUEST__METHOD_DRAIN, true, true, false, false, REASON_NONE},
    {LODGE__LSM__REQUEST__METHOD_RELOAD, true, true, false, false, REASON_NONE},
    {LODGE__LSM__REQUEST__METHOD_POLICY_TEST, true, true, false, false, REASON_BAD_REQUEST},
    {LODGE__LSM__REQUEST__METHOD_POLICY_USER, true, true, false, false, REASON_BAD_REQUEST},
    {LODGE__LSM__REQUEST__METHOD_POLICY, true, true, false, false, REASON_NONE},
    {LODGE__LSM__REQUEST__METHOD_SUBSCRIBE, true, true, false, true, REASON_NONE},
    {LODGE__LSM__REQUEST__METHOD_WAIT, true, true, false, true, REASON_BAD_REQUEST},
    {LODGE__LSM__REQUEST__METHOD_MESSAGE, true, true, false, true, REASON_NO_SESSION},
    {LODGE__LSM__REQUEST__METHOD_RESET, true, true, false, true, REASON_NO_SESSION},
    {LODGE__LSM__REQUEST__METHOD_HEALTH, true, true, false, false, REASON_NONE},
    {LODGE__LSM__REQUEST__METHOD_COUNTERS, true, true, false, false, REASON_NONE},
    {LODGE__LSM__REQUEST__METHOD_LISTENERS, true, true, false, false, REASON_NONE},
    {LODGE__LSM__REQUEST__METHOD_LISTENER_STOP, true, true, false, false, REASON_BAD_REQUEST},
    {LODGE__LSM__REQUEST__METHOD_LISTENER_START, true, true, false, false, REASON_BAD_REQUEST},
    {LODGE__LSM__REQUEST__METHOD_SHUTDOWN_ABORT, true, true, false, false, REASON_WRONG_STATE},
    {LODGE__LSM__REQUEST__METHOD_UPGRADE, true, true, false, false, REASON_UPGRADE_REFUSED},
    {LODGE__LSM__REQUEST__METHOD_SHUTDOWN_STATUS, true, true, false, false, REASON_NONE},
    {LODGE__LSM__REQUEST__METHOD_SHUTDOWN, true, true, false, false, REASON_BAD_REQUEST},
    {LODGE__LSM__REQUEST__METHOD_PROCESSES, true, true, false, true, REASON_NO_SESSION},
    {LODGE__LSM__REQUEST__METHOD_TERMINATE, true, true, false, true, REASON_NO_SESSION},
    {LODGE__LSM__REQUEST__METHOD_LOAD_SUBSYSTEM, true, true, false, false, REASON_NO_SUBSYSTEM},
    {LODGE__LSM__REQUEST__METHOD_USAGE, true, true, false, true, REASON_NONE},
    {LODGE__LSM__REQUEST__METHOD_LOCK, true, true, false, true, REASON_NO_SESSION},
    {LODGE__LSM__REQUEST__METHOD_CONNECT, true, true, false, true, REASON_NO_SESSION},
    {LODGE__LSM__REQUEST__METHOD_ENVIRONMENT, true, true, false, true, REASON_NO_SESSION},
    {LODGE__LSM__REQUEST__METHOD_TRAFFIC, false, false, true, false, REASON_WRONG_STATE},
    {LODGE__LSM__REQUEST__METHOD_LICENCE_POOL, true, true, false, false, REASON_NONE},
    {LODGE__LSM__REQUEST__METHOD_LICENCE_LIST, true, true, false, false, REASON_NONE},
    {LODGE__LSM__REQUEST__METHOD_LICENCE_ISSUE, true, true, false, false, REASON_WRONG_STATE},
    {LODGE__LSM__REQUEST__METHOD_LICENCE_REVOKE, true, true, false, false, REASON_WRONG_STATE},
    {LODGE__LSM__REQUEST__METHOD_LICENCE_REPORT, true, true, false, false, REASON_NONE},
    {LODGE__LSM__REQUEST__METHOD_CREATE, true, true, false, false, REASON_WRONG_STATE},
    {LODGE__LSM__REQUEST__METHOD_SHADOW, true, true, false, false, REASON_NO_SESSION},
    {LODGE__LSM__REQUEST__METHOD_SHADOW_STOP, true, true, false, true, REASON_NO_SESSION},
    {LODGE__LSM__REQUEST__METHOD_SHADOW_CHANNEL, false, false, true, false, REASON_WRONG_STATE},
};

static void check_call(size_t row, int fd, bool allowed)
{
    union {
        Lodge__Lsm__Nothing nothing;
        Lodge__Lsm__LogonRequest logon;
        Lodge__Lsm__AttachRequest attach;
        Lodge__Lsm__TakeOverRequest take_over;
        Lodge__Lsm__AnnounceRequest announce;
        Lodge__Lsm__ClientRequest client;
        Lodge__Lsm__ListRequest list;
        Lodge__Lsm__SessionRequest session;
        Lodge__Lsm__EventsRequest events;
        Lodge__Lsm__DrainRequest drain;
        Lodge__Lsm__PolicyTestRequest policy_test;
        Lodge__Lsm__PolicyUserRequest policy_user;
        Lodge__Lsm__WaitRequest wait;
        Lodge__Lsm__MessageRequest message;
        Lodge__Lsm__ListenerRequest listener;
        Lodge__Lsm__ShutdownRequest shutdown;
        Lodge__Lsm__ShutdownStatusRequest shutdown_status;
        Lodge__Lsm__ProcessesRequest processes;
        Lodge__Lsm__TerminateRequest terminate;
        Lodge__Lsm__LoadSubsystemRequest load_subsystem;
        Lodge__Lsm__ConnectRequest connect;
        Lodge__Lsm__UsageRequest usage;
        Lodge__Lsm__Traffic traffic;
        Lodge__Lsm__LicenceListRequest licence_list;
        Lodge__Lsm__LicenceRequest licence;
        Lodge__Lsm__LicenceReportRequest licence_report;
        Lodge__Lsm__CreateRequest create;
        Lodge__Lsm__ShadowRequest shadow;
        Lodge__Lsm__ShadowChannelRequest shadow_channel;
    } body;
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(&lodge__lsm__request__descriptor, (unsigned)rows[row].method);
    protobuf_c_message_init(field->descriptor, &body);
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = rows[row].method;
    request.ping = &body.nothing;
    bool with_descriptor = allowed && methods[rows[row].method].with_descriptor;
    uint64_t serial = lsm_ask(&harness, fd, &request, with_descriptor ? STDIN_FILENO : -1);
    if (allowed && rows[row].method == LODGE__LSM__REQUEST__METHOD_UPGRADE) {
        union sm_body asked;
        sm_expect(&harness, SM_UPGRADE, &asked, NULL);
        sm_tell(&harness, SM_UPGRADE_BEGUN, &(struct sm_upgrade_begun){.reason = REASON_UPGRADE_REFUSED});
    }
    enum reason reason = lsm_expect_reason(fd, serial);
    if (reason != (allowed ? rows[row].reason : REASON_FORBIDDEN)) {
        fprintf(stderr, "%s: %s\n", field->name, reason_name(reason));
        exit(1);
    }
}

static void every_method_as_every_role(gid_t admins)
{
    CHECK(sizeof(rows) / sizeof(rows[0]) == lodge__lsm__request__descriptor.n_fields - 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int admin = lsm_connect_as(&harness, 0), front = lsm_connect_front(&harness);
        int member = lsm_connect_member(&harness, 5200, admins), user = lsm_connect_as(&harness, 5200);
        check_call(i, admin, rows[i].admin);
        check_call(i, member, rows[i].member);
        check_call(i, front, rows[i].front);
        check_call(i, user, rows[i].user);
        close(admin), close(front), close(member), close(user);
    }
}

/* Lists all that `fd` may see in pages; returns how many, and checks the order. */
static size_t count_listed(int fd, uint32_t limit, uint32_t uid)
{
    uint32_t after = 0;
    size_t count = 0;
    for (bool more = true; more;) {
        Lodge__Lsm__ListRequest list = LODGE__LSM__LIST_REQUEST__INIT;
        list.after = after;
        list.limit = limit;
        Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
        request.method_case = LODGE__LSM__REQUEST__METHOD_LIST;
        request.list = &list;
        Lodge__Lsm__Answer *answer = lsm_expect(fd, lsm_ask(&harness, fd, &request, -1), NULL);
        CHECK(answer->reason == REASON_NONE && (limit == 0 || answer->sessions->n_session <= limit));
        for (size_t i = 0; i < answer->sessions->n_session; i++) {
            const Lodge__Lsm__Session *session = answer->sessions->session[i];
            CHECK(session->id > after && (uid == 0 || session->uid == uid));
            after = session->id;
            count++;
        }
        more = answer->sessions->more;
        CHECK(!more || answer->sessions->n_session > 0);
        lodge__lsm__answer__free_unpacked(answer, NULL);
    }
    return count;
}

static void lists_come_in_pages_and_show_ones_own(void)
{
    static char name[SM_USER_ROOM];
    memset(name, 'x', sizeof(name) - 1);
    for (uint16_t i = 0; i < 300; i++)
        sm_tell_state(&harness, (uint16_t)(1 + i * 200), SM_SESSION_UP, 1000u + i, 5300 + i % 3u, name);
    sm_tell_state(&harness, 65535, SM_SESSION_UP, 7, 5300, name);
    lsm_await_state(&harness, 65535, LODGE__LSM__STATE__DISCONNECTED);
    int admin = lsm_connect_as(&harness, 0), own = lsm_connect_as(&harness, 5300);
    int none = lsm_connect_as(&harness, 5299);
    CHECK(count_listed(admin, 0, 0) == 301);
    CHECK(count_listed(admin, 7, 0) == 301);
    CHECK(count_listed(own, 10, 5300) == 101);
    CHECK(count_listed(none, 0, 0) == 0);
    close(admin), close(own), close(none);
}

int main(void)
{
    every_method_has_its_row();
    char more[64] = "";
    const struct group *group = getgrnam("games");
    CHECK(group != NULL);
    gid_t admins = group->gr_gid;
    snprintf(more, sizeof(more), "[Server]\nAdminGroup = games");
    harness_begin_with_broker(&harness, more);
    every_method_as_every_role(admins);
    lists_come_in_pages_and_show_ones_own();
    harness_end(&harness);
    return 0;
}
