/* The real lodgectl against a server of this test on a real lsm.port. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/packet.h"
#include "common/reason.h"
#include "ctl/test-process.h"
#include "lib/play.h"
#include "tests/check.h"

#define NOBODY 65534

static struct play_place place;

/* Runs lodgectl with these words against a server that answers so; NULL: no server. */
static const struct process_result *run_as(uid_t uid, play_answer *answer, const char *const *words)
{
    const char *all[PROCESS_WORDS] = {LODGECTL, "--config", place.config};
    for (size_t i = 0; words[i] != NULL; i++) {
        CHECK(i + 4 < PROCESS_WORDS);
        all[3 + i] = words[i];
    }
    pid_t server = answer != NULL ? play_start(place.port, answer) : -1;
    const struct process_result *result = process_run(all, "", uid);
    if (answer != NULL)
        play_stop(server, place.port);
    return result;
}

#define RUN(answer, ...)        run_as(0, answer, (const char *const[]){__VA_ARGS__, NULL})
#define RUN_NOBODY(answer, ...) run_as(NOBODY, answer, (const char *const[]){__VA_ARGS__, NULL})

static void expect_error(const struct process_result *result, int exit_code, const char *text)
{
    if (result->exit_code != exit_code || strstr(result->error, text) == NULL || result->out[0] != '\0') {
        fprintf(stderr, "exit %d, want %d with \"%s\"; errors: %s\noutput: %s\n", result->exit_code,
                exit_code, text, result->error, result->out);
        CHECK(false);
    }
}

static void expect_output(const struct process_result *result, const char *want)
{
    CHECK_TEXT(result->error, "");
    CHECK_TEXT(result->out, want);
    CHECK(result->exit_code == 0);
}

static const char hostile_name[] = "a\"\\\033[2J\n\xff";

static bool answer_hostile(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Client client = LODGE__LSM__CLIENT__INIT;
    Lodge__Lsm__Session one = LODGE__LSM__SESSION__INIT, two = LODGE__LSM__SESSION__INIT;
    Lodge__Lsm__Session *all[] = {&one, &two};
    Lodge__Lsm__Sessions sessions = LODGE__LSM__SESSIONS__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    client.name = (char *)hostile_name;
    client.address = (char *)"10.0.0.7:50001";
    client.width = 1920;
    client.height = 1080;
    client.keyboard_layout = 0x407;
    client.codec = (char *)"gfx-progressive";
    one.id = 1;
    one.user = (char *)hostile_name;
    one.uid = 600000;
    one.lab = true;
    one.client = &client;
    two.id = 65535;
    two.state = LODGE__LSM__STATE__DISCONNECTED;
    two.user = (char *)"bob";
    two.disconnect_ms = 1000;
    two.now_ms = 3601000;
    sessions.session = all;
    sessions.n_session = 2;
    if (request->method_case == LODGE__LSM__REQUEST__METHOD_LIST) {
        answer.result_case = LODGE__LSM__ANSWER__RESULT_SESSIONS;
        answer.sessions = &sessions;
    } else {
        CHECK(request->method_case == LODGE__LSM__REQUEST__METHOD_SHOW && request->show->session == 1);
        answer.result_case = LODGE__LSM__ANSWER__RESULT_SESSION;
        answer.session = &one;
    }
    return play_send(fd, request, &answer);
}

#define UNSHADOWED_JSON \
    "\"shadows\":0,\"shadowed_by\":0,\"shadowed_by_user\":\"\",\"shadowed_with_control\":false"
#define HOSTILE_JSON                                                                                        \
    "{\"id\":1,\"state\":\"active\",\"user\":\"a\\\"\\\\\\u001b[2J\\n\\ufffd\",\"uid\":600000,"             \
    "\"lab\":true,\"load_test\":false,\"client\":{\"name\":\"a\\\"\\\\\\u001b[2J\\n\\ufffd\",\"address\":"  \
    "\"10.0.0.7:50001\","                                                                                   \
    "\"width\":1920,\"height\":1080,\"keyboard_layout\":1031,\"build\":0,\"codec\":\"gfx-progressive\","    \
    "\"security\":\"\",\"platform\":\"\",\"product\":\"\",\"redirects\":[]},\"logon_ms\":0,\"connect_ms\":" \
    "0,\"disconnect_"                                                                                       \
    "ms\":0,\"now_ms\":0,\"idle_ms\":0,\"input_ms\":0,\"locked\":false,\"terminal\":\"\"," UNSHADOWED_JSON  \
    "}"

