/* What policy holds over time, against a real broker: drain mode, kept and let go; the configuration,
 * read anew. */
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/harness.h"
#include "common/conf.h"
#include "common/packet.h"

#define GONE          LODGE__LSM__STATE__DISCONNECTED
#define OFF           LODGE__LSM__DRAIN_MODE__OFF
#define RECONNECTS    LODGE__LSM__DRAIN_MODE__RECONNECTS
#define UNTIL_RESTART LODGE__LSM__DRAIN_MODE__UNTIL_RESTART
#define EVENT_DRAIN   1010
#define EVENT_REFUSED 1000
#define EVENT_RELOAD  1011

static struct harness harness;
static union sm_body sm;

/* Asks as root; returns the mode that holds then. */
static Lodge__Lsm__DrainMode set_drain(Lodge__Lsm__DrainMode mode)
{
    int fd = lsm_connect_as(&harness, 0);
    Lodge__Lsm__DrainRequest drain = LODGE__LSM__DRAIN_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    drain.mode = mode;
    request.method_case = LODGE__LSM__REQUEST__METHOD_DRAIN;
    request.drain = &drain;
    Lodge__Lsm__Answer *answer = lsm_expect(fd, lsm_ask(&harness, fd, &request, -1), NULL);
    CHECK(answer->reason == REASON_NONE && answer->result_case == LODGE__LSM__ANSWER__RESULT_DRAIN);
    Lodge__Lsm__DrainMode now = answer->drain->mode;
    lodge__lsm__answer__free_unpacked(answer, NULL);
    close(fd);
    return now;
}

static Lodge__Lsm__DrainMode drain_now(void)
{
    return set_drain(LODGE__LSM__DRAIN_MODE__UNCHANGED);
}

/* Asks with a number that is no mode. */
static void no_such_mode(void)
{
    int fd = lsm_connect_as(&harness, 0);
    Lodge__Lsm__DrainRequest drain = LODGE__LSM__DRAIN_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    drain.mode = (Lodge__Lsm__DrainMode)77;
    request.method_case = LODGE__LSM__REQUEST__METHOD_DRAIN;
    request.drain = &drain;
    CHECK(lsm_expect_reason(fd, lsm_ask(&harness, fd, &request, -1)) == REASON_BAD_REQUEST);
    close(fd);
}

/* A logon of `uid` up to the moment of the decision; returns the serial of the request. */
static uint64_t come(int fd, uid_t uid, uint64_t *logon_r)
{
    uint64_t serial = lsm_ask_logon(&harness, fd);
    int pipe = -1;
    sm_expect(&harness, SM_LOGON_START, &sm, &pipe);
    close(pipe);
    *logon_r = sm.logon_start.logon;
    sm_tell_result(&harness, *logon_r, REASON_NONE, uid, "somebody");
    return serial;
}

static void refused(uid_t uid, enum reason reason)
{
    int fd = lsm_connect_front(&harness);
    uint64_t logon, serial = come(fd, uid, &logon);
    CHECK(lsm_expect_reason(fd, serial) == reason);
    sm_expect(&harness, SM_LOGON_DROP, &sm, NULL);
    CHECK(sm.logon_drop.logon == logon && sm.logon_drop.reason == reason);
    lsm_await_event(&harness, EVENT_REFUSED, 0);
    close(fd);
}

static void drained(void)
{
    struct agent agent;
    struct attached attached;
    union winstation_body winstation;
    int worker = lsm_connect_front(&harness);
    CHECK(drain_now() == OFF);
    harness_log_on(&harness, worker, 5001, 1, &agent, &attached);
    CHECK(set_drain(RECONNECTS) == RECONNECTS);
    lsm_await_event(&harness, EVENT_DRAIN, 0);
    refused(5002, REASON_DRAIN);
    close(worker);
    agent_expect(&agent, WINSTATION_DETACH, &winstation, NULL);
    lsm_await_state(&harness, 1, GONE);

    /* the one who has a session gets it back */
    uint64_t logon;
    worker = lsm_connect_front(&harness);
    uint64_t serial = come(worker, 5001, &logon);
    sm_expect(&harness, SM_LOGON_DROP, &sm, NULL);
    CHECK(sm.logon_drop.reason == REASON_NONE);
    agent_expect(&agent, WINSTATION_ATTACH, &winstation, NULL);
    lsm_expect_attached(worker, serial, &attached);
    CHECK(attached.reconnected && attached.session == 1);
    no_such_mode();
    CHECK(drain_now() == RECONNECTS);
    close(worker);
    sm_tell_ended(&harness, 1, 0, REASON_LOGOFF, "");
    lsm_await_state(&harness, 1, SESSION_NONE);
    agent_end(&harness, &agent);
}

