/* Timeouts, against a real broker with an agent that the test plays: warned, disconnected, logged off. */
#include <unistd.h>

#include "broker/harness.h"
#include "common/clock.h"

#define ACTIVE             LODGE__LSM__STATE__ACTIVE
#define GONE               LODGE__LSM__STATE__DISCONNECTED
#define EVENT_FOR_A_REASON 40

static struct harness harness;
static struct agent agent;
static struct attached attached;
static union sm_body sm;
static union winstation_body winstation;

/* A broker with these keys of [Sessions], and a session with somebody connected; returns the worker. */
static int begin(const char *keys)
{
    harness_begin_with_broker(&harness, keys);
    int worker = lsm_connect_front(&harness);
    harness_log_on(&harness, worker, 5001, 1, &agent, &attached);
    lsm_await_state(&harness, 1, ACTIVE);
    return worker;
}

static void end(void)
{
    sm_tell_ended(&harness, 1, 0, REASON_LOGOFF, "");
    lsm_await_state(&harness, 1, SESSION_NONE);
    agent_end(&harness, &agent);
    harness_end(&harness);
}

static void expect_end(enum reason reason)
{
    sm_expect(&harness, SM_SESSION_END, &sm, NULL);
    CHECK(sm.session_end.id == 1 && sm.session_end.reason == reason);
    lsm_await_event(&harness, EVENT_FOR_A_REASON, 1);
}

static void tell_input(int64_t monotonic_ms)
{
    agent_tell(&agent, WINSTATION_INPUT, &(struct winstation_input){(uint64_t)monotonic_ms});
}

static void idle_is_warned_and_disconnected(void)
{
    int64_t start_ms = clock_monotonic_ms();
    int worker = begin("MaxIdleSeconds = 3\nWarningSeconds = 2");
    agent_expect(&agent, WINSTATION_MESSAGE, &winstation, NULL);
    CHECK(winstation.message.text[0] != '\0' && winstation.message.timeout_s == 2);
    CHECK(strstr(winstation.message.text, "disconnected") != NULL);
    CHECK(clock_monotonic_ms() - start_ms >= 1000);

    /* input puts it off, and the next warning comes two seconds after that */
    int64_t input_ms = clock_monotonic_ms();
    tell_input(input_ms);
    agent_tell(&agent, WINSTATION_MESSAGE_ANSWER, &(struct winstation_message_answer){0, 1});
    agent_expect(&agent, WINSTATION_MESSAGE, &winstation, NULL);
    CHECK(clock_monotonic_ms() - input_ms >= 1000 && winstation.message.timeout_s == 2);
    CHECK(lsm_state_of(&harness, 1) == ACTIVE);
    agent_expect(&agent, WINSTATION_DETACH, &winstation, NULL);
    CHECK(winstation.detach.viewer == attached.viewer && winstation.detach.reason == REASON_IDLE_TIMEOUT);
    CHECK(clock_monotonic_ms() - input_ms >= 3000);
    lsm_await_state(&harness, 1, GONE);
    lsm_await_event(&harness, EVENT_FOR_A_REASON, 1);
    close(worker);
    end();
}

/* An agent that speaks of the future gets no more time than one whose user has just typed. */
static void the_future_is_now(void)
{
    int worker = begin("MaxIdleSeconds = 1\nWarningSeconds = 0\nTimeoutAction = 2");
    tell_input(INT64_MAX);
    expect_end(REASON_IDLE_TIMEOUT);
    close(worker);
    end();
}

static void time_is_limited_whatever_the_input(void)
{
    int64_t start_ms = clock_monotonic_ms();
    int worker = begin("MaxConnectedSeconds = 2\nWarningSeconds = 1\nTimeoutAction = 2");
    agent_expect(&agent, WINSTATION_MESSAGE, &winstation, NULL);
    CHECK(strstr(winstation.message.text, "logged off") != NULL);
    tell_input(clock_monotonic_ms());
    expect_end(REASON_TIME_LIMIT);
    CHECK(clock_monotonic_ms() - start_ms >= 2000);
    close(worker);
    end();
}

static void disconnected_is_logged_off(void)
{
    int worker = begin("MaxDisconnectedSeconds = 1\nMaxIdleSeconds = 3600");
    int64_t start_ms = clock_monotonic_ms();
    close(worker);
    agent_expect(&agent, WINSTATION_DETACH, &winstation, NULL);
    expect_end(REASON_DISCONNECTED_LIMIT);
    CHECK(clock_monotonic_ms() - start_ms >= 1000);
    end();
}

/* Nothing is done to a session of which a new broker does not know yet whether somebody is connected. */
static void a_new_broker_asks_first(void)
{
    int worker = begin("MaxDisconnectedSeconds = 1");
    harness_kill_broker(&harness);
    close(worker);
    harness_start_broker(&harness);
    sm_tell_state(&harness, 1, SM_SESSION_UP, attached.logon, 5001, "somebody");
    sm_tell_synced(&harness);
    lsm_await_state(&harness, 1, GONE);
    agent_accept(&agent);
    CHECK(sm_is_silent(&harness, 1500));
    agent_tell(&agent, WINSTATION_VIEWER, &(struct winstation_viewer){attached.viewer});
    lsm_await_state(&harness, 1, ACTIVE);
    CHECK(sm_is_silent(&harness, 1500));
    agent_tell_synced(&agent);
    agent_tell(&agent, WINSTATION_VIEWER_GONE, &(struct winstation_viewer_gone){attached.viewer});
    expect_end(REASON_DISCONNECTED_LIMIT);
    end();
}

static void broken_is_logged_off(void)
{
    int worker = begin("BrokenConnection = 2");
    agent_tell(&agent, WINSTATION_VIEWER_GONE, &(struct winstation_viewer_gone){attached.viewer});
    expect_end(REASON_BROKEN);
    close(worker);
    end();

    /* one that an administrator sends away is not broken */
    worker = begin("BrokenConnection = 2");
    int admin = lsm_connect_as(&harness, 0);
    uint64_t serial = lsm_ask_session(&harness, admin, LODGE__LSM__REQUEST__METHOD_DISCONNECT, 1);
    CHECK(lsm_expect_reason(admin, serial) == REASON_NONE);
    lsm_await_state(&harness, 1, GONE);
    CHECK(sm_is_silent(&harness, 300) && lsm_state_of(&harness, 1) == GONE);
    close(admin), close(worker);
    end();
}

int main(void)
{
    idle_is_warned_and_disconnected();
    the_future_is_now();
    time_is_limited_whatever_the_input();
    disconnected_is_logged_off();
    a_new_broker_asks_first();
    broken_is_logged_off();
    return 0;
}
