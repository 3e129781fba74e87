/* shadow: who may, who is asked, what both sides are told, and every way in which it ends. */
#include <poll.h>
#include <unistd.h>

#include "broker/harness.h"
#include "broker/shadow-policy.h"
#include "common/clock.h"
#include "common/event.h"

#define ACTIVE       LODGE__LSM__STATE__ACTIVE
#define SHADOW       LODGE__LSM__STATE__SHADOW
#define DISCONNECTED LODGE__LSM__STATE__DISCONNECTED
#define ID_YES       6
#define ID_NO        7
#define ID_TIMEOUT   32000

static struct harness harness;
static union winstation_body winstation;

/* 1 is the administrator's, 2 the one that is looked at. */
static struct agent agents[3];
static struct attached attached[3];
static int workers[3];
static uint64_t channels[3]; /* the serial of each worker's shadow_channel */
static int admin;

static uint64_t ask_channel(int worker, uint64_t viewer, uint32_t session)
{
    Lodge__Lsm__ShadowChannelRequest body = LODGE__LSM__SHADOW_CHANNEL_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    body.viewer = viewer;
    body.session = session;
    request.method_case = LODGE__LSM__REQUEST__METHOD_SHADOW_CHANNEL;
    request.shadow_channel = &body;
    return lsm_ask(&harness, worker, &request, -1);
}

static uint64_t ask_shadow(int fd, uint32_t session, uint32_t from, Lodge__Lsm__ShadowMode mode)
{
    Lodge__Lsm__ShadowRequest shadow = LODGE__LSM__SHADOW_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    shadow.session = session;
    shadow.from = from;
    shadow.mode = mode;
    request.method_case = LODGE__LSM__REQUEST__METHOD_SHADOW;
    request.shadow = &shadow;
    return lsm_ask(&harness, fd, &request, -1);
}

static enum reason try_shadow(uint32_t session, uint32_t from)
{
    return lsm_expect_reason(admin, ask_shadow(admin, session, from, 0));
}

static uint64_t ask_stop(int fd, uint16_t session)
{
    return lsm_ask_session(&harness, fd, LODGE__LSM__REQUEST__METHOD_SHADOW_STOP, session);
}

static void log_on(uint16_t id, uid_t uid, const char *user)
{
    unsigned i = id - 1u;
    workers[i] = lsm_connect_front(&harness);
    harness_log_on_as(&harness, workers[i], uid, user, id, &agents[i], &attached[i]);
    channels[i] = ask_channel(workers[i], 0, 0);
}

static void begin(const char *more)
{
    harness_begin_with_broker(&harness, more);
    admin = lsm_connect_as(&harness, 0);
    log_on(1, 5001, "ada");
    log_on(2, 5002, "bob");
}

static void end(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        close(workers[i]);
        close(attached[i].channel);
        agent_end(&harness, &agents[i]);
    }
    close(admin);
    harness_end(&harness);
}

/* The agent is given a viewer, and the worker of session 1 the other end of its channel. Returns the viewer.
 */
static uint64_t expect_begun(bool control)
{
    int agents_end = -1, workers_end = -1;
    agent_expect(&agents[1], WINSTATION_SHADOW, &winstation, &agents_end);
    CHECK(agents_end >= 0 && winstation.shadow.control == control);
    Lodge__Lsm__Answer *answer = lsm_expect(workers[0], channels[0], &workers_end);
    const Lodge__Lsm__ShadowChannel *told = answer->shadow_channel;
    CHECK(answer->result_case == LODGE__LSM__ANSWER__RESULT_SHADOW_CHANNEL && workers_end >= 0);
    CHECK(told->session == 2 && told->viewer == winstation.shadow.viewer && told->viewer != 0);
    CHECK(told->control == control && told->hotkey == 0x6A && told->modifiers == 2);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    close(agents_end), close(workers_end);
    CHECK(lsm_state_of(&harness, 1) == SHADOW && lsm_state_of(&harness, 2) == ACTIVE);
    lsm_await_event(&harness, EVENT_SHADOW_START, 2);
    return winstation.shadow.viewer;
}

