/* Licences through the real broker: seats, users and devices, what a kill leaves, and what administrators do.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "broker/harness.h"
#include "common/clock.h"
#include "common/packet.h"

static struct harness harness;

struct place {
    int fd;
    struct agent agent;
    struct attached attached;
    uint64_t logon;
};

/* A logon up to the broker's decision; the device is a NAME, or a NAME/IDENTIFIER. Returns the serial of its
 * request. */
static uint64_t come(int fd, uid_t uid, const char *user, const char *device, uint64_t *logon_r)
{
    union sm_body sm;
    char name[64];
    const char *slash = strchr(device, '/');
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(device, "/"), device);
    uint64_t serial = lsm_ask_logon_from(&harness, fd, name, slash != NULL ? slash + 1 : "");
    sm_expect(&harness, SM_LOGON_START, &sm, NULL);
    *logon_r = sm.logon_start.logon;
    sm_tell_result(&harness, *logon_r, REASON_NONE, uid, user);
    return serial;
}

static void come_in(struct place *place, uint16_t id, uid_t uid, const char *user, const char *device)
{
    union sm_body sm;
    union winstation_body winstation;
    place->fd = lsm_connect_front(&harness);
    uint64_t serial = come(place->fd, uid, user, device, &place->logon);
    sm_expect(&harness, SM_LOGON_ADMIT, &sm, NULL);
    CHECK(sm.logon_admit.logon == place->logon);
    agent_listen(&harness, &place->agent, id);
    sm_tell_state(&harness, id, SM_SESSION_STARTING, place->logon, uid, user);
    lsm_expect_attached(place->fd, serial, &place->attached);
    close_descriptor(&place->attached.channel);
    agent_accept(&place->agent);
    agent_tell_synced(&place->agent);
    agent_expect(&place->agent, WINSTATION_ATTACH, &winstation, NULL);
    sm_tell_state(&harness, id, SM_SESSION_UP, place->logon, uid, user);
    lsm_await_state(&harness, id, LODGE__LSM__STATE__ACTIVE);
}

static void is_refused(uid_t uid, const char *user, const char *device)
{
    union sm_body sm;
    uint64_t logon;
    int fd = lsm_connect_front(&harness);
    uint64_t serial = come(fd, uid, user, device, &logon);
    CHECK(lsm_expect_reason(fd, serial) == REASON_NO_LICENCE);
    sm_expect(&harness, SM_LOGON_DROP, &sm, NULL);
    CHECK(sm.logon_drop.logon == logon && sm.logon_drop.reason == REASON_NO_LICENCE);
    close(fd);
    lsm_await_event(&harness, 1000, 0);
}

static void leave(struct place *place)
{
    uint16_t id = place->attached.session;
    close(place->fd);
    lsm_await_state(&harness, id, LODGE__LSM__STATE__DISCONNECTED);
}

static void end(struct place *place)
{
    uint16_t id = place->attached.session;
    sm_tell_ended(&harness, id, place->logon, REASON_LOGOFF, "");
    lsm_await_state(&harness, id, SESSION_NONE);
    agent_end(&harness, &place->agent);
    close_descriptor(&place->fd);
}

/* The broker is killed, and its successor told of the session of `place`, with its agent. */
static void restart(struct place *place, uid_t uid, const char *user)
{
    harness_kill_broker(&harness);
    harness_start_broker(&harness);
    if (place != NULL)
        sm_tell_state(&harness, place->attached.session, SM_SESSION_UP, place->logon, uid, user);
    sm_tell_synced(&harness);
}

/* Asks as an administrator; the answer is the caller's to free. */
static Lodge__Lsm__Answer *ask(Lodge__Lsm__Request *request)
{
    int fd = lsm_connect_as(&harness, 0);
    Lodge__Lsm__Answer *answer = lsm_expect(fd, lsm_ask(&harness, fd, request, -1), NULL);
    close(fd);
    return answer;
}

static void pool_is(unsigned in_use, unsigned temporary, unsigned revoked)
{
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_LICENCE_POOL;
    request.licence_pool = &nothing;
    Lodge__Lsm__Answer *answer = ask(&request);
    int64_t deadline = clock_monotonic_ms() + HARNESS_PATIENCE_MS;
    while (!answer->licence_pool->available) { /* a new broker reads the books first */
        CHECK(clock_monotonic_ms() < deadline);
        lodge__lsm__answer__free_unpacked(answer, NULL);
        answer = ask(&request);
    }
    const Lodge__Lsm__LicencePool *pool = answer->licence_pool;
    if (pool->in_use != in_use || pool->temporary != temporary || pool->revoked != revoked)
        fprintf(stderr, "in use %u, temporary %u, revoked %u\n", pool->in_use, pool->temporary,
                pool->revoked);
    CHECK(pool->in_use == in_use && pool->temporary == temporary && pool->revoked == revoked);
    CHECK(!pool->in_grace);
    lodge__lsm__answer__free_unpacked(answer, NULL);
}

