/* liblodge as programs see it, against a played server. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "common/packet.h"
#include "common/reason.h"
#include "lib/lodge.h"
#include "lib/play.h"
#include "tests/check.h"

#define MANY 250

static struct play_place place;

static bool answer_version(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Version version = LODGE__LSM__VERSION__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    version.version = (char *)"9.8.7";
    version.protocol = 3;
    if (request->method_case == LODGE__LSM__REQUEST__METHOD_VERSION) {
        answer.result_case = LODGE__LSM__ANSWER__RESULT_VERSION;
        answer.version = &version;
    }
    return play_send(fd, request, &answer);
}

static void test_server(void)
{
    struct lodge *lodge = NULL;
    struct lodge_error error;
    char version[16], small[3];
    uint32_t protocol = 77;
    pid_t server = play_start(place.port, answer_version);
    CHECK(lodge_open(place.config, &lodge, &error) == 0);
    CHECK(lodge_ping(lodge, &error) == 0);
    CHECK(lodge_version(lodge, small, sizeof(small), &protocol, &error) == -EINVAL && protocol == 77);
    CHECK(lodge_version(lodge, version, sizeof(version), &protocol, NULL) == 0 && protocol == 3);
    CHECK_TEXT(version, "9.8.7");
    lodge_close(lodge);
    CHECK(lodge_open_port(place.port, &lodge, NULL) == 0 && lodge_ping(lodge, NULL) == 0);
    lodge_close(lodge);
    play_stop(server, place.port);
}

static void test_no_server(void)
{
    struct lodge *lodge = NULL;
    struct lodge_error error;
    CHECK(lodge_open(place.config, &lodge, &error) == -ENOENT && error.code == -ENOENT && lodge == NULL);
    CHECK(strstr(error.text, "No server is there.") != NULL && strstr(error.text, place.port) != NULL);
    CHECK(lodge_open_port(place.port, &lodge, NULL) == -ENOENT && lodge == NULL);
    CHECK(lodge_open("/nonexistent/lodge.conf", &lodge, &error) == -EINVAL && lodge == NULL);
    CHECK(strstr(error.text, "/nonexistent/lodge.conf") != NULL);
    lodge_close(NULL);
    lodge_session_free(NULL);
    lodge_sessions_free(NULL);
    lodge_events_free(NULL);
    lodge_processes_free(NULL);
    lodge_health_free(NULL);
    lodge_usage_free(NULL);
}

/* Sessions 1 to MANY, at most 100 a page, odd ones with a client. */
static bool answer_list(int fd, const Lodge__Lsm__Request *request)
{
    static Lodge__Lsm__Session sessions[100], *all[100];
    Lodge__Lsm__Client client = LODGE__LSM__CLIENT__INIT;
    Lodge__Lsm__Sessions page = LODGE__LSM__SESSIONS__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    CHECK(request->method_case == LODGE__LSM__REQUEST__METHOD_LIST);
    uint32_t limit = request->list->limit;
    client.name = (char *)"PC\033";
    client.width = 800;
    for (uint32_t id = request->list->after + 1; id <= MANY && page.n_session < (limit ? limit : 100); id++) {
        Lodge__Lsm__Session *session = &sessions[page.n_session];
        lodge__lsm__session__init(session);
        session->id = id;
        session->user = (char *)(id == MANY ? "zoe" : "anna");
        session->state = LODGE__LSM__STATE__DISCONNECTED;
        session->client = id % 2 ? &client : NULL;
        session->logon_ms = 1777636805000 + id;
        all[page.n_session++] = session;
    }
    page.session = all;
    page.more = request->list->after + page.n_session < MANY;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_SESSIONS;
    answer.sessions = &page;
    return play_send(fd, request, &answer);
}

/* Two sessions of the same id, or none and more to come. */
static bool answer_bad_list(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Session session = LODGE__LSM__SESSION__INIT, *all[] = {&session, &session};
    Lodge__Lsm__Sessions page = LODGE__LSM__SESSIONS__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    session.id = 5;
    page.session = all;
    page.n_session = request->list->limit == 7 ? 0 : 2;
    page.more = true;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_SESSIONS;
    answer.sessions = &page;
    return play_send(fd, request, &answer);
}

