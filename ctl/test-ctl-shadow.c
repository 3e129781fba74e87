/* The real lodgectl's shadow, and what list and show tell of it, against a server of this test. */
#include <string.h>
#include <unistd.h>

#include "common/reason.h"
#include "ctl/test-process.h"
#include "lib/play.h"
#include "tests/check.h"

static struct play_place place;

/* Runs lodgectl with these words against answer_shadow, or with no server. */
static const struct process_result *run(play_answer *answer, const char *const *words)
{
    const char *all[PROCESS_WORDS] = {LODGECTL, "--config", place.config};
    for (size_t i = 0; words[i] != NULL; i++) {
        CHECK(i + 4 < PROCESS_WORDS);
        all[3 + i] = words[i];
    }
    pid_t server = answer != NULL ? play_start(place.port, answer) : -1;
    const struct process_result *result = process_run(all, "", 0);
    if (answer != NULL)
        play_stop(server, place.port);
    return result;
}

#define RUN(answer, ...) run(answer, (const char *const[]){__VA_ARGS__, NULL})

static void expect_error(const struct process_result *result, int exit_code, const char *text)
{
    CHECK(result->exit_code == exit_code && strstr(result->error, text) != NULL && result->out[0] == '\0');
}

/* Session 5's client looks at session 7 with control, and no other may look at any. */
static bool answer_shadow(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Shadowing shadowing = LODGE__LSM__SHADOWING__INIT;
    Lodge__Lsm__Shadower shadower = LODGE__LSM__SHADOWER__INIT;
    Lodge__Lsm__Session five = LODGE__LSM__SESSION__INIT, seven = LODGE__LSM__SESSION__INIT;
    Lodge__Lsm__Session *all[] = {&five, &seven};
    Lodge__Lsm__Sessions sessions = LODGE__LSM__SESSIONS__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    five.id = shadower.session = 5;
    seven.id = five.shadows = 7;
    five.state = LODGE__LSM__STATE__SHADOW;
    five.user = shadower.user = (char *)"ada";
    seven.user = (char *)"bob";
    seven.locked = shadower.control = true;
    seven.shadower = &shadower;
    sessions.session = all;
    sessions.n_session = 2;
    if (request->method_case == LODGE__LSM__REQUEST__METHOD_LIST) {
        answer.result_case = LODGE__LSM__ANSWER__RESULT_SESSIONS;
        answer.sessions = &sessions;
    } else if (request->method_case == LODGE__LSM__REQUEST__METHOD_SHOW) {
        answer.result_case = LODGE__LSM__ANSWER__RESULT_SESSION;
        answer.session = request->show->session == 5 ? &five : &seven;
    } else if (request->method_case == LODGE__LSM__REQUEST__METHOD_SHADOW_STOP) {
        CHECK(request->shadow_stop->session == 7);
    } else {
        const Lodge__Lsm__ShadowRequest *shadow = request->shadow;
        CHECK(request->method_case == LODGE__LSM__REQUEST__METHOD_SHADOW && shadow->session == 7);
        CHECK(shadow->from == 5 && shadow->hotkey == 0);
        shadowing.control = shadow->mode != LODGE__LSM__SHADOW_MODE__SHADOW_VIEW;
        answer.reason = shadow->mode == LODGE__LSM__SHADOW_MODE__SHADOW_CONTROL ? REASON_SHADOW_REFUSED : 0;
        answer.result_case =
            answer.reason == 0 ? LODGE__LSM__ANSWER__RESULT_SHADOWING : LODGE__LSM__ANSWER__RESULT__NOT_SET;
        answer.shadowing = &shadowing;
    }
    return play_send(fd, request, &answer);
}

static void test_shadow(void)
{
    const struct process_result *result = RUN(answer_shadow, "shadow", "7", "--from", "5");
    CHECK(result->exit_code == 0 && strstr(result->out, "client of session 5, with control.") != NULL);
    result = RUN(answer_shadow, "shadow", "7", "--from", "5", "--view");
    CHECK(result->exit_code == 0 && strstr(result->out, "client of session 5, who looks on.") != NULL);
    expect_error(RUN(answer_shadow, "shadow", "7", "--from", "5", "--control"), 1, "(shadow-refused)");
    result = RUN(answer_shadow, "shadow", "7", "--stop");
    CHECK_TEXT(result->out, "The shadowing of or by session 7 has ended.\n");
    expect_error(RUN(NULL, "shadow", "7", "--stop", "--view"), 2, "exclude each other");
    expect_error(RUN(NULL, "shadow", "7", "--control", "--view"), 2, "exclude each other");
    expect_error(RUN(NULL, "shadow", "7", "--from", "0"), 2, "no session ID");
    result = RUN(answer_shadow, "list");
    CHECK(strstr(result->out, "shadow of 7") != NULL);
    CHECK(strstr(result->out, "active, locked, shadowed by 5") != NULL);
    result = RUN(answer_shadow, "list", "--json");
    CHECK(strstr(result->out, "\"state\":\"shadow\"") != NULL &&
          strstr(result->out, "\"shadows\":7,") != NULL);
    CHECK(strstr(result->out, "\"shadowed_by\":5,\"shadowed_by_user\":\"ada\","
                              "\"shadowed_with_control\":true}") != NULL);
    CHECK(strstr(RUN(answer_shadow, "show", "5")->out, "Shadows          session 7\n") != NULL);
    CHECK(strstr(RUN(answer_shadow, "show", "7")->out, "Shadowed by      session 5 of ada, with control\n") !=
          NULL);
}

int main(void)
{
    if (geteuid() != 0)
        return 77;
    play_place_make(&place);
    test_shadow();
    play_place_remove(&place);
    return 0;
}
