/* What the agent tells of its desktop: locked or not, where; and what it is asked: to lock, and what the
 * desktop was started with. */
#include <unistd.h>

#include "broker/harness.h"
#include "common/event.h"

static struct harness harness;
static union winstation_body winstation;

static void tell_desktop(struct agent *agent, uint64_t serial, bool locked)
{
    agent_tell(agent, WINSTATION_DESKTOP, &(struct winstation_desktop){serial, locked, 7});
}

/* Asks until the session is locked, or is not. */
static void await_locked(int fd, bool locked)
{
    for (bool right = false; !right;) {
        uint64_t serial = lsm_ask_session(&harness, fd, LODGE__LSM__REQUEST__METHOD_SHOW, 1);
        Lodge__Lsm__Answer *answer = lsm_expect(fd, serial, NULL);
        CHECK(answer->reason == REASON_NONE);
        right = answer->session->locked == locked;
        if (right)
            CHECK_TEXT(answer->session->terminal, ":7");
        lodge__lsm__answer__free_unpacked(answer, NULL);
    }
}

static uint64_t ask_lock(int fd)
{
    return lsm_ask_session(&harness, fd, LODGE__LSM__REQUEST__METHOD_LOCK, 1);
}

static uint64_t expect_lock(struct agent *agent)
{
    agent_expect(agent, WINSTATION_LOCK_DESKTOP, &winstation, NULL);
    CHECK_TEXT(winstation.lock_desktop.command, "mylock --now");
    return winstation.lock_desktop.serial;
}

static void a_lock_is_answered_when_it_holds(struct agent *agent, int own, int other)
{
    CHECK(lsm_expect_reason(other, ask_lock(other)) == REASON_NO_SESSION);
    uint64_t serial = ask_lock(own);
    uint64_t number = expect_lock(agent);
    CHECK(lsm_expect_reason(own, ask_lock(own)) == REASON_WRONG_STATE);
    tell_desktop(agent, number + 5, false); /* of nothing */
    tell_desktop(agent, number, false);
    CHECK(lsm_expect_reason(own, serial) == REASON_WRONG_STATE);
    serial = ask_lock(own);
    tell_desktop(agent, expect_lock(agent), true);
    CHECK(lsm_expect_reason(own, serial) == REASON_NONE);
    await_locked(own, true);
    lsm_await_event(&harness, EVENT_LOCK, 1);
}

static uint64_t ask_environment(int fd)
{
    return lsm_ask_session(&harness, fd, LODGE__LSM__REQUEST__METHOD_ENVIRONMENT, 1);
}

static void answer_environment(struct agent *agent, const char *variables, size_t size)
{
    static struct winstation_environment told;
    agent_expect(agent, WINSTATION_ENVIRONMENT, &winstation, NULL);
    CHECK(winstation.environment.variables_count == 0);
    told = (struct winstation_environment){.serial = winstation.environment.serial};
    memcpy(told.variables, variables, size);
    told.variables_count = (uint16_t)size;
    agent_tell(agent, WINSTATION_ENVIRONMENT, &told);
}

static void the_environment_is_passed_on(struct agent *agent, int own)
{
    static const char two[] = "HOME=/home/a\0LANG=";
    uint64_t serial = ask_environment(own);
    answer_environment(agent, two, sizeof(two));
    Lodge__Lsm__Answer *answer = lsm_expect(own, serial, NULL);
    CHECK(answer->reason == REASON_NONE && answer->environment->n_variable == 2);
    CHECK_TEXT(answer->environment->variable[0], "HOME=/home/a");
    CHECK_TEXT(answer->environment->variable[1], "LANG=");
    lodge__lsm__answer__free_unpacked(answer, NULL);
    serial = ask_environment(own);
    answer_environment(agent, "", 0);
    answer = lsm_expect(own, serial, NULL);
    CHECK(answer->reason == REASON_NONE && answer->environment->n_variable == 0);
    lodge__lsm__answer__free_unpacked(answer, NULL);
}

/* What no agent says ends its connection, and who waits is told. */
static void nonsense_ends_the_connection(struct agent *agent, int own, const struct attached *attached,
                                         const char *variables, size_t size)
{
    uint64_t serial = ask_environment(own);
    answer_environment(agent, variables, size);
    CHECK(lsm_expect_reason(own, serial) == REASON_WRONG_STATE);
    close(agent->broker);
    agent->broker = -1;
    agent_accept(agent);
    agent_tell(agent, WINSTATION_VIEWER, &(struct winstation_viewer){attached->viewer});
    tell_desktop(agent, 0, true);
    agent_tell_synced(agent);
}

static unsigned count_events(uint32_t id)
{
    int fd = lsm_connect_as(&harness, 0);
    Lodge__Lsm__EventsRequest events = LODGE__LSM__EVENTS_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    unsigned count = 0;
    request.method_case = LODGE__LSM__REQUEST__METHOD_EVENTS;
    request.events = &events;
    Lodge__Lsm__Answer *answer = lsm_expect(fd, lsm_ask(&harness, fd, &request, -1), NULL);
    for (size_t i = 0; i < answer->events->n_event; i++)
        count += answer->events->event[i]->id == id;
    lodge__lsm__answer__free_unpacked(answer, NULL);
    close(fd);
    return count;
}

/* An agent is the user's: it may not fill the event log. */
static void locking_without_end_ends_the_connection(struct agent *agent)
{
    unsigned before = count_events(EVENT_LOCK) + count_events(EVENT_UNLOCK);
    for (unsigned i = 0; i < 50; i++) {
        struct winstation_desktop told = {0, i % 2 == 0 ? 0 : 1, 7};
        if (message_send(agent->broker, &winstation_protocol, WINSTATION_DESKTOP, &told, -1) != 0)
            break;
    }
    close(agent->broker);
    agent->broker = -1;
    agent_accept(agent);
    CHECK(lsm_state_of(&harness, 1) == LODGE__LSM__STATE__ACTIVE);
    CHECK(count_events(EVENT_LOCK) + count_events(EVENT_UNLOCK) <= before + 2);
}

int main(void)
{
    struct agent agent;
    struct attached attached;
    harness_begin_with_broker(&harness, "[Sessions]\nLockCommand = mylock --now");
    int worker = lsm_connect_front(&harness), own = lsm_connect_as(&harness, 5001);
    int other = lsm_connect_as(&harness, 5002);
    harness_log_on(&harness, worker, 5001, 1, &agent, &attached);
    a_lock_is_answered_when_it_holds(&agent, own, other);
    the_environment_is_passed_on(&agent, own);
    nonsense_ends_the_connection(&agent, own, &attached, "NO=END", 6);
    nonsense_ends_the_connection(&agent, own, &attached, "NO=\xff", 5);
    locking_without_end_ends_the_connection(&agent);
    close(worker), close(own), close(other), close(attached.channel);
    agent_end(&harness, &agent);
    harness_end(&harness);
    return 0;
}