static void test_list(void)
{
    struct lodge *lodge;
    struct lodge_sessions *sessions, *page;
    pid_t server = play_start(place.port, answer_list);
    CHECK(lodge_open_port(place.port, &lodge, NULL) == 0);
    CHECK(lodge_list_all(lodge, &sessions, NULL) == 0 && lodge_list(lodge, 240, 4, &page, NULL) == 0);
    lodge_close(lodge); /* results live on */
    play_stop(server, place.port);
    CHECK(sessions->count == MANY && !sessions->more);
    for (uint32_t i = 0; i < MANY; i++) {
        const struct lodge_session *session = sessions->session[i];
        CHECK(session->id == i + 1 && session->logon_ms == 1777636805000u + session->id);
        CHECK(session->state == LODGE_DISCONNECTED && session->client->width == (i % 2 ? 0 : 800));
        CHECK_TEXT(session->client->name, i % 2 ? "" : "PC\033");
        CHECK_TEXT(session->client->security, "");
    }
    CHECK_TEXT(sessions->session[MANY - 1]->user, "zoe");
    CHECK(page->count == 4 && page->more && page->session[0]->id == 241 && page->session[3]->id == 244);
    lodge_sessions_free(sessions);
    lodge_sessions_free(page);
}

static void test_bad_list(void)
{
    struct lodge *lodge;
    struct lodge_error error;
    struct lodge_sessions *sessions = NULL;
    pid_t server = play_start(place.port, answer_bad_list);
    CHECK(lodge_open_port(place.port, &lodge, NULL) == 0);
    CHECK(lodge_list_all(lodge, &sessions, &error) == -EPROTO && sessions == NULL);
    CHECK(strstr(error.text, "not in the order") != NULL && lodge_ping(lodge, NULL) == -ENOTCONN);
    lodge_close(lodge);
    CHECK(lodge_open_port(place.port, &lodge, NULL) == 0);
    CHECK(lodge_list(lodge, 0, 7, &sessions, &error) == -EPROTO && sessions == NULL);
    lodge_close(lodge);
    play_stop(server, place.port);
}

/* Session 7 is there, and may be disconnected, locked, and given the client of session 9. */
static bool answer_seven(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Session session = LODGE__LSM__SESSION__INIT;
    Lodge__Lsm__Client client = LODGE__LSM__CLIENT__INIT;
    Lodge__Lsm__Shadower shadower = LODGE__LSM__SHADOWER__INIT;
    Lodge__Lsm__Shadowing shadowing = LODGE__LSM__SHADOWING__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    if (request->method_case == LODGE__LSM__REQUEST__METHOD_SHOW && request->show->session == 7) {
        shadower.session = 9;
        shadower.user = (char *)"root";
        shadower.control = true;
        session.shadower = &shadower;
        session.id = 7;
        session.user = (char *)"anna";
        session.uid = 70001;
        session.lab = true;
        session.locked = true;
        session.input_ms = 1777636805123;
        session.terminal = (char *)":12";
        client.platform = (char *)"unix";
        client.product = (char *)"P-1";
        session.client = &client;
        answer.result_case = LODGE__LSM__ANSWER__RESULT_SESSION;
        answer.session = &session;
        return play_send(fd, request, &answer);
    }
    if (request->method_case == LODGE__LSM__REQUEST__METHOD_DISCONNECT && request->disconnect->session == 7)
        return play_send(fd, request, &answer);
    if (request->method_case == LODGE__LSM__REQUEST__METHOD_LOCK && request->lock->session == 7)
        return play_send(fd, request, &answer);
    if (request->method_case == LODGE__LSM__REQUEST__METHOD_CONNECT && request->connect->session == 7 &&
        request->connect->from == 9)
        return play_send(fd, request, &answer);
    if (request->method_case == LODGE__LSM__REQUEST__METHOD_SHADOW) {
        shadowing.control = request->shadow->mode != LODGE__LSM__SHADOW_MODE__SHADOW_VIEW;
        answer.result_case = LODGE__LSM__ANSWER__RESULT_SHADOWING;
        answer.shadowing = &shadowing;
        CHECK(request->shadow->from == 9 && request->shadow->hotkey == 0x7b &&
              request->shadow->modifiers == 4);
        return request->shadow->session == 7 ? play_send(fd, request, &answer)
                                             : play_refuse(fd, request, REASON_SHADOW_REFUSED, "");
    }
    if (request->method_case == LODGE__LSM__REQUEST__METHOD_LOGOFF && request->logoff->session == 7)
        return play_refuse(fd, request, REASON_WRONG_STATE, "it ends\a already");
    return play_refuse(fd, request,
                       request->method_case == LODGE__LSM__REQUEST__METHOD_PING ? 4000000000 : 21, "");
}

