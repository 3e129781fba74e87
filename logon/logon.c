#include "logon/logon.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/log.h"
#include "common/packet.h"
#include "common/reason.h"
#include "common/text.h"
#include "logon/home.h"
#include "logon/session.h"
#include "rpc/sm.h"

#define ADMIT_MS  60000 /* until smss wants a session of this logon, or none */
#define RETRY_MS  100   /* between attempts to reach smss */
#define INIT_MS   10000 /* from lodge-init's last word, or the end of its channel, to its death */
#define BEYOND_MS 30000 /* what lodge-init gets beyond the grace time it was given */
#define FOREVER   INT64_MAX

/* WAITING for smss's word; RUNNING with a session; DYING: lodge-init has nothing more to say; OVER: nothing
 * is left of the session but to tell smss; DONE. */
enum stage { WAITING, RUNNING, DYING, OVER, DONE };

struct logon {
    const struct conf *conf;
    const char *subsystems;
    const struct identity *identity;
    struct conf session_conf; /* these two with what SESSION_CREATE says */
    struct identity session_identity;
    struct pam_logon **pam;
    struct session *session;
    enum stage stage;
    int smss, signals;
    int64_t deadline;  /* monotonic: WAITING gives up, RUNNING and DYING kill lodge-init */
    int64_t retry;     /* monotonic: the next attempt to reach smss */
    bool state_untold; /* smss is to be told `state` */
    bool end_untold;   /* lodge-init is to be told `end` */
    bool channel_ended;
    struct sm_session_state state;
    struct sm_session_end end;     /* reason 0: nobody asked for it */
    struct sm_session_ended ended; /* reason 0: lodge-init has not said why */
    char about[32];
};

int logon_connect(const struct conf *conf, uint64_t number)
{
    char path[CONF_TEXT_MAX + 64];
    struct sm_hello hello = {.role = SM_LOGON, .logon = number};
    int fd = packet_connect(conf_run_path(conf, "ports/sm.port", path, sizeof(path)));
    if (fd < 0)
        return fd;
    int failed = message_send(fd, &sm_protocol, SM_HELLO, &hello, -1);
    if (failed)
        close_descriptor(&fd);
    return failed ? failed : fd;
}

/* smss has gone, or broke the protocol. A logon with a session looks for the next smss. */
static void smss_lose(struct logon *logon, const char *why)
{
    log_warning(logon->about, "the connection to smss has ended: %s", why);
    close_descriptor(&logon->smss);
    logon->retry = clock_monotonic_ms() + RETRY_MS;
    if (logon->stage == WAITING)
        logon->stage = DONE;
    logon->state_untold = true;
}

/* Sends, and puts off what cannot be taken now. True when it is told. */
static bool smss_tell(struct logon *logon, unsigned number, const void *body)
{
    int failed = message_send(logon->smss, &sm_protocol, number, body, -1);
    if (failed && failed != -EAGAIN)
        smss_lose(logon, strerror(-failed));
    return failed == 0;
}

/* The server's history may miss an event of a time without smss; the log does not. */
static void smss_pass_event(struct logon *logon, const struct sm_event *event)
{
    if (logon->smss < 0 || !smss_tell(logon, SM_EVENT, event))
        log_warning(logon->about, "event %s, which smss is not there for: %s", event_name(event->event),
                    event->detail);
}

/* Brings smss and lodge-init up to date. */
static void tell(struct logon *logon)
{
    if (logon->smss >= 0 && logon->state_untold && logon->stage != WAITING)
        logon->state_untold = !smss_tell(logon, SM_SESSION_STATE, &logon->state);
    if (logon->smss >= 0 && !logon->state_untold && logon->stage == OVER &&
        smss_tell(logon, SM_SESSION_ENDED, &logon->ended))
        logon->stage = DONE;
    if (logon->end_untold && logon->stage == RUNNING && !logon->channel_ended)
        logon->end_untold = message_send(session_channel(logon->session), &sm_protocol, SM_SESSION_END,
                                         &logon->end, -1) == -EAGAIN;
}

static void smss_reach(struct logon *logon)
{
    if (logon->smss >= 0 || logon->stage < RUNNING || logon->stage == DONE ||
        clock_monotonic_ms() < logon->retry)
        return;
    logon->retry = clock_monotonic_ms() + RETRY_MS;
    int fd = logon_connect(logon->conf, logon->state.logon);
    if (fd < 0)
        return;
    log_info(logon->about, "connected to smss again");
    logon->smss = fd;
}