static void restart_broker(void)
{
    harness_kill_broker(&harness);
    harness_start_broker(&harness);
    sm_tell_synced(&harness);
}

/* Another process listens on sm.port from now on, as far as the kernel tells. */
static void be_another_smss(void)
{
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        _exit(listen(harness.sm_port, 16) == 0 ? 0 : 1);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    close_descriptor(&harness.sm);
    harness_take_broker(&harness);
    sm_tell_synced(&harness);
}

static void kept(void)
{
    restart_broker();
    CHECK(drain_now() == RECONNECTS);
    be_another_smss();
    CHECK(drain_now() == RECONNECTS);
    refused(5002, REASON_DRAIN);

    CHECK(set_drain(UNTIL_RESTART) == UNTIL_RESTART);
    restart_broker();
    CHECK(drain_now() == UNTIL_RESTART);
    refused(5002, REASON_DRAIN);
    be_another_smss();
    CHECK(drain_now() == OFF);
    restart_broker();
    CHECK(drain_now() == OFF);

    /* ended while both were away */
    CHECK(set_drain(UNTIL_RESTART) == UNTIL_RESTART);
    harness_kill_broker(&harness);
    CHECK(listen(harness.sm_port, 16) == 0);
    harness_start_broker(&harness);
    sm_tell_synced(&harness);
    CHECK(drain_now() == OFF);
}

static void nonsense_is_off(void)
{
    char path[128];
    harness_kill_broker(&harness);
    snprintf(path, sizeof(path), "%s/state/db/drain", harness.directory);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs("until-restart\nreconnects\n", file) >= 0 && fclose(file) == 0);
    harness_start_broker(&harness);
    sm_tell_synced(&harness);
    CHECK(drain_now() == OFF);
}

static void nobody_may_connect(void)
{
    harness_begin_with_broker(&harness, "DenyConnections = 1");
    int fd = lsm_connect_front(&harness);
    CHECK(lsm_expect_reason(fd, lsm_ask_logon(&harness, fd)) == REASON_CONNECTIONS_DENIED);
    lsm_await_event(&harness, EVENT_REFUSED, 0);
    close(fd);
    harness_end(&harness);
}

static void write_configuration(const char *sessions)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/lodge.conf", harness.directory);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    fprintf(file,
            "[Server]\nRunDirectory = %s/run\nStateDirectory = %s/state\nLogLevel = 0\n[Sessions]\n"
            "LogoffSeconds = 7\n%s\n",
            harness.directory, harness.directory, sessions);
    CHECK(fclose(file) == 0);
}

static Lodge__Lsm__Answer *ask_nothing(Lodge__Lsm__Request__MethodCase method)
{
    int fd = lsm_connect_as(&harness, 0);
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = method;
    request.reload = &nothing; /* of one type in each of these methods */
    Lodge__Lsm__Answer *answer = lsm_expect(fd, lsm_ask(&harness, fd, &request, -1), NULL);
    close(fd);
    return answer;
}

/* How often lodge-smss has been told that the configuration was read, by now. */
static unsigned count_conf_reads(void)
{
    CHECK(sm_is_silent(&harness, 0));
    return harness.conf_reads;
}

/* Reloads, and what changed has to be this alone. */
static void reload(const char *sessions, const char *changed, const char *restart)
{
    unsigned reads = count_conf_reads();
    write_configuration(sessions);
    Lodge__Lsm__Answer *answer = ask_nothing(LODGE__LSM__REQUEST__METHOD_RELOAD);
    CHECK(count_conf_reads() == reads + 1);
    CHECK(answer->reason == REASON_NONE && answer->result_case == LODGE__LSM__ANSWER__RESULT_RELOADED);
    CHECK(answer->reloaded->n_changed == (changed != NULL ? 1 : 0));
    CHECK(answer->reloaded->n_restart == (restart != NULL ? 2 : 1)); /* LogLevel is another one */
    if (changed != NULL)
        CHECK_TEXT(answer->reloaded->changed[0], changed);
    if (restart != NULL)
        CHECK_TEXT(answer->reloaded->restart[1], restart);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    lsm_await_event(&harness, EVENT_RELOAD, 0);
}