static void test_session(void)
{
    struct lodge *lodge;
    struct lodge_error error;
    struct lodge_session *session = NULL;
    pid_t server = play_start(place.port, answer_seven);
    CHECK(lodge_open_port(place.port, &lodge, NULL) == 0);
    CHECK(lodge_show(lodge, 8, &session, &error) == LODGE_REASON_NO_SESSION && session == NULL);
    CHECK(error.code == LODGE_REASON_NO_SESSION);
    CHECK_TEXT(error.text, "There is no such session.");
    CHECK(lodge_show(lodge, 7, &session, &error) == 0);
    CHECK(session->id == 7 && session->uid == 70001 && session->lab && session->state == LODGE_ACTIVE);
    CHECK_TEXT(session->user, "anna");
    CHECK(session->locked && session->input_ms == 1777636805123);
    CHECK_TEXT(session->terminal, ":12");
    CHECK_TEXT(session->client->platform, "unix");
    CHECK_TEXT(session->client->product, "P-1");
    CHECK(session->shadower == 9 && session->shadower_controls && session->shadows == 0);
    CHECK_TEXT(session->shadower_user, "root");
    lodge_session_free(session);
    bool control = true;
    CHECK(lodge_shadow(lodge, 7, 9, LODGE_SHADOW_VIEW, 0x7b, 4, &control, &error) == 0 && !control);
    CHECK(lodge_shadow(lodge, 7, 9, LODGE_SHADOW_AS_ALLOWED, 0x7b, 4, &control, &error) == 0 && control);
    CHECK(lodge_shadow(lodge, 8, 9, LODGE_SHADOW_CONTROL, 0x7b, 4, NULL, &error) ==
          LODGE_REASON_SHADOW_REFUSED);
    CHECK(lodge_lock(lodge, 7, &error) == 0 && lodge_lock(lodge, 8, NULL) == LODGE_REASON_NO_SESSION);
    CHECK(lodge_connect(lodge, 7, 9, &error) == 0);
    CHECK(lodge_connect(lodge, 9, 7, &error) == LODGE_REASON_NO_SESSION);
    CHECK(lodge_disconnect(lodge, 7, &error) == 0);
    CHECK(lodge_disconnect(lodge, 8, &error) == LODGE_REASON_NO_SESSION);
    CHECK(lodge_logoff(lodge, 7, &error) == LODGE_REASON_WRONG_STATE);
    CHECK_TEXT(error.text, "The session is not in a state that allows this. (it ends\\x07 already)");
    CHECK(lodge_ping(lodge, &error) == REASON_INTERNAL);
    CHECK_TEXT(lodge_reason_name(21), "no-such-session");
    CHECK_TEXT(lodge_reason_name(-1), "internal-error");
    CHECK_TEXT(lodge_reason_sentence(22), "You may not do this.");
    lodge_close(lodge);
    play_stop(server, place.port);
}

/* Session 7 has processes 11 and 12, the second after a page; 11 may be killed. Session 8 is out of order,
 * and session 9 has more but none. */
