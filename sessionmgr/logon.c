/* Logons: from LOGON_START to a session, or to a refusal. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/reason.h"
#include "common/text.h"
#include "sessionmgr/smss.h"

#define PROGRAM "lodge-logon"

static const char *name_of(uint64_t number, char *text, size_t size)
{
    snprintf(text, size, "logon %" PRIu64, number);
    return text;
}

#define NAME_OF(logon) name_of((logon)->number, (char[32]){0}, 32)

struct logon *logon_find(struct smss *smss, uint64_t number)
{
    struct logon *logon = smss->logons;
    while (logon != NULL && logon->number != number)
        logon = logon->next;
    return logon;
}

static bool send_broker(struct smss *smss, unsigned number, const void *body)
{
    return peer_send(smss, smss->services[SERVICE_BROKER].peer, number, body);
}

/* A refusal for a logon that has no object (any more). */
static void refuse(struct smss *smss, uint64_t number, enum reason reason)
{
    struct sm_logon_result result = {.logon = number, .reason = (uint16_t)reason};
    send_broker(smss, SM_LOGON_RESULT, &result);
}

void logon_free(struct logon *logon)
{
    struct smss *smss = logon->smss;
    struct logon **at = &smss->logons;
    while (*at != logon)
        at = &(*at)->next;
    *at = logon->next;
    if (logon->state != LOGON_IN_SESSION)
        smss->logon_count--;
    loop_timer_stop(smss->loop, &logon->timer);
    peer_close(smss, logon->peer);
    process_signal(&logon->process, SIGKILL);
    process_forget(&logon->process);
    free(logon);
    phase_check(smss);
}

static void tell(struct logon *logon)
{
    logon->untold = !send_broker(logon->smss, SM_LOGON_RESULT, &logon->result);
}

/* It has ended and the broker knows, or need not know: nothing is left to do. */
static void free_when_done(struct logon *logon)
{
    if (logon->state == LOGON_OVER && logon->process.pidfd < 0 && !logon->untold)
        logon_free(logon);
}

static void over(struct logon *logon, int64_t ms)
{
    logon->state = LOGON_OVER;
    loop_timer_set(logon->smss->loop, &logon->timer, ms);
}

static void fail(struct logon *logon, enum reason reason, int64_t ms)
{
    logon->result = (struct sm_logon_result){.logon = logon->number, .reason = (uint16_t)reason};
    over(logon, ms);
    tell(logon);
}

static void ended(void *context, uint32_t events)
{
    (void)events;
    struct logon *logon = context;
    char how[128];
    peer_drain(&logon->peer); /* why its session is over, as a rule */
    process_reap(&logon->process);
    process_describe(&logon->process, how, sizeof(how));
    pid_t pid = logon->process.pid;
    process_forget(&logon->process);
    if (logon->state == LOGON_IN_SESSION) {
        struct session *session = logon->session;
        if (session->state < SESSION_CLOSED)
            event_tell(logon->smss, EVENT_LOGON_EXIT, session->id, "lodge-logon, process %d, %s", (int)pid,
                       how);
        else
            log_info(session->about, "its lodge-logon %s", how);
        session_event(session, SESSION_LOGON_DIED);
        return;
    }
    if (logon->state != LOGON_OVER) {
        event_tell(logon->smss, EVENT_LOGON_EXIT, 0,
                   "lodge-logon, process %d, %s, before there was a session", (int)pid, how);
        fail(logon, REASON_INTERNAL, LOGON_ANSWER_MS);
    }
    peer_close(logon->smss, logon->peer);
    free_when_done(logon);
}

static void timer_expired(void *context)
{
    struct logon *logon = context;
    switch (logon->state) {
    case LOGON_AUTHENTICATING:
        log_warning(NAME_OF(logon), "has no result after %d s and is dropped", LOGON_RESULT_MS / 1000);
        fail(logon, REASON_TIMED_OUT, 0);
        break;
    case LOGON_DECIDING:
        log_warning(NAME_OF(logon), "had no answer from the broker for %d s and is dropped",
                    LOGON_ANSWER_MS / 1000);
        logon_drop(logon, REASON_NO_BROKER);
        break;
    case LOGON_OVER:
        if (logon->process.pidfd < 0) {
            logon_free(logon);
            return;
        }
        log_warning(NAME_OF(logon), "does not exit and is killed");
        process_signal(&logon->process, SIGKILL);
        loop_timer_set(logon->smss->loop, &logon->timer, LOGON_EXIT_MS);
        break;
    default:
        break;
    }
}

