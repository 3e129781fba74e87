/* Shutdown: people's sessions first and all at once, then the services in the reverse order of their start,
 * and last, when nothing of Lodge is left but this process, the system's own action. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/reason.h"
#include "common/text.h"
#include "sessionmgr/smss.h"

#define LOOK_MS             1000
#define SAY_MS              5000
#define SIGNAL_GRACE_MS     10000 /* at most, where nobody asked for a countdown */
#define SIGNAL_GIVE_UP_MS   30000
#define FORCE_GRACE_MS      2000
#define FORCE_KILL_MS       1000 /* after the grace time */
#define FAST_GIVE_UP_MS     10000
#define SERVICE_GIVE_UP_MS  20000
#define EXTEND_TIMEOUT_TEXT "EXTEND_TIMEOUT_USEC=30000000"

static const char *const action_names[] = {[SM_STOP] = "stop", [SM_HALT] = "halt", [SM_REBOOT] = "reboot"};

static const char *phase_name(const struct smss *smss)
{
    return smss->phase == SMSS_ENDING_SESSIONS ? "sessions"
                                               : service_name(&smss->services[smss->shutdown.service]);
}

static unsigned count_sessions(const struct smss *smss)
{
    unsigned count = 0;
    for (const struct session *session = smss->sessions; session != NULL; session = session->next)
        count++;
    return count;
}

/* Whose it is and what still runs of it, by name. */
static void describe_session(const struct session *session, char *text, size_t size)
{
    char names[256];
    int used = snprintf(text, size, "session %u", session->id);
    if (session->told.user[0] != '\0')
        used += snprintf(text + used, size - (size_t)used, " of %.64s", session->told.user);
    cgroup_names(&session->smss->cgroup, session->group, names, sizeof(names));
    if (names[0] != '\0')
        snprintf(text + used, size - (size_t)used, ": %s", names);
    else if (session->logon != NULL && session->logon->process.pidfd >= 0)
        snprintf(text + used, size - (size_t)used, ": lodge-logon %d", (int)session->logon->process.pid);
}

/* What is being waited for, as much as there is room for. */
static void describe_all(const struct smss *smss, char *text, size_t size)
{
    size_t used = 0;
    unsigned left_out = 0;
    text[0] = '\0';
    if (smss->phase == SMSS_ENDING_SERVICES)
        cgroup_names(&smss->cgroup, service_group(&smss->services[smss->shutdown.service]), text, size);
    if (smss->phase != SMSS_ENDING_SESSIONS)
        return;
    for (const struct session *session = smss->sessions; session != NULL; session = session->next) {
        char one[384];
        describe_session(session, one, sizeof(one));
        if (left_out > 0 || used + strlen(one) + 24 > size)
            left_out++;
        else
            used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? "; " : "", one);
    }
    if (left_out > 0)
        snprintf(text + used, size - used, "; and %u more", left_out);
}

void shutdown_tell(struct smss *smss)
{
    const struct shutdown *shutdown = &smss->shutdown;
    struct peer *broker = smss->services[SERVICE_BROKER].peer;
    char text[SM_DETAIL_ROOM];
    struct sm_shutdown_status status = {.action = (uint8_t)shutdown->action,
                                        .force = shutdown->force,
                                        .sessions = count_sessions(smss),
                                        .phase_ms = (uint32_t)(clock_monotonic_ms() - shutdown->phase_began)};
    if (smss->phase <= SMSS_SERVING || smss->phase >= SMSS_STOPPED)
        return;
    snprintf(status.phase, sizeof(status.phase), "%s", phase_name(smss));
    describe_all(smss, text, sizeof(text));
    /* People name their processes as they like, and the broker takes nothing but text. */
    text_escape(status.waits_for, sizeof(status.waits_for), text);
    peer_send(smss, broker, SM_SHUTDOWN_STATUS, &status);
}

static void enter_phase(struct smss *smss, enum smss_phase phase, int64_t give_up_ms)
{
    struct shutdown *shutdown = &smss->shutdown;
    smss->phase = phase;
    shutdown->phase_began = shutdown->said_at = clock_monotonic_ms();
    shutdown->give_up_at = shutdown->phase_began + give_up_ms;
    loop_timer_set(smss->loop, &smss->timer, LOOK_MS);
}

static void end_next_service(struct smss *smss)
{
    struct shutdown *shutdown = &smss->shutdown;
    if (shutdown->service-- == 0) {
        loop_timer_stop(smss->loop, &smss->timer);
        smss->phase = SMSS_STOPPED;
        return;
    }
    enter_phase(smss, SMSS_ENDING_SERVICES, smss->fast ? FAST_GIVE_UP_MS : SERVICE_GIVE_UP_MS);
    if (shutdown->service == SERVICE_BROKER && shutdown->action != SM_STOP)
        event_tell(smss, EVENT_SHUTDOWN_ACTION, 0, "%s follows, as soon as the broker has ended",
                   action_names[shutdown->action]);
    shutdown_tell(smss);
    service_stop(&smss->services[shutdown->service]);
}