static bool answer_processes(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Process process = LODGE__LSM__PROCESS__INIT, *all[] = {&process, &process};
    Lodge__Lsm__Processes page = LODGE__LSM__PROCESSES__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    if (request->method_case == LODGE__LSM__REQUEST__METHOD_TERMINATE) {
        const Lodge__Lsm__TerminateRequest *asked = request->terminate;
        bool right = asked->session == 7 && asked->pid == 11 && asked->kill;
        return right ? play_send(fd, request, &answer) : play_refuse(fd, request, REASON_NO_PROCESS, "");
    }
    CHECK(request->method_case == LODGE__LSM__REQUEST__METHOD_PROCESSES);
    const Lodge__Lsm__ProcessesRequest *asked = request->processes;
    process.pid = asked->after == 0 ? 11 : 12;
    process.parent = 3;
    process.inside = 2;
    process.name = (char *)"xterm";
    process.command = (char *)"xterm -e\tsh";
    process.uid = 70001;
    process.state = (char *)"S";
    process.started_ms = 1777636805000;
    process.cpu_ms = 5000000000;
    process.memory = 6000000000;
    page.process = all;
    page.n_process = asked->session == 9 ? 0 : asked->session == 8 ? 2 : asked->limit;
    page.more = asked->after == 0;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_PROCESSES;
    answer.processes = &page;
    return play_send(fd, request, &answer);
}

static void test_processes(void)
{
    struct lodge *lodge;
    struct lodge_error error;
    struct lodge_processes *first, *second, *none = NULL;
    pid_t server = play_start(place.port, answer_processes);
    CHECK(lodge_open_port(place.port, &lodge, NULL) == 0);
    CHECK(lodge_processes(lodge, 7, 0, 1, &first, NULL) == 0 && first->count == 1 && first->more);
    CHECK(lodge_processes(lodge, 7, 11, 1, &second, NULL) == 0 && second->count == 1 && !second->more);
    CHECK(lodge_terminate(lodge, 7, 11, true, NULL) == 0);
    CHECK(lodge_terminate(lodge, 7, 11, false, NULL) == LODGE_REASON_NO_PROCESS);
    for (uint32_t session = 8; session <= 9; session++) {
        CHECK(lodge_processes(lodge, session, 0, 2, &none, &error) == -EPROTO && none == NULL);
        CHECK(strstr(error.text, "not in the order") != NULL && lodge_ping(lodge, NULL) == -ENOTCONN);
        lodge_close(lodge);
        CHECK(lodge_open_port(place.port, &lodge, NULL) == 0);
    }
    lodge_close(lodge);
    play_stop(server, place.port);
    const struct lodge_process *one = first->process[0];
    CHECK(one->pid == 11 && second->process[0]->pid == 12 && one->parent == 3 && one->inside == 2);
    CHECK(one->uid == 70001 && one->started_ms == 1777636805000);
    CHECK(one->cpu_ms == 5000000000 && one->memory == 6000000000);
    CHECK_TEXT(one->name, "xterm");
    CHECK_TEXT(one->command, "xterm -e\tsh");
    CHECK_TEXT(one->user, "");
    CHECK_TEXT(one->state, "S");
    lodge_processes_free(first);
    lodge_processes_free(second);
}

/* Sessions 5 and 6 use something, the latter without a client; whoever asks for less is told of 5. */
static bool answer_usage(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Use uses[2] = {LODGE__LSM__USE__INIT, LODGE__LSM__USE__INIT}, *all[] = {&uses[0], &uses[1]};
    Lodge__Lsm__Traffic traffic = LODGE__LSM__TRAFFIC__INIT;
    Lodge__Lsm__Usage page = LODGE__LSM__USAGE__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    CHECK(request->method_case == LODGE__LSM__REQUEST__METHOD_USAGE);
    traffic.sent = 5000000000;
    traffic.received = 6000000000;
    traffic.frames = 7;
    traffic.pixels = 9000;
    traffic.coded = 800;
    traffic.rtt_us = 1500;
    uses[0].session = 5;
    uses[0].cpu_ms = 5000000001;
    uses[0].memory = 5000000002;
    uses[0].tasks = 3;
    uses[0].traffic = &traffic;
    uses[1].session = 6;
    page.use = all;
    page.n_use = request->usage->limit == 2 ? 2 : 1;
    page.more = request->usage->limit == 2;
    page.now_ms = 1777636805000;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_USAGE;
    answer.usage = &page;
    return play_send(fd, request, &answer);
}

