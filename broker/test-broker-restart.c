/* kill -9 of the broker, and of lodge-smss: nothing is lost, nobody notices, nothing is believed unseen. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/harness.h"
#include "common/packet.h"

#define ACTIVE LODGE__LSM__STATE__ACTIVE
#define GONE   LODGE__LSM__STATE__DISCONNECTED

static struct harness harness;
static union sm_body sm;
static union winstation_body winstation;

static void name_viewer(struct agent *agent, uint64_t viewer)
{
    agent_tell(agent, WINSTATION_VIEWER, &(struct winstation_viewer){viewer});
}

static void the_broker_comes_back(void)
{
    struct agent agents[2];
    struct attached attached[2];
    int workers[2] = {lsm_connect_front(&harness), lsm_connect_front(&harness)};
    harness_log_on(&harness, workers[0], 5001, 1, &agents[0], &attached[0]);
    harness_log_on(&harness, workers[1], 5002, 2, &agents[1], &attached[1]);
    harness_kill_broker(&harness);
    lsm_expect_end(workers[0]);
    close(workers[0]), close(workers[1]);

    /* the listening socket outlived it: workers are there before their sessions are known */
    int early = lsm_connect_front(&harness), wrong = lsm_connect_front(&harness);
    int thief = lsm_connect_front(&harness), own = lsm_connect_as(&harness, 5001);
    uint64_t early_serial = lsm_ask_announce(&harness, early, 1, attached[0].viewer);
    harness_start_broker(&harness);
    uint64_t thief_serial = lsm_ask_announce(&harness, thief, 1, attached[0].viewer + 1);
    uint64_t wrong_serial = lsm_ask_announce(&harness, wrong, 77, 1);
    sm_tell_state(&harness, 1, SM_SESSION_UP, 0, 5001, "somebody");
    sm_tell_state(&harness, 2, SM_SESSION_UP, 0, 5002, "somebody");
    sm_tell_synced(&harness);
    CHECK(lsm_expect_reason(wrong, wrong_serial) == REASON_NO_SESSION);
    lsm_await_state(&harness, 1, GONE);
    agent_accept(&agents[0]);
    agent_accept(&agents[1]);
    CHECK(lsm_is_silent(early, 50) && lsm_is_silent(thief, 0));
    name_viewer(&agents[0], attached[0].viewer);
    agent_tell_synced(&agents[0]);
    name_viewer(&agents[1], attached[1].viewer);
    agent_tell_synced(&agents[1]);
    CHECK(lsm_expect_reason(early, early_serial) == REASON_NONE);
    CHECK(lsm_expect_reason(thief, thief_serial) == REASON_WRONG_STATE);
    lsm_await_state(&harness, 1, ACTIVE);
    lsm_await_state(&harness, 2, ACTIVE);

    /* again from another place: not any more */
    thief_serial = lsm_ask_announce(&harness, thief, 1, attached[0].viewer);
    CHECK(lsm_expect_reason(thief, thief_serial) == REASON_WRONG_STATE);

    /* a viewer that has not announced is sent away all the same */
    int admin = lsm_connect_as(&harness, 0);
    uint64_t serial = lsm_ask_session(&harness, admin, LODGE__LSM__REQUEST__METHOD_DISCONNECT, 2);
    CHECK(lsm_expect_reason(admin, serial) == REASON_NONE);
    agent_expect(&agents[1], WINSTATION_DETACH, &winstation, NULL);
    CHECK(winstation.detach.viewer == attached[1].viewer && winstation.detach.reason == REASON_DISCONNECTED);

    /* and the announced one is served on */
    close(early);
    agent_expect(&agents[0], WINSTATION_DETACH, &winstation, NULL);
    CHECK(winstation.detach.viewer == attached[0].viewer);
    lsm_await_state(&harness, 1, GONE);
    sm_tell_ended(&harness, 1, 0, REASON_LOGOFF, "");
    sm_tell_ended(&harness, 2, 0, REASON_LOGOFF, "");
    lsm_await_state(&harness, 2, SESSION_NONE);
    agent_end(&harness, &agents[0]);
    agent_end(&harness, &agents[1]);
    close(wrong), close(thief), close(own), close(admin);
}