static void test_hostile(void)
{
    expect_output(
        RUN(answer_hostile, "list"),
        "   ID  USER                STATE           IDLE  CLIENT              ADDRESS         "
        "SIZE       LOGON\n"
        "    1  a\"\\\\x1b[2J\\x0a\\xff  active             -  a\"\\\\x1b[2J\\x0a\\xff  10.0.0.7:50001  "
        "1920x1080  -\n"
        "65535  bob                 disconnected  1h 00m                                      "
        "-          -\n");
    expect_output(RUN(answer_hostile, "list", "--json"),
                  "{\"sessions\":[" HOSTILE_JSON
                  ",{\"id\":65535,\"state\":\"disconnected\",\"user\":\"bob\",\"uid\":0,"
                  "\"lab\":false,\"load_test\":false,\"client\":{\"name\":\"\",\"address\":\"\",\"width\":0,"
                  "\"height\":0,"
                  "\"keyboard_layout\":0,\"build\":0,\"codec\":\"\",\"security\":\"\",\"platform\":\"\","
                  "\"product\":\"\",\"redirects\":[]},\"logon_ms\":0,"
                  "\"connect_ms\":0,\"disconnect_ms\":1000,\"now_ms\":3601000,\"idle_ms\":3600000,\"input_"
                  "ms\":0,\"locked\":false,\"terminal\":\"\"," UNSHADOWED_JSON "}]}\n");
    expect_output(RUN(answer_hostile, "show", "1", "--json"), HOSTILE_JSON "\n");
    const struct process_result *shown = RUN(answer_hostile, "show", "1");
    CHECK(shown->exit_code == 0 && strchr(shown->out, '\033') == NULL);
    CHECK(strstr(shown->out, "User             a\"\\\\x1b[2J\\x0a\\xff\n") != NULL);
    CHECK(strstr(shown->out, "Keyboard layout  0x407\n") != NULL);
}

#define MANY 250

/* Sessions 1 to MANY, 100 a page. */
static bool answer_pages(int fd, const Lodge__Lsm__Request *request)
{
    static Lodge__Lsm__Session sessions[100];
    static Lodge__Lsm__Session *all[100];
    Lodge__Lsm__Sessions page = LODGE__LSM__SESSIONS__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    page.session = all;
    for (uint32_t id = request->list->after + 1; id <= MANY && page.n_session < 100; id++) {
        Lodge__Lsm__Session *session = &sessions[page.n_session];
        lodge__lsm__session__init(session);
        session->id = id;
        all[page.n_session++] = session;
    }
    page.more = request->list->after + page.n_session < MANY;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_SESSIONS;
    answer.sessions = &page;
    return play_send(fd, request, &answer);
}

/* Says that there is more, for ever, but names the same session. */
static bool answer_loop(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Session session = LODGE__LSM__SESSION__INIT, *all[] = {&session};
    Lodge__Lsm__Sessions page = LODGE__LSM__SESSIONS__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    session.id = 5;
    page.session = all;
    page.n_session = 1;
    page.more = true;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_SESSIONS;
    answer.sessions = &page;
    return play_send(fd, request, &answer);
}

static bool answer_empty(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Sessions page = LODGE__LSM__SESSIONS__INIT;
    Lodge__Lsm__Events events = LODGE__LSM__EVENTS__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    if (request->method_case == LODGE__LSM__REQUEST__METHOD_EVENTS) {
        answer.result_case = LODGE__LSM__ANSWER__RESULT_EVENTS;
        answer.events = &events;
    } else {
        answer.result_case = LODGE__LSM__ANSWER__RESULT_SESSIONS;
        answer.sessions = &page;
    }
    return play_send(fd, request, &answer);
}

