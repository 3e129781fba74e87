/* Limits that go by groups and addresses, against a real broker and the machine's user database: the users
 * `games` and `daemon`, each in a group of the same name, are in every Debian. */
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "broker/harness.h"
#include "broker/membership.h"

#define ACTIVE LODGE__LSM__STATE__ACTIVE

static struct harness harness;
static union sm_body sm;
static union winstation_body winstation;

/* A logon up to the moment of the decision; returns the serial of the request. */
static uint64_t come(int fd, uid_t uid, const char *user, enum sm_account account, uint64_t *logon_r)
{
    uint64_t serial = lsm_ask_logon(&harness, fd);
    sm_expect(&harness, SM_LOGON_START, &sm, NULL);
    *logon_r = sm.logon_start.logon;
    struct sm_logon_result result = {.logon = *logon_r, .uid = uid, .account = (uint8_t)account};
    snprintf(result.user, sizeof(result.user), "%s", user);
    sm_tell(&harness, SM_LOGON_RESULT, &result);
    return serial;
}

static void refused(uid_t uid, const char *user, enum sm_account account, enum reason reason)
{
    int fd = lsm_connect_front(&harness);
    uint64_t logon, serial = come(fd, uid, user, account, &logon);
    CHECK(lsm_expect_reason(fd, serial) == reason);
    sm_expect(&harness, SM_LOGON_DROP, &sm, NULL);
    CHECK(sm.logon_drop.logon == logon && sm.logon_drop.reason == reason);
    close(fd);
}

/* Admitted; the session is made, without a display, and ends when it is told to. */
static void admitted(uid_t uid, const char *user, enum sm_account account, uint16_t id)
{
    int fd = lsm_connect_front(&harness);
    uint64_t logon;
    come(fd, uid, user, account, &logon);
    sm_expect(&harness, SM_LOGON_ADMIT, &sm, NULL);
    CHECK(sm.logon_admit.logon == logon);
    sm_tell_state(&harness, id, SM_SESSION_UP, logon, uid, user);
    lsm_await_state(&harness, id, LODGE__LSM__STATE__DISCONNECTED);
    close(fd);
}

static void gone(uint16_t id)
{
    sm_tell_ended(&harness, id, 0, REASON_LOGOFF, "");
    lsm_await_state(&harness, id, SESSION_NONE);
}

/* What policy_test says, as "VERDICT REASON", has to be this. */
static void would_be(const char *user, const char *client, const char *want)
{
    int fd = lsm_connect_as(&harness, 0);
    Lodge__Lsm__PolicyTestRequest test = LODGE__LSM__POLICY_TEST_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    char got[64];
    test.user = (char *)user;
    test.client = (char *)client;
    request.method_case = LODGE__LSM__REQUEST__METHOD_POLICY_TEST;
    request.policy_test = &test;
    Lodge__Lsm__Answer *answer = lsm_expect(fd, lsm_ask(&harness, fd, &request, -1), NULL);
    CHECK(answer->reason == REASON_NONE && answer->policy_verdict != NULL);
    snprintf(got, sizeof(got), "%s %s", answer->policy_verdict->verdict,
             reason_name(answer->policy_verdict->reason));
    CHECK_TEXT(got, want);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    close(fd);
}

static void groups_let_in_and_keep_out(void)
{
    harness_begin_with_broker(&harness, "AllowedGroups = daemon, games\nDeniedGroups = daemon");
    admitted(5, "games", SM_ACCOUNT_SYSTEM, 1);
    refused(1, "daemon", SM_ACCOUNT_SYSTEM, REASON_DENIED);
    refused(2, "bin", SM_ACCOUNT_SYSTEM, REASON_DENIED);
    would_be("bin", "", "refuse logon-denied");
    would_be("games", "", "reconnect none");
    refused(5001, "nobody.knows", SM_ACCOUNT_SYSTEM, REASON_DENIED);
    refused(70000, "games", SM_ACCOUNT_LAB, REASON_DENIED); /* its name is not the machine's user's */
    gone(1);
    harness_end(&harness);

    harness_begin_with_broker(&harness, "DeniedGroups = daemon");
    refused(1, "daemon", SM_ACCOUNT_SYSTEM, REASON_DENIED);
    refused(5001, "nobody.knows", SM_ACCOUNT_SYSTEM, REASON_DENIED);
    admitted(5, "games", SM_ACCOUNT_SYSTEM, 1);
    admitted(70000, "daemon", SM_ACCOUNT_LAB, 2);
    gone(1), gone(2);
    harness_end(&harness);
}

