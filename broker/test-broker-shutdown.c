/* Shutdown and listeners against a real broker: the countdown, what people see of it, what outlives the
 * broker's death, and what lodge-smss is asked. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "broker/harness.h"

#define HOUR_S 3600

static struct harness harness;
static union sm_body sm;
static union winstation_body shown;

/* Asks, and takes the next answer; freed by the caller. */
static Lodge__Lsm__Answer *ask(int fd, Lodge__Lsm__Request *request)
{
    return lsm_expect(fd, lsm_ask(&harness, fd, request, -1), NULL);
}

static Lodge__Lsm__Answer *ask_shutdown(int fd, Lodge__Lsm__ShutdownRequest *asked)
{
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_SHUTDOWN;
    request.shutdown = asked;
    return ask(fd, &request);
}

static enum reason shut_down(int fd, uint32_t in_s, bool now, bool force, const char *reason)
{
    Lodge__Lsm__ShutdownRequest asked = LODGE__LSM__SHUTDOWN_REQUEST__INIT;
    asked.action = LODGE__LSM__SHUTDOWN_ACTION__REBOOT;
    asked.in_s = in_s;
    asked.now = now;
    asked.force = force;
    asked.reason = (char *)reason;
    asked.message = (char *)"save";
    Lodge__Lsm__Answer *answer = ask_shutdown(fd, &asked);
    enum reason result = (enum reason)answer->reason;
    CHECK(result != REASON_NONE || answer->result_case == LODGE__LSM__ANSWER__RESULT_SHUTDOWN);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return result;
}

static enum reason call_off(int fd)
{
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_SHUTDOWN_ABORT;
    request.shutdown_abort = &nothing;
    return lsm_expect_reason(fd, lsm_ask(&harness, fd, &request, -1));
}

/* Follows it from now on, where `follow`; the answer is the caller's to free. */
static Lodge__Lsm__Answer *status(int fd, bool follow, uint64_t *serial_r)
{
    Lodge__Lsm__ShutdownStatusRequest asked = LODGE__LSM__SHUTDOWN_STATUS_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    asked.follow = follow;
    request.method_case = LODGE__LSM__REQUEST__METHOD_SHUTDOWN_STATUS;
    request.shutdown_status = &asked;
    *serial_r = lsm_ask(&harness, fd, &request, -1);
    return lsm_expect(fd, *serial_r, NULL);
}

/* The phase has to be this; returns what is left of the countdown. */
static uint64_t expect_phase(int fd, const char *phase)
{
    uint64_t serial;
    Lodge__Lsm__Answer *answer = status(fd, false, &serial);
    CHECK_TEXT(answer->shutdown->phase, phase);
    uint64_t left = answer->shutdown->left_ms;
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return left;
}

static void bad_requests_are_refused(void)
{
    static char longer[1024], lines[] = "two\nlines";
    int fd = lsm_connect_as(&harness, 0);
    memset(longer, 'x', sizeof(longer) - 1);
    CHECK(shut_down(fd, 0, false, false, "") == REASON_BAD_REQUEST);
    CHECK(shut_down(fd, 5, true, false, "") == REASON_BAD_REQUEST);
    CHECK(shut_down(fd, 604801, false, false, "") == REASON_BAD_REQUEST);
    CHECK(shut_down(fd, HOUR_S, false, false, longer) == REASON_BAD_REQUEST);
    CHECK(shut_down(fd, HOUR_S, false, false, lines) == REASON_BAD_REQUEST);
    Lodge__Lsm__ShutdownRequest asked = LODGE__LSM__SHUTDOWN_REQUEST__INIT;
    asked.action = (Lodge__Lsm__ShutdownAction)77;
    asked.in_s = HOUR_S;
    Lodge__Lsm__Answer *answer = ask_shutdown(fd, &asked);
    CHECK(answer->reason == REASON_BAD_REQUEST);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    CHECK(call_off(fd) == REASON_WRONG_STATE);
    expect_phase(fd, "none");
    CHECK(sm_is_silent(&harness, 50));
    close(fd);
}

