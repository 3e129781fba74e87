/* liblodge against a real broker: every method that is a program's has its function, and what comes of it.
 * What waits for lodge-smss or an agent is asked in a process of its own, since the test plays those. */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/harness.h"
#include "common/clock.h"
#include "lib/lodge.h"

static struct harness harness;
static struct agent agent;
static char config[128];

/* The library's function for each method of lsm.proto; NULL: it is the front end's alone, which holds
 * passwords or sockets and is no program of somebody else's. */
static const char *const functions[][2] = {
    {"ping", "lodge_ping"},
    {"version", "lodge_version"},
    {"logon", NULL},
    {"attach", NULL},
    {"announce", NULL},
    {"client", NULL},
    {"take_over", NULL},
    {"traffic", NULL},
    {"list", "lodge_list_by"},
    {"show", "lodge_show"},
    {"disconnect", "lodge_disconnect"},
    {"logoff", "lodge_logoff"},
    {"events", "lodge_events_query"},
    {"drain", "lodge_drain"},
    {"reload", "lodge_reload"},
    {"policy", "lodge_policy"},
    {"policy_test", "lodge_policy_test"},
    {"policy_user", "lodge_policy_user"},
    {"subscribe", "lodge_subscribe"},
    {"wait", "lodge_wait"},
    {"message", "lodge_message"},
    {"reset", "lodge_reset"},
    {"counters", "lodge_counters"},
    {"shutdown", "lodge_shutdown"},
    {"shutdown_abort", "lodge_shutdown_abort"},
    {"shutdown_status", "lodge_shutdown_status"},
    {"listeners", "lodge_listeners"},
    {"listener_stop", "lodge_listener_stop"},
    {"listener_start", "lodge_listener_start"},
    {"upgrade", "lodge_upgrade"},
    {"processes", "lodge_processes"},
    {"terminate", "lodge_terminate"},
    {"usage", "lodge_usage"},
    {"lock", "lodge_lock"},
    {"connect", "lodge_connect"},
    {"environment", "lodge_environment"},
    {"health", "lodge_health"},
    {"load_subsystem", "lodge_load_subsystem"},
    {"licence_pool", "lodge_licence_pool"},
    {"licence_list", "lodge_licences"},
    {"licence_issue", "lodge_licence_issue"},
    {"licence_revoke", "lodge_licence_revoke"},
    {"licence_report", "lodge_licence_report"},
    {"create", "lodge_create"},
    {"shadow", "lodge_shadow"},
    {"shadow_stop", "lodge_shadow_stop"},
    {"shadow_channel", NULL},
};
#define FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