static struct logon *add(struct smss *smss, uint64_t number)
{
    struct logon *logon = memory_new(sizeof(*logon));
    *logon = (struct logon){.smss = smss, .number = number, .process = PROCESS_NONE, .next = smss->logons};
    logon->timer = (struct loop_timer){.expired = timer_expired, .context = logon};
    smss->logons = logon;
    smss->logon_count++;
    loop_timer_set(smss->loop, &logon->timer, LOGON_RESULT_MS);
    return logon;
}

void logon_start(struct smss *smss, const struct sm_logon_start *start, int credentials)
{
    char path[PATH_MAX + 32], number[24];
    if (smss->phase > SMSS_SERVING || smss->logon_count >= LOGONS_MOST || smss->conf.virtual_sessions == 1 ||
        logon_find(smss, start->logon) != NULL) {
        bool denied = smss->conf.virtual_sessions == 1;
        refuse(smss, start->logon,
               smss->phase > SMSS_SERVING ? REASON_SHUTDOWN
               : denied                   ? REASON_CONNECTIONS_DENIED
                                          : REASON_BUSY);
        return;
    }
    snprintf(path, sizeof(path), "%s/" PROGRAM, smss->programs);
    snprintf(number, sizeof(number), "%" PRIu64, start->logon);
    char *argv[] = {path,
                    (char *)"--config",
                    (char *)smss->conf_path,
                    (char *)"--logon",
                    number,
                    (char *)"--credentials-fd",
                    (char *)"3",
                    (char *)"--display-fd",
                    (char *)"4",
                    (char *)"--client",
                    (char *)start->client,
                    NULL};
    int fds[] = {credentials, smss->display_socket};
    struct process_plan plan = {.path = path,
                                .argv = argv,
                                .fds = fds,
                                .fd_count = 2,
                                .error_fd = -1,
                                .directory = "/",
                                .environment = smss->environment,
                                .files = &smss->files,
                                .cgroup = &smss->cgroup,
                                .group = "logons",
                                .born = true};
    struct logon *logon = add(smss, start->logon);
    int failed = process_start(&logon->process, &plan, smss->loop, ended, logon);
    if (failed) {
        errno = -failed;
        log_error(NAME_OF(logon), "cannot be started: %m");
        fail(logon, REASON_INTERNAL, LOGON_ANSWER_MS);
        free_when_done(logon);
        return;
    }
    log_info(NAME_OF(logon), "started as process %d for %s", (int)logon->process.pid, start->client);
}

void logon_start_virtual(struct smss *smss, const struct sm_virtual_start *start)
{
    bool full = smss->phase > SMSS_SERVING || smss->logon_count >= LOGONS_MOST;
    bool allowed = smss->conf.virtual_sessions == 1 && start->user >= 1 && start->user <= SM_VIRTUAL_USERS;
    if (full || !allowed || logon_find(smss, start->logon) != NULL) {
        refuse(smss, start->logon, allowed ? REASON_BUSY : REASON_FORBIDDEN);
        return;
    }
    struct logon *logon = add(smss, start->logon);
    struct sm_logon_result result = {
        .logon = start->logon, .account = SM_ACCOUNT_VIRTUAL, .uid = SM_VIRTUAL_FIRST_UID + start->user};
    snprintf(result.user, sizeof(result.user), "virtual-%u", start->user);
    logon_result(logon, &result);
}

/* A logon that outlived the last lodge-smss: root, our program, in our cgroups. */
static struct logon *adopt(struct smss *smss, const struct packet_peer *who, int pidfd, uint64_t number)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof(path), "%s/" PROGRAM, smss->programs);
    if (who->uid != 0 || logon_find(smss, number) != NULL || smss->logon_count >= UINT16_MAX ||
        !proc_runs(who->pid, path) || !cgroup_has(&smss->cgroup, "", who->pid))
        return NULL;
    struct logon *logon = add(smss, number);
    process_adopt(&logon->process, who->pid, pidfd, smss->loop, ended, logon);
    log_info(NAME_OF(logon), "process %d goes on", (int)who->pid);
    return logon;
}