/* The phase is over, or has been given up. */
static void leave_phase(struct smss *smss)
{
    struct shutdown *shutdown = &smss->shutdown;
    double seconds = (double)(clock_monotonic_ms() - shutdown->phase_began) / 1000;
    unsigned left = count_sessions(smss);
    if (smss->phase == SMSS_ENDING_SESSIONS)
        event_tell(smss, EVENT_SHUTDOWN_PHASE, 0, "sessions: %u ended in %.1f s%s", shutdown->sessions - left,
                   seconds, left > 0 ? ", the others cannot be ended" : "");
    else
        event_tell(smss, EVENT_SHUTDOWN_PHASE, 0, "%s: %s in %.1f s", phase_name(smss),
                   service_is_down(&smss->services[shutdown->service]) ? "ended" : "not ended", seconds);
    end_next_service(smss);
}

/* Nothing that cannot be killed holds the machine up for ever. */
static void give_up(struct smss *smss)
{
    char text[SM_DETAIL_ROOM - 64];
    if (smss->phase == SMSS_ENDING_SESSIONS) {
        for (const struct session *session = smss->sessions; session != NULL; session = session->next) {
            describe_session(session, text, sizeof(text));
            event_tell(smss, EVENT_STRAGGLER, session->id, "shutdown goes on without the end of %s", text);
        }
    } else {
        describe_all(smss, text, sizeof(text));
        event_tell(smss, EVENT_STRAGGLER, 0, "shutdown goes on without the end of the %s: %s",
                   phase_name(smss), text);
    }
    leave_phase(smss);
}

static void kill_sessions(struct smss *smss)
{
    struct session *next;
    for (struct session *session = smss->sessions; session != NULL; session = next) {
        next = session->next;
        if (session->state < SESSION_KILLING)
            session_event(session, SESSION_LATE);
    }
}

static void look(void *context)
{
    struct smss *smss = context;
    struct shutdown *shutdown = &smss->shutdown;
    int64_t now = clock_monotonic_ms();
    char text[SM_DETAIL_ROOM];
    if (smss->phase == SMSS_ENDING_SESSIONS && shutdown->kill_at != 0 && now >= shutdown->kill_at) {
        shutdown->kill_at = 0;
        kill_sessions(smss);
    }
    if (smss->phase >= SMSS_STOPPED)
        return;
    if (now >= shutdown->give_up_at) {
        give_up(smss);
        return;
    }
    shutdown_tell(smss);
    notify_manager(EXTEND_TIMEOUT_TEXT);
    if (now - shutdown->said_at >= SAY_MS) {
        shutdown->said_at = now;
        describe_all(smss, text, sizeof(text));
        log_info("shutdown", "%s: waits for %s", phase_name(smss), text[0] != '\0' ? text : "its end");
    }
    loop_timer_set(smss->loop, &smss->timer, LOOK_MS);
}

static bool has_logons(const struct smss *smss)
{
    for (const struct logon *logon = smss->logons; logon != NULL; logon = logon->next) {
        if (logon->process.pidfd >= 0)
            return true;
    }
    return false;
}

void shutdown_check(struct smss *smss)
{
    if (smss->phase == SMSS_ENDING_SESSIONS) {
        if (smss->sessions == NULL && !has_logons(smss))
            leave_phase(smss);
    } else if (smss->phase == SMSS_ENDING_SERVICES &&
               service_is_down(&smss->services[smss->shutdown.service])) {
        leave_phase(smss);
    }
}

static void end_everything(struct smss *smss, uint32_t grace_ms)
{
    struct logon *next_logon;
    for (struct logon *logon = smss->logons; logon != NULL; logon = next_logon) {
        next_logon = logon->next;
        if (logon->state != LOGON_IN_SESSION)
            logon_drop(logon, REASON_SHUTDOWN);
    }
    struct session *next;
    for (struct session *session = smss->sessions; session != NULL; session = next) {
        next = session->next;
        struct sm_session_end end = {.id = session->id, .reason = REASON_SHUTDOWN, .grace_ms = grace_ms};
        session_end(session, &end);
    }
}

static int64_t least(int64_t one, int64_t other)
{
    return one < other ? one : other;
}

