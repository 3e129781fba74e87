#include "broker/harness.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/packet.h"
#include "rpc/credentials.h"

static const char *path_in(const struct harness *harness, const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", harness->directory, name);
    return path;
}

static void make_folder(const struct harness *harness, const char *name, mode_t mode)
{
    CHECK(mkdir(path_in(harness, name), mode) == 0);
    CHECK(chown(path_in(harness, name), 0, harness->broker_gid) == 0 &&
          chmod(path_in(harness, name), mode) == 0);
}

void harness_configure(const struct harness *harness, const char *more)
{
    FILE *file = fopen(path_in(harness, "lodge.conf"), "w");
    CHECK(file != NULL);
    fprintf(file,
            "[Server]\nRunDirectory = %s/run\nStateDirectory = %s/state\nLogLevel = 1\n[Sessions]\n"
            "LogoffSeconds = 7\n%s\n",
            harness->directory, harness->directory, more);
    CHECK(fclose(file) == 0);
}

void harness_begin(struct harness *harness, const char *more)
{
    *harness = (struct harness){.directory = "/tmp/lodge-test-broker-XXXXXX", .sm = -1, .broker = -1};
    const struct passwd *entry = getpwnam("lodge");
    if (geteuid() != 0 || entry == NULL)
        exit(HARNESS_SKIP);
    harness->broker_uid = entry->pw_uid;
    harness->broker_gid = entry->pw_gid;
    if ((entry = getpwnam("lodge-rdp")) == NULL)
        exit(HARNESS_SKIP);
    harness->front_uid = entry->pw_uid;
    CHECK(mkdtemp(harness->directory) != NULL && chmod(harness->directory, 0755) == 0);
    make_folder(harness, "run", 0755);
    make_folder(harness, "run/ports", 0755);
    make_folder(harness, "run/winstation", 0750);
    make_folder(harness, "state", 0755);
    harness_configure(harness, more);
    harness->sm_port = packet_listen(path_in(harness, "run/ports/sm.port"), 0660);
    CHECK(harness->sm_port >= 0 && chown(path_in(harness, "run/ports/sm.port"), 0, harness->broker_gid) == 0);
    harness->lsm_port = packet_listen(path_in(harness, "run/ports/lsm.port"), 0666);
    CHECK(harness->lsm_port >= 0);
}

static void wait_readable(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    CHECK(poll(&wait, 1, HARNESS_PATIENCE_MS) == 1);
}

static void run_broker(const struct harness *harness)
{
    char program[512], config[128];
    ssize_t size = readlink("/proc/self/exe", program, sizeof(program) - 32);
    if (size <= 0)
        _exit(1);
    program[size] = '\0';
    snprintf(strrchr(program, '/'), 32, "/lodge-broker");
    snprintf(config, sizeof(config), "%s/lodge.conf", harness->directory);
    if (dup2(harness->lsm_port, 3) < 0 || fcntl(3, F_SETFD, 0) != 0)
        _exit(1);
    execl(program, program, "--config", config, "--port-fd", "3", (char *)NULL);
    _exit(1);
}

void harness_take_broker(struct harness *harness)
{
    union sm_body body;
    struct packet_peer peer;
    int port = -1;
    wait_readable(harness->sm_port);
    harness->sm = packet_accept(harness->sm_port);
    CHECK(harness->sm >= 0 && packet_peer_of(harness->sm, &peer) == 0 && peer.uid == harness->broker_uid);
    sm_expect(harness, SM_HELLO, &body, &port);
    CHECK(body.hello.role == SM_BROKER && port >= 0);
    close(port);
    sm_expect(harness, SM_READY, &body, NULL);
}

/* A test that fails leaves no broker behind: its pid is kept for that. */
static pid_t running = -1;

static void kill_running(void)
{
    if (running > 0)
        kill(running, SIGKILL);
}

void harness_spawn_broker(struct harness *harness)
{
    if (running < 0)
        CHECK(atexit(kill_running) == 0);
    harness->broker = running = fork();
    CHECK(harness->broker >= 0);
    if (harness->broker == 0)
        run_broker(harness); /* does not return, and leaves by _exit */
}

void harness_start_broker(struct harness *harness)
{
    harness_spawn_broker(harness);
    harness_take_broker(harness);
}

