/* Messages to the person of a session: shown by its agent, answered, and what happens when that does not
 * come. */
#include <unistd.h>

#include "broker/harness.h"

static struct harness harness;
static union winstation_body winstation;

static uint64_t ask_message(int fd, uint16_t session, const char *text, bool wait)
{
    Lodge__Lsm__MessageRequest message = LODGE__LSM__MESSAGE_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    message.session = session;
    message.title = (char *)"Title";
    message.text = (char *)text;
    message.style = 4;
    message.timeout_s = 30;
    message.wait = wait;
    request.method_case = LODGE__LSM__REQUEST__METHOD_MESSAGE;
    request.message = &message;
    return lsm_ask(&harness, fd, &request, -1);
}

static void expect_response(int fd, uint64_t serial, uint32_t response)
{
    Lodge__Lsm__Answer *answer = lsm_expect(fd, serial, NULL);
    CHECK(answer->reason == REASON_NONE && answer->result_case == LODGE__LSM__ANSWER__RESULT_MESSAGE);
    CHECK(answer->message->response == response);
    lodge__lsm__answer__free_unpacked(answer, NULL);
}

static uint64_t expect_shown(struct agent *agent, const char *text)
{
    agent_expect(agent, WINSTATION_MESSAGE, &winstation, NULL);
    CHECK_TEXT(winstation.message.text, text);
    CHECK_TEXT(winstation.message.title, "Title");
    CHECK(winstation.message.style == 4 && winstation.message.timeout_s == 30);
    return winstation.message.serial;
}

static void tell_response(struct agent *agent, uint64_t number, uint32_t response)
{
    agent_tell(agent, WINSTATION_MESSAGE_ANSWER, &(struct winstation_message_answer){number, response});
}

static void answers_come_back(struct agent *agent, int own)
{
    int admin = lsm_connect_as(&harness, 0), other = lsm_connect_as(&harness, 5002);
    expect_response(own, ask_message(own, 1, "two\nlines", false), 32001);
    uint64_t unheard = expect_shown(agent, "two\nlines");
    uint64_t first = ask_message(admin, 1, "first", true);
    uint64_t first_number = expect_shown(agent, "first");
    CHECK(first_number != unheard);
    CHECK(lsm_expect_reason(admin, ask_message(admin, 1, "again", true)) == REASON_WRONG_STATE);
    uint64_t second = ask_message(own, 1, "second", true);
    uint64_t second_number = expect_shown(agent, "second");
    tell_response(agent, unheard, 1);
    tell_response(agent, second_number, 7);
    tell_response(agent, 12345, 6); /* of nothing */
    expect_response(own, second, 7);
    tell_response(agent, first_number, 32000);
    expect_response(admin, first, 32000);
    first = ask_message(admin, 1, "cannot", true);
    tell_response(agent, expect_shown(agent, "cannot"), 0);
    CHECK(lsm_expect_reason(admin, first) == REASON_WRONG_STATE);
    CHECK(lsm_expect_reason(other, ask_message(other, 1, "x", true)) == REASON_NO_SESSION);
    CHECK(lsm_expect_reason(admin, ask_message(admin, 1, "", true)) == REASON_BAD_REQUEST);
    CHECK(lsm_expect_reason(admin, ask_message(admin, 1, "\xff", true)) == REASON_BAD_REQUEST);
    CHECK(lsm_expect_reason(admin, ask_message(admin, 1, "\033[2J", true)) == REASON_BAD_REQUEST);
    close(other);
    ask_message(admin, 1, "goes away", true);
    first_number = expect_shown(agent, "goes away");
    close(admin);
    tell_response(agent, first_number, 1);
}

int main(void)
{
    struct agent agent;
    struct attached attached;
    harness_begin_with_broker(&harness, "");
    int worker = lsm_connect_front(&harness), own = lsm_connect_as(&harness, 5001);
    harness_log_on(&harness, worker, 5001, 1, &agent, &attached);
    answers_come_back(&agent, own);
    uint64_t serial = ask_message(own, 1, "dies", true);
    expect_shown(&agent, "dies");
    agent_die(&agent);
    CHECK(lsm_expect_reason(own, serial) == REASON_WRONG_STATE);
    agent_accept(&agent);
    agent_tell(&agent, WINSTATION_VIEWER, &(struct winstation_viewer){attached.viewer});
    agent_tell_synced(&agent);
    serial = ask_message(own, 1, "ends", true);
    expect_shown(&agent, "ends");
    sm_tell_ended(&harness, 1, attached.logon, REASON_LOGOFF, "");
    CHECK(lsm_expect_reason(own, serial) == REASON_WRONG_STATE);
    sm_tell_state(&harness, 2, SM_SESSION_UP, 9, 5001, "somebody");
    lsm_await_state(&harness, 2, LODGE__LSM__STATE__DISCONNECTED);
    CHECK(lsm_expect_reason(own, ask_message(own, 2, "nobody there", true)) == REASON_WRONG_STATE);
    close(worker), close(own), close(attached.channel);
    agent_end(&harness, &agent);
    harness_end(&harness);
    return 0;
}