static void expect_answer(uint64_t serial, bool control)
{
    Lodge__Lsm__Answer *answer = lsm_expect(admin, serial, NULL);
    CHECK(answer->reason == REASON_NONE && answer->result_case == LODGE__LSM__ANSWER__RESULT_SHADOWING);
    CHECK(answer->shadowing->control == control);
    lodge__lsm__answer__free_unpacked(answer, NULL);
}

static uint64_t expect_question(const char *wants)
{
    agent_expect(&agents[1], WINSTATION_MESSAGE, &winstation, NULL);
    CHECK(winstation.message.style == 0x24 && winstation.message.timeout_s == 30);
    CHECK(strncmp(winstation.message.text, "ada at ", 7) == 0 && strstr(winstation.message.text, wants));
    return winstation.message.serial;
}

static void answer_question(uint64_t question, uint32_t response)
{
    agent_tell(&agents[1], WINSTATION_MESSAGE_ANSWER,
               &(struct winstation_message_answer){question, response});
}

/* With a person who says yes. */
static uint64_t start(void)
{
    uint64_t serial = ask_shadow(admin, 2, 1, 0);
    answer_question(expect_question("use it together"), ID_YES);
    expect_answer(serial, true);
    return expect_begun(true);
}

static void expect_worker_told(uint64_t viewer)
{
    Lodge__Lsm__Answer *answer = lsm_expect(workers[0], channels[0], NULL);
    CHECK(answer->result_case == LODGE__LSM__ANSWER__RESULT_SHADOW_CHANNEL);
    CHECK(answer->shadow_channel->session == 0 && answer->shadow_channel->viewer == viewer);
    lodge__lsm__answer__free_unpacked(answer, NULL);
}

static void expect_dismissed(uint64_t viewer)
{
    agent_expect(&agents[1], WINSTATION_DETACH, &winstation, NULL);
    CHECK(winstation.detach.viewer == viewer);
}

/* Session 1 has its own again, and the history the end. */
static void expect_over(void)
{
    lsm_await_state(&harness, 1, ACTIVE);
    lsm_await_event(&harness, EVENT_SHADOW_STOP, 2);
    CHECK(lsm_expect_reason(admin, ask_stop(admin, 1)) == REASON_WRONG_STATE);
}

static bool has_terminal(uint16_t id, const char *terminal)
{
    uint64_t serial = lsm_ask_session(&harness, admin, LODGE__LSM__REQUEST__METHOD_SHOW, id);
    Lodge__Lsm__Answer *answer = lsm_expect(admin, serial, NULL);
    bool same = strcmp(answer->session->terminal, terminal) == 0;
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return same;
}

/* The agent of session 2 is there again with its viewer, and the broker knows: it tells the number that the
 * agent says last. */
static void come_again_as(void (*tell_synced)(struct agent *))
{
    static uint16_t display = 1;
    char terminal[8];
    int64_t deadline = clock_monotonic_ms() + HARNESS_PATIENCE_MS;
    snprintf(terminal, sizeof(terminal), ":%u", ++display);
    agent_accept(&agents[1]);
    agent_tell(&agents[1], WINSTATION_VIEWER, &(struct winstation_viewer){attached[1].viewer});
    tell_synced(&agents[1]);
    agent_tell(&agents[1], WINSTATION_DESKTOP, &(struct winstation_desktop){.display = display});
    while (!has_terminal(2, terminal)) {
        CHECK(clock_monotonic_ms() < deadline);
        poll(NULL, 0, 5);
    }
}

static void come_again(void)
{
    come_again_as(agent_tell_synced);
}

static void tell_synced_as_earlier_builds(struct agent *agent)
{
    agent_tell(agent, WINSTATION_SYNCED, &(struct winstation_synced){1024, 768});
}

/* The worker of session 2 wants a new channel. */
static void attach_again(void)
{
    uint64_t serial = lsm_ask_attach(&harness, workers[1], 2, attached[1].viewer);
    agent_expect(&agents[1], WINSTATION_DETACH, &winstation, NULL);
    agent_expect(&agents[1], WINSTATION_ATTACH, &winstation, NULL);
    close(attached[1].channel);
    lsm_expect_attached(workers[1], serial, &attached[1]);
}