void harness_kill_broker(struct harness *harness)
{
    int status;
    CHECK(kill(harness->broker, SIGKILL) == 0 && waitpid(harness->broker, &status, 0) == harness->broker);
    running = 0;
    close_descriptor(&harness->sm);
}

void harness_end(struct harness *harness)
{
    int status;
    char command[128];
    CHECK(kill(harness->broker, SIGTERM) == 0);
    CHECK(waitpid(harness->broker, &status, 0) == harness->broker);
    running = 0;
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close_descriptor(&harness->sm);
    close_descriptor(&harness->sm_port);
    close_descriptor(&harness->lsm_port);
    snprintf(command, sizeof(command), "rm -rf '%s'", harness->directory);
    CHECK(system(command) == 0);
}

void sm_tell(struct harness *harness, unsigned number, const void *body)
{
    int failed;
    while ((failed = message_send(harness->sm, &sm_protocol, number, body, -1)) == -EAGAIN) {
        struct pollfd wait = {.fd = harness->sm, .events = POLLOUT};
        CHECK(poll(&wait, 1, HARNESS_PATIENCE_MS) == 1);
    }
    CHECK(failed == 0);
}

/* VIEWER comes whenever a session changes hands, and the last is kept; CONF_READ with each reload. */
static bool is_aside(struct harness *harness, const struct message *message, const union sm_body *body)
{
    if (message->number == SM_VIEWER)
        harness->viewer = body->viewer;
    harness->conf_reads += message->number == SM_CONF_READ;
    return message->number == SM_VIEWER || message->number == SM_CONF_READ;
}

/* The next message but those. Returns what message_receive does. */
static int sm_receive(struct harness *harness, union sm_body *body_r, struct message *message_r,
                      const char **problem_r)
{
    int got;
    for (;;) {
        wait_readable(harness->sm);
        got = message_receive(harness->sm, &sm_protocol, SM_BROKER, body_r, sizeof(*body_r), message_r,
                              problem_r);
        if (got != 1 || !is_aside(harness, message_r, body_r))
            return got;
    }
}

bool sm_is_silent(struct harness *harness, int ms)
{
    int64_t end = clock_monotonic_ms() + ms;
    for (;;) {
        union sm_body body;
        struct message message;
        const char *problem = "";
        int64_t left = end - clock_monotonic_ms();
        struct pollfd wait = {.fd = harness->sm, .events = POLLIN};
        if (poll(&wait, 1, left > 0 ? (int)left : 0) == 0)
            return true;
        int got =
            message_receive(harness->sm, &sm_protocol, SM_BROKER, &body, sizeof(body), &message, &problem);
        if (got != 1 || !is_aside(harness, &message, &body))
            return false;
    }
}

void sm_expect_one_of(struct harness *harness, unsigned first, unsigned second, union sm_body *body_r,
                      bool *first_r)
{
    struct message message;
    const char *problem = "";
    CHECK(sm_receive(harness, body_r, &message, &problem) == 1);
    close_descriptor(&message.descriptor);
    CHECK(message.number == first || message.number == second);
    *first_r = message.number == first;
}

/* What was received has to be message `number`. *descriptor_r (or NULL) is the caller's. */
static void check_message(unsigned number, int got, struct message *message, const char *problem,
                          int *descriptor_r)
{
    if (got != 1 || message->number != number)
        fprintf(stderr, "message %u wanted: got %d, number %u %s\n", number, got,
                got == 1 ? message->number : 0, problem);
    CHECK(got == 1 && message->number == number);
    if (descriptor_r != NULL)
        *descriptor_r = message->descriptor;
    else
        close_descriptor(&message->descriptor);
}

void sm_expect(struct harness *harness, unsigned number, union sm_body *body_r, int *descriptor_r)
{
    struct message message;
    const char *problem = "";
    int got = sm_receive(harness, body_r, &message, &problem);
    check_message(number, got, &message, problem, descriptor_r);
}

void sm_tell_synced(struct harness *harness)
{
    sm_tell(harness, SM_SYNCED, &(struct sm_synced){0});
}