static void test_pages(void)
{
    const struct process_result *result = RUN(answer_pages, "list", "--json");
    int count = 0, last = 0, length;
    CHECK(result->exit_code == 0);
    for (const char *at = result->out; (at = strstr(at, "{\"id\":")) != NULL; at++) {
        int id = 0;
        CHECK(sscanf(at, "{\"id\":%d,%n", &id, &length) == 1 && id == last + 1);
        last = id;
        count++;
    }
    CHECK(count == MANY);
    expect_error(RUN(answer_loop, "list"), 1, "not in the order that was asked for");
    expect_output(RUN(answer_empty, "list"), "There are no sessions.\n");
    expect_output(RUN(answer_empty, "list", "--json"), "{\"sessions\":[]}\n");
    expect_output(RUN(answer_empty, "events"), "There are no events.\n");
    expect_output(RUN(answer_empty, "events", "--json"), "{\"events\":[]}\n");
}

/* Events 1 to MANY, 100 a page at most, as the broker gives them. */
static bool answer_event_pages(int fd, const Lodge__Lsm__Request *request)
{
    static Lodge__Lsm__Event events[100];
    static Lodge__Lsm__Event *all[100];
    Lodge__Lsm__Events page = LODGE__LSM__EVENTS__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    CHECK(request->method_case == LODGE__LSM__REQUEST__METHOD_EVENTS);
    uint32_t limit = request->events->limit;
    if (limit == 0 || limit > 100)
        limit = 100;
    CHECK(request->events->after == 0 && !request->events->first);
    uint64_t end = request->events->before != 0 ? request->events->before : MANY + 1;
    uint64_t first = end > limit ? end - limit : 1;
    for (uint64_t serial = first; serial < end; serial++) {
        Lodge__Lsm__Event *event = &events[page.n_event];
        lodge__lsm__event__init(event);
        event->serial = serial;
        all[page.n_event++] = event;
    }
    page.event = all;
    page.earlier = first > 1;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_EVENTS;
    answer.events = &page;
    return play_send(fd, request, &answer);
}

/* The serials in the output are those from `first` to MANY, in order. */
static void expect_serials(const struct process_result *result, int first)
{
    int length;
    CHECK(result->exit_code == 0);
    for (const char *at = result->out; (at = strstr(at, "{\"serial\":")) != NULL; at++) {
        int serial = 0;
        CHECK(sscanf(at, "{\"serial\":%d,%n", &serial, &length) == 1 && serial == first);
        first++;
    }
    CHECK(first == MANY + 1);
}

static void test_event_pages(void)
{
    expect_serials(RUN(answer_event_pages, "events", "--json", "-n", "1"), MANY);
    expect_serials(RUN(answer_event_pages, "events", "--json"), MANY - 19);
    expect_serials(RUN(answer_event_pages, "events", "--json", "-n", "101"), MANY - 100);
    expect_serials(RUN(answer_event_pages, "events", "--json", "-n", "249"), 2);
    expect_serials(RUN(answer_event_pages, "events", "--json", "-n", "10000"), 1);
    expect_serials(RUN(answer_event_pages, "events", "--json", "--since", "2h"), 1);
}

static bool answer_events(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Event event = LODGE__LSM__EVENT__INIT, *all[] = {&event};
    Lodge__Lsm__Events events = LODGE__LSM__EVENTS__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    CHECK(request->method_case == LODGE__LSM__REQUEST__METHOD_EVENTS);
    CHECK(request->events->after == 0 && request->events->before == 0);
    event.serial = 9;
    event.time_ms = 1777636805000;
    event.id = 1000;
    event.user = (char *)"eve\r";
    event.reason = (char *)"bad-credentials";
    events.event = all;
    events.n_event = 1;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_EVENTS;
    answer.events = &events;
    return play_send(fd, request, &answer);
}

static void test_events(void)
{
    expect_output(RUN(answer_events, "events", "-n", "7", "--json"),
                  "{\"events\":[{\"serial\":9,\"time_ms\":1777636805000,\"id\":1000,\"event\":\"refused\","
                  "\"session\":0,"
                  "\"user\":\"eve\\r\",\"address\":\"\",\"reason\":\"bad-credentials\",\"detail\":\"\"}]}\n");
    expect_output(RUN(answer_events, "events", "-n", "7"),
                  "TIME                   ID  EVENT    SESSION  USER     ADDRESS  REASON           DETAIL\n"
                  "2026-05-01 12:00:05  1000  refused        -  eve\\x0d           bad-credentials  \n");
}