/* Nothing of the session runs any more: undoes the rest, in the order that PAM wants. */
static void session_finish(struct logon *logon, const struct failure *how)
{
    if (logon->ended.reason == REASON_NONE) {
        logon->ended.reason = logon->end.reason != REASON_NONE ? logon->end.reason : REASON_SESSION_DIED;
        text_copy(logon->ended.detail, sizeof(logon->ended.detail), how->text);
    }
    session_free(&logon->session);
    pam_logon_end(logon->pam);
    log_info(logon->about, "ended, %s%s%s", reason_name(logon->ended.reason),
             logon->ended.detail[0] != '\0' ? ": " : "", logon->ended.detail);
    logon->stage = OVER;
    logon->state.state = SM_SESSION_ENDING;
    logon->deadline = FOREVER;
}

static void session_failed(struct logon *logon, const struct failure *failure)
{
    log_error(logon->about, "the session cannot be made: %s", failure->text);
    logon->ended.reason = REASON_SESSION_FAILED;
    text_copy(logon->ended.detail, sizeof(logon->ended.detail), failure->text);
    session_finish(logon, failure);
}

/* What the session is made with: the configuration, and for its user what the broker found. */
static bool settle(struct logon *logon, const struct sm_session_create *request, struct failure *failure_r)
{
    logon->session_conf = *logon->conf;
    logon->session_identity = *logon->identity;
    logon->session_conf.tasks_max = request->tasks;
    if (request->id == 0)
        return failure_set(failure_r, 0, "session 0 is not for people");
    if (request->tasks > CONF_TASKS_MOST || !text_is_printable(request->desktop) ||
        !text_copy(logon->session_conf.desktop, sizeof(logon->session_conf.desktop), request->desktop))
        return failure_set(failure_r, 0, "its limits or its desktop make no sense");
    return home_find(&logon->session_identity, request->home, failure_r);
}

static void do_create(struct logon *logon, const union sm_body *body)
{
    const struct sm_session_create *request = &body->session_create;
    const struct identity *identity = logon->identity;
    struct failure failure = {.text = ""};
    int64_t before = clock_monotonic_ns();
    snprintf(logon->about, sizeof(logon->about), "session %u", request->id);
    logon->stage = RUNNING;
    logon->deadline = FOREVER;
    logon->state = (struct sm_session_state){.id = request->id,
                                             .state = SM_SESSION_STARTING,
                                             .logon = request->logon,
                                             .uid = identity->uid,
                                             .account = (uint8_t)identity->account,
                                             .started_ms = (uint64_t)clock_real_ms()};
    text_copy(logon->state.user, sizeof(logon->state.user), identity->name);
    logon->ended = (struct sm_session_ended){.id = request->id, .logon = request->logon};
    logon->state_untold = false;
    if (settle(logon, request, &failure) &&
        session_create(&logon->session_conf, logon->subsystems, &logon->session_identity, *logon->pam,
                       request, &logon->session, &failure)) {
        log_debug(logon->about, "lodge-init runs after %.1f ms, and is told what after %.1f ms",
                  (double)(session_exec_ns(logon->session) - before) / 1e6,
                  (double)(clock_monotonic_ns() - before) / 1e6);
        log_info(logon->about, "made for %s", identity->name);
        return;
    }
    session_failed(logon, &failure);
}

static void do_drop(struct logon *logon, const union sm_body *body)
{
    log_info(logon->about, "no session is wanted: %s", reason_name(body->logon_drop.reason));
    logon->stage = DONE;
}

static void session_end(struct logon *logon, uint16_t reason, uint32_t grace_ms)
{
    logon->end = (struct sm_session_end){.id = logon->state.id, .reason = reason, .grace_ms = grace_ms};
    logon->end_untold = true;
    logon->state.state = SM_SESSION_ENDING;
    logon->deadline = clock_monotonic_ms() + (int64_t)grace_ms + BEYOND_MS;
}

static void do_end(struct logon *logon, const union sm_body *body)
{
    session_end(logon, body->session_end.reason, body->session_end.grace_ms);
}

/* Does this process work, and does lodge-init? */
static void do_ping(struct logon *logon, const union sm_body *body)
{
    smss_tell(logon, SM_PONG, &(struct sm_pong){.who = SM_ALIVE_ITSELF});
    if (logon->smss >= 0 && !logon->channel_ended)
        message_send(session_channel(logon->session), &sm_protocol, SM_PING, &body->ping, -1);
}