/* What the logon may have missed while it had no connection. */
static void catch_up(struct logon *logon)
{
    struct smss *smss = logon->smss;
    struct session *session = logon->session;
    if (logon->state == LOGON_OVER) {
        struct sm_logon_drop drop = {.logon = logon->number, .reason = logon->result.reason};
        peer_send(smss, logon->peer, SM_LOGON_DROP, &drop);
    }
    if (session != NULL && session->end.id != 0)
        peer_send(smss, logon->peer, SM_SESSION_END, &session->end);
    if (session != NULL && session->state == SESSION_CREATING) {
        log_error(session->about, "its lodge-logon lost its connection while the session was being made");
        process_signal(&logon->process, SIGKILL);
    }
}

struct logon *logon_hello(struct smss *smss, struct peer *peer, const struct packet_peer *who, int pidfd,
                          uint64_t number)
{
    struct logon *logon = logon_find(smss, number);
    if (logon != NULL && logon->process.pidfd >= 0 && logon->process.pid == who->pid) {
        close_descriptor(&pidfd);
    } else {
        logon = adopt(smss, who, pidfd, number);
        if (logon == NULL) {
            close_descriptor(&pidfd);
            return NULL;
        }
    }
    struct peer *old = logon->peer;
    if (logon->session != NULL)
        logon->session->logon_heart = logon->session->init_heart = (struct heartbeat){0};
    logon->peer = peer;
    peer_close(smss, old);
    catch_up(logon);
    return logon;
}

void logon_peer_gone(struct logon *logon)
{
    logon->peer = NULL;
}

void logon_result(struct logon *logon, const struct sm_logon_result *result)
{
    if (logon->state != LOGON_AUTHENTICATING)
        return;
    logon->result = *result;
    if (result->reason != REASON_NONE) {
        log_info(NAME_OF(logon), "refused: %s", reason_name(result->reason));
        over(logon, LOGON_EXIT_MS);
    } else {
        logon->state = LOGON_DECIDING;
        loop_timer_set(logon->smss->loop, &logon->timer, LOGON_ANSWER_MS);
    }
    tell(logon);
}

void logon_drop(struct logon *logon, uint16_t reason)
{
    struct sm_logon_drop drop = {.logon = logon->number, .reason = reason};
    if (logon->state == LOGON_OVER)
        return;
    logon->result.reason = reason;
    logon->untold = false;
    over(logon, LOGON_EXIT_MS);
    if (!peer_send(logon->smss, logon->peer, SM_LOGON_DROP, &drop))
        process_signal(&logon->process, SIGTERM);
    free_when_done(logon);
}

/* Without its limits the session is not made: what an administrator bounded is bounded. */
static int make_cgroup(const struct session *session, const struct sm_logon_admit *admit)
{
    const struct smss *smss = session->smss;
    const struct cgroup_limits limits = {.memory_mib = (long)admit->memory_mib,
                                         .tasks = (long)admit->tasks,
                                         .cpu_weight = (long)admit->cpu_weight};
    int failed = cgroup_make(&smss->cgroup, session->group);
    if (!failed)
        failed = cgroup_limit(&smss->cgroup, session->group, &limits);
    errno = -failed;
    if (failed)
        log_error(session->about, "its cgroup cannot be made or limited: %m");
    return failed;
}

/* The session's object, with what the broker is told of it. */
static struct session *begin_session(struct logon *logon, uint16_t id)
{
    struct smss *smss = logon->smss;
    struct session *session = session_new(smss, id, SESSION_CREATING);
    session->told = (struct sm_session_state){.id = id,
                                              .logon = logon->number,
                                              .uid = logon->result.uid,
                                              .account = logon->result.account,
                                              .started_ms = (uint64_t)clock_real_ms()};
    memcpy(session->told.user, logon->result.user, sizeof(session->told.user));
    session->logon = logon;
    logon->session = session;
    logon->state = LOGON_IN_SESSION;
    smss->logon_count--;
    loop_timer_stop(smss->loop, &logon->timer);
    return session;
}

/* Nothing is made, so it is up at once; and the logon, which is no process, has done its part. */
static void finish_virtual(struct session *session)
{
    struct logon *logon = session->logon;
    session_tell(session);
    session->logon = NULL;
    logon_free(logon);
    session_event(session, SESSION_SAYS_UP);
}