static void seats_are_kept(void)
{
    harness_begin_with_broker(&harness, "MaxSessions = 3\nReservedSeats = 2\n[Server]\nAdminGroup = games");
    admitted(1, "daemon", SM_ACCOUNT_SYSTEM, 1);
    refused(2, "bin", SM_ACCOUNT_SYSTEM, REASON_SESSION_LIMIT);
    would_be("bin", "", "refuse session-limit");
    would_be("games", "", "new none");
    would_be("root", "", "new none");
    would_be("daemon", "10.9.9.9", "reconnect none");
    would_be("nobody.knows", "", "refuse session-limit");
    admitted(5, "games", SM_ACCOUNT_SYSTEM, 2);
    admitted(0, "root", SM_ACCOUNT_SYSTEM, 3);
    refused(2, "bin", SM_ACCOUNT_SYSTEM, REASON_SESSION_LIMIT);
    gone(1), gone(2), gone(3);
    admitted(2, "bin", SM_ACCOUNT_SYSTEM, 4);
    gone(4);
    harness_end(&harness);
}

static void an_address_has_its_limit(void)
{
    harness_begin_with_broker(&harness, "MaxSessionsPerAddress = 2");
    admitted(5001, "one", SM_ACCOUNT_SYSTEM, 1);
    admitted(5002, "two", SM_ACCOUNT_SYSTEM, 2);
    refused(5003, "three", SM_ACCOUNT_SYSTEM, REASON_ADDRESS_LIMIT);
    would_be("games", "10.0.0.1:7", "refuse address-limit");
    would_be("games", "10.0.0.2:7", "new none");
    gone(1);
    admitted(5003, "three", SM_ACCOUNT_SYSTEM, 3);
    refused(5001, "one", SM_ACCOUNT_SYSTEM, REASON_ADDRESS_LIMIT);
    gone(2), gone(3);
    admitted(5001, "one", SM_ACCOUNT_SYSTEM, 1);
    gone(1);
    harness_end(&harness);
}

static void nobody_takes_over(void)
{
    struct agent agent;
    struct attached attached;
    harness_begin_with_broker(&harness, "TakeOver = 0");
    int first = lsm_connect_front(&harness);
    harness_log_on(&harness, first, 5001, 1, &agent, &attached);
    refused(5001, "somebody", SM_ACCOUNT_SYSTEM, REASON_ELSEWHERE);
    CHECK(lsm_state_of(&harness, 1) == ACTIVE);

    /* once nobody is connected, it can be had */
    close(first);
    agent_expect(&agent, WINSTATION_DETACH, &winstation, NULL);
    int second = lsm_connect_front(&harness);
    uint64_t logon, serial = come(second, 5001, "somebody", SM_ACCOUNT_SYSTEM, &logon);
    sm_expect(&harness, SM_LOGON_DROP, &sm, NULL);
    agent_expect(&agent, WINSTATION_ATTACH, &winstation, NULL);
    lsm_expect_attached(second, serial, &attached);
    close(second);
    gone(1);
    agent_end(&harness, &agent);
    harness_end(&harness);
}