static void a_countdown_is_shown_and_outlives_the_broker(void)
{
    struct agent agent;
    struct attached attached;
    int front = lsm_connect_front(&harness), fd = lsm_connect_as(&harness, 0);
    harness_log_on(&harness, front, 5100, 7, &agent, &attached);
    CHECK(shut_down(fd, HOUR_S, false, false, "kernel") == REASON_NONE);
    agent_expect(&agent, WINSTATION_MESSAGE, &shown, NULL);
    CHECK(strstr(shown.message.text, "60 minutes") != NULL && strstr(shown.message.text, "save") != NULL &&
          strstr(shown.message.text, "Reason: kernel") != NULL);
    uint64_t box = shown.message.serial, left = expect_phase(fd, "countdown");
    CHECK(left > (HOUR_S - 60) * 1000 && left <= HOUR_S * 1000);
    CHECK(shut_down(fd, HOUR_S, false, false, "") == REASON_WRONG_STATE);
    CHECK(shut_down(fd, HOUR_S / 2, false, true, "kernel") == REASON_NONE); /* force replaces it */
    agent_expect(&agent, WINSTATION_MESSAGE_CANCEL, &shown, NULL);
    CHECK(shown.message_cancel.serial == box);
    agent_expect(&agent, WINSTATION_MESSAGE, &shown, NULL);
    CHECK(shown.message.serial > box);
    box = shown.message.serial;
    CHECK(expect_phase(fd, "countdown") <= HOUR_S / 2 * 1000);
    CHECK(call_off(fd) == REASON_NONE);
    agent_expect(&agent, WINSTATION_MESSAGE_CANCEL, &shown, NULL);
    agent_expect(&agent, WINSTATION_MESSAGE, &shown, NULL);
    CHECK(shown.message.serial > box && strstr(shown.message.text, "called off") != NULL);
    CHECK(call_off(fd) == REASON_WRONG_STATE);
    CHECK(shut_down(fd, HOUR_S, false, false, "again") == REASON_NONE);
    close(fd), close(front);
    harness_kill_broker(&harness);
    harness_start_broker(&harness);
    sm_tell_synced(&harness);
    fd = lsm_connect_as(&harness, 0);
    left = expect_phase(fd, "countdown");
    CHECK(left > (HOUR_S - 120) * 1000 && left <= HOUR_S * 1000);
    CHECK(call_off(fd) == REASON_NONE);
    close(fd), close(attached.channel);
    agent_end(&harness, &agent);
}

/* Of another boot, or nonsense: no countdown. */
static void a_file_that_makes_no_sense_is_dropped(void)
{
    static const char *const texts[] = {
        "",           "\n\n\n",           "00000000-0000-0000-0000-000000000000 1 2 0 0\nwhy\nsave\n",
        "x y z\n",    "%s 1 9 0 0\n\n\n", "%s 99999999999 2 0 0\nwhy\n",
        "%s 1\n\n\n",
    };
    char path[128], boot[40] = "", text[256];
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");
    CHECK(file != NULL && fscanf(file, "%39s", boot) == 1);
    fclose(file);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        harness_kill_broker(&harness);
        snprintf(path, sizeof(path), "%s/state/db/shutdown", harness.directory);
        const char *mark = strstr(texts[i], "%s");
        snprintf(text, sizeof(text), "%s%s", mark != NULL ? boot : "", mark != NULL ? mark + 2 : texts[i]);
        file = fopen(path, "w");
        CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0 &&
              chown(path, harness.broker_uid, harness.broker_gid) == 0);
        harness_start_broker(&harness);
        sm_tell_synced(&harness);
        int fd = lsm_connect_as(&harness, 0);
        expect_phase(fd, "none");
        CHECK(access(path, F_OK) != 0);
        close(fd);
    }
}

static void expect_listener_set(bool stopped)
{
    sm_expect(&harness, SM_LISTENER_SET, &sm, NULL);
    CHECK(sm.listener_set.stopped == stopped);
}