/* Ends sessions with the grace time that policy sets, or a shorter one. `asked` NULL: by a signal. */
static void begin(struct smss *smss, const struct sm_shutdown *asked)
{
    struct shutdown *shutdown = &smss->shutdown;
    int64_t grace = smss->conf.logoff_seconds * 1000, unkillable = smss->conf.shutdown_deadline * 1000;
    char by[SM_DETAIL_ROOM - 128] = "a signal";
    *shutdown = (struct shutdown){.sessions = count_sessions(smss), .service = SERVICE_COUNT};
    if (asked == NULL) {
        grace = least(grace, SIGNAL_GRACE_MS);
        unkillable = least(unkillable, SIGNAL_GIVE_UP_MS);
    } else {
        shutdown->action = (enum sm_action)asked->action;
        shutdown->force = asked->force;
        snprintf(by, sizeof(by), "uid %u%s%s", asked->uid, asked->reason[0] != '\0' ? ": " : "",
                 asked->reason);
    }
    if (shutdown->force) {
        grace = least(grace, FORCE_GRACE_MS);
        unkillable = FAST_GIVE_UP_MS;
        shutdown->kill_at = clock_monotonic_ms() + grace + FORCE_KILL_MS;
    }
    smss->timer.expired = look;
    notify_manager("STOPPING=1\n" EXTEND_TIMEOUT_TEXT);
    enter_phase(smss, SMSS_ENDING_SESSIONS, grace + SESSION_END_MORE_MS + unkillable);
    event_tell(smss, EVENT_SHUTDOWN_BEGIN, 0, "%s%s: %u sessions are ended, by %s",
               action_names[shutdown->action], shutdown->force ? ", forced" : "", shutdown->sessions, by);
    peer_send(smss, smss->services[SERVICE_BROKER].peer, SM_STOPPING,
              &(struct sm_stopping){.reason = REASON_SHUTDOWN});
    end_everything(smss, (uint32_t)grace);
    shutdown_tell(smss);
    shutdown_check(smss);
}

static void hurry(struct smss *smss)
{
    log_warning("shutdown", "asked again: kills what is left");
    smss->fast = true;
    smss->shutdown.give_up_at = least(smss->shutdown.give_up_at, clock_monotonic_ms() + FAST_GIVE_UP_MS);
    kill_sessions(smss);
    for (struct logon *logon = smss->logons; logon != NULL; logon = logon->next)
        process_signal(&logon->process, SIGKILL);
}

void shutdown_signalled(struct smss *smss)
{
    if (smss->phase == SMSS_RECOVERING) {
        smss->stop_asked = true;
        bootwork_cancel(smss);
        subsystems_cancel(smss);
    } else if (smss->phase == SMSS_SERVING) {
        begin(smss, NULL);
    } else {
        hurry(smss);
    }
}

bool shutdown_asked(struct smss *smss, const struct sm_shutdown *asked)
{
    if (asked->action > SM_REBOOT)
        return false;
    if (smss->phase == SMSS_SERVING)
        begin(smss, asked);
    else if (smss->phase > SMSS_SERVING && asked->force)
        hurry(smss);
    return true;
}

static void nothing(void *context, uint32_t events)
{
    (void)context, (void)events;
}

/* By the init system that runs: systemd, else what sysvinit, OpenRC, runit and busybox all bring along. */
static const char *action_command(const struct smss *smss)
{
    bool halt = smss->shutdown.action == SM_HALT;
    const char *configured = halt ? smss->conf.halt_command : smss->conf.reboot_command;
    if (configured[0] != '\0')
        return configured;
    if (access("/run/systemd/system", F_OK) == 0)
        return halt ? "exec systemctl poweroff" : "exec systemctl reboot";
    return halt ? "shutdown -h now || exec poweroff" : "shutdown -r now || exec reboot";
}

void shutdown_act(struct smss *smss)
{
    struct process process = PROCESS_NONE;
    char how[64];
    if (smss->shutdown.action == SM_STOP)
        return;
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)action_command(smss), NULL};
    struct process_plan plan = {
        .path = "/bin/sh", .argv = argv, .error_fd = -1, .directory = "/", .files = &smss->files};
    log_info("shutdown", "%s: runs \"%s\"", action_names[smss->shutdown.action], argv[2]);
    int failed = process_start(&process, &plan, smss->loop, nothing, NULL);
    errno = -failed;
    if (failed) {
        log_error("shutdown", "\"%s\" cannot be run: %m", argv[2]);
        return;
    }
    while (waitpid(process.pid, &process.status, 0) < 0 && errno == EINTR)
        ;
    if (process.status != 0)
        log_error("shutdown", "\"%s\" %s", argv[2], process_describe(&process, how, sizeof(how)));
    process_forget(&process);
}