static enum reason change(Lodge__Lsm__Request__MethodCase method, const char *holder)
{
    Lodge__Lsm__LicenceRequest licence = LODGE__LSM__LICENCE_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    licence.holder = (char *)holder;
    request.method_case = method;
    request.licence_issue = &licence;
    Lodge__Lsm__Answer *answer = ask(&request);
    enum reason reason = (enum reason)answer->reason;
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return reason;
}

/* The `which`th licence of the list is this. */
static void listed(size_t which, const char *holder, const char *kind, const char *state, unsigned sessions)
{
    Lodge__Lsm__LicenceListRequest list = LODGE__LSM__LICENCE_LIST_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_LICENCE_LIST;
    request.licence_list = &list;
    list.limit = 1;
    for (size_t i = 0;; i++) {
        Lodge__Lsm__Answer *answer = ask(&request);
        CHECK(answer->reason == REASON_NONE && answer->licences->n_licence == 1);
        const Lodge__Lsm__Licence *licence = answer->licences->licence[0];
        list.after = licence->serial;
        if (i == which) {
            CHECK_TEXT(licence->holder, holder);
            CHECK_TEXT(licence->kind, kind);
            CHECK_TEXT(licence->state, state);
            CHECK(licence->sessions == sessions);
        }
        CHECK(i >= which || answer->licences->more);
        lodge__lsm__answer__free_unpacked(answer, NULL);
        if (i >= which)
            return;
    }
}

static void seats(void)
{
    static struct place anna, bert;
    harness_begin_with_broker(&harness, "[Licences]\nMode = concurrent\nPoolSize = 1\nGraceDays = 0");
    come_in(&anna, 3, 5001, "anna", "pc1");
    is_refused(5002, "bert", "pc2");
    leave(&anna);
    pool_is(1, 0, 0);
    listed(0, "anna", "seat", "valid", 1);
    is_refused(5002, "bert", "pc2");
    restart(&anna, 5001, "anna");
    is_refused(5002, "bert", "pc2");
    end(&anna);
    come_in(&bert, 4, 5002, "bert", "pc2");
    end(&bert);
    harness_end(&harness);
}

static void seats_given_back_at_disconnection(void)
{
    static struct place anna, bert;
    harness_begin_with_broker(
        &harness, "[Licences]\nMode = concurrent\nPoolSize = 1\nGraceDays = 0\nReleaseOnDisconnect = 1");
    come_in(&anna, 3, 5001, "anna", "pc1");
    is_refused(5002, "bert", "pc2");
    restart(&anna, 5001, "anna");
    is_refused(5002, "bert", "pc2"); /* the agent has not said yet that nobody is there */
    agent_accept(&anna.agent);
    agent_tell_synced(&anna.agent);
    close_descriptor(&anna.fd);
    int64_t deadline = clock_monotonic_ms() + HARNESS_PATIENCE_MS;
    for (bool free = false; !free;) {
        CHECK(clock_monotonic_ms() < deadline);
        union sm_body sm;
        int fd = lsm_connect_front(&harness);
        uint64_t logon, serial = come(fd, 5002, "bert", "pc2", &logon);
        sm_expect_one_of(&harness, SM_LOGON_ADMIT, SM_LOGON_DROP, &sm, &free);
        if (!free) {
            CHECK(lsm_expect_reason(fd, serial) == REASON_NO_LICENCE);
            close(fd);
            continue;
        }
        bert.fd = fd;
        bert.logon = logon;
        agent_listen(&harness, &bert.agent, 4);
        sm_tell_state(&harness, 4, SM_SESSION_STARTING, logon, 5002, "bert");
        lsm_expect_attached(fd, serial, &bert.attached);
        close_descriptor(&bert.attached.channel);
    }
    is_refused(5001, "anna", "pc1"); /* back to a session that has no seat any more */
    end(&bert);
    end(&anna);
    harness_end(&harness);
}

#define ISSUE  LODGE__LSM__REQUEST__METHOD_LICENCE_ISSUE
#define REVOKE LODGE__LSM__REQUEST__METHOD_LICENCE_REVOKE

static void administrators_give_and_take(void)
{
    static struct place anna;
    harness_begin_with_broker(&harness, "[Licences]\nMode = per-user\nPoolSize = 10\nGraceDays = 0");
    come_in(&anna, 3, 5001, "anna", "pc1");
    CHECK(change(ISSUE, "anna") == REASON_WRONG_STATE && change(REVOKE, "anna") == REASON_WRONG_STATE);
    char name[16];
    for (int i = 1; i < 10; i++) {
        snprintf(name, sizeof(name), "user%d", i);
        CHECK(change(ISSUE, name) == REASON_NONE);
    }
    CHECK(change(ISSUE, "user10") == REASON_NO_LICENCE && change(ISSUE, "") == REASON_BAD_REQUEST);
    is_refused(5002, "bert", "pc1");
    CHECK(change(REVOKE, "user1") == REASON_NONE && change(REVOKE, "user1") == REASON_WRONG_STATE);
    CHECK(change(REVOKE, "user2") == REASON_NONE && change(REVOKE, "user3") == REASON_WRONG_STATE);
    pool_is(8, 0, 2);
    restart(&anna, 5001, "anna");
    lsm_await_state(&harness, 3, LODGE__LSM__STATE__DISCONNECTED);
    pool_is(8, 0, 2);
    CHECK(change(REVOKE, "user3") == REASON_WRONG_STATE && change(ISSUE, "user1") == REASON_NONE);
    listed(0, "anna", "permanent", "valid", 1);
    listed(1, "user1", "permanent", "revoked", 0);
    listed(10, "user1", "permanent", "valid", 0);
    end(&anna);
    listed(0, "anna", "permanent", "valid", 0);
    harness_end(&harness);
}