static void test_usage(void)
{
    static const uint32_t wrong[][2] = {{7, 0}, {0, 5}}; /* another session; one of the page before */
    struct lodge *lodge;
    struct lodge_usage *page, *one, *none = NULL;
    pid_t server = play_start(place.port, answer_usage);
    CHECK(lodge_open_port(place.port, &lodge, NULL) == 0);
    CHECK(lodge_usage(lodge, 0, 4, 2, &page, NULL) == 0 && lodge_usage(lodge, 5, 0, 0, &one, NULL) == 0);
    for (size_t i = 0; i < 2; i++) {
        CHECK(lodge_usage(lodge, wrong[i][0], wrong[i][1], 0, &none, NULL) == -EPROTO && none == NULL);
        CHECK(lodge_ping(lodge, NULL) == -ENOTCONN);
        lodge_close(lodge);
        CHECK(lodge_open_port(place.port, &lodge, NULL) == 0);
    }
    lodge_close(lodge);
    play_stop(server, place.port);
    CHECK(page->count == 2 && page->more && page->now_ms == 1777636805000 && one->count == 1 && !one->more);
    const struct lodge_use *use = page->use[0];
    CHECK(use->session == 5 && use->cpu_ms == 5000000001 && use->memory == 5000000002 && use->tasks == 3);
    CHECK(use->traffic->sent == 5000000000 && use->traffic->received == 6000000000);
    CHECK(use->traffic->frames == 7 && use->traffic->pixels == 9000 && use->traffic->coded == 800);
    CHECK(use->traffic->rtt_us == 1500 && one->use[0]->traffic->rtt_us == 1500);
    CHECK(page->use[1]->session == 6 && page->use[1]->traffic == NULL);
    lodge_usage_free(page);
    lodge_usage_free(one);
}

static bool answer_health(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Check checks[2] = {LODGE__LSM__CHECK__INIT, LODGE__LSM__CHECK__INIT};
    Lodge__Lsm__Check *all[] = {&checks[0], &checks[1]};
    Lodge__Lsm__Health health = LODGE__LSM__HEALTH__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    CHECK(request->method_case == LODGE__LSM__REQUEST__METHOD_HEALTH);
    checks[0].name = (char *)"storage";
    checks[1].name = (char *)"clock";
    checks[1].state = health.state = LODGE__LSM__HEALTH_STATE__HEALTH_WARNING;
    checks[1].text = (char *)"It was set back.";
    checks[1].advice = (char *)"Look at it.";
    health.check = all;
    health.n_check = 2;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_HEALTH;
    answer.health = &health;
    return play_send(fd, request, &answer);
}

static void test_health(void)
{
    struct lodge *lodge;
    struct lodge_health *health;
    pid_t server = play_start(place.port, answer_health);
    CHECK(lodge_open_port(place.port, &lodge, NULL) == 0 && lodge_health(lodge, &health, NULL) == 0);
    lodge_close(lodge);
    play_stop(server, place.port);
    CHECK(health->state == LODGE_HEALTH_WARNING && health->count == 2);
    CHECK(health->check[0]->state == LODGE_HEALTH_OK && health->check[1]->state == LODGE_HEALTH_WARNING);
    CHECK_TEXT(health->check[0]->name, "storage");
    CHECK_TEXT(health->check[0]->advice, "");
    CHECK_TEXT(health->check[1]->text, "It was set back.");
    CHECK_TEXT(health->check[1]->advice, "Look at it.");
    lodge_health_free(health);
}

/* The mode that is asked for; when it is only asked after, no new sessions. */
static bool answer_drain(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Drain drain = LODGE__LSM__DRAIN__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    CHECK(request->method_case == LODGE__LSM__REQUEST__METHOD_DRAIN);
    drain.mode = request->drain->mode;
    if (drain.mode == LODGE__LSM__DRAIN_MODE__UNCHANGED)
        drain.mode = LODGE__LSM__DRAIN_MODE__RECONNECTS;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_DRAIN;
    answer.drain = &drain;
    return play_send(fd, request, &answer);
}

