/* Logon, refusal, reconnect, take-over, limits, disconnect, logoff and the agent's death, on a real broker.
 */
#include <fcntl.h>
#include <unistd.h>

#include "broker/harness.h"
#include "rpc/credentials.h"

#define DISCONNECT LODGE__LSM__REQUEST__METHOD_DISCONNECT
#define LOGOFF     LODGE__LSM__REQUEST__METHOD_LOGOFF
#define ACTIVE     LODGE__LSM__STATE__ACTIVE
#define GONE       LODGE__LSM__STATE__DISCONNECTED

static struct harness harness;
static union sm_body sm;
static union winstation_body winstation;

/* Up to the point where the user is known; returns the logon. */
static uint64_t ask_as_known(int fd, uid_t uid, uint64_t *serial_r)
{
    *serial_r = lsm_ask_logon(&harness, fd);
    sm_expect(&harness, SM_LOGON_START, &sm, NULL);
    uint64_t logon = sm.logon_start.logon;
    sm_tell_result(&harness, logon, REASON_NONE, uid, "somebody");
    return logon;
}

static void expect_drop(uint64_t logon)
{
    sm_expect(&harness, SM_LOGON_DROP, &sm, NULL);
    CHECK(sm.logon_drop.logon == logon);
}

static void a_wrong_password_is_refused(void)
{
    int fd = lsm_connect_front(&harness), pipe = -1;
    struct credentials credentials;
    uint64_t serial = lsm_ask_logon(&harness, fd);
    sm_expect(&harness, SM_LOGON_START, &sm, &pipe);
    CHECK_TEXT(sm.logon_start.client, "10.0.0.1:5000");
    CHECK(credentials_read(pipe, &credentials) == 0);
    CHECK_TEXT(credentials.password, "secret");
    close(pipe);
    sm_tell_result(&harness, sm.logon_start.logon, REASON_CREDENTIALS, 0, "somebody");
    CHECK(lsm_expect_reason(fd, serial) == REASON_CREDENTIALS);
    lsm_await_event(&harness, 1000, 0);
    close(fd);
}

static void disconnect_and_reconnect(void)
{
    struct agent agent;
    struct attached first, second, third;
    uint64_t serial;
    int one = lsm_connect_front(&harness), two = lsm_connect_front(&harness);
    harness_log_on(&harness, one, 5001, 1, &agent, &first);
    lsm_await_event(&harness, 21, 1);
    lsm_await_event(&harness, 22, 1);

    /* the worker goes: the session stays */
    close(one);
    agent_expect(&agent, WINSTATION_DETACH, &winstation, NULL);
    CHECK(winstation.detach.viewer == first.viewer && winstation.detach.reason == REASON_CLIENT_GONE);
    lsm_await_state(&harness, 1, GONE);
    lsm_await_event(&harness, 24, 1);

    /* given back */
    uint64_t logon = ask_as_known(two, 5001, &serial);
    expect_drop(logon);
    lsm_expect_attached(two, serial, &second);
    CHECK(second.session == 1 && second.reconnected && second.viewer != first.viewer);
    agent_expect(&agent, WINSTATION_ATTACH, &winstation, NULL);
    lsm_await_event(&harness, 25, 1);

    /* taken over */
    int three = lsm_connect_front(&harness);
    logon = ask_as_known(three, 5001, &serial);
    expect_drop(logon);
    lsm_expect_attached(three, serial, &third);
    CHECK(third.session == 1 && third.reconnected);
    agent_expect(&agent, WINSTATION_DETACH, &winstation, NULL);
    CHECK(winstation.detach.viewer == second.viewer && winstation.detach.reason == REASON_TAKEN_OVER);
    agent_expect(&agent, WINSTATION_ATTACH, &winstation, NULL);
    CHECK(winstation.attach.viewer == third.viewer);
    CHECK(lsm_state_of(&harness, 1) == ACTIVE);
    lsm_await_event(&harness, 40, 1);
    serial = lsm_ask_attach(&harness, two, 1, second.viewer);
    CHECK(lsm_expect_reason(two, serial) == REASON_TAKEN_OVER);
    close(two); /* the loser's end changes nothing */
    CHECK(lsm_state_of(&harness, 1) == ACTIVE);

    /* the viewer's channel ends */
    agent_tell(&agent, WINSTATION_VIEWER_GONE, &(struct winstation_viewer_gone){second.viewer});
    agent_tell(&agent, WINSTATION_VIEWER_GONE, &(struct winstation_viewer_gone){third.viewer});
    lsm_await_state(&harness, 1, GONE);

    sm_tell_ended(&harness, 1, 0, REASON_LOGOFF, "");
    lsm_await_state(&harness, 1, SESSION_NONE);
    lsm_await_event(&harness, 23, 1);
    close(three);
    agent_end(&harness, &agent);
}