/* After an upgrade in place: what the agent would not understand is not asked of it. */
static void an_earlier_agent(void)
{
    CHECK(attached[1].redirect != 0);
    agent_die(&agents[1]);
    come_again_as(tell_synced_as_earlier_builds);
    CHECK(try_shadow(2, 1) == REASON_WRONG_STATE);
    attach_again();
    CHECK(attached[1].redirect == 0);
    agent_die(&agents[1]);
    come_again();
    attach_again();
    CHECK(attached[1].redirect != 0);
}

static void refusals(void)
{
    int own = lsm_connect_as(&harness, 5001);
    CHECK(try_shadow(9, 1) == REASON_NO_SESSION && try_shadow(2, 9) == REASON_NO_SESSION);
    CHECK(try_shadow(UINT32_MAX, 1) == REASON_NO_SESSION);
    CHECK(try_shadow(1, 1) == REASON_WRONG_STATE);
    CHECK(lsm_expect_reason(own, ask_shadow(own, 2, 1, 0)) == REASON_FORBIDDEN);
    CHECK(lsm_expect_reason(admin, ask_shadow(admin, 2, 1, 3)) == REASON_BAD_REQUEST);
    CHECK(lsm_expect_reason(admin, ask_stop(admin, 2)) == REASON_WRONG_STATE);
    close(own);
}

static void tell_is_shown(bool running)
{
    for (uint16_t id = 1; id <= 2; id++) {
        uint64_t serial = lsm_ask_session(&harness, admin, LODGE__LSM__REQUEST__METHOD_SHOW, id);
        Lodge__Lsm__Answer *answer = lsm_expect(admin, serial, NULL);
        const Lodge__Lsm__Session *session = answer->session;
        CHECK(session->shadows == (id == 1 && running ? 2 : 0));
        CHECK((session->shadower != NULL) == (id == 2 && running));
        if (session->shadower != NULL) {
            CHECK(session->shadower->session == 1 && session->shadower->control);
            CHECK_TEXT(session->shadower->user, "ada");
        }
        lodge__lsm__answer__free_unpacked(answer, NULL);
    }
}

static void consent(void)
{
    int second = lsm_connect_as(&harness, 0);
    uint64_t serial = ask_shadow(admin, 2, 1, 0);
    uint64_t question = expect_question("use it together");
    CHECK(lsm_expect_reason(second, ask_shadow(second, 2, 1, 0)) == REASON_WRONG_STATE); /* being asked */
    tell_is_shown(false);
    answer_question(question, ID_NO);
    CHECK(lsm_expect_reason(admin, serial) == REASON_SHADOW_REFUSED);
    lsm_await_event(&harness, EVENT_SHADOW_REFUSED, 2);
    static const uint32_t noes[] = {ID_TIMEOUT, 0, 2};
    for (size_t i = 0; i < sizeof(noes) / sizeof(noes[0]); i++) {
        serial = ask_shadow(admin, 2, 1, LODGE__LSM__SHADOW_MODE__SHADOW_VIEW);
        answer_question(expect_question("see your desktop"), noes[i]);
        CHECK(lsm_expect_reason(admin, serial) == REASON_SHADOW_REFUSED);
    }
    /* who asks goes away, and the question with them */
    ask_shadow(second, 2, 1, 0);
    question = expect_question("use it together");
    close(second);
    agent_expect(&agents[1], WINSTATION_MESSAGE_CANCEL, &winstation, NULL);
    CHECK(winstation.message_cancel.serial == question);
    answer_question(question, ID_YES); /* that nobody waits for */
    CHECK(lsm_state_of(&harness, 1) == ACTIVE);
    /* the agent dies over it */
    serial = ask_shadow(admin, 2, 1, 0);
    expect_question("use it together");
    agent_die(&agents[1]);
    CHECK(lsm_expect_reason(admin, serial) == REASON_WRONG_STATE);
    come_again();
    CHECK(lsm_state_of(&harness, 2) == ACTIVE);
}