static enum reason make_session(struct logon *logon, const struct sm_logon_admit *admit)
{
    struct smss *smss = logon->smss;
    uint16_t id = ids_take(&smss->ids);
    if (id == 0)
        return REASON_SESSION_LIMIT;
    struct session *session = begin_session(logon, id);
    if (session_is_virtual(session)) {
        finish_virtual(session);
        return REASON_NONE;
    }
    boot_save_next_id(smss);
    int failed = make_cgroup(session, admit);
    struct sm_session_create create = {.logon = logon->number,
                                       .id = id,
                                       .display = smss->display,
                                       .width = admit->width,
                                       .height = admit->height,
                                       .keyboard_layout = admit->keyboard_layout,
                                       .tasks = admit->tasks};
    memcpy(create.desktop, admit->desktop, sizeof(create.desktop));
    memcpy(create.home, admit->home, sizeof(create.home));
    int length = snprintf(create.cgroup, sizeof(create.cgroup), "%s/%s", smss->cgroup.path, session->group);
    if (length >= (int)sizeof(create.cgroup)) {
        log_error(session->about, "the path of its cgroup is too long");
        failed = -ENAMETOOLONG;
    }
    session_tell(session);
    if (failed || !peer_send(smss, logon->peer, SM_SESSION_CREATE, &create)) {
        session->ended.reason = REASON_SESSION_FAILED;
        process_signal(&logon->process, SIGKILL);
    }
    return REASON_NONE;
}

void logon_policy_changed(struct smss *smss)
{
    char error[512];
    struct conf *fresh = memory_new(sizeof(*fresh));
    if (conf_load(fresh, smss->conf_path, error, sizeof(error))) {
        free(smss->policy);
        smss->policy = fresh;
        return;
    }
    log_warning(NULL, "what the broker has read cannot be read here: %s", error);
    free(fresh);
}

/* Whether [Sessions] or one of the sections of groups gives a user this; `text` NULL: this number. */
static bool is_given(const struct conf *conf, size_t key, const char *text, uint32_t number)
{
    for (size_t i = 0; i <= conf->group_count; i++) {
        conf_members members = (conf_members)(1U << i >> 1); /* none of them, then each alone */
        if (text != NULL ? strcmp(conf_text_for(conf, members, key), text) == 0
                         : conf_number_for(conf, members, key) == (long)number)
            return true;
    }
    return false;
}

/* The broker's word alone is not taken for limits, desktop and home: they have to stand in the configuration.
 * One that goes by an older file than this process found at its start is to read it anew. */
static bool is_configured(const struct smss *smss, const struct sm_logon_admit *admit)
{
    const struct conf *conf = smss->policy != NULL ? smss->policy : &smss->conf;
    bool given = is_given(conf, CONF_GROUP_memory_max, NULL, admit->memory_mib) &&
                 is_given(conf, CONF_GROUP_tasks_max, NULL, admit->tasks) &&
                 is_given(conf, CONF_GROUP_cpu_weight, NULL, admit->cpu_weight) &&
                 is_given(conf, CONF_GROUP_desktop, admit->desktop, 0) &&
                 is_given(conf, CONF_GROUP_home, admit->home, 0);
    if (!given) {
        log_error(NULL, "the broker asks for a session with limits, desktop or home that %s does not have",
                  smss->conf_path);
        process_signal(&smss->services[SERVICE_BROKER].process, SIGHUP);
    }
    return given;
}

void logon_admit(struct smss *smss, const struct sm_logon_admit *admit)
{
    struct logon *logon = logon_find(smss, admit->logon);
    if (logon == NULL || logon->state != LOGON_DECIDING) {
        /* It has died meanwhile. One that has a session already has been admitted twice: nothing to do. */
        if (logon == NULL || logon->state == LOGON_OVER)
            refuse(smss, admit->logon, REASON_SESSION_FAILED);
        return;
    }
    enum reason reason = smss->phase > SMSS_SERVING   ? REASON_SHUTDOWN
                         : is_configured(smss, admit) ? make_session(logon, admit)
                                                      : REASON_SESSION_FAILED;
    if (reason == REASON_NONE)
        return;
    refuse(smss, logon->number, reason);
    logon_drop(logon, (uint16_t)reason);
}

void logon_tell_all(struct smss *smss)
{
    struct logon *next;
    for (struct logon *logon = smss->logons; logon != NULL; logon = next) {
        next = logon->next;
        if (logon->state == LOGON_DECIDING)
            loop_timer_set(smss->loop, &logon->timer, LOGON_ANSWER_MS);
        if (logon->state == LOGON_DECIDING || logon->untold)
            tell(logon);
        free_when_done(logon);
    }
}
