/* connect: the client of one session gets another one, over its own connection; who may, and what cannot be.
 */
#include <unistd.h>

#include "broker/harness.h"
#include "common/event.h"

static struct harness harness;
static union winstation_body winstation;

static uint64_t ask_connect(int fd, uint32_t session, uint32_t from)
{
    Lodge__Lsm__ConnectRequest connect = LODGE__LSM__CONNECT_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    connect.session = session;
    connect.from = from;
    request.method_case = LODGE__LSM__REQUEST__METHOD_CONNECT;
    request.connect = &connect;
    return lsm_ask(&harness, fd, &request, -1);
}

static void refusals(int own, int other, int admin)
{
    CHECK(lsm_expect_reason(other, ask_connect(other, 1, 2)) == REASON_NO_SESSION);
    CHECK(lsm_expect_reason(own, ask_connect(own, 3, 1)) == REASON_NO_SESSION); /* another's */
    CHECK(lsm_expect_reason(own, ask_connect(own, 1, 3)) == REASON_NO_SESSION);
    CHECK(lsm_expect_reason(admin, ask_connect(admin, 1, 1)) == REASON_WRONG_STATE);
    CHECK(lsm_expect_reason(admin, ask_connect(admin, 1, 9)) == REASON_NO_SESSION);
    CHECK(lsm_expect_reason(admin, ask_connect(admin, UINT32_MAX, 1)) == REASON_NO_SESSION);
}

/* The client goes; its worker knows by the farewell that it is to ask again. */
static void leave(struct agent *agent, const struct attached *attached)
{
    agent_expect(agent, WINSTATION_DETACH, &winstation, NULL);
    CHECK(winstation.detach.viewer == attached->viewer && winstation.detach.reason == REASON_MOVED);
    lsm_await_state(&harness, attached->session, LODGE__LSM__STATE__DISCONNECTED);
    close(attached->channel);
}

/* Its worker asks, and has the other session, from which somebody else is sent away. */
static void arrive(int worker, struct attached *attached, struct agent *agent, uint64_t had)
{
    uint64_t serial = lsm_ask_attach(&harness, worker, attached->session, attached->viewer);
    if (had != 0) {
        agent_expect(agent, WINSTATION_DETACH, &winstation, NULL);
        CHECK(winstation.detach.viewer == had && winstation.detach.reason == REASON_TAKEN_OVER);
    }
    agent_expect(agent, WINSTATION_ATTACH, &winstation, NULL);
    lsm_expect_attached(worker, serial, attached);
    CHECK(attached->session == agent->id && attached->viewer == winstation.attach.viewer);
    CHECK(attached->reconnected);
    lsm_await_state(&harness, agent->id, LODGE__LSM__STATE__ACTIVE);
}

int main(void)
{
    struct agent agents[3];
    struct attached attached[3];
    int workers[3];
    harness_begin_with_broker(&harness, "SingleSessionPerUser = 0\nMaxSessionsPerUser = 2");
    int own = lsm_connect_as(&harness, 5001), other = lsm_connect_as(&harness, 5002);
    int admin = lsm_connect_as(&harness, 0);
    for (uint16_t i = 0; i < 3; i++) {
        workers[i] = lsm_connect_front(&harness);
        harness_log_on(&harness, workers[i], i < 2 ? 5001 : 5002, (uint16_t)(i + 1), &agents[i],
                       &attached[i]);
    }
    refusals(own, other, admin);

    CHECK(lsm_expect_reason(own, ask_connect(own, 2, 1)) == REASON_NONE);
    leave(&agents[0], &attached[0]);
    lsm_await_event(&harness, EVENT_DISCONNECT, 1);
    CHECK(lsm_expect_reason(own, ask_connect(own, 2, 1)) == REASON_WRONG_STATE); /* nobody is there now */
    arrive(workers[0], &attached[0], &agents[1], attached[1].viewer);
    uint64_t serial = lsm_ask_attach(&harness, workers[1], 2, attached[1].viewer);
    CHECK(lsm_expect_reason(workers[1], serial) == REASON_TAKEN_OVER);

    /* an administrator, and another's session */
    CHECK(lsm_expect_reason(admin, ask_connect(admin, 3, 2)) == REASON_NONE);
    leave(&agents[1], &attached[0]);
    arrive(workers[0], &attached[0], &agents[2], attached[2].viewer);

    /* the session ends before the worker asks, and another has its number */
    CHECK(lsm_expect_reason(admin, ask_connect(admin, 1, 3)) == REASON_NONE);
    leave(&agents[2], &attached[0]);
    sm_tell_ended(&harness, 1, 0, REASON_LOGOFF, "");
    lsm_await_state(&harness, 1, SESSION_NONE);
    sm_tell_state(&harness, 1, SM_SESSION_UP, 4711, 5003, "another");
    lsm_await_state(&harness, 1, LODGE__LSM__STATE__DISCONNECTED);
    serial = lsm_ask_attach(&harness, workers[0], 3, attached[0].viewer);
    CHECK(lsm_expect_reason(workers[0], serial) == REASON_NO_SESSION);
    serial = lsm_ask_attach(&harness, workers[0], 3, attached[0].viewer);
    CHECK(lsm_expect_reason(workers[0], serial) == REASON_MOVED); /* once only */

    for (size_t i = 0; i < 3; i++) {
        close(workers[i]);
        agent_end(&harness, &agents[i]);
    }
    close(attached[1].channel), close(attached[2].channel);
    close(own), close(other), close(admin);
    harness_end(&harness);
    return 0;
}