static void test_drain(void)
{
    struct lodge *lodge;
    enum lodge_drain mode;
    pid_t server = play_start(place.port, answer_drain);
    CHECK(lodge_open_port(place.port, &lodge, NULL) == 0);
    CHECK(lodge_drain(lodge, LODGE_DRAIN_UNCHANGED, &mode, NULL) == 0 && mode == LODGE_DRAIN_RECONNECTS);
    CHECK(lodge_drain(lodge, LODGE_DRAIN_OFF, &mode, NULL) == 0 && mode == LODGE_DRAIN_OFF);
    CHECK(lodge_drain(lodge, LODGE_DRAIN_UNTIL_RESTART, NULL, NULL) == 0);
    lodge_close(lodge);
    play_stop(server, place.port);
}

static bool answer_events(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Event events[2] = {LODGE__LSM__EVENT__INIT, LODGE__LSM__EVENT__INIT};
    Lodge__Lsm__Event *all[] = {&events[0], &events[1]};
    Lodge__Lsm__Events page = LODGE__LSM__EVENTS__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    CHECK(request->method_case == LODGE__LSM__REQUEST__METHOD_EVENTS);
    events[0].serial = request->events->after + 1;
    events[1].serial = request->events->after + 2;
    events[1].id = 1000;
    events[1].user = (char *)"eve";
    events[1].reason = (char *)"bad-credentials";
    page.event = all;
    page.n_event = request->events->limit;
    page.more = true;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_EVENTS;
    answer.events = &page;
    return play_send(fd, request, &answer);
}

static void test_events(void)
{
    struct lodge *lodge;
    struct lodge_events *events, *none;
    pid_t server = play_start(place.port, answer_events);
    CHECK(lodge_open_port(place.port, &lodge, NULL) == 0);
    CHECK(lodge_events(lodge, 5000000000, 2, &events, NULL) == 0);
    CHECK(lodge_events(lodge, 1, 0, &none, NULL) == 0 && none->count == 0);
    lodge_close(lodge);
    play_stop(server, place.port);
    CHECK(events->count == 2 && events->more && events->event[0]->serial == 5000000001);
    CHECK(events->event[1]->id == 1000 && events->event[1]->session == 0);
    CHECK_TEXT(events->event[1]->user, "eve");
    CHECK_TEXT(events->event[1]->reason, "bad-credentials");
    CHECK_TEXT(events->event[1]->detail, "");
    lodge_events_free(events);
    lodge_events_free(none);
}

/* Session 7 comes to be disconnected, session 8 goes, 3 is anna's; nothing else happens. */
static bool answer_wait(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Waited waited = LODGE__LSM__WAITED__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    CHECK(request->method_case == LODGE__LSM__REQUEST__METHOD_WAIT);
    const Lodge__Lsm__WaitRequest *wait = request->wait;
    waited.session = wait->session;
    waited.gone = wait->gone;
    waited.state = wait->state;
    if (wait->session == 0 && strcmp(wait->user, "anna") == 0 && wait->deadline_ms == 60000)
        waited.session = 3;
    else if (wait->deadline_ms != 5000)
        return play_refuse(fd, request, REASON_BAD_REQUEST, "");
    else if (!(wait->session == 8 && wait->gone) &&
             !(wait->session == 7 && wait->state == LODGE__LSM__STATE__DISCONNECTED && !wait->gone))
        return play_refuse(fd, request, REASON_TIMED_OUT, "");
    answer.result_case = LODGE__LSM__ANSWER__RESULT_WAITED;
    answer.waited = &waited;
    return play_send(fd, request, &answer);
}

static void test_wait(void)
{
    struct lodge *lodge;
    uint32_t session = 0;
    pid_t server = play_start(place.port, answer_wait);
    CHECK(lodge_open_port(place.port, &lodge, NULL) == 0);
    CHECK(lodge_wait(lodge, 7, NULL, LODGE_DISCONNECTED, 5000, &session, NULL) == 0 && session == 7);
    CHECK(lodge_wait(lodge, 8, NULL, LODGE_GONE, 5000, NULL, NULL) == 0);
    CHECK(lodge_wait(lodge, 7, NULL, LODGE_GONE, 5000, &session, NULL) == LODGE_REASON_TIMED_OUT);
    CHECK(session == 7);
    CHECK(lodge_wait(lodge, 0, "anna", LODGE_ACTIVE, 0, &session, NULL) == 0 && session == 3);
    CHECK(lodge_wait(lodge, 7, NULL, LODGE_GONE, 86400001, &session, NULL) == -EINVAL);
    CHECK(lodge_wait(lodge, 8, NULL, LODGE_GONE, 5000, NULL, NULL) == 0); /* still of use */
    lodge_close(lodge);
    play_stop(server, place.port);
}

