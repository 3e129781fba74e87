/* Virtual sessions ([LoadTest] VirtualSessions): made for administrators alone, by lodge-smss as others are,
 * without an agent; nobody real can log on, and everything says what it is. */
#include <unistd.h>

#include "broker/harness.h"
#include "common/clock.h"

#define UID (SM_VIRTUAL_FIRST_UID + 7)

static struct harness harness;
static union sm_body sm;

static uint64_t ask_create(int fd, uint32_t user, bool with_client)
{
    Lodge__Lsm__Client client = LODGE__LSM__CLIENT__INIT;
    Lodge__Lsm__CreateRequest create = LODGE__LSM__CREATE_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    client.name = (char *)"load";
    client.address = (char *)"192.0.2.1:4000";
    create.user = user;
    create.client = with_client ? &client : NULL;
    request.method_case = LODGE__LSM__REQUEST__METHOD_CREATE;
    request.create = &create;
    return lsm_ask(&harness, fd, &request, -1);
}

static void tell_state(enum sm_life life, uint64_t logon)
{
    struct sm_session_state state = {.id = 3,
                                     .state = (uint8_t)life,
                                     .logon = logon,
                                     .uid = UID,
                                     .account = SM_ACCOUNT_VIRTUAL,
                                     .started_ms = (uint64_t)clock_real_ms(),
                                     .user = "virtual-7"};
    sm_tell(&harness, SM_SESSION_STATE, &state);
}

static void expect_attached(int fd, uint64_t serial, bool reconnected)
{
    Lodge__Lsm__Answer *answer = lsm_expect(fd, serial, NULL); /* without a descriptor */
    CHECK(answer->reason == REASON_NONE && answer->result_case == LODGE__LSM__ANSWER__RESULT_ATTACHED);
    CHECK(answer->attached->session == 3 && answer->attached->reconnected == reconnected);
    CHECK_TEXT(answer->attached->user, "virtual-7");
    lodge__lsm__answer__free_unpacked(answer, NULL);
}

/* Begins a logon of user 7, up to the broker's decision. Returns its number. */
static uint64_t come(int fd, uint64_t *serial_r)
{
    *serial_r = ask_create(fd, 7, true);
    sm_expect(&harness, SM_VIRTUAL_START, &sm, NULL);
    CHECK(sm.virtual_start.user == 7);
    uint64_t logon = sm.virtual_start.logon;
    struct sm_logon_result result = {
        .logon = logon, .account = SM_ACCOUNT_VIRTUAL, .uid = UID, .user = "virtual-7"};
    sm_tell(&harness, SM_LOGON_RESULT, &result);
    return logon;
}

static void only_administrators_may(void)
{
    int front = lsm_connect_front(&harness), user = lsm_connect_as(&harness, 5001);
    int admin = lsm_connect_as(&harness, 0);
    CHECK(lsm_expect_reason(front, ask_create(front, 7, true)) == REASON_FORBIDDEN);
    CHECK(lsm_expect_reason(user, ask_create(user, 7, true)) == REASON_FORBIDDEN);
    CHECK(lsm_expect_reason(admin, ask_create(admin, 0, true)) == REASON_BAD_REQUEST);
    CHECK(lsm_expect_reason(admin, ask_create(admin, SM_VIRTUAL_USERS + 1, true)) == REASON_BAD_REQUEST);
    CHECK(lsm_expect_reason(admin, ask_create(admin, 7, false)) == REASON_BAD_REQUEST);
    CHECK(lsm_is_silent(harness.sm, 50));
    close(front), close(user), close(admin);
}

static void nobody_real_can_log_on(void)
{
    int front = lsm_connect_front(&harness);
    CHECK(lsm_expect_reason(front, lsm_ask_logon(&harness, front)) == REASON_CONNECTIONS_DENIED);
    CHECK(lsm_is_silent(harness.sm, 50));
    close(front);
}