/* The new agent knows no viewer: what lodge-smss remembers decides. */
static void broker_and_agent_die_together(void)
{
    struct agent agent;
    struct attached attached, again;
    int worker = lsm_connect_front(&harness), thief = lsm_connect_front(&harness);
    harness_log_on(&harness, worker, 5006, 6, &agent, &attached);
    CHECK(sm_is_silent(&harness, 0) && harness.viewer.id == 6 && harness.viewer.viewer == attached.viewer);
    harness_kill_broker(&harness);
    close(worker), close(thief);
    harness_start_broker(&harness);
    sm_tell_state(&harness, 6, SM_SESSION_UP, 0, 5006, "somebody");
    sm_tell(&harness, SM_VIEWER, &(struct sm_viewer){.id = 6, .viewer = attached.viewer});
    sm_tell_synced(&harness);
    worker = lsm_connect_front(&harness), thief = lsm_connect_front(&harness);
    uint64_t thief_serial = lsm_ask_announce(&harness, thief, 6, attached.viewer + 1);
    agent_accept(&agent);
    agent_tell_synced(&agent);
    CHECK(lsm_expect_reason(thief, thief_serial) == REASON_WRONG_STATE);
    uint64_t serial = lsm_ask_announce(&harness, worker, 6, attached.viewer);
    CHECK(lsm_expect_reason(worker, serial) == REASON_NONE);
    lsm_await_state(&harness, 6, ACTIVE);
    serial = lsm_ask_attach(&harness, worker, 6, attached.viewer);
    lsm_expect_attached(worker, serial, &again);
    CHECK(again.session == 6 && again.viewer != attached.viewer);
    /* once alone */
    thief_serial = lsm_ask_announce(&harness, thief, 6, attached.viewer);
    CHECK(lsm_expect_reason(thief, thief_serial) == REASON_WRONG_STATE);
    close(worker);
    lsm_await_state(&harness, 6, GONE);
    sm_tell(&harness, SM_SESSION_ENDED, &(struct sm_session_ended){.id = 6, .reason = REASON_LOGOFF});
    lsm_await_state(&harness, 6, SESSION_NONE);
    agent_end(&harness, &agent);
    close(thief);
}

static void one_session_stays_one_through_a_restart(void)
{
    struct agent agent;
    struct attached attached, again;
    int worker = lsm_connect_front(&harness);
    harness_log_on(&harness, worker, 5003, 3, &agent, &attached);
    harness_kill_broker(&harness);
    close(worker);
    harness_start_broker(&harness);

    /* no logon begins before everything is known */
    worker = lsm_connect_front(&harness);
    uint64_t serial = lsm_ask_logon(&harness, worker);
    CHECK(sm_is_silent(&harness, 100));
    sm_tell_state(&harness, 3, SM_SESSION_UP, 0, 5003, "somebody");
    sm_tell_synced(&harness);
    sm_expect(&harness, SM_LOGON_START, &sm, NULL);
    sm_tell_result(&harness, sm.logon_start.logon, REASON_NONE, 5003, "somebody");
    sm_expect(&harness, SM_LOGON_DROP, &sm, NULL);
    /* nor is a session given before its agent has named its viewers */
    agent_accept(&agent);
    CHECK(lsm_is_silent(worker, 50));
    name_viewer(&agent, attached.viewer);
    agent_tell_synced(&agent);
    lsm_expect_attached(worker, serial, &again);
    CHECK(again.session == 3 && again.reconnected);
    agent_expect(&agent, WINSTATION_DETACH, &winstation, NULL);
    CHECK(winstation.detach.viewer == attached.viewer && winstation.detach.reason == REASON_TAKEN_OVER);
    agent_expect(&agent, WINSTATION_ATTACH, &winstation, NULL);
    sm_tell_ended(&harness, 3, 0, REASON_LOGOFF, "");
    lsm_await_state(&harness, 3, SESSION_NONE);
    agent_end(&harness, &agent);
    close(worker);
}