/* "Hello" is answered with yes; what is not waited for, as it says. */
static bool answer_message(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__MessageAnswer message = LODGE__LSM__MESSAGE_ANSWER__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    CHECK(request->method_case == LODGE__LSM__REQUEST__METHOD_MESSAGE);
    const Lodge__Lsm__MessageRequest *asked = request->message;
    if (asked->session != 7)
        return play_refuse(fd, request, REASON_WRONG_STATE, "");
    CHECK_TEXT(asked->title, "T");
    CHECK_TEXT(asked->text, "Hello");
    CHECK(asked->style == 0x44 && asked->timeout_s == (asked->wait ? 0 : 9));
    message.response = asked->wait ? LODGE_RESPONSE_YES : LODGE_RESPONSE_ASYNC;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_MESSAGE;
    answer.message = &message;
    return play_send(fd, request, &answer);
}

static void test_message(void)
{
    struct lodge *lodge;
    uint32_t response = 0;
    pid_t server = play_start(place.port, answer_message);
    CHECK(lodge_open_port(place.port, &lodge, NULL) == 0);
    CHECK(lodge_message(lodge, 7, "T", "Hello", 0x44, 0, true, &response, NULL) == 0);
    CHECK(response == LODGE_RESPONSE_YES);
    CHECK(lodge_message(lodge, 7, "T", "Hello", 0x44, 9, false, &response, NULL) == 0);
    CHECK(response == LODGE_RESPONSE_ASYNC);
    CHECK(lodge_message(lodge, 7, "T", "Hello", 0x44, 9, false, NULL, NULL) == 0);
    CHECK(lodge_message(lodge, 8, "T", "", 0, 0, true, &response, NULL) == LODGE_REASON_WRONG_STATE);
    lodge_close(lodge);
    play_stop(server, place.port);
}

/* Two notices at once, then one after a gap. */
static bool answer_subscribe(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Notice one = LODGE__LSM__NOTICE__INIT, two = LODGE__LSM__NOTICE__INIT, *all[] = {&one, &two};
    Lodge__Lsm__Notices notices = LODGE__LSM__NOTICES__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    if (request->method_case != LODGE__LSM__REQUEST__METHOD_SUBSCRIBE)
        return play_send(fd, request, &answer);
    answer.result_case = LODGE__LSM__ANSWER__RESULT_NOTICES;
    answer.notices = &notices;
    play_send(fd, request, &answer);
    one.sequence = 1;
    one.kind = LODGE__LSM__NOTICE_KIND__NOTICE_CREATE;
    one.session = 7;
    one.state = LODGE__LSM__STATE__INIT;
    one.user = (char *)"anna";
    two.sequence = 2;
    two.kind = LODGE__LSM__NOTICE_KIND__NOTICE_TERMINATE;
    two.reason = (char *)"logoff";
    notices.notice = all;
    notices.n_notice = 2;
    play_send(fd, request, &answer);
    notices.n_notice = 1;
    notices.lost = 40;
    return play_send(fd, request, &answer);
}