static uint64_t answer(int fd, bool yes)
{
    Lodge__Lsm__TakeOverRequest take_over = LODGE__LSM__TAKE_OVER_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    take_over.yes = yes;
    request.method_case = LODGE__LSM__REQUEST__METHOD_TAKE_OVER;
    request.take_over = &take_over;
    return lsm_ask(&harness, fd, &request, -1);
}

/* Comes from a second place, and is asked. Returns the connection. */
static int asked(uint16_t id)
{
    int fd = lsm_connect_front(&harness);
    uint64_t logon, serial = come(fd, 5001, "somebody", SM_ACCOUNT_SYSTEM, &logon);
    Lodge__Lsm__Answer *question = lsm_expect(fd, serial, NULL);
    CHECK(question->reason == REASON_NONE && question->result_case == LODGE__LSM__ANSWER__RESULT_QUESTION);
    CHECK(question->question->session == id && question->question->client->address[0] != '\0');
    CHECK(question->question->connect_ms <= question->question->now_ms);
    lodge__lsm__answer__free_unpacked(question, NULL);
    CHECK(lsm_is_silent(harness.sm, 50));
    return fd;
}

static void the_person_is_asked(void)
{
    struct agent agent;
    struct attached attached;
    harness_begin_with_broker(&harness, "TakeOver = 2");
    int first = lsm_connect_front(&harness);
    harness_log_on(&harness, first, 5001, 1, &agent, &attached);
    CHECK(lsm_expect_reason(first, answer(first, true)) == REASON_WRONG_STATE);

    int second = asked(1);
    CHECK(lsm_expect_reason(second, answer(second, false)) == REASON_ELSEWHERE);
    sm_expect(&harness, SM_LOGON_DROP, &sm, NULL);
    CHECK(sm.logon_drop.reason == REASON_ELSEWHERE && lsm_state_of(&harness, 1) == ACTIVE);
    CHECK(lsm_expect_reason(second, answer(second, true)) == REASON_WRONG_STATE);
    close(second);

    /* goes without an answer */
    second = asked(1);
    close(second);
    sm_expect(&harness, SM_LOGON_DROP, &sm, NULL);
    CHECK(sm.logon_drop.reason == REASON_CLIENT_GONE && lsm_state_of(&harness, 1) == ACTIVE);

    second = asked(1);
    uint64_t serial = answer(second, true);
    sm_expect(&harness, SM_LOGON_DROP, &sm, NULL);
    CHECK(sm.logon_drop.reason == REASON_NONE);
    agent_expect(&agent, WINSTATION_DETACH, &winstation, NULL);
    CHECK(winstation.detach.viewer == attached.viewer && winstation.detach.reason == REASON_TAKEN_OVER);
    agent_expect(&agent, WINSTATION_ATTACH, &winstation, NULL);
    lsm_expect_attached(second, serial, &attached);
    CHECK(attached.session == 1 && attached.reconnected);

    /* what was asked about is over by the time of the answer */
    int third = asked(1);
    gone(1);
    agent_end(&harness, &agent);
    CHECK(lsm_is_silent(third, 50));
    answer(third, true);
    sm_expect(&harness, SM_LOGON_ADMIT, &sm, NULL);
    sm_tell_state(&harness, 2, SM_SESSION_UP, sm.logon_admit.logon, 5001, "somebody");
    lsm_await_state(&harness, 2, LODGE__LSM__STATE__DISCONNECTED);
    close(third);
    gone(2);
    close(second), close(first);
    harness_end(&harness);
}