static void by_request(void)
{
    int own = lsm_connect_as(&harness, 5002), other = lsm_connect_as(&harness, 5003);
    uint64_t viewer = start();
    tell_is_shown(true);
    CHECK(try_shadow(2, 1) == REASON_WRONG_STATE && try_shadow(1, 2) == REASON_WRONG_STATE);
    CHECK(lsm_expect_reason(other, ask_stop(other, 2)) == REASON_NO_SESSION);
    CHECK(lsm_expect_reason(admin, ask_stop(admin, 2)) == REASON_NONE);
    expect_dismissed(viewer);
    expect_worker_told(viewer);
    expect_over();
    tell_is_shown(false);
    viewer = start(); /* named by whose client it is; by the person that allowed it */
    CHECK(lsm_expect_reason(admin, ask_stop(admin, 1)) == REASON_NONE);
    expect_dismissed(viewer);
    expect_worker_told(viewer);
    viewer = start();
    CHECK(lsm_expect_reason(own, ask_stop(own, 2)) == REASON_NONE);
    expect_dismissed(viewer);
    expect_worker_told(viewer);
    expect_over();
    close(own), close(other);
}

/* The worker says so, or the agent does; whichever comes second says nothing new. */
static void by_the_client(void)
{
    uint64_t viewer = start(), before = channels[0];
    channels[0] = ask_channel(workers[0], viewer, 2);
    CHECK(before != channels[0]);
    expect_dismissed(viewer);
    expect_worker_told(viewer);
    expect_over();
    agent_tell(&agents[1], WINSTATION_VIEWER_GONE, &(struct winstation_viewer_gone){viewer});
    viewer = start();
    agent_tell(&agents[1], WINSTATION_VIEWER_GONE, &(struct winstation_viewer_gone){viewer});
    expect_dismissed(viewer);
    expect_worker_told(viewer);
    expect_over();
    channels[0] = ask_channel(workers[0], viewer, 2);
    expect_worker_told(viewer);
    CHECK(lsm_state_of(&harness, 2) == ACTIVE && attached[1].viewer != viewer);
}

static void by_agents(void)
{
    uint64_t viewer = start();
    agent_die(&agents[1]);
    expect_worker_told(viewer);
    expect_over();
    come_again();
    /* that of the one who looks does not matter: its own client gets it back, unseen */
    viewer = start();
    agent_die(&agents[0]);
    uint64_t serial = lsm_ask_attach(&harness, workers[0], 1, attached[0].viewer);
    agent_accept(&agents[0]);
    agent_tell_synced(&agents[0]);
    agent_expect(&agents[0], WINSTATION_DETACH, &winstation, NULL); /* should it have the old one */
    agent_expect(&agents[0], WINSTATION_ATTACH, &winstation, NULL);
    close(attached[0].channel);
    lsm_expect_attached(workers[0], serial, &attached[0]);
    CHECK(lsm_state_of(&harness, 1) == SHADOW);
    CHECK(lsm_expect_reason(admin, ask_stop(admin, 2)) == REASON_NONE);
    expect_dismissed(viewer);
    expect_worker_told(viewer);
    expect_over();
}

static void reconnect(uint16_t id, uid_t uid, const char *user)
{
    unsigned i = id - 1u;
    union sm_body sm;
    uint64_t serial = lsm_ask_logon(&harness, workers[i]);
    sm_expect(&harness, SM_LOGON_START, &sm, NULL);
    sm_tell_result(&harness, sm.logon_start.logon, REASON_NONE, uid, user);
    sm_expect(&harness, SM_LOGON_DROP, &sm, NULL);
    agent_expect(&agents[i], WINSTATION_ATTACH, &winstation, NULL);
    lsm_expect_attached(workers[i], serial, &attached[i]);
    channels[i] = ask_channel(workers[i], 0, 0);
    lsm_await_state(&harness, id, ACTIVE);
}