static void test_subscribe(void)
{
    struct lodge *lodge;
    struct lodge_error error;
    struct lodge_notices *notices = NULL, *late;
    pid_t server = play_start(place.port, answer_subscribe);
    CHECK(lodge_open_port(place.port, &lodge, NULL) == 0);
    CHECK(lodge_next(lodge, 0, &notices, &error) == -EINVAL && lodge_ping(lodge, NULL) == 0);
    CHECK(lodge_subscribe(lodge, &error) == 0 && lodge_descriptor(lodge) >= 0);
    CHECK(lodge_ping(lodge, &error) == -EBUSY && lodge_subscribe(lodge, &error) == -EBUSY);
    CHECK(lodge_next(lodge, -1, &notices, &error) == 0 && lodge_next(lodge, 60000, &late, &error) == 0);
    struct lodge_notices *none = NULL;
    CHECK(lodge_next(lodge, 10, &none, &error) == -EAGAIN && none == NULL);
    play_stop(server, place.port);
    CHECK(lodge_next(lodge, -1, &none, &error) == -EPIPE && none == NULL);
    CHECK(lodge_next(lodge, -1, &none, &error) == -ENOTCONN && lodge_descriptor(lodge) == -1);
    lodge_close(lodge);
    CHECK(notices->count == 2 && notices->lost == 0 && late->count == 1 && late->lost == 40);
    CHECK(notices->notice[0]->kind == LODGE_NOTICE_CREATE && notices->notice[0]->session == 7);
    CHECK(notices->notice[0]->state == LODGE_INIT && notices->notice[1]->sequence == 2);
    CHECK_TEXT(notices->notice[0]->user, "anna");
    CHECK(notices->notice[1]->kind == LODGE_NOTICE_TERMINATE);
    CHECK_TEXT(notices->notice[1]->reason, "logoff");
    lodge_notices_free(notices);
    lodge_notices_free(late);
    lodge_notices_free(NULL);
}

static bool answer_end(int fd, const Lodge__Lsm__Request *request)
{
    (void)fd;
    (void)request;
    return false;
}

static bool answer_garbage(int fd, const Lodge__Lsm__Request *request)
{
    (void)request;
    CHECK(packet_send(fd, "\xff\xff\xff\xff", 4, NULL, 0) == 0);
    return true;
}

static bool answer_another(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    answer.serial = request->serial + 1;
    CHECK(lsm_send_answer(fd, &answer, -1) == 0);
    return true;
}

static bool answer_descriptor(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    answer.serial = request->serial;
    CHECK(lsm_send_answer(fd, &answer, fd) == 0);
    return true;
}

static bool answer_silence(int fd, const Lodge__Lsm__Request *request)
{
    (void)fd;
    (void)request;
    return true;
}

/* A connection whose answer was none is of no more use, and says so. */
static void test_broken(void)
{
    static const struct {
        play_answer *answer;
        int code;
    } cases[] = {
        {answer_end, -EPIPE},      {answer_garbage, -EPROTO},    {answer_another, -EPROTO},
        {answer_version, -EPROTO}, {answer_descriptor, -EPROTO}, {answer_silence, -ETIMEDOUT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lodge *lodge;
        struct lodge_error error;
        struct lodge_sessions *sessions = NULL;
        pid_t server = play_start(place.port, cases[i].answer);
        CHECK(lodge_open_port(place.port, &lodge, NULL) == 0);
        CHECK(lodge_list_all(lodge, &sessions, &error) == cases[i].code && error.code == cases[i].code);
        CHECK(sessions == NULL && error.text[0] != '\0');
        CHECK(lodge_ping(lodge, &error) == -ENOTCONN);
        lodge_close(lodge);
        play_stop(server, place.port);
    }
}

/* A server that has no place says why, and is gone, before anything is asked. */
static void test_turned_away(void)
{
    struct lodge *lodge;
    struct lodge_error error;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    int listener = packet_listen(place.port, 0600);
    CHECK(listener >= 0 && lodge_open_port(place.port, &lodge, NULL) == 0);
    int fd = packet_accept(listener);
    answer.reason = REASON_BUSY;
    answer.detail = (char *)"This user has too many connections.";
    CHECK(fd >= 0 && lsm_send_answer(fd, &answer, -1) == 0);
    packet_end(&fd);
    CHECK(lodge_ping(lodge, &error) == REASON_BUSY);
    CHECK(strstr(error.text, "This user has too many connections.") != NULL);
    lodge_close(lodge);
    close(listener);
    CHECK(unlink(place.port) == 0);
}

int main(void)
{
    play_place_make(&place);
    test_no_server();
    test_server();
    test_list();
    test_bad_list();
    test_session();
    test_processes();
    test_usage();
    test_health();
    test_drain();
    test_events();
    test_wait();
    test_message();
    test_subscribe();
    test_broken();
    test_turned_away();
    play_place_remove(&place);
    return 0;
}