static void admins_disconnect_and_log_off(void)
{
    struct agent agent;
    struct attached attached, again;
    int worker = lsm_connect_front(&harness), admin = lsm_connect_as(&harness, 0);
    int own = lsm_connect_as(&harness, 5002), other = lsm_connect_as(&harness, 5003);
    harness_log_on(&harness, worker, 5002, 2, &agent, &attached);
    CHECK(lsm_expect_reason(other, lsm_ask_session(&harness, other, DISCONNECT, 2)) == REASON_NO_SESSION);
    CHECK(lsm_expect_reason(other, lsm_ask_session(&harness, other, LOGOFF, 2)) == REASON_NO_SESSION);
    CHECK(lsm_expect_reason(admin, lsm_ask_session(&harness, admin, DISCONNECT, 2)) == REASON_NONE);
    agent_expect(&agent, WINSTATION_DETACH, &winstation, NULL);
    CHECK(winstation.detach.viewer == attached.viewer && winstation.detach.reason == REASON_DISCONNECTED);
    CHECK(lsm_state_of(&harness, 2) == GONE);
    lsm_await_event(&harness, 39, 2);
    CHECK(lsm_expect_reason(admin, lsm_ask_session(&harness, admin, DISCONNECT, 2)) == REASON_WRONG_STATE);
    uint64_t serial = lsm_ask_attach(&harness, worker, 2, attached.viewer);
    CHECK(lsm_expect_reason(worker, serial) == REASON_DISCONNECTED);

    expect_drop(ask_as_known(worker, 5002, &serial));
    lsm_expect_attached(worker, serial, &again);
    agent_expect(&agent, WINSTATION_ATTACH, &winstation, NULL);
    CHECK(lsm_expect_reason(own, lsm_ask_session(&harness, own, LOGOFF, 2)) == REASON_NONE);
    sm_expect(&harness, SM_SESSION_END, &sm, NULL);
    CHECK(sm.session_end.id == 2 && sm.session_end.reason == REASON_LOGOFF &&
          sm.session_end.grace_ms == 7000);
    CHECK(lsm_state_of(&harness, 2) == LODGE__LSM__STATE__DOWN);

    /* the agent ends first: who asks meanwhile hears how it ended */
    agent_end(&harness, &agent);
    serial = lsm_ask_attach(&harness, worker, 2, again.viewer);
    /* a logon of the same user waits for the end, and then gets a new session */
    int next = lsm_connect_front(&harness);
    uint64_t next_serial, logon = ask_as_known(next, 5002, &next_serial);
    CHECK(lsm_is_silent(next, 100) && sm_is_silent(&harness, 0));
    sm_tell_ended(&harness, 2, 0, REASON_LOGOFF, "bye");
    Lodge__Lsm__Answer *answer = lsm_expect(worker, serial, NULL);
    CHECK(answer->reason == REASON_LOGOFF);
    CHECK_TEXT(answer->detail, "bye");
    lodge__lsm__answer__free_unpacked(answer, NULL);
    sm_expect(&harness, SM_LOGON_ADMIT, &sm, NULL);
    CHECK(sm.logon_admit.logon == logon);
    sm_tell_ended(&harness, 0, logon, REASON_DISPLAY_FAILED, "no X server");
    answer = lsm_expect(next, next_serial, NULL);
    CHECK(answer->reason == REASON_DISPLAY_FAILED);
    CHECK_TEXT(answer->detail, "no X server");
    lodge__lsm__answer__free_unpacked(answer, NULL);
    close(worker), close(admin), close(own), close(other), close(next);
}

