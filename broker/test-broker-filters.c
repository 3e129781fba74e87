/* Lists by what the client runs on, by group and by age; and the notices of limits and licences. */
#include <unistd.h>

#include "broker/harness.h"
#include "common/clock.h"

#define GAMES 5 /* Debian's user games, of the group games */

static struct harness harness;

struct asked {
    const char *platform, *group;
    uint32_t logged_on_s, connected_s, disconnected_s, idle_s;
};

/* The ids that are listed, as bits; REASON_BAD_REQUEST in *reason_r. */
static unsigned listed(int fd, const struct asked *asked, enum reason *reason_r)
{
    Lodge__Lsm__ListRequest list = LODGE__LSM__LIST_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    unsigned ids = 0;
    if (asked->platform != NULL)
        list.platform = (char *)asked->platform;
    if (asked->group != NULL)
        list.group = (char *)asked->group;
    list.logged_on_s = asked->logged_on_s;
    list.connected_s = asked->connected_s;
    list.disconnected_s = asked->disconnected_s;
    list.idle_s = asked->idle_s;
    request.method_case = LODGE__LSM__REQUEST__METHOD_LIST;
    request.list = &list;
    Lodge__Lsm__Answer *answer = lsm_expect(fd, lsm_ask(&harness, fd, &request, -1), NULL);
    *reason_r = (enum reason)answer->reason;
    for (size_t i = 0; answer->reason == 0 && i < answer->sessions->n_session; i++)
        ids |= 1u << answer->sessions->session[i]->id;
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return ids;
}

static void expect(int fd, struct asked asked, unsigned ids)
{
    enum reason reason;
    CHECK(listed(fd, &asked, &reason) == ids && reason == REASON_NONE);
}

/* Asks until it is so: ages, and the groups that the user database tells, come with time. */
static void await(int fd, struct asked asked, unsigned ids)
{
    enum reason reason;
    while (listed(fd, &asked, &reason) != ids)
        CHECK(reason == REASON_NONE);
}

static void tell_platform(int worker, const char *platform)
{
    Lodge__Lsm__Client client = LODGE__LSM__CLIENT__INIT;
    Lodge__Lsm__ClientRequest body = LODGE__LSM__CLIENT_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    client.name = (char *)"PC";
    client.address = (char *)"10.0.0.7:50001";
    client.platform = (char *)platform;
    body.client = &client;
    request.method_case = LODGE__LSM__REQUEST__METHOD_CLIENT;
    request.client = &body;
    CHECK(lsm_expect_reason(worker, lsm_ask(&harness, worker, &request, -1)) == REASON_NONE);
}

static void filters(int admin, int worker, struct agent *agent)
{
    enum reason reason;
    tell_platform(worker, "android");
    expect(admin, (struct asked){.platform = "Android"}, 1u << 1);
    expect(admin, (struct asked){.platform = "windows"}, 0);
    await(admin, (struct asked){.group = "games"}, 1u << 1);
    expect(admin, (struct asked){.group = "games", .platform = "windows"}, 0);
    CHECK(listed(admin, &(struct asked){.group = "root"}, &reason) == 0 && reason == REASON_BAD_REQUEST);
    expect(admin, (struct asked){.logged_on_s = 1000000}, 0);
    await(admin, (struct asked){.logged_on_s = 1}, 1u << 1 | 1u << 2);
    expect(admin, (struct asked){.connected_s = 1000000}, 0);
    await(admin, (struct asked){.connected_s = 1}, 1u << 1);
    await(admin, (struct asked){.idle_s = 1}, 1u << 1);
    agent_tell(agent, WINSTATION_INPUT, &(struct winstation_input){(uint64_t)clock_monotonic_ms()});
    await(admin, (struct asked){.idle_s = 1}, 0);
    await(admin, (struct asked){.idle_s = 1}, 1u << 1);
    expect(admin, (struct asked){.disconnected_s = UINT32_MAX}, 0);
}

static int subscribe(void)
{
    int fd = lsm_connect_as(&harness, 0);
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_SUBSCRIBE;
    request.subscribe = &nothing;
    lodge__lsm__answer__free_unpacked(lsm_expect(fd, lsm_ask(&harness, fd, &request, -1), NULL), NULL);
    return fd;
}

/* Reads notices until there is one of this kind; others may come before it. */
static void await_notice(int fd, Lodge__Lsm__NoticeKind kind, uint16_t session, enum reason reason,
                         const char *detail)
{
    for (bool found = false; !found;) {
        Lodge__Lsm__Answer *answer = lsm_expect(fd, harness.serial, NULL);
        for (size_t i = 0; i < answer->notices->n_notice && !found; i++) {
            const Lodge__Lsm__Notice *notice = answer->notices->notice[i];
            found = notice->kind == kind && notice->session == session;
            if (found) {
                CHECK_TEXT(notice->reason, reason_name(reason));
                CHECK(strstr(notice->detail, detail) != NULL);
            }
        }
        lodge__lsm__answer__free_unpacked(answer, NULL);
    }
}

static void limits_and_licences_are_told(int worker)
{
    Lodge__Lsm__LicenceRequest licence = LODGE__LSM__LICENCE_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    int admin = lsm_connect_as(&harness, 0);
    licence.holder = (char *)"anna";
    request.method_case = LODGE__LSM__REQUEST__METHOD_LICENCE_ISSUE;
    request.licence_issue = &licence;
    uint64_t serial = lsm_ask(&harness, admin, &request, -1);
    CHECK(lsm_expect_reason(admin, serial) == REASON_NONE);
    int watcher = subscribe();
    uint64_t subscription = harness.serial;
    licence.holder = (char *)"bert";
    serial = lsm_ask(&harness, admin, &request, -1);
    CHECK(lsm_expect_reason(admin, serial) == REASON_NONE);
    harness.serial = subscription;
    await_notice(watcher, LODGE__LSM__NOTICE_KIND__NOTICE_LICENCE, 0, REASON_NONE, "for bert");
    close(worker);
    await_notice(watcher, LODGE__LSM__NOTICE_KIND__NOTICE_LIMIT, 1, REASON_DISCONNECTED_LIMIT, "");
    close(watcher), close(admin);
}

int main(void)
{
    struct agent agent;
    struct attached attached;
    harness_begin_with_broker(&harness, "MaxDisconnectedSeconds = 1\n[Group games]\nMaxSessionsPerUser = 3\n"
                                        "[Licences]\nMode = per-user\nPoolSize = 5");
    int worker = lsm_connect_front(&harness), admin = lsm_connect_as(&harness, 0);
    harness_log_on_as(&harness, worker, GAMES, "games", 1, &agent, &attached);
    sm_tell_state(&harness, 2, SM_SESSION_STARTING, 9, 5002, "another");
    lsm_await_state(&harness, 2, LODGE__LSM__STATE__INIT);
    filters(admin, worker, &agent);
    limits_and_licences_are_told(worker);
    close(admin), close(attached.channel);
    agent_end(&harness, &agent);
    harness_end(&harness);
    return 0;
}