void sm_tell_state(struct harness *harness, uint16_t id, enum sm_life life, uint64_t logon, uid_t uid,
                   const char *user)
{
    struct sm_session_state state = {.id = id,
                                     .state = (uint8_t)life,
                                     .logon = logon,
                                     .uid = uid,
                                     .started_ms = (uint64_t)clock_real_ms()};
    snprintf(state.user, sizeof(state.user), "%s", user);
    sm_tell(harness, SM_SESSION_STATE, &state);
}

void sm_tell_ended(struct harness *harness, uint16_t id, uint64_t logon, enum reason reason,
                   const char *detail)
{
    struct sm_session_ended ended = {.id = id, .reason = (uint16_t)reason, .logon = logon};
    snprintf(ended.detail, sizeof(ended.detail), "%s", detail);
    sm_tell(harness, SM_SESSION_ENDED, &ended);
}

void sm_tell_result(struct harness *harness, uint64_t logon, enum reason reason, uid_t uid, const char *user)
{
    struct sm_logon_result result = {.logon = logon, .reason = (uint16_t)reason, .uid = uid};
    snprintf(result.user, sizeof(result.user), "%s", user);
    sm_tell(harness, SM_LOGON_RESULT, &result);
}

static const char *port_of(const struct harness *harness, uint16_t id)
{
    char name[64];
    snprintf(name, sizeof(name), "run/winstation/%u.port", id);
    return path_in(harness, name);
}

void agent_listen(struct harness *harness, struct agent *agent_r, uint16_t id)
{
    *agent_r = (struct agent){.id = id, .broker = -1};
    agent_r->port = packet_listen(port_of(harness, id), 0660);
    CHECK(agent_r->port >= 0 && chown(port_of(harness, id), 0, harness->broker_gid) == 0);
}

void agent_accept(struct agent *agent)
{
    wait_readable(agent->port);
    close_descriptor(&agent->broker);
    agent->broker = packet_accept(agent->port);
    CHECK(agent->broker >= 0);
}

void agent_tell(struct agent *agent, unsigned number, const void *body)
{
    CHECK(message_send(agent->broker, &winstation_protocol, number, body, -1) == 0);
}

void agent_tell_synced(struct agent *agent)
{
    agent_tell(agent, WINSTATION_CAPABILITIES,
               &(struct winstation_capabilities){WINSTATION_CAN_REDIRECT | WINSTATION_CAN_SHADOW});
    agent_tell(agent, WINSTATION_SYNCED, &(struct winstation_synced){1024, 768});
}

void agent_expect(struct agent *agent, unsigned number, union winstation_body *body_r, int *descriptor_r)
{
    struct message message;
    const char *problem = "";
    wait_readable(agent->broker);
    int got = message_receive(agent->broker, &winstation_protocol, WINSTATION_BY_BROKER, body_r,
                              sizeof(*body_r), &message, &problem);
    check_message(number, got, &message, problem, descriptor_r);
}

void agent_die(struct agent *agent)
{
    close_descriptor(&agent->broker);
}

void agent_end(struct harness *harness, struct agent *agent)
{
    close_descriptor(&agent->broker);
    close_descriptor(&agent->port);
    unlink(port_of(harness, agent->id));
}

int lsm_connect_member(struct harness *harness, uid_t uid, gid_t group)
{
    gid_t groups[1] = {group}, own = uid == 0 ? 0 : 65534;
    const char *path = path_in(harness, "run/ports/lsm.port");
    CHECK(setgroups(group != (gid_t)-1 ? 1 : 0, groups) == 0 && setegid(own) == 0 && seteuid(uid) == 0);
    int fd = packet_connect(path);
    CHECK(seteuid(0) == 0 && setegid(0) == 0);
    CHECK(fd >= 0);
    return fd;
}

int lsm_connect_as(struct harness *harness, uid_t uid)
{
    return lsm_connect_member(harness, uid, (gid_t)-1);
}

int lsm_connect_front(struct harness *harness)
{
    return lsm_connect_as(harness, harness->front_uid);
}