static void a_dead_agent_is_waited_for(void)
{
    struct agent agent;
    struct attached attached, again;
    int worker = lsm_connect_front(&harness);
    harness_log_on(&harness, worker, 5004, 3, &agent, &attached);
    agent_die(&agent);
    uint64_t serial = lsm_ask_attach(&harness, worker, 3, attached.viewer);
    agent_accept(&agent);
    CHECK(lsm_is_silent(worker, 100));
    CHECK(lsm_state_of(&harness, 3) == ACTIVE);
    agent_tell_synced(&agent);
    lsm_expect_attached(worker, serial, &again);
    CHECK(again.viewer != attached.viewer);
    agent_expect(&agent, WINSTATION_DETACH, &winstation, NULL);
    agent_expect(&agent, WINSTATION_ATTACH, &winstation, NULL);
    CHECK(winstation.attach.viewer == again.viewer);

    /* dead for good */
    agent_die(&agent);
    serial = lsm_ask_attach(&harness, worker, 3, again.viewer);
    sm_tell_ended(&harness, 3, 0, REASON_SESSION_DIED, "");
    CHECK(lsm_expect_reason(worker, serial) == REASON_SESSION_DIED);
    agent_end(&harness, &agent);
    close(worker);
}

static void limits_hold(void)
{
    struct agent agents[2];
    struct attached attached;
    int one = lsm_connect_front(&harness), two = lsm_connect_front(&harness),
        three = lsm_connect_front(&harness);
    uint64_t serial, waiting;
    harness_log_on(&harness, one, 6001, 11, &agents[0], &attached);

    /* a session that is being created counts, and its user's next logon waits for it */
    uint64_t logon = ask_as_known(two, 6002, &serial);
    sm_expect(&harness, SM_LOGON_ADMIT, &sm, NULL);
    uint64_t second = ask_as_known(three, 6002, &waiting);
    int four = lsm_connect_front(&harness);
    uint64_t four_serial, refused = ask_as_known(four, 6003, &four_serial);
    expect_drop(refused);
    CHECK(lsm_expect_reason(four, four_serial) == REASON_SESSION_LIMIT);
    CHECK(lsm_is_silent(three, 0));

    /* the one for whom it is made goes meanwhile: the session stays, and the other gets it */
    close(two);
    agent_listen(&harness, &agents[1], 12);
    sm_tell_state(&harness, 12, SM_SESSION_STARTING, logon, 6002, "somebody");
    agent_accept(&agents[1]);
    agent_tell_synced(&agents[1]);
    lsm_await_state(&harness, 12, LODGE__LSM__STATE__INIT);
    sm_tell_state(&harness, 12, SM_SESSION_UP, logon, 6002, "somebody");
    expect_drop(second);
    lsm_expect_attached(three, waiting, &attached);
    CHECK(attached.session == 12 && attached.reconnected);
    sm_tell_ended(&harness, 11, 0, REASON_LOGOFF, "");
    sm_tell_ended(&harness, 12, 0, REASON_LOGOFF, "");
    lsm_await_state(&harness, 12, SESSION_NONE);
    agent_end(&harness, &agents[0]);
    agent_end(&harness, &agents[1]);
    close(one), close(three), close(four);
}

/* lodge-smss may be behind with its places: the person does not notice. */
static void a_place_is_waited_for(void)
{
    int fd = lsm_connect_front(&harness), pipe = -1;
    struct credentials credentials;
    uint64_t serial = lsm_ask_logon(&harness, fd);
    for (int i = 0; i < 3; i++) {
        sm_expect(&harness, SM_LOGON_START, &sm, NULL);
        sm_tell_result(&harness, sm.logon_start.logon, REASON_BUSY, 0, "");
    }
    sm_expect(&harness, SM_LOGON_START, &sm, &pipe);
    CHECK(credentials_read(pipe, &credentials) == 0);
    CHECK_TEXT(credentials.password, "secret");
    close(pipe);
    sm_tell_result(&harness, sm.logon_start.logon, REASON_EXPIRED, 0, "somebody");
    CHECK(lsm_expect_reason(fd, serial) == REASON_EXPIRED);
    close(fd);
}

/* 64 at a time; the 65th starts when one of them is over. */
static void logons_under_way_are_bounded(void)
{
    int fds[65];
    uint64_t serials[65], logons[64];
    for (size_t i = 0; i < 65; i++) {
        fds[i] = lsm_connect_front(&harness);
        serials[i] = lsm_ask_logon(&harness, fds[i]);
    }
    for (size_t i = 0; i < 64; i++) {
        sm_expect(&harness, SM_LOGON_START, &sm, NULL);
        logons[i] = sm.logon_start.logon;
    }
    CHECK(sm_is_silent(&harness, 100));
    sm_tell_result(&harness, logons[0], REASON_CREDENTIALS, 0, "");
    sm_expect(&harness, SM_LOGON_START, &sm, NULL);
    sm_tell_result(&harness, sm.logon_start.logon, REASON_CREDENTIALS, 0, "");
    for (size_t i = 1; i < 64; i++)
        sm_tell_result(&harness, logons[i], REASON_CREDENTIALS, 0, "");
    for (size_t i = 0; i < 65; i++) {
        CHECK(lsm_expect_reason(fds[i], serials[i]) == REASON_CREDENTIALS);
        close(fds[i]);
    }
}