/* What smss may say, and in which stage; the field that has to name this logon or its session. */
static const struct {
    unsigned number;
    enum stage stage;
    void (*act)(struct logon *logon, const union sm_body *body);
} smss_words[] = {
    {SM_SESSION_CREATE, WAITING, do_create},
    {SM_LOGON_DROP, WAITING, do_drop},
    {SM_SESSION_END, RUNNING, do_end},
    {SM_PING, RUNNING, do_ping},
};

static bool is_for(const struct logon *logon, unsigned number, const union sm_body *body)
{
    if (number == SM_SESSION_END)
        return body->session_end.id == logon->state.id;
    if (number == SM_PING)
        return true;
    return (number == SM_SESSION_CREATE ? body->session_create.logon : body->logon_drop.logon) ==
           logon->state.logon;
}

static void smss_handle(struct logon *logon, const struct message *message, const union sm_body *body)
{
    for (size_t i = 0; i < sizeof(smss_words) / sizeof(smss_words[0]); i++)
        if (smss_words[i].number == message->number && smss_words[i].stage == logon->stage &&
            is_for(logon, message->number, body)) {
            smss_words[i].act(logon, body);
            return;
        }
    log_warning(logon->about, "%s from smss is out of place, ignored", message->type->name);
}

static void smss_read(struct logon *logon)
{
    union sm_body body;
    struct message message;
    const char *problem = NULL;
    while (logon->smss >= 0 && logon->stage != DONE) {
        int got =
            message_receive(logon->smss, &sm_protocol, SM_SMSS, &body, sizeof(body), &message, &problem);
        if (got == -EAGAIN)
            return;
        if (got <= 0) {
            smss_lose(logon, got == 0 ? "closed" : problem != NULL ? problem : strerror(-got));
            return;
        }
        close_descriptor(&message.descriptor);
        smss_handle(logon, &message, &body);
    }
}

/* What a session itself may add to the server's history: lodge-init runs as its user. */
static bool is_init_event(uint32_t event)
{
    return event == EVENT_HUNG || event == EVENT_X_SERVER_EXIT || event == EVENT_AGENT_EXIT ||
           event == EVENT_DESKTOP_EXIT || event == EVENT_SUBSYSTEM_EXIT || event == EVENT_DESKTOP_ASKED;
}

static void init_handle(struct logon *logon, const struct message *message, const union sm_body *body)
{
    if (message->number == SM_STARTED && body->started.id == logon->state.id &&
        logon->state.state == SM_SESSION_STARTING) {
        logon->state.state = SM_SESSION_UP;
        logon->state_untold = true;
    } else if (message->number == SM_SESSION_ENDED && body->session_ended.id == logon->state.id &&
               logon->stage == RUNNING) {
        logon->ended.reason = body->session_ended.reason;
        text_copy(logon->ended.detail, sizeof(logon->ended.detail), body->session_ended.detail);
        logon->state.state = SM_SESSION_ENDING;
        logon->state_untold = true; /* smss has a deadline for what is left */
        logon->stage = DYING;
        logon->deadline = clock_monotonic_ms() + INIT_MS;
    } else if (message->number == SM_PONG) {
        if (logon->smss >= 0)
            smss_tell(logon, SM_PONG, &(struct sm_pong){.who = SM_ALIVE_NEXT});
    } else if (message->number == SM_EVENT && is_init_event(body->event.event)) {
        smss_pass_event(logon, &body->event);
    } else {
        log_warning(logon->about, "%s from lodge-init is out of place, ignored", message->type->name);
    }
}

static void init_read(struct logon *logon)
{
    union sm_body body;
    struct message message;
    const char *problem = NULL;
    while (!logon->channel_ended) {
        int got = message_receive(session_channel(logon->session), &sm_protocol, SM_INIT, &body, sizeof(body),
                                  &message, &problem);
        if (got == -EAGAIN)
            return;
        if (got > 0) {
            close_descriptor(&message.descriptor);
            init_handle(logon, &message, &body);
            continue;
        }
        logon->channel_ended = true;
        logon->deadline = clock_monotonic_ms() + INIT_MS;
        if (got < 0 && got != -ECONNRESET) {
            log_error(logon->about, "lodge-init broke the protocol (%s) and is killed",
                      problem != NULL ? problem : strerror(-got));
            session_kill(logon->session);
        }
    }
}