static bool has_died(const struct harness *harness)
{
    siginfo_t info = {.si_pid = 0};
    return waitid(P_PID, (id_t)harness->broker, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

uint64_t lsm_ask(struct harness *harness, int fd, Lodge__Lsm__Request *request, int descriptor)
{
    request->serial = ++harness->serial;
    int64_t deadline = clock_monotonic_ms() + HARNESS_PATIENCE_MS;
    int failed;
    /* a descriptor may not come until the broker knows that this is the front end */
    while ((failed = lsm_send_request(fd, request, descriptor)) != 0 && !has_died(harness)) {
        CHECK(failed == -EPERM || failed == -EPIPE || failed == -ECONNRESET);
        CHECK(clock_monotonic_ms() < deadline);
        sched_yield();
    }
    return request->serial;
}

Lodge__Lsm__Answer *lsm_expect(int fd, uint64_t serial, int *descriptor_r)
{
    Lodge__Lsm__Answer *answer = NULL;
    int descriptor = -1;
    wait_readable(fd);
    CHECK(lsm_receive_answer(fd, &answer, &descriptor) == 1);
    CHECK(answer->serial == serial);
    if (descriptor_r != NULL)
        *descriptor_r = descriptor;
    else
        CHECK(descriptor == -1);
    return answer;
}

enum reason lsm_expect_reason(int fd, uint64_t serial)
{
    Lodge__Lsm__Answer *answer = lsm_expect(fd, serial, NULL);
    enum reason reason = (enum reason)answer->reason;
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return reason;
}

void lsm_expect_end(int fd)
{
    Lodge__Lsm__Answer *answer;
    int descriptor;
    wait_readable(fd);
    CHECK(lsm_receive_answer(fd, &answer, &descriptor) == 0);
}

void lsm_expect_turned_away(int fd)
{
    Lodge__Lsm__Answer *answer = lsm_expect(fd, 0, NULL);
    CHECK(answer->reason == REASON_BUSY && strstr(answer->detail, "too many connections") != NULL);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    lsm_expect_end(fd);
}

bool lsm_is_silent(int fd, int milliseconds)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, milliseconds) == 0;
}

uint64_t lsm_ask_logon(struct harness *harness, int fd)
{
    return lsm_ask_logon_from(harness, fd, "workstation", "");
}

uint64_t lsm_ask_logon_from(struct harness *harness, int fd, const char *name, const char *product)
{
    static const struct credentials credentials = {.user = "somebody", .password = "secret"};
    Lodge__Lsm__Client client = LODGE__LSM__CLIENT__INIT;
    client.name = (char *)name;
    client.product = (char *)product;
    client.address = (char *)"10.0.0.1:5000";
    client.width = 1280;
    client.height = 720;
    client.keyboard_layout = 0x407;
    Lodge__Lsm__LogonRequest logon = LODGE__LSM__LOGON_REQUEST__INIT;
    logon.client = &client;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_LOGON;
    request.logon = &logon;
    int pipe = credentials_pipe(&credentials);
    CHECK(pipe >= 0);
    uint64_t serial = lsm_ask(harness, fd, &request, pipe);
    close(pipe);
    return serial;
}

uint64_t lsm_ask_session(struct harness *harness, int fd, Lodge__Lsm__Request__MethodCase method,
                         uint16_t session)
{
    Lodge__Lsm__SessionRequest which = LODGE__LSM__SESSION_REQUEST__INIT;
    which.session = session;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = method;
    request.show = &which; /* of one type in each of these methods */
    return lsm_ask(harness, fd, &request, -1);
}

uint64_t lsm_ask_attach(struct harness *harness, int fd, uint16_t session, uint64_t viewer)
{
    Lodge__Lsm__AttachRequest attach = LODGE__LSM__ATTACH_REQUEST__INIT;
    attach.session = session;
    attach.viewer = viewer;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_ATTACH;
    request.attach = &attach;
    return lsm_ask(harness, fd, &request, -1);
}

uint64_t lsm_ask_announce(struct harness *harness, int fd, uint16_t session, uint64_t viewer)
{
    Lodge__Lsm__Client client = LODGE__LSM__CLIENT__INIT;
    client.name = (char *)"announced";
    Lodge__Lsm__AnnounceRequest announce = LODGE__LSM__ANNOUNCE_REQUEST__INIT;
    announce.session = session;
    announce.viewer = viewer;
    announce.client = &client;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_ANNOUNCE;
    request.announce = &announce;
    return lsm_ask(harness, fd, &request, -1);
}