/* The client of either goes away. */
static void by_clients(void)
{
    uint64_t viewer = start();
    CHECK(lsm_expect_reason(admin, lsm_ask_session(&harness, admin, LODGE__LSM__REQUEST__METHOD_DISCONNECT,
                                                   2)) == REASON_NONE);
    agent_expect(&agents[1], WINSTATION_DETACH, &winstation, NULL);
    CHECK(winstation.detach.viewer == attached[1].viewer);
    expect_dismissed(viewer);
    expect_worker_told(viewer);
    expect_over();
    CHECK(try_shadow(2, 1) == REASON_WRONG_STATE); /* nobody is there who could be asked */
    close(attached[1].channel), close(workers[1]);
    workers[1] = lsm_connect_front(&harness);
    reconnect(2, 5002, "bob");

    viewer = start();
    close(workers[0]), close(attached[0].channel);
    expect_dismissed(viewer);
    lsm_await_state(&harness, 1, DISCONNECTED);
    lsm_await_event(&harness, EVENT_SHADOW_STOP, 2);
    CHECK(lsm_state_of(&harness, 2) == ACTIVE);
    CHECK(try_shadow(2, 1) == REASON_WRONG_STATE);
    agent_expect(&agents[0], WINSTATION_DETACH, &winstation, NULL);
    workers[0] = lsm_connect_front(&harness);
    reconnect(1, 5001, "ada");
}

static void by_the_end_of_the_session(void)
{
    uint64_t viewer = start();
    union sm_body sm;
    CHECK(lsm_expect_reason(admin, lsm_ask_session(&harness, admin, LODGE__LSM__REQUEST__METHOD_LOGOFF, 2)) ==
          REASON_NONE);
    sm_expect(&harness, SM_SESSION_END, &sm, NULL);
    expect_dismissed(viewer);
    expect_worker_told(viewer);
    expect_over();
    sm_tell_ended(&harness, 2, 0, REASON_LOGOFF, "");
    lsm_await_state(&harness, 2, SESSION_NONE);
}

/* A new broker knows of none; the worker, which has ended it, says what there was. */
static void by_the_broker(void)
{
    uint64_t viewer = start();
    harness_kill_broker(&harness);
    for (size_t i = 0; i < 2; i++)
        close(workers[i]);
    close(admin);
    harness_spawn_broker(&harness);
    harness_take_broker(&harness);
    sm_tell_state(&harness, 1, SM_SESSION_UP, attached[0].logon, 5001, "ada");
    sm_tell_state(&harness, 2, SM_SESSION_UP, attached[1].logon, 5002, "bob");
    sm_tell_synced(&harness);
    admin = lsm_connect_as(&harness, 0);
    for (uint16_t i = 0; i < 2; i++) {
        workers[i] = lsm_connect_front(&harness);
        agents[i].broker = -1;
        agent_accept(&agents[i]);
        agent_tell(&agents[i], WINSTATION_VIEWER, &(struct winstation_viewer){attached[i].viewer});
        agent_tell_synced(&agents[i]);
        uint64_t serial = lsm_ask_announce(&harness, workers[i], (uint16_t)(i + 1), attached[i].viewer);
        CHECK(lsm_expect_reason(workers[i], serial) == REASON_NONE);
    }
    channels[0] = ask_channel(workers[0], viewer, 2);
    channels[1] = ask_channel(workers[1], 0, 0);
    expect_worker_told(viewer);
    expect_over();
    CHECK(lsm_state_of(&harness, 2) == ACTIVE);
    tell_is_shown(false);
}