struct days {
    unsigned issued, refused, peak;
};

static struct days days_reported(void)
{
    Lodge__Lsm__LicenceReportRequest report = LODGE__LSM__LICENCE_REPORT_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_LICENCE_REPORT;
    request.licence_report = &report;
    report.days = 2; /* midnight may have been just now */
    Lodge__Lsm__Answer *answer = ask(&request);
    CHECK(answer->reason == REASON_NONE);
    struct days sum = {0};
    for (size_t i = 0; i < answer->licence_report->n_day; i++) {
        const Lodge__Lsm__LicenceDay *day = answer->licence_report->day[i];
        sum.issued += day->issued;
        sum.refused += day->refused;
        sum.peak = day->peak > sum.peak ? day->peak : sum.peak;
        CHECK(day->pool == 2 && day->warned == 0);
    }
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return sum;
}

/* Refusals are counted without anybody waiting for the disk: a kill right behind one may lose it. */
static void await_refusals(unsigned count)
{
    int64_t deadline = clock_monotonic_ms() + HARNESS_PATIENCE_MS;
    while (days_reported().refused < count)
        CHECK(clock_monotonic_ms() < deadline);
}

static void users(void)
{
    static struct place anna, bert;
    harness_begin_with_broker(&harness, "[Licences]\nMode = per-user\nPoolSize = 2\nGraceDays = 0");
    come_in(&anna, 3, 5001, "anna", "pc1");
    come_in(&bert, 4, 5002, "bert", "pc1");
    is_refused(5003, "carl", "pc1");
    end(&bert); /* the licence stays bert's */
    await_refusals(1);
    restart(&anna, 5001, "anna");
    is_refused(5003, "carl", "pc1");
    end(&anna);
    come_in(&bert, 5, 5002, "bert", "pc9");
    come_in(&anna, 6, 5001, "anna", "pc9");
    is_refused(5003, "carl", "pc1");
    end(&bert);
    end(&anna);
    await_refusals(3);
    struct days days = days_reported();
    CHECK(days.issued == 2 && days.refused == 3 && days.peak == 2);
    harness_end(&harness);
}

static void devices(void)
{
    static struct place place;
    harness_begin_with_broker(&harness, "[Licences]\nMode = per-device\nPoolSize = 1\nGraceDays = 0");
    /* the first time each gets a temporary one, the second time pc1 the only permanent one */
    for (uint16_t i = 0; i < 4; i++) {
        come_in(&place, (uint16_t)(3 + i), 5001, "anna", i % 2 == 0 ? "PC1" : "pc2");
        end(&place);
        lsm_await_event(&harness, 1030, 0);
    }
    restart(NULL, 0, NULL);
    lsm_await_event(&harness, 1030, 0);
    come_in(&place, 9, 5001, "anna", "pc1");
    pool_is(1, 1, 0);
    listed(0, "pc1", "permanent", "valid", 1);
    listed(1, "pc2", "temporary", "valid", 0);
    end(&place);
    harness_end(&harness);
}

static void devices_with_identifiers(void)
{
    static struct place place;
    /* a name of one's own is no second device, and another's name is not another's device */
    static const char *const come_by[] = {"PC1/00330-AA", "renamed/00330-aa", "PC1/00330-BB", "PC1",
                                          "/00330-AA"};
    harness_begin_with_broker(&harness, "[Licences]\nMode = per-device\nPoolSize = 9\nGraceDays = 0");
    for (uint16_t i = 0; i < 5; i++) {
        come_in(&place, (uint16_t)(3 + i), 5001, "anna", come_by[i]);
        end(&place);
    }
    pool_is(1, 2, 0);
    listed(0, "00330-aa", "permanent", "valid", 0);
    listed(1, "00330-bb", "temporary", "valid", 0);
    listed(2, "pc1", "temporary", "valid", 0);
    harness_end(&harness);
}

static void grace(void)
{
    static struct place anna, bert;
    harness_begin_with_broker(&harness, "[Licences]\nMode = per-user\nPoolSize = 0");
    come_in(&anna, 3, 5001, "anna", "pc1");
    lsm_await_event(&harness, 1032, 0);
    come_in(&bert, 4, 5002, "bert", "pc1");
    end(&anna);
    end(&bert);
    harness_end(&harness);
}

int main(void)
{
    seats();
    seats_given_back_at_disconnection();
    users();
    administrators_give_and_take();
    devices();
    devices_with_identifiers();
    grace();
    return 0;
}