void lsm_expect_attached(int fd, uint64_t serial, struct attached *attached_r)
{
    Lodge__Lsm__Answer *answer = lsm_expect(fd, serial, &attached_r->channel);
    CHECK(answer->reason == REASON_NONE && answer->result_case == LODGE__LSM__ANSWER__RESULT_ATTACHED);
    CHECK(attached_r->channel >= 0 && answer->attached->viewer != 0);
    attached_r->session = (uint16_t)answer->attached->session;
    attached_r->viewer = answer->attached->viewer;
    attached_r->redirect = answer->attached->redirect;
    attached_r->reconnected = answer->attached->reconnected;
    lodge__lsm__answer__free_unpacked(answer, NULL);
}

int lsm_state_of(struct harness *harness, uint16_t session)
{
    int fd = lsm_connect_as(harness, 0);
    uint64_t serial = lsm_ask_session(harness, fd, LODGE__LSM__REQUEST__METHOD_SHOW, session);
    Lodge__Lsm__Answer *answer = lsm_expect(fd, serial, NULL);
    int state = answer->reason == REASON_NONE ? (int)answer->session->state : SESSION_NONE;
    lodge__lsm__answer__free_unpacked(answer, NULL);
    close(fd);
    return state;
}

void lsm_await_state(struct harness *harness, uint16_t session, int state)
{
    int64_t deadline = clock_monotonic_ms() + HARNESS_PATIENCE_MS;
    while (lsm_state_of(harness, session) != state) {
        CHECK(clock_monotonic_ms() < deadline);
        poll(NULL, 0, 5);
    }
}

static bool has_event(struct harness *harness, int fd, uint32_t id, uint16_t session)
{
    Lodge__Lsm__EventsRequest events = LODGE__LSM__EVENTS_REQUEST__INIT;
    events.limit = 20;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_EVENTS;
    request.events = &events;
    Lodge__Lsm__Answer *answer = lsm_expect(fd, lsm_ask(harness, fd, &request, -1), NULL);
    bool found = false;
    if (answer->reason == REASON_NONE) {
        for (size_t i = 0; i < answer->events->n_event; i++)
            found |= answer->events->event[i]->id == id && answer->events->event[i]->session == session;
    }
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return found;
}

void lsm_await_event(struct harness *harness, uint32_t id, uint16_t session)
{
    int fd = lsm_connect_as(harness, 0);
    int64_t deadline = clock_monotonic_ms() + HARNESS_PATIENCE_MS;
    while (!has_event(harness, fd, id, session)) {
        CHECK(clock_monotonic_ms() < deadline);
        poll(NULL, 0, 5);
    }
    close(fd);
}

void harness_begin_with_broker(struct harness *harness, const char *more)
{
    harness_begin(harness, more);
    harness_start_broker(harness);
    sm_tell_synced(harness);
}

void harness_log_on_as(struct harness *harness, int fd, uid_t uid, const char *user, uint16_t id,
                       struct agent *agent_r, struct attached *attached_r)
{
    union sm_body sm;
    union winstation_body winstation;
    uint64_t serial = lsm_ask_logon(harness, fd);
    sm_expect(harness, SM_LOGON_START, &sm, NULL);
    uint64_t logon = sm.logon_start.logon;
    sm_tell_result(harness, logon, REASON_NONE, uid, user);
    sm_expect(harness, SM_LOGON_ADMIT, &sm, NULL);
    CHECK(sm.logon_admit.logon == logon && sm.logon_admit.width == 1280);
    agent_listen(harness, agent_r, id);
    sm_tell_state(harness, id, SM_SESSION_STARTING, logon, uid, user);
    lsm_expect_attached(fd, serial, attached_r);
    attached_r->logon = logon;
    CHECK(attached_r->session == id && !attached_r->reconnected);
    agent_accept(agent_r);
    agent_tell_synced(agent_r);
    agent_expect(agent_r, WINSTATION_ATTACH, &winstation, NULL);
    CHECK(winstation.attach.viewer == attached_r->viewer && winstation.attach.width == 1280);
    sm_tell_state(harness, id, SM_SESSION_UP, logon, uid, user);
    lsm_await_state(harness, id, LODGE__LSM__STATE__ACTIVE);
}

void harness_log_on(struct harness *harness, int fd, uid_t uid, uint16_t id, struct agent *agent_r,
                    struct attached *attached_r)
{
    harness_log_on_as(harness, fd, uid, "somebody", id, agent_r, attached_r);
}