static Lodge__Lsm__HealthState worst;

static bool answer_health(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Check one = LODGE__LSM__CHECK__INIT, two = LODGE__LSM__CHECK__INIT, *all[] = {&one, &two};
    Lodge__Lsm__Health health = LODGE__LSM__HEALTH__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    CHECK(request->method_case == LODGE__LSM__REQUEST__METHOD_HEALTH);
    one.name = (char *)"storage";
    one.state = health.state = worst;
    one.text = (char *)"so\ait is";
    one.advice = (char *)(worst != 0 ? "Do something." : "");
    two.name = (char *)"smss";
    two.text = (char *)"in step";
    health.check = all;
    health.n_check = 2;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_HEALTH;
    answer.health = &health;
    return play_send(fd, request, &answer);
}

static bool refuse_health(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    answer.reason = REASON_FORBIDDEN;
    return play_send(fd, request, &answer);
}

/* The exit status is what monitoring goes by: of any state, and of no answer. */
static void test_health(void)
{
    expect_output(RUN(answer_health, "health"), "CHECK    STATE  WHAT IS SO\n"
                                                "storage  ok     so\\x07it is\n"
                                                "smss     ok     in step\n");
    worst = LODGE__LSM__HEALTH_STATE__HEALTH_WARNING;
    const struct process_result *result = RUN(answer_health, "health", "--json");
    CHECK(result->exit_code == 1);
    CHECK_TEXT(result->out,
               "{\"state\":\"warning\",\"checks\":[{\"check\":\"storage\",\"state\":\"warning\",\"text\":"
               "\"so\\u0007it is\",\"advice\":\"Do something.\"},{\"check\":\"smss\",\"state\":\"ok\","
               "\"text\":\"in step\",\"advice\":\"\"}]}\n");
    worst = LODGE__LSM__HEALTH_STATE__HEALTH_FAILED;
    result = RUN(answer_health, "health");
    CHECK(result->exit_code == 2 && strstr(result->out, "                Do something.\n") != NULL);
    worst = (Lodge__Lsm__HealthState)77;
    CHECK(RUN(answer_health, "health")->exit_code == 2);
    expect_error(RUN(refuse_health, "health"), 3, "(forbidden)");
}

/* Does what is asked about session 7, and refuses all else. */
static bool answer_seven(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    if (request->method_case == LODGE__LSM__REQUEST__METHOD_SHOW ||
        request->method_case == LODGE__LSM__REQUEST__METHOD_LIST) {
        answer.reason = REASON_FORBIDDEN;
    } else if (request->method_case == LODGE__LSM__REQUEST__METHOD_DISCONNECT) {
        answer.reason = request->disconnect->session == 7 ? REASON_NONE : REASON_NO_SESSION;
    } else if (request->method_case == LODGE__LSM__REQUEST__METHOD_LOGOFF) {
        answer.reason = request->logoff->session == 7 ? REASON_NONE : REASON_WRONG_STATE;
        answer.detail = (char *)(request->logoff->session == 7 ? "" : "it ends\a already");
    } else {
        answer.reason = 60000;
    }
    return play_send(fd, request, &answer);
}

static void test_refusals(void)
{
    expect_output(RUN(answer_seven, "disconnect", "7"), "Session 7 is being disconnected.\n");
    expect_output(RUN(answer_seven, "logoff", "7"), "Session 7 is being logged off.\n");
    expect_error(RUN(answer_seven, "disconnect", "8"), 1,
                 "lodgectl: session 8: There is no such session. (no-such-session) lodgectl list shows");
    expect_error(RUN(answer_seven, "logoff", "8"), 1, "session 8: it ends\\x07 already (wrong-state)\n");
    expect_error(RUN(answer_seven, "show", "7"), 1, "You may not do this. (forbidden) Run it as root");
    expect_error(RUN(answer_seven, "list", "--json"), 1, "(forbidden)");
    expect_error(RUN(answer_seven, "ping"), 1, "The administrator's log says what. (internal-error)");
}