static void init_died(struct logon *logon)
{
    struct failure how = {.text = ""};
    init_read(logon); /* its last word may still be there */
    session_reap(logon->session, &how);
    if (logon->ended.reason == REASON_NONE) {
        struct sm_event event = {.event = EVENT_INIT_EXIT, .time_ms = (uint64_t)clock_real_ms()};
        uint64_t ran = (event.time_ms - logon->state.started_ms) / 100;
        snprintf(event.detail, sizeof(event.detail), "%.400s after %llu.%u s", how.text,
                 (unsigned long long)(ran / 10), (unsigned)(ran % 10));
        smss_pass_event(logon, &event);
    }
    session_finish(logon, &how);
}

static void signal_read(struct logon *logon)
{
    struct signalfd_siginfo signal;
    if (read(logon->signals, &signal, sizeof(signal)) != sizeof(signal))
        return;
    log_info(logon->about, "asked to end by signal %u", signal.ssi_signo);
    if (logon->stage == WAITING)
        logon->stage = DONE;
    else if (logon->stage == RUNNING)
        session_end(logon, REASON_SHUTDOWN, (uint32_t)logon->conf->logoff_seconds * 1000);
    else if (logon->stage == OVER)
        logon->stage = DONE;
}

static void deadline_meet(struct logon *logon)
{
    if (clock_monotonic_ms() < logon->deadline)
        return;
    logon->deadline = FOREVER;
    if (logon->stage == WAITING) {
        log_warning(logon->about, "smss wanted neither a session nor none; giving up");
        logon->stage = DONE;
    } else if (logon->session != NULL) {
        log_warning(logon->about, "lodge-init does not end and is killed");
        session_kill(logon->session);
    }
}

static int wait_ms(const struct logon *logon)
{
    int64_t next = logon->deadline, now = clock_monotonic_ms();
    bool behind = logon->smss < 0 || logon->state_untold || logon->end_untold || logon->stage == OVER;
    if (logon->stage != WAITING && behind && now + RETRY_MS < next)
        next = now + RETRY_MS;
    int renew = logon->session != NULL ? session_renew_ms(logon->session) : -1;
    if (renew >= 0 && now + renew < next)
        next = now + renew;
    if (next == FOREVER)
        return -1;
    return next <= now ? 0 : (int)(next - now < 60000 ? next - now : 60000);
}

static void turn(struct logon *logon)
{
    const struct session *session = logon->session;
    struct pollfd ready[] = {
        {.fd = logon->signals, .events = POLLIN},
        {.fd = logon->smss, .events = POLLIN},
        {.fd = session != NULL && !logon->channel_ended ? session_channel(session) : -1, .events = POLLIN},
        {.fd = session != NULL ? session_process(session) : -1, .events = POLLIN},
        {.fd = session != NULL ? session_watch(session) : -1, .events = POLLIN},
    };
    if (poll(ready, sizeof(ready) / sizeof(ready[0]), wait_ms(logon)) < 0)
        return;
    if (ready[0].revents)
        signal_read(logon);
    if (ready[1].revents)
        smss_read(logon);
    if (ready[2].revents)
        init_read(logon);
    if (session != NULL && (ready[4].revents || session_renew_ms(session) >= 0))
        session_renew(logon->session);
    if (ready[3].revents)
        init_died(logon);
    deadline_meet(logon);
    smss_reach(logon);
    tell(logon);
}

int logon_serve(const struct conf *conf, const char *subsystems, uint64_t number,
                const struct identity *identity, struct pam_logon **pam, int smss)
{
    struct logon logon = {.conf = conf,
                          .subsystems = subsystems,
                          .identity = identity,
                          .pam = pam,
                          .smss = smss,
                          .state.logon = number};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    /* Ctrl-C at smss's terminal reaches every process there; smss ends the sessions in order. */
    signal(SIGINT, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    logon.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    logon.deadline = clock_monotonic_ms() + ADMIT_MS;
    snprintf(logon.about, sizeof(logon.about), "logon %llu", (unsigned long long)number);
    while (logon.stage != DONE)
        turn(&logon);
    close_descriptor(&logon.smss);
    close_descriptor(&logon.signals);
    pam_logon_end(pam);
    return 0;
}