static void the_listener_is_stopped(void)
{
    Lodge__Lsm__ListenerRequest listener = LODGE__LSM__LISTENER_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    struct sm_listener_state state = {
        .state = SM_LISTENING, .pid = 9, .port = 3389, .connections = 2, .accepted = 5, .refused = 1};
    int fd = lsm_connect_as(&harness, 0);
    sm_tell(&harness, SM_LISTENER_STATE, &state);
    listener.name = (char *)"rdp";
    request.method_case = LODGE__LSM__REQUEST__METHOD_LISTENER_STOP;
    request.listener_stop = &listener;
    uint64_t serial = lsm_ask(&harness, fd, &request, -1);
    expect_listener_set(true);
    sm_tell(&harness, SM_LISTENER_STATE, &state); /* its numbers: no answer */
    CHECK(lsm_is_silent(fd, 50));
    state.state = SM_LISTENING_STOPPED;
    state.answer = 1;
    sm_tell(&harness, SM_LISTENER_STATE, &state);
    CHECK(lsm_expect_reason(fd, serial) == REASON_NONE);
    request.method_case = LODGE__LSM__REQUEST__METHOD_LISTENER_START;
    serial = lsm_ask(&harness, fd, &request, -1);
    expect_listener_set(false);
    sm_tell(&harness, SM_LISTENER_STATE, &state); /* it cannot be */
    CHECK(lsm_expect_reason(fd, serial) == REASON_INTERNAL);
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_LISTENERS;
    request.listeners = &nothing;
    Lodge__Lsm__Answer *answer = ask(fd, &request);
    CHECK(answer->listeners->n_listener == 1);
    CHECK_TEXT(answer->listeners->listener[0]->state, "stopped");
    CHECK(answer->listeners->listener[0]->accepted == 5 && answer->listeners->listener[0]->pid == 9);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    close(fd);
}

/* The last: after that the server ends. */
static void lodge_smss_is_asked_and_what_it_tells_is_passed_on(void)
{
    uint64_t serial;
    int fd = lsm_connect_as(&harness, 0), watcher = lsm_connect_as(&harness, 0);
    lodge__lsm__answer__free_unpacked(status(watcher, true, &serial), NULL);
    CHECK(shut_down(fd, 0, true, false, "now") == REASON_NONE);
    sm_expect(&harness, SM_SHUTDOWN, &sm, NULL);
    CHECK(sm.shutdown.action == SM_REBOOT && sm.shutdown.uid == 0 && !sm.shutdown.force);
    CHECK_TEXT(sm.shutdown.reason, "now");
    lodge__lsm__answer__free_unpacked(lsm_expect(watcher, serial, NULL), NULL);
    sm_tell(&harness, SM_STOPPING, &(struct sm_stopping){.reason = REASON_SHUTDOWN});
    struct sm_shutdown_status told = {
        .action = SM_REBOOT, .phase = "sessions", .sessions = 3, .phase_ms = 1500, .waits_for = "vim 7"};
    sm_tell(&harness, SM_SHUTDOWN_STATUS, &told);
    Lodge__Lsm__Answer *answer = lsm_expect(watcher, serial, NULL);
    CHECK_TEXT(answer->shutdown->phase, "sessions");
    CHECK_TEXT(answer->shutdown->waits_for, "vim 7");
    CHECK_TEXT(answer->shutdown->reason, "now");
    CHECK(answer->shutdown->sessions == 3 && answer->shutdown->phase_ms == 1500);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    CHECK(call_off(fd) == REASON_WRONG_STATE);
    CHECK(shut_down(fd, 0, true, true, "") == REASON_NONE); /* faster */
    sm_expect(&harness, SM_SHUTDOWN, &sm, NULL);
    CHECK(sm.shutdown.force);
    close(fd), close(watcher);
}

int main(void)
{
    harness_begin_with_broker(&harness, "");
    bad_requests_are_refused();
    a_countdown_is_shown_and_outlives_the_broker();
    a_file_that_makes_no_sense_is_dropped();
    the_listener_is_stopped();
    lodge_smss_is_asked_and_what_it_tells_is_passed_on();
    harness_end(&harness);
    return 0;
}