static void lodge_smss_may_refuse(void)
{
    int admin = lsm_connect_as(&harness, 0);
    uint64_t serial = ask_create(admin, 8, true);
    sm_expect(&harness, SM_VIRTUAL_START, &sm, NULL);
    sm_tell_result(&harness, sm.virtual_start.logon, REASON_FORBIDDEN, 0, "");
    CHECK(lsm_expect_reason(admin, serial) == REASON_FORBIDDEN);
    close(admin);
}

static void shows_what_it_is(void)
{
    int admin = lsm_connect_as(&harness, 0), user = lsm_connect_as(&harness, 5001);
    uint64_t serial = lsm_ask_session(&harness, admin, LODGE__LSM__REQUEST__METHOD_SHOW, 3);
    Lodge__Lsm__Answer *answer = lsm_expect(admin, serial, NULL);
    CHECK(answer->reason == REASON_NONE && answer->session->load_test && !answer->session->lab &&
          answer->session->uid == UID);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    serial = lsm_ask_session(&harness, user, LODGE__LSM__REQUEST__METHOD_SHOW, 3);
    CHECK(lsm_expect_reason(user, serial) == REASON_NO_SESSION);
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_COUNTERS;
    request.counters = &nothing;
    answer = lsm_expect(admin, lsm_ask(&harness, admin, &request, -1), NULL);
    CHECK(answer->counters->load_test && answer->counters->active == 1 && answer->counters->decisions > 0);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    close(admin), close(user);
}

/* Made, left by its maker, had again, disconnected, found again by another broker, ended. */
static void a_session_from_beginning_to_end(void)
{
    uint64_t serial;
    int first = lsm_connect_as(&harness, 0), second = lsm_connect_as(&harness, 0);
    uint64_t logon = come(first, &serial);
    sm_expect(&harness, SM_LOGON_ADMIT, &sm, NULL);
    CHECK(sm.logon_admit.logon == logon);
    tell_state(SM_SESSION_STARTING, logon);
    expect_attached(first, serial, false);
    tell_state(SM_SESSION_UP, logon);
    lsm_await_state(&harness, 3, LODGE__LSM__STATE__ACTIVE);
    shows_what_it_is();
    close(first);
    come(second, &serial);
    sm_expect(&harness, SM_LOGON_DROP, &sm, NULL);
    expect_attached(second, serial, true);
    lsm_await_state(&harness, 3, LODGE__LSM__STATE__ACTIVE);
    serial = lsm_ask_session(&harness, second, LODGE__LSM__REQUEST__METHOD_DISCONNECT, 3);
    CHECK(lsm_expect_reason(second, serial) == REASON_NONE);
    CHECK(lsm_state_of(&harness, 3) == LODGE__LSM__STATE__DISCONNECTED);
    close(second);

    harness_kill_broker(&harness);
    harness_start_broker(&harness);
    tell_state(SM_SESSION_UP, logon);
    sm_tell_synced(&harness);
    CHECK(lsm_state_of(&harness, 3) == LODGE__LSM__STATE__DISCONNECTED);
    int third = lsm_connect_as(&harness, 0);
    come(third, &serial);
    sm_expect(&harness, SM_LOGON_DROP, &sm, NULL);
    expect_attached(third, serial, true);
    serial = lsm_ask_session(&harness, third, LODGE__LSM__REQUEST__METHOD_LOGOFF, 3);
    CHECK(lsm_expect_reason(third, serial) == REASON_NONE);
    sm_expect(&harness, SM_SESSION_END, &sm, NULL);
    CHECK(sm.session_end.id == 3);
    sm_tell_ended(&harness, 3, logon, REASON_LOGOFF_ADMIN, "");
    lsm_await_state(&harness, 3, SESSION_NONE);
    close(third);
}

int main(void)
{
    harness_begin_with_broker(&harness, "[LoadTest]\nVirtualSessions = yes");
    only_administrators_may();
    nobody_real_can_log_on();
    lodge_smss_may_refuse();
    a_session_from_beginning_to_end();
    harness_end(&harness);
    return 0;
}