/* What each value of Shadow means for each wish. */
static void policy(void)
{
    static const struct {
        unsigned allowed;
        enum shadow_mode mode;
        bool refused, control, consent;
    } rows[] = {
        {0, SHADOW_AS_ALLOWED, true, false, false}, {0, SHADOW_VIEW, true, false, false},
        {1, SHADOW_AS_ALLOWED, false, true, true},  {1, SHADOW_CONTROL, false, true, true},
        {1, SHADOW_VIEW, false, false, true},       {2, SHADOW_AS_ALLOWED, false, true, false},
        {2, SHADOW_CONTROL, false, true, false},    {2, SHADOW_VIEW, false, false, false},
        {3, SHADOW_AS_ALLOWED, false, false, true}, {3, SHADOW_CONTROL, true, false, true},
        {3, SHADOW_VIEW, false, false, true},       {4, SHADOW_AS_ALLOWED, false, false, false},
        {4, SHADOW_CONTROL, true, false, false},    {4, SHADOW_VIEW, false, false, false},
        {5, SHADOW_AS_ALLOWED, true, false, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct shadow_verdict verdict;
        shadow_judge(&verdict, rows[i].allowed, rows[i].mode);
        CHECK((verdict.refusal != NULL) == rows[i].refused);
        CHECK(rows[i].refused || (verdict.control == rows[i].control && verdict.consent == rows[i].consent));
    }
}

static void reload(const char *more)
{
    harness_configure(&harness, more);
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_RELOAD;
    request.reload = &nothing;
    CHECK(lsm_expect_reason(admin, lsm_ask(&harness, admin, &request, -1)) == REASON_NONE);
}

/* Without consent; less than what is allowed, more than that, and what is allowed no more. */
static void by_the_configuration(void)
{
    int own = lsm_connect_as(&harness, 5002);
    reload("Shadow = 2");
    uint64_t serial = ask_shadow(admin, 2, 1, LODGE__LSM__SHADOW_MODE__SHADOW_VIEW);
    expect_answer(serial, false);
    uint64_t viewer = expect_begun(false);
    CHECK(lsm_expect_reason(own, ask_stop(own, 2)) == REASON_FORBIDDEN);
    reload("Shadow = 4"); /* that is allowed still */
    CHECK(lsm_state_of(&harness, 1) == SHADOW);
    reload("Shadow = 0");
    expect_dismissed(viewer);
    expect_worker_told(viewer);
    expect_over();
    CHECK(try_shadow(2, 1) == REASON_FORBIDDEN);
    lsm_await_event(&harness, EVENT_SHADOW_REFUSED, 2);
    reload("Shadow = 4");
    serial = ask_shadow(admin, 2, 1, LODGE__LSM__SHADOW_MODE__SHADOW_CONTROL);
    CHECK(lsm_expect_reason(admin, serial) == REASON_FORBIDDEN);
    reload("Shadow = 1");
    close(own);
}

/* Who looks is not idle; who is looked at is, by their own doing. */
static void idle(void)
{
    begin("Shadow = 2\nMaxIdleSeconds = 4\nWarningSeconds = 0");
    expect_answer(ask_shadow(admin, 2, 1, 0), true);
    uint64_t viewer = expect_begun(true);
    agent_expect(&agents[1], WINSTATION_DETACH, &winstation, NULL);
    CHECK(winstation.detach.viewer == attached[1].viewer && winstation.detach.reason == REASON_IDLE_TIMEOUT);
    expect_dismissed(viewer);
    expect_worker_told(viewer);
    CHECK(lsm_state_of(&harness, 1) == ACTIVE); /* longer there, and still */
    lsm_await_state(&harness, 1, DISCONNECTED);
    end(2);
}

/* Of this machine's user database nobody of that name is known: one of their groups might forbid it. */
static void unknown_groups(void)
{
    begin("Shadow = 2\n[Group games]\nShadow = 0");
    CHECK(try_shadow(2, 1) == REASON_FORBIDDEN);
    reload("Shadow = 2");
    expect_answer(ask_shadow(admin, 2, 1, 0), true);
    uint64_t viewer = expect_begun(true);
    reload("Shadow = 2\n[Group games]\nShadow = 0");
    expect_dismissed(viewer);
    expect_worker_told(viewer);
    expect_over();
    end(2);
}

int main(void)
{
    policy();
    begin("");
    refusals();
    consent();
    by_request();
    by_the_client();
    by_agents();
    an_earlier_agent();
    by_clients();
    by_the_configuration();
    by_the_broker();
    by_the_end_of_the_session();
    end(2);
    idle();
    unknown_groups();
    return 0;
}