static void refuse_reload(const char *sessions, const char *want)
{
    unsigned reads = count_conf_reads();
    write_configuration(sessions);
    Lodge__Lsm__Answer *answer = ask_nothing(LODGE__LSM__REQUEST__METHOD_RELOAD);
    CHECK(count_conf_reads() == reads);
    CHECK(answer->reason == REASON_BAD_CONFIGURATION && strstr(answer->detail, want) != NULL);
    lodge__lsm__answer__free_unpacked(answer, NULL);
}

/* The value that holds, and its origin has to end like this. */
static void holds(const char *key, const char *value, const char *origin)
{
    Lodge__Lsm__Answer *answer = ask_nothing(LODGE__LSM__REQUEST__METHOD_POLICY);
    bool found = false;
    CHECK(answer->reason == REASON_NONE && answer->policy->n_value == CONF_KEY_COUNT);
    for (size_t i = 0; i < answer->policy->n_value; i++) {
        const Lodge__Lsm__PolicyValue *at = answer->policy->value[i];
        if (strcmp(at->key, key) != 0)
            continue;
        found = true;
        CHECK_TEXT(at->value, value);
        CHECK(strlen(at->origin) >= strlen(origin));
        CHECK_TEXT(at->origin + strlen(at->origin) - strlen(origin), origin);
    }
    CHECK(found);
    lodge__lsm__answer__free_unpacked(answer, NULL);
}

static void read_anew(void)
{
    harness_begin_with_broker(&harness, "MaxSessions = 1");
    sm_tell_state(&harness, 9, SM_SESSION_UP, 1, 5009, "first");
    lsm_await_state(&harness, 9, GONE);
    refused(5002, REASON_SESSION_LIMIT);
    holds("MaxSessions", "1", "/lodge.conf:7");
    holds("MaxSessionsPerUser", "10", "default");

    reload("MaxSessions = 1", NULL, NULL);
    reload("MaxSessions = 2", "MaxSessions = 2", NULL);
    int fd = lsm_connect_front(&harness);
    uint64_t logon;
    come(fd, 5002, &logon);
    sm_expect(&harness, SM_LOGON_ADMIT, &sm, NULL);
    sm_tell_state(&harness, 10, SM_SESSION_UP, logon, 5002, "somebody");
    lsm_await_state(&harness, 10, GONE);
    close(fd);

    /* all or nothing */
    refuse_reload("MaxSessions = 5\nMaxSessionsPerUser = 0", "/lodge.conf:8: MaxSessionsPerUser is \"0\"");
    refuse_reload("MaxSessions = 5\nDeniedGroups = no.such.group", "no.such.group");
    refuse_reload("MaxSessions = 5\n[Nothing]", "lodge.conf:8");
    holds("MaxSessions", "2", "/lodge.conf:7");
    refused(5003, REASON_SESSION_LIMIT);
    reload("MaxSessions = 2\nXServer = Xvfb", NULL, "XServer = Xvfb");
    holds("XServer", "Xtigervnc", "default");
    reload("MaxSessions = 2\nDesktop = x", "Desktop = x", NULL);
    reload("MaxSessions = 2", "Desktop = ", NULL);

    /* timeouts hold for sessions that there are; SIGHUP is as good as the method */
    struct agent agent;
    agent_listen(&harness, &agent, 9);
    agent_accept(&agent);
    agent_tell_synced(&agent);
    write_configuration("MaxSessions = 2\nMaxDisconnectedSeconds = 1");
    CHECK(kill(harness.broker, SIGHUP) == 0);
    sm_expect(&harness, SM_SESSION_END, &sm, NULL);
    CHECK(sm.session_end.id == 9 && sm.session_end.reason == REASON_DISCONNECTED_LIMIT);
    agent_end(&harness, &agent);
    harness_end(&harness);
}

int main(void)
{
    harness_begin_with_broker(&harness, "");
    drained();
    kept();
    nonsense_is_off();
    harness_end(&harness);
    nobody_may_connect();
    read_anew();
    return 0;
}