/* Another user's session is for ever; the one of a member ends, also after a restart and a reload. */
static void sections_of_groups(void)
{
    struct agent agents[2];
    harness_begin_with_broker(
        &harness,
        "MaxSessionsPerUser = 1\nSingleSessionPerUser = 0\n[Group games]\nMaxDisconnectedSeconds = 1\n"
        "MaxSessionsPerUser = 2");
    agent_listen(&harness, &agents[0], 1);
    agent_listen(&harness, &agents[1], 2);
    admitted(1, "daemon", SM_ACCOUNT_SYSTEM, 1);
    admitted(5, "games", SM_ACCOUNT_SYSTEM, 2);
    sm_expect(&harness, SM_SESSION_END, &sm, NULL);
    CHECK(sm.session_end.id == 2 && sm.session_end.reason == REASON_DISCONNECTED_LIMIT);
    CHECK(lsm_state_of(&harness, 1) == LODGE__LSM__STATE__DISCONNECTED);
    gone(2);

    harness_kill_broker(&harness);
    harness_start_broker(&harness);
    sm_tell_state(&harness, 1, SM_SESSION_UP, 1, 1, "daemon");
    sm_tell_state(&harness, 2, SM_SESSION_UP, 2, 5, "games");
    sm_tell_synced(&harness);
    lsm_await_state(&harness, 2, LODGE__LSM__STATE__DISCONNECTED);
    for (size_t i = 0; i < 2; i++) {
        agent_accept(&agents[i]); /* of the earlier broker */
        agent_accept(&agents[i]);
        agent_tell_synced(&agents[i]);
    }
    sm_expect(&harness, SM_SESSION_END, &sm, NULL);
    CHECK(sm.session_end.id == 2 && sm.session_end.reason == REASON_DISCONNECTED_LIMIT);
    CHECK(sm_is_silent(&harness, 1500));
    gone(1), gone(2);
    agent_end(&harness, &agents[0]);
    agent_end(&harness, &agents[1]);
    harness_end(&harness);
}

static void logged_off(uint16_t id, uint32_t grace_ms)
{
    int admin = lsm_connect_as(&harness, 0);
    uint64_t serial = lsm_ask_session(&harness, admin, LODGE__LSM__REQUEST__METHOD_LOGOFF, id);
    CHECK(lsm_expect_reason(admin, serial) == REASON_NONE);
    sm_expect(&harness, SM_SESSION_END, &sm, NULL);
    CHECK(sm.session_end.id == id && sm.session_end.grace_ms == grace_ms);
    close(admin);
    gone(id);
}

static void reload(const char *keys)
{
    harness_configure(&harness, keys);
    int admin = lsm_connect_as(&harness, 0);
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_RELOAD;
    request.reload = &nothing;
    CHECK(lsm_expect_reason(admin, lsm_ask(&harness, admin, &request, -1)) == REASON_NONE);
    close(admin);
}

/* sync, _apt and nobody are of the group nogroup in every Debian. Together they have two sessions, whoever
 * has them, whatever broker they were made by, and as soon as there is a limit. */
static void a_group_has_its_limit(void)
{
    static const char two[] = "[Group nogroup]\nMaxSessions = 2\nLogoffSeconds = 3";
    harness_begin_with_broker(&harness, two);
    admitted(4, "sync", SM_ACCOUNT_SYSTEM, 1);
    admitted(65534, "nobody", SM_ACCOUNT_SYSTEM, 2);
    refused(42, "_apt", SM_ACCOUNT_SYSTEM, REASON_GROUP_LIMIT);
    would_be("_apt", "", "refuse group-limit");
    would_be("sync", "", "reconnect none");
    admitted(5, "games", SM_ACCOUNT_SYSTEM, 3);
    logged_off(3, 7000);
    logged_off(1, 3000);
    admitted(42, "_apt", SM_ACCOUNT_SYSTEM, 4);
    refused(4, "sync", SM_ACCOUNT_SYSTEM, REASON_GROUP_LIMIT);

    harness_kill_broker(&harness);
    harness_start_broker(&harness);
    sm_tell_state(&harness, 2, SM_SESSION_UP, 2, 65534, "nobody");
    sm_tell_state(&harness, 4, SM_SESSION_UP, 4, 42, "_apt");
    sm_tell_synced(&harness);
    refused(4, "sync", SM_ACCOUNT_SYSTEM, REASON_GROUP_LIMIT);

    reload("MaxIdleSeconds = 9");
    admitted(4, "sync", SM_ACCOUNT_SYSTEM, 5);
    gone(2), gone(5);
    reload(two);
    admitted(65534, "nobody", SM_ACCOUNT_SYSTEM, 2);
    refused(4, "sync", SM_ACCOUNT_SYSTEM, REASON_GROUP_LIMIT);
    gone(2), gone(4);
    harness_end(&harness);

    /* of administrators no group's limit speaks */
    harness_begin_with_broker(&harness, "[Group nogroup]\nMaxSessions = 1\n[Server]\nAdminGroup = nogroup");
    admitted(4, "sync", SM_ACCOUNT_SYSTEM, 1);
    admitted(65534, "nobody", SM_ACCOUNT_SYSTEM, 2);
    gone(1), gone(2);
    harness_end(&harness);
}