/* Many logons of one user at once: one session, which the last of them has in the end. */
static void a_race_makes_one_session(void)
{
    enum { RACERS = 20 };
    struct agent agent;
    struct attached attached[RACERS];
    int fds[RACERS];
    uint64_t serials[RACERS], logons[RACERS], admitted = 0;
    for (size_t i = 0; i < RACERS; i++) {
        fds[i] = lsm_connect_front(&harness);
        serials[i] = lsm_ask_logon(&harness, fds[i]);
        sm_expect(&harness, SM_LOGON_START, &sm, NULL);
        logons[i] = sm.logon_start.logon;
    }
    for (size_t i = 0; i < RACERS; i++)
        sm_tell_result(&harness, logons[i], REASON_NONE, 6100, "somebody");
    sm_expect(&harness, SM_LOGON_ADMIT, &sm, NULL);
    admitted = sm.logon_admit.logon;
    CHECK(admitted == logons[0] && sm_is_silent(&harness, 100));
    agent_listen(&harness, &agent, 21);
    sm_tell_state(&harness, 21, SM_SESSION_STARTING, admitted, 6100, "somebody");
    lsm_expect_attached(fds[0], serials[0], &attached[0]);
    CHECK(sm_is_silent(&harness, 100));
    agent_accept(&agent);
    agent_tell_synced(&agent);
    sm_tell_state(&harness, 21, SM_SESSION_UP, admitted, 6100, "somebody");
    for (size_t i = 1; i < RACERS; i++) {
        expect_drop(logons[i]);
        lsm_expect_attached(fds[i], serials[i], &attached[i]);
        CHECK(attached[i].session == 21 && attached[i].reconnected);
        close(attached[i].channel);
    }
    close(attached[0].channel);
    for (size_t i = 0; i < RACERS; i++) {
        agent_expect(&agent, WINSTATION_ATTACH, &winstation, NULL);
        CHECK(winstation.attach.viewer == attached[i].viewer);
        if (i + 1 < RACERS)
            agent_expect(&agent, WINSTATION_DETACH, &winstation, NULL);
    }
    for (size_t i = 0; i + 1 < RACERS; i++)
        close(fds[i]);
    CHECK(lsm_state_of(&harness, 21) == ACTIVE);
    sm_tell_ended(&harness, 21, 0, REASON_LOGOFF, "");
    lsm_await_state(&harness, 21, SESSION_NONE);
    close(fds[RACERS - 1]);
    agent_end(&harness, &agent);
}

static void a_worker_that_goes_is_dropped(void)
{
    uint64_t serial;
    int fd = lsm_connect_front(&harness);
    lsm_ask_logon(&harness, fd);
    sm_expect(&harness, SM_LOGON_START, &sm, NULL);
    uint64_t logon = sm.logon_start.logon;
    close(fd);
    expect_drop(logon);
    sm_tell_result(&harness, logon, REASON_NONE, 6004, "somebody");
    expect_drop(logon);

    fd = lsm_connect_front(&harness);
    serial = lsm_ask_logon(&harness, fd);
    sm_expect(&harness, SM_LOGON_START, &sm, NULL);
    uint64_t again = lsm_ask_logon(&harness, fd); /* one at a time */
    CHECK(lsm_expect_reason(fd, again) == REASON_WRONG_STATE);
    sm_tell(&harness, SM_STOPPING, &(struct sm_stopping){REASON_SHUTDOWN});
    CHECK(lsm_expect_reason(fd, serial) == REASON_SHUTDOWN);
    expect_drop(sm.logon_start.logon);
    serial = lsm_ask_logon(&harness, fd);
    CHECK(lsm_expect_reason(fd, serial) == REASON_SHUTDOWN);
    close(fd);
}

int main(void)
{
    harness_begin_with_broker(&harness, "MaxSessions = 2");
    a_wrong_password_is_refused();
    disconnect_and_reconnect();
    admins_disconnect_and_log_off();
    a_dead_agent_is_waited_for();
    limits_hold();
    a_race_makes_one_session();
    a_place_is_waited_for();
    logons_under_way_are_bounded();
    a_worker_that_goes_is_dropped();
    harness_end(&harness);
    return 0;
}