static bool answer_silence(int fd, const Lodge__Lsm__Request *request)
{
    (void)fd;
    (void)request;
    return true;
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

/* Right but for the serial. */
static bool answer_another(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    answer.serial = request->serial + 1;
    CHECK(lsm_send_answer(fd, &answer, -1) == 0);
    return true;
}

/* Right but for the descriptor. */
static bool answer_descriptor(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    answer.serial = request->serial;
    CHECK(lsm_send_answer(fd, &answer, fd) == 0);
    return true;
}

static bool answer_ping(int fd, const Lodge__Lsm__Request *request)
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

/* A result where there is none. */
static bool answer_too_much(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Version version = LODGE__LSM__VERSION__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_VERSION;
    answer.version = &version;
    return play_send(fd, request, &answer);
}

static void test_server(void)
{
    const struct process_result *result = RUN(answer_ping, "ping");
    CHECK(result->exit_code == 0 && strncmp(result->out, "The server answered after ", 26) == 0);
    expect_output(RUN(answer_ping, "version"), "PROGRAM   VERSION  PROTOCOL\n"
                                               "lodgectl  " LODGE_VERSION "           1\n"
                                               "server    9.8.7           3\n");
    expect_output(RUN(answer_ping, "version", "--json"),
                  "{\"lodgectl\":\"" LODGE_VERSION "\",\"lodgectl_protocol\":1,\"server\":\"9.8.7\","
                  "\"server_protocol\":3,\"load_test\":false}\n");
    /* The right kind of result, or none. */
    expect_error(RUN(answer_too_much, "ping"), 3, "the answer cannot be understood");
    expect_error(RUN(answer_ping, "list"), 3, "the answer cannot be understood");
    expect_error(RUN(answer_garbage, "ping"), 3, "the answer cannot be understood");
    expect_error(RUN(answer_another, "ping"), 3, "the answer cannot be understood");
    expect_error(RUN(answer_descriptor, "ping"), 3, "the answer cannot be understood");
    expect_error(RUN(answer_end, "ping"), 3, "closed the connection without an answer");
    expect_error(RUN(answer_silence, "ping"), 3, "the server does not answer");
}

/* A subscription with two notices, of which the second is after a gap, and its end; or one wait. */
static bool answer_follow(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Notices notices = LODGE__LSM__NOTICES__INIT;
    Lodge__Lsm__Notice notice = LODGE__LSM__NOTICE__INIT, *all[] = {&notice};
    Lodge__Lsm__Waited waited = LODGE__LSM__WAITED__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    if (request->method_case == LODGE__LSM__REQUEST__METHOD_WAIT) {
        CHECK(request->wait->gone == (request->wait->session == 7));
        CHECK(request->wait->session == 7 || strcmp(request->wait->user, "anna") == 0);
        waited.session = 9;
        waited.state = LODGE__LSM__STATE__DISCONNECTED;
        waited.gone = request->wait->gone;
        answer.result_case = LODGE__LSM__ANSWER__RESULT_WAITED;
        answer.waited = &waited;
        if (request->wait->deadline_ms == 1000)
            answer.reason = REASON_TIMED_OUT;
        return play_send(fd, request, &answer);
    }
    CHECK(request->method_case == LODGE__LSM__REQUEST__METHOD_SUBSCRIBE);
    answer.result_case = LODGE__LSM__ANSWER__RESULT_NOTICES;
    answer.notices = &notices;
    play_send(fd, request, &answer);
    notices.notice = all;
    notices.n_notice = 1;
    notice.sequence = 1;
    notice.time_ms = 1777636805000;
    notice.kind = LODGE__LSM__NOTICE_KIND__NOTICE_CONNECT;
    notice.session = 9;
    notice.user = (char *)"an\x1bna";
    notice.reason = (char *)"none";
    play_send(fd, request, &answer);
    notices.lost = 12;
    notice.sequence = 14;
    notice.kind = LODGE__LSM__NOTICE_KIND__NOTICE_REFUSE;
    notice.session = 0;
    notice.reason = (char *)"bad-credentials";
    play_send(fd, request, &answer);
    return false;
}

static void test_follow(void)
{
    const struct process_result *result = RUN(answer_follow, "watch");
    CHECK(result->exit_code == 3 && strstr(result->error, "closed the connection") != NULL);
    CHECK_TEXT(result->out,
               "2026-05-01 12:00:05  connect         9  active        an\\x1bna\n"
               "12 notices are missing here: they came too fast. lodgectl list shows what there is.\n"
               "2026-05-01 12:00:05  refuse          -  -             an\\x1bna  bad-credentials\n");
    result = RUN(answer_follow, "watch", "--json");
    CHECK(result->exit_code == 3);
    CHECK(strstr(result->out,
                 "\n{\"notice\":\"gap\",\"lost\":12}\n{\"notice\":\"refuse\",\"sequence\":14,") != NULL);
    expect_output(RUN(answer_follow, "wait", "anna", "--state", "disconnected"),
                  "Session 9 is disconnected.\n");
    expect_output(RUN(answer_follow, "wait", "7", "--state", "gone"), "It is gone.\n");
    expect_error(RUN(answer_follow, "wait", "anna", "--timeout", "1"), 1,
                 "anna: it did not come to that state in time");
    expect_error(RUN(answer_follow, "wait", "7", "--state", "odd"), 2, "there is no state \"odd\"");
}

/* Sessions 4 and 5 are anna's, 5 is active; the message goes to 5. */
static bool answer_message(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Session one = LODGE__LSM__SESSION__INIT, two = LODGE__LSM__SESSION__INIT,
                        *all[] = {&one, &two};
    Lodge__Lsm__Sessions sessions = LODGE__LSM__SESSIONS__INIT;
    Lodge__Lsm__MessageAnswer response = LODGE__LSM__MESSAGE_ANSWER__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    one.id = 4;
    one.state = LODGE__LSM__STATE__DISCONNECTED;
    two.id = 5;
    one.user = two.user = (char *)"anna";
    sessions.session = all;
    sessions.n_session = 2;
    if (request->method_case == LODGE__LSM__REQUEST__METHOD_LIST) {
        answer.result_case = LODGE__LSM__ANSWER__RESULT_SESSIONS;
        answer.sessions = &sessions;
        return play_send(fd, request, &answer);
    }
    CHECK(request->method_case == LODGE__LSM__REQUEST__METHOD_MESSAGE && request->message->session == 5);
    CHECK_TEXT(request->message->text, "tea is ready");
    CHECK_TEXT(request->message->title, request->message->wait ? "Tea" : "Message");
    response.response = request->message->wait ? 6 : 32001;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_MESSAGE;
    answer.message = &response;
    return play_send(fd, request, &answer);
}

static void test_message(void)
{
    expect_output(RUN(answer_message, "msg", "anna", "tea", "is", "ready"), "");
    expect_output(RUN(answer_message, "msg", "--wait", "--title", "Tea", "5", "tea is ready"), "yes\n");
    expect_error(RUN(answer_message, "msg", "bert", "tea"), 1, "bert: There is no such session.");
}

/* Three sessions by user, one a page. */
static bool answer_sorted(int fd, const Lodge__Lsm__Request *request)
{
    static const char *const users[] = {"", "anna", "bert", "cora"};
    const Lodge__Lsm__ListRequest *list = request->list;
    Lodge__Lsm__Session session = LODGE__LSM__SESSION__INIT, *all[] = {&session};
    Lodge__Lsm__Sessions page = LODGE__LSM__SESSIONS__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    CHECK(request->method_case == LODGE__LSM__REQUEST__METHOD_LIST && list->states == 1u << 4);
    CHECK(list->order == LODGE__LSM__LIST_ORDER__BY_USER && !list->descending);
    size_t next = 1;
    while (next < 3 && strcmp(users[next - 1], list->after_user) != 0)
        next++;
    CHECK(strcmp(users[next - 1], list->after_user) == 0);
    CHECK(list->after == (next > 1 ? 9 - next + 1 : 0));
    session.id = (uint32_t)(9 - next);
    session.user = (char *)users[next];
    page.session = all;
    page.n_session = 1;
    page.more = next < 3;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_SESSIONS;
    answer.sessions = &page;
    return play_send(fd, request, &answer);
}

static bool answer_counters(int fd, const Lodge__Lsm__Request *request)
{
    Lodge__Lsm__Counters counters = LODGE__LSM__COUNTERS__INIT;
    Lodge__Lsm__ReasonCount count = LODGE__LSM__REASON_COUNT__INIT, *all[] = {&count};
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    CHECK(request->method_case == LODGE__LSM__REQUEST__METHOD_COUNTERS);
    counters.uptime_ms = 61000;
    counters.active = 3;
    counters.refusals = 5;
    count.reason = (char *)"session-limit";
    count.count = 5;
    counters.refused = all;
    counters.n_refused = 1;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_COUNTERS;
    answer.counters = &counters;
    return play_send(fd, request, &answer);
}

static void test_lists(void)
{
    const struct process_result *result =
        RUN(answer_sorted, "list", "--json", "--state", "disconnected", "--sort", "user");
    CHECK(result->exit_code == 0 && strstr(result->out, "\"user\":\"anna\"") != NULL);
    CHECK(strstr(result->out, "{\"id\":6,") > strstr(result->out, "{\"id\":7,"));
    expect_error(RUN(answer_sorted, "list", "--sort", "size"), 2, "there is no order \"size\"");
    expect_error(RUN(answer_sorted, "list", "--state", "size"), 2, "there is no state \"size\"");
    result = RUN(answer_counters, "counters");
    CHECK(result->exit_code == 0 && strstr(result->out, "Active           3\n") != NULL);
    CHECK(strstr(result->out, "  session-limit                  5\n") != NULL);
    result = RUN(answer_counters, "counters", "--json");
    CHECK(strstr(result->out, "\"uptime_ms\":61000,\"active\":3,") != NULL);
    CHECK(strstr(result->out, "\"refused\":{\"session-limit\":5}}") != NULL);
}

static void test_unreachable(void)
{
    expect_error(RUN(NULL, "list"), 3, "no server is there. Start it with \"systemctl start lodge\"");
    CHECK(strstr(RUN(NULL, "list")->error, place.port) != NULL);
    int listener = packet_listen(place.port, 0600);
    CHECK(listener >= 0);
    expect_error(RUN_NOBODY(NULL, "list"), 3, "permission to use this port is missing");
    close(listener);
    expect_error(RUN(NULL, "list"), 3, "no server is there"); /* a socket file without a server */
    CHECK(unlink(place.port) == 0);
    expect_output(RUN_NOBODY(answer_seven, "logoff", "7"), "Session 7 is being logged off.\n");
    expect_error(RUN_NOBODY(NULL, "account", "list"), 1, "needs root");
}

static void test_words(void)
{
    expect_error(RUN(NULL, "show", "0"), 2, "is no session ID");
    expect_error(process_run((const char *const[]){LODGECTL, NULL}, "", 0), 2, "lodgectl --help");
    expect_error(
        process_run((const char *const[]){LODGECTL, "list", "--config", "/nonexistent/lodge.conf", NULL}, "",
                    0),
        1, "/nonexistent/lodge.conf: No such file");
    expect_output(RUN(NULL, "--version"), "lodgectl " LODGE_VERSION "\n");
    CHECK(strstr(RUN(NULL, "--help")->out, "account unlock NAME") != NULL);
    CHECK(strstr(RUN(NULL, "events", "--help")->out, "Usage: lodgectl events [--json] [-n N]") != NULL);
    /* Output that is lost is a failure. */
    const char *full = "exec \"$0\" --version >/dev/full";
    expect_error(process_run((const char *const[]){"/bin/sh", "-c", full, LODGECTL, NULL}, "", 0), 1,
                 "standard output: No space left");
}

int main(void)
{
    if (geteuid() != 0)
        return 77;
    CHECK(setenv("TZ", "UTC", 1) == 0);
    play_place_make(&place);
    test_hostile();
    test_pages();
    test_event_pages();
    test_events();
    test_health();
    test_refusals();
    test_server();
    test_follow();
    test_message();
    test_lists();
    test_unreachable();
    test_words();
    play_place_remove(&place);
    return 0;
}