/* A logon that waits for its user's session to end is decided by the configuration that is read meanwhile. */
static void a_reload_reaches_those_that_wait(void)
{
    uint64_t logon;
    harness_begin_with_broker(&harness, "");
    admitted(65534, "nobody", SM_ACCOUNT_SYSTEM, 1);
    admitted(4, "sync", SM_ACCOUNT_SYSTEM, 2);
    int admin = lsm_connect_as(&harness, 0), fd = lsm_connect_front(&harness);
    uint64_t serial = lsm_ask_session(&harness, admin, LODGE__LSM__REQUEST__METHOD_LOGOFF, 2);
    CHECK(lsm_expect_reason(admin, serial) == REASON_NONE);
    sm_expect(&harness, SM_SESSION_END, &sm, NULL);
    serial = come(fd, 4, "sync", SM_ACCOUNT_SYSTEM, &logon);
    CHECK(lsm_is_silent(fd, 100));
    reload("[Group nogroup]\nMaxSessions = 1");
    gone(2);
    CHECK(lsm_expect_reason(fd, serial) == REASON_GROUP_LIMIT);
    sm_expect(&harness, SM_LOGON_DROP, &sm, NULL);
    close(fd), close(admin);
    gone(1);
    harness_end(&harness);
}

static void names_have_to_be_groups(void)
{
    struct conf conf;
    struct membership membership = {.admin = 77};
    char error[256] = "";
    conf_defaults(&conf);
    snprintf(conf.denied_groups, sizeof(conf.denied_groups), "games no.such.group");
    CHECK(!membership_find(&membership, &conf, error, sizeof(error)));
    CHECK_TEXT(error, "DeniedGroups names \"no.such.group\", but there is no such group");
    CHECK(membership.admin == 77);
    conf_defaults(&conf);
    conf.group_count = 1;
    snprintf(conf.groups[0].name, sizeof(conf.groups[0].name), "no.such.group");
    CHECK(!membership_find(&membership, &conf, error, sizeof(error)));
    CHECK_TEXT(error, "a section is [Group no.such.group], but there is no such group");
    conf_defaults(&conf);
    snprintf(conf.denied_groups, sizeof(conf.denied_groups), "games");
    CHECK(membership_find(&membership, &conf, error, sizeof(error)) && membership.denied.count == 1);
    CHECK(membership.admin == (gid_t)-1 && membership_matters(&membership));
    CHECK(!membership_judge(&membership, 0, false, NULL, 0).refused);
    CHECK(membership_judge(&membership, 0, false, NULL, 0).administrator);
}

int main(void)
{
    const struct passwd *games = getpwnam("games");
    if (games == NULL || games->pw_uid != 5 || getgrnam("daemon") == NULL || getgrnam("games") == NULL)
        return HARNESS_SKIP;
    names_have_to_be_groups();
    groups_let_in_and_keep_out();
    seats_are_kept();
    an_address_has_its_limit();
    nobody_takes_over();
    sections_of_groups();
    the_person_is_asked();
    a_group_has_its_limit();
    a_reload_reaches_those_that_wait();
    return 0;
}