static void lodge_smss_comes_back(void)
{
    struct agent agents[2];
    struct attached attached[2];
    int workers[2] = {lsm_connect_front(&harness), lsm_connect_front(&harness)};
    harness_log_on(&harness, workers[0], 5004, 4, &agents[0], &attached[0]);
    harness_log_on(&harness, workers[1], 5005, 5, &agents[1], &attached[1]);
    int asking = lsm_connect_front(&harness), admitted = lsm_connect_front(&harness);
    uint64_t admitted_serial = lsm_ask_logon(&harness, admitted);
    sm_expect(&harness, SM_LOGON_START, &sm, NULL);
    uint64_t logon = sm.logon_start.logon;
    sm_tell_result(&harness, logon, REASON_NONE, 5006, "somebody");
    sm_expect(&harness, SM_LOGON_ADMIT, &sm, NULL);
    close_descriptor(&harness.sm);

    /* a logoff that nobody hears now, and a logon that waits */
    int admin = lsm_connect_as(&harness, 0);
    uint64_t serial = lsm_ask_session(&harness, admin, LODGE__LSM__REQUEST__METHOD_LOGOFF, 4);
    CHECK(lsm_expect_reason(admin, serial) == REASON_NONE);
    serial = lsm_ask_logon(&harness, asking);
    harness_take_broker(&harness);
    sm_tell_state(&harness, 4, SM_SESSION_UP, attached[0].logon, 5004, "somebody");
    sm_expect(&harness, SM_SESSION_END, &sm, NULL);
    CHECK(sm.session_end.id == 4 && sm.session_end.reason == REASON_LOGOFF_ADMIN);
    CHECK(sm_is_silent(&harness, 50)); /* the logon waits until all is known */
    sm_tell_synced(&harness);
    lsm_await_state(&harness, 5, SESSION_NONE);
    CHECK(lsm_state_of(&harness, 4) == LODGE__LSM__STATE__DOWN);
    uint64_t again = lsm_ask_attach(&harness, workers[1], 5, attached[1].viewer);
    CHECK(lsm_expect_reason(workers[1], again) == REASON_SESSION_DIED);
    CHECK(lsm_expect_reason(admitted, admitted_serial) == REASON_SESSION_FAILED);
    sm_expect(&harness, SM_LOGON_DROP, &sm, NULL);
    CHECK(sm.logon_drop.logon == logon);
    sm_expect(&harness, SM_LOGON_START, &sm, NULL);
    sm_tell_result(&harness, sm.logon_start.logon, REASON_LOCKED, 0, "somebody");
    CHECK(lsm_expect_reason(asking, serial) == REASON_LOCKED);
    close(workers[0]), close(workers[1]), close(asking), close(admitted), close(admin);
    agent_end(&harness, &agents[0]);
    agent_end(&harness, &agents[1]);
}

/* A lodge-logon that was admitted by nobody, as far as it knows, is admitted again. */
static void an_admission_that_got_lost_is_given_again(void)
{
    struct attached attached;
    struct agent agent;
    int worker = lsm_connect_front(&harness), gone = lsm_connect_front(&harness);
    uint64_t serial = lsm_ask_logon(&harness, worker);
    sm_expect(&harness, SM_LOGON_START, &sm, NULL);
    uint64_t logon = sm.logon_start.logon;
    sm_tell_result(&harness, logon, REASON_NONE, 5007, "somebody");
    sm_expect(&harness, SM_LOGON_ADMIT, &sm, NULL);
    lsm_ask_logon(&harness, gone);
    sm_expect(&harness, SM_LOGON_START, &sm, NULL);
    uint64_t other = sm.logon_start.logon;
    sm_tell_result(&harness, other, REASON_NONE, 5008, "somebody");
    sm_expect(&harness, SM_LOGON_ADMIT, &sm, NULL);
    close(gone);
    lsm_await_state(&harness, 4, LODGE__LSM__STATE__DOWN); /* the broker has turned once */
    close_descriptor(&harness.sm);
    harness_take_broker(&harness);
    sm_tell_result(&harness, logon, REASON_NONE, 5007, "somebody");
    sm_tell_result(&harness, other, REASON_NONE, 5008, "somebody");
    sm_expect(&harness, SM_LOGON_DROP, &sm, NULL);
    CHECK(sm.logon_drop.logon == other);
    CHECK(sm_is_silent(&harness, 50));
    sm_tell_synced(&harness);
    sm_expect(&harness, SM_LOGON_ADMIT, &sm, NULL);
    CHECK(sm.logon_admit.logon == logon);
    agent_listen(&harness, &agent, 7);
    sm_tell_state(&harness, 7, SM_SESSION_STARTING, logon, 5007, "somebody");
    lsm_expect_attached(worker, serial, &attached);
    CHECK(attached.session == 7);
    agent_end(&harness, &agent);
    close(worker);
}

static void without_lodge_smss_a_logon_is_refused_in_the_end(void)
{
    close_descriptor(&harness.sm);
    close_descriptor(&harness.sm_port);
    int worker = lsm_connect_front(&harness);
    uint64_t serial = lsm_ask_logon(&harness, worker);
    CHECK(lsm_expect_reason(worker, serial) == REASON_NO_BROKER);
    close(worker);
}

int main(void)
{
    harness_begin_with_broker(&harness, "");
    the_broker_comes_back();
    broker_and_agent_die_together();
    one_session_stays_one_through_a_restart();
    lodge_smss_comes_back();
    an_admission_that_got_lost_is_given_again();
    without_lodge_smss_a_logon_is_refused_in_the_end();
    harness_end(&harness);
    return 0;
}