static void every_method_has_its_function(void)
{
    const ProtobufCMessageDescriptor *type = &lodge__lsm__request__descriptor;
    for (unsigned i = 0; i < type->n_fields; i++) {
        size_t row = 0;
        if ((type->fields[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0)
            continue;
        while (row < FUNCTIONS && strcmp(functions[row][0], type->fields[i].name) != 0)
            row++;
        if (row == FUNCTIONS ||
            (functions[row][1] != NULL && dlsym(RTLD_DEFAULT, functions[row][1]) == NULL)) {
            fprintf(stderr, "%s has no function in liblodge\n", type->fields[i].name);
            exit(1);
        }
    }
}

static struct lodge *open_one(void)
{
    struct lodge *lodge = NULL;
    struct lodge_error error = {.text = ""};
    if (lodge_open(config, &lodge, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    return lodge;
}

/* Runs `what` in a process of its own, as root or another uid. */
static pid_t begin(void (*what)(struct lodge *lodge), uid_t uid)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    CHECK(uid == 0 || setuid(uid) == 0);
    struct lodge *lodge = open_one();
    what(lodge);
    lodge_close(lodge);
    _exit(0); /* what the harness does at exit is for the test to do */
}

static void finish(pid_t pid)
{
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Lab accounts, which the machine does not know: 2 and 4 belong to one. */
static void sessions_are_there(void)
{
    static const unsigned users[] = {3, 2, 1, 2};
    for (uint16_t id = 1; id <= 4; id++) {
        struct sm_session_state state = {.id = id,
                                         .state = SM_SESSION_UP,
                                         .account = SM_ACCOUNT_LAB,
                                         .uid = 5000 + users[id - 1],
                                         .started_ms = (uint64_t)clock_real_ms()};
        snprintf(state.user, sizeof(state.user), "user%u", users[id - 1]);
        sm_tell(&harness, SM_SESSION_STATE, &state);
    }
    sm_tell_synced(&harness);
    lsm_await_state(&harness, 4, LODGE__LSM__STATE__DISCONNECTED);
}

static void expect_ids(const struct lodge_sessions *sessions, const char *want)
{
    char ids[64] = "";
    for (size_t i = 0; i < sessions->count; i++)
        snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%u ", (unsigned)sessions->session[i]->id);
    CHECK_TEXT(ids, want);
}

static void expect_list(struct lodge *lodge, struct lodge_filter filter, const char *want)
{
    struct lodge_sessions *sessions;
    CHECK(lodge_list_all_by(lodge, &filter, &sessions, NULL) == 0 && !sessions->more);
    expect_ids(sessions, want);
    lodge_sessions_free(sessions);
}

/* The same in pages of one. */
static void expect_pages(struct lodge *lodge, struct lodge_filter filter, const char *want)
{
    struct lodge_sessions *page = NULL, *next;
    char ids[64] = "";
    bool more = true;
    while (more) {
        CHECK(lodge_list_by(lodge, &filter, page != NULL ? page->session[0] : NULL, 1, &next, NULL) == 0);
        lodge_sessions_free(page);
        page = next;
        CHECK(page->count == 1);
        snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%u ", (unsigned)page->session[0]->id);
        more = page->more;
    }
    lodge_sessions_free(page);
    CHECK_TEXT(ids, want);
}

static void lists(struct lodge *lodge)
{
    struct lodge_filter by_user = {.order = LODGE_BY_USER, .descending = true};
    struct lodge_sessions *none = NULL;
    struct lodge_error error;
    expect_list(lodge, (struct lodge_filter){0}, "1 2 3 4 ");
    expect_list(lodge, (struct lodge_filter){.descending = true}, "4 3 2 1 ");
    expect_list(lodge, (struct lodge_filter){.user = "user2"}, "2 4 ");
    expect_list(lodge, (struct lodge_filter){.order = LODGE_BY_USER}, "3 2 4 1 ");
    expect_list(lodge, by_user, "1 4 2 3 ");
    expect_pages(lodge, by_user, "1 4 2 3 ");
    expect_list(lodge, (struct lodge_filter){.states = 1u << LODGE_DISCONNECTED}, "1 2 3 4 ");
    expect_list(lodge, (struct lodge_filter){.states = 1u << LODGE_ACTIVE}, "");
    expect_list(lodge, (struct lodge_filter){.idle_s = 5}, "");
    expect_list(lodge, (struct lodge_filter){.platform = "windows"}, "");
    expect_list(lodge, (struct lodge_filter){.client = "PC"}, "");
    struct lodge_filter wrong = {.group = "no-such-group"};
    CHECK(lodge_list_all_by(lodge, &wrong, &none, &error) == LODGE_REASON_BAD_REQUEST && none == NULL);
}

static void a_user_asks(struct lodge *lodge)
{
    struct lodge_counters *counters = NULL;
    struct lodge_policy *policy = NULL;
    struct lodge_licence_pool *pool = NULL;
    struct lodge_shutdown *shutdown = NULL;
    struct lodge_shutdown_order order = {.in_s = 60};
    expect_list(lodge, (struct lodge_filter){0}, "2 4 ");
    CHECK(lodge_reset(lodge, 1, NULL) == LODGE_REASON_NO_SESSION);
    CHECK(lodge_counters(lodge, &counters, NULL) == LODGE_REASON_FORBIDDEN && counters == NULL);
    CHECK(lodge_policy(lodge, &policy, NULL) == LODGE_REASON_FORBIDDEN && policy == NULL);
    CHECK(lodge_licence_pool(lodge, &pool, NULL) == LODGE_REASON_FORBIDDEN && pool == NULL);
    CHECK(lodge_shutdown(lodge, &order, &shutdown, NULL) == LODGE_REASON_FORBIDDEN && shutdown == NULL);
    CHECK(lodge_listener_stop(lodge, "rdp", NULL) == LODGE_REASON_FORBIDDEN);
}

static const struct lodge_policy_value *value_of(const struct lodge_policy_value *const *all, size_t count,
                                                 const char *key)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(all[i]->key, key) == 0)
            return all[i];
    }
    fprintf(stderr, "no %s\n", key);
    exit(1);
}

static void policy(struct lodge *lodge)
{
    struct lodge_policy *policy;
    struct lodge_policy_user *user;
    struct lodge_verdict *verdict;
    CHECK(lodge_policy(lodge, &policy, NULL) == 0);
    const struct lodge_policy_value *value = value_of(policy->value, policy->count, "LogoffSeconds");
    CHECK(value->reloadable && strstr(value->origin, "lodge.conf:") != NULL);
    CHECK_TEXT(value->section, "Sessions");
    CHECK_TEXT(value->value, "7");
    lodge_policy_free(policy);
    CHECK(lodge_policy_user(lodge, "user2", NULL, &user, NULL) == 0);
    CHECK(!user->known && !user->administrator && !user->refused && user->group_count == 0);
    CHECK(value_of(user->value, user->count, "MaxSessionsPerUser")->in_use == 2);
    CHECK(value_of(user->value, user->count, "MaxSessionsPerUser")->counted);
    lodge_policy_user_free(user);
    CHECK(lodge_policy_test(lodge, "user1", "10.0.0.7", 0, &verdict, NULL) == 0);
    CHECK_TEXT(verdict->verdict, "reconnect");
    CHECK(verdict->session == 3 && verdict->reason == 0);
    lodge_verdict_free(verdict);
    CHECK(lodge_policy_test(lodge, "root", NULL, 0, &verdict, NULL) == 0);
    CHECK(verdict->known && verdict->administrator);
    CHECK_TEXT(verdict->verdict, "new");
    lodge_verdict_free(verdict);
}

static void the_configuration_is_read_anew(struct lodge *lodge)
{
    struct lodge_reloaded *reloaded = NULL;
    struct lodge_error error;
    harness_configure(&harness, "MaxSessions = 9\n[Licences]\nMode = per-user\nPoolSize = 1\nGraceDays = 0");
    CHECK(lodge_reload(lodge, &reloaded, NULL) == 0 && reloaded->changed_count == 1 &&
          reloaded->restart_count == 0);
    CHECK(strstr(reloaded->changed[0], "MaxSessions = 9") != NULL);
    lodge_reloaded_free(reloaded);
    reloaded = NULL;
    harness_configure(&harness, "MaxSessions = many");
    CHECK(lodge_reload(lodge, &reloaded, &error) == LODGE_REASON_BAD_CONFIGURATION && reloaded == NULL);
    CHECK(strstr(error.text, "lodge.conf:") != NULL);
    harness_configure(&harness, "MaxSessions = 9\n[Licences]\nMode = per-user\nPoolSize = 1\nGraceDays = 0");
}

/* A new broker reads them first. */
static void await_books(struct lodge *lodge)
{
    struct lodge_licence_pool *pool;
    int64_t deadline = clock_monotonic_ms() + HARNESS_PATIENCE_MS;
    for (bool available = false; !available;) {
        CHECK(clock_monotonic_ms() < deadline && lodge_licence_pool(lodge, &pool, NULL) == 0);
        available = pool->available;
        lodge_licence_pool_free(pool);
    }
}

static void licences(struct lodge *lodge)
{
    struct lodge_licence_pool *pool;
    struct lodge_licences *all;
    struct lodge_licence_report *report;
    struct lodge_reloaded *reloaded;
    await_books(lodge);
    CHECK(lodge_licence_issue(lodge, "zoe", NULL) == 0);
    CHECK(lodge_licence_issue(lodge, "zoe", NULL) == LODGE_REASON_WRONG_STATE);
    CHECK(lodge_licence_issue(lodge, "yan", NULL) == LODGE_REASON_NO_LICENCE);
    CHECK(lodge_licence_pool(lodge, &pool, NULL) == 0);
    CHECK_TEXT(pool->mode, "per-user");
    CHECK(pool->available && pool->size == 1 && pool->in_use == 1 && pool->revoked == 0 && !pool->in_grace);
    lodge_licence_pool_free(pool);
    CHECK(lodge_licences(lodge, 0, 5, &all, NULL) == 0 && all->count == 1 && !all->more);
    const struct lodge_licence *one = all->licence[0];
    CHECK_TEXT(one->holder, "zoe");
    CHECK_TEXT(one->kind, "permanent");
    CHECK_TEXT(one->state, "valid");
    CHECK(one->issued_ms > 0 && one->expires_ms > one->issued_ms && one->revoked_ms == 0 &&
          one->sessions == 0);
    uint64_t serial = one->serial;
    lodge_licences_free(all);
    CHECK(lodge_licences(lodge, serial, 0, &all, NULL) == 0 && all->count == 0);
    lodge_licences_free(all);
    CHECK(lodge_licence_report(lodge, 2, &report, NULL) == 0 && report->count > 0);
    const struct lodge_licence_day *today = report->day[report->count - 1];
    CHECK(today->time_ms % 86400000 == 0 && today->issued == 1 && today->peak == 1 && today->pool == 1);
    lodge_licence_report_free(report);
    CHECK(lodge_licence_revoke(lodge, "yan", NULL) == LODGE_REASON_WRONG_STATE);
    harness_configure(&harness, ""); /* the places are for others from now on */
    CHECK(lodge_reload(lodge, &reloaded, NULL) == 0 && reloaded->changed_count > 0);
    lodge_reloaded_free(reloaded);
}

static void events(struct lodge *lodge)
{
    struct lodge_event_query query = {.first = true, .limit = 1};
    struct lodge_events *events;
    CHECK(lodge_events_query(lodge, &query, &events, NULL) == 0 && events->count == 1 && events->more);
    CHECK(events->event[0]->id == 1001 && events->log != 0 && !events->earlier);
    uint64_t first = events->event[0]->serial, log = events->log;
    lodge_events_free(events);
    query = (struct lodge_event_query){.id = 1030, .user = "zoe"};
    CHECK(lodge_events_query(lodge, &query, &events, NULL) == 0 && events->count <= 1);
    lodge_events_free(events);
    query = (struct lodge_event_query){.before = first + 1};
    CHECK(lodge_events_query(lodge, &query, &events, NULL) == 0 && events->count == 1);
    uint64_t since = events->event[0]->time_ms;
    lodge_events_free(events);
    query = (struct lodge_event_query){.since_ms = since, .until_ms = since + 1, .first = true};
    CHECK(lodge_events_query(lodge, &query, &events, NULL) == 0 && events->count >= 1);
    lodge_events_free(events);
    query = (struct lodge_event_query){.session = 77};
    CHECK(lodge_events_query(lodge, &query, &events, NULL) == 0 && events->count == 0);
    lodge_events_free(events);
    query = (struct lodge_event_query){.after = 1000000, .wait_s = 1, .log = log}; /* nothing comes */
    CHECK(lodge_events_query(lodge, &query, &events, NULL) == 0 && events->count == 0);
    lodge_events_free(events);
    query.wait_s = 3601;
    CHECK(lodge_events_query(lodge, &query, &events, NULL) == -EINVAL);
}

static void counters(struct lodge *lodge)
{
    struct lodge_counters *counters;
    CHECK(lodge_counters(lodge, &counters, NULL) == 0);
    CHECK(counters->disconnected == 4 && counters->active == 0 && counters->connections >= 1);
    CHECK(counters->started_ms > 0 && counters->refusals == 0 && counters->count == 0 &&
          !counters->load_test);
    lodge_counters_free(counters);
}

static void expect_phase(struct lodge_shutdown *shutdown, const char *phase)
{
    CHECK_TEXT(shutdown->phase, phase);
    lodge_shutdown_free(shutdown);
}

static void a_shutdown_is_called_off(struct lodge *lodge)
{
    struct lodge_shutdown_order order = {
        .action = LODGE_SHUTDOWN_REBOOT, .in_s = 3600, .message = "save", .reason = "works"};
    struct lodge_shutdown *shutdown = NULL;
    struct lodge *follower = open_one();
    CHECK(lodge_shutdown_abort(lodge, &shutdown, NULL) == LODGE_REASON_WRONG_STATE && shutdown == NULL);
    CHECK(lodge_shutdown_next(follower, 0, &shutdown, NULL) == -EINVAL);
    CHECK(lodge_shutdown_follow(follower, &shutdown, NULL) == 0);
    expect_phase(shutdown, "none");
    CHECK(lodge_ping(follower, NULL) == -EBUSY && lodge_next(follower, 0, NULL, NULL) == -EINVAL);
    shutdown = NULL;
    CHECK(lodge_shutdown_next(follower, 10, &shutdown, NULL) == -EAGAIN && shutdown == NULL);
    CHECK(lodge_shutdown(lodge, &order, &shutdown, NULL) == 0 && shutdown->action == LODGE_SHUTDOWN_REBOOT);
    CHECK(shutdown->left_ms > 3500000 && shutdown->at_ms > 0 && shutdown->sessions == 4 &&
          shutdown->uid == 0);
    CHECK_TEXT(shutdown->message, "save");
    CHECK_TEXT(shutdown->reason, "works");
    expect_phase(shutdown, "countdown");
    CHECK(lodge_shutdown(lodge, &order, NULL, NULL) == LODGE_REASON_WRONG_STATE);
    CHECK(lodge_shutdown_next(follower, -1, &shutdown, NULL) == 0);
    expect_phase(shutdown, "countdown");
    CHECK(lodge_shutdown_status(lodge, &shutdown, NULL) == 0);
    expect_phase(shutdown, "countdown");
    CHECK(lodge_shutdown_abort(lodge, NULL, NULL) == 0);
    CHECK(lodge_shutdown_next(follower, -1, &shutdown, NULL) == 0);
    expect_phase(shutdown, "none");
    lodge_close(follower);
}

static void what_the_broker_knows(struct lodge *lodge)
{
    lists(lodge);
    policy(lodge);
    the_configuration_is_read_anew(lodge);
    licences(lodge);
    events(lodge);
    counters(lodge);
    a_shutdown_is_called_off(lodge);
    CHECK(lodge_shadow(lodge, 1, 2, LODGE_SHADOW_VIEW, 0, 0, NULL, NULL) == LODGE_REASON_WRONG_STATE);
    CHECK(lodge_shadow_stop(lodge, 1, NULL) == LODGE_REASON_WRONG_STATE);
    uint32_t session = 77;
    CHECK(lodge_create(lodge, 7, "load", "192.0.2.1:4000", &session, NULL) == LODGE_REASON_WRONG_STATE);
    CHECK(session == 77);
}

static void listener_is_asked_about(struct lodge *lodge)
{
    struct lodge_listeners *listeners;
    CHECK(lodge_listener_stop(lodge, "rdp", NULL) == 0);
    CHECK(lodge_listeners(lodge, &listeners, NULL) == 0 && listeners->count == 1);
    const struct lodge_listener *one = listeners->listener[0];
    CHECK(one->port == 3389 && one->pid == 9 && one->connections == 2 && one->accepted == 5 &&
          one->refused == 1);
    CHECK_TEXT(one->name, "rdp");
    CHECK_TEXT(one->state, "stopped");
    CHECK_TEXT(one->address, "");
    lodge_listeners_free(listeners);
    CHECK(lodge_listener_start(lodge, "rdp", NULL) != 0);
}

static void the_listener_is_stopped(void)
{
    union sm_body sm;
    struct sm_listener_state state = {
        .state = SM_LISTENING, .pid = 9, .port = 3389, .connections = 2, .accepted = 5, .refused = 1};
    sm_tell(&harness, SM_LISTENER_STATE, &state);
    pid_t pid = begin(listener_is_asked_about, 0);
    sm_expect(&harness, SM_LISTENER_SET, &sm, NULL);
    CHECK(sm.listener_set.stopped);
    state.state = SM_LISTENING_STOPPED;
    state.answer = 1;
    sm_tell(&harness, SM_LISTENER_STATE, &state);
    sm_expect(&harness, SM_LISTENER_SET, &sm, NULL);
    CHECK(!sm.listener_set.stopped);
    sm_tell(&harness, SM_LISTENER_STATE, &state); /* it cannot be */
    finish(pid);
}

static void programs_are_asked_for(struct lodge *lodge)
{
    struct lodge_error error;
    char version[4] = "";
    CHECK(lodge_load_subsystem(lodge, "Printing", NULL) == 0);
    CHECK(lodge_load_subsystem(lodge, "None", NULL) == LODGE_REASON_NO_SUBSYSTEM);
    CHECK(lodge_upgrade(lodge, version, sizeof(version), &error) == LODGE_REASON_UPGRADE_REFUSED);
    CHECK(strstr(error.text, "not there") != NULL);
    CHECK(lodge_upgrade(lodge, version, sizeof(version), NULL) == 0);
    CHECK_TEXT(version, "1.2");
}

static void subsystems_and_upgrades(void)
{
    union sm_body sm;
    pid_t pid = begin(programs_are_asked_for, 0);
    sm_expect(&harness, SM_SUBSYSTEM_LOAD, &sm, NULL);
    CHECK_TEXT(sm.subsystem_load.name, "Printing");
    sm_tell(&harness, SM_SUBSYSTEM_LOADED, &(struct sm_subsystem_loaded){.name = "Printing"});
    sm_expect(&harness, SM_SUBSYSTEM_LOAD, &sm, NULL);
    sm_tell(&harness, SM_SUBSYSTEM_LOADED,
            &(struct sm_subsystem_loaded){.name = "None", .reason = REASON_NO_SUBSYSTEM});
    sm_expect(&harness, SM_UPGRADE, &sm, NULL);
    sm_tell(&harness, SM_UPGRADE_BEGUN,
            &(struct sm_upgrade_begun){.reason = REASON_UPGRADE_REFUSED, .detail = "lodge-rdp is not there"});
    sm_expect(&harness, SM_UPGRADE, &sm, NULL);
    sm_tell(&harness, SM_UPGRADE_BEGUN, &(struct sm_upgrade_begun){.detail = "1.2"});
    finish(pid);
}

static void a_session_is_asked_about(struct lodge *lodge)
{
    struct lodge_environment *environment;
    CHECK(lodge_environment(lodge, 9, &environment, NULL) == 0 && environment->count == 2);
    CHECK_TEXT(environment->variable[0], "HOME=/home/a");
    CHECK_TEXT(environment->variable[1], "LANG=");
    lodge_environment_free(environment);
    CHECK(lodge_reset(lodge, 9, NULL) == 0);
}

static void a_session_is_looked_at_and_reset(void)
{
    static const char variables[] = "HOME=/home/a\0LANG=";
    union winstation_body asked;
    union sm_body sm;
    struct attached attached;
    int front = lsm_connect_front(&harness);
    harness_log_on(&harness, front, 5009, 9, &agent, &attached);
    pid_t pid = begin(a_session_is_asked_about, 0);
    agent_expect(&agent, WINSTATION_ENVIRONMENT, &asked, NULL);
    struct winstation_environment told = {.serial = asked.environment.serial,
                                          .variables_count = sizeof(variables)};
    memcpy(told.variables, variables, sizeof(variables));
    agent_tell(&agent, WINSTATION_ENVIRONMENT, &told);
    sm_expect(&harness, SM_SESSION_END, &sm, NULL);
    CHECK(sm.session_end.id == 9 && sm.session_end.grace_ms == 0);
    finish(pid);
    close(attached.channel);
    close(front);
    sm_tell_ended(&harness, 9, attached.logon, REASON_LOGOFF_ADMIN, "");
    lsm_await_state(&harness, 9, SESSION_NONE);
    agent_end(&harness, &agent);
}

int main(void)
{
    every_method_has_its_function();
    harness_begin(&harness, "[Licences]\nMode = per-user\nPoolSize = 1\nGraceDays = 0");
    snprintf(config, sizeof(config), "%s/lodge.conf", harness.directory);
    harness_start_broker(&harness);
    sessions_are_there();
    finish(begin(a_user_asks, 5002));
    struct lodge *lodge = open_one();
    what_the_broker_knows(lodge);
    lodge_close(lodge);
    the_listener_is_stopped();
    subsystems_and_upgrades();
    a_session_is_looked_at_and_reset();
    harness_end(&harness);
    return 0;
}
