/* Liveness: services, lodge-logons and lodge-inits are asked whether they work; what is hung is killed, and
 * then what holds for its death holds. A lodge-init asks its display agent, and that the X server, by the
 * same question: nothing else in a session wakes up for it. */
#include <signal.h>
#include <stdio.h>

#include "common/log.h"
#include "common/reason.h"
#include "sessionmgr/proc.h"
#include "sessionmgr/smss.h"

#define LOOKS 2 /* within the time for an answer */
#define TURNS 4 /* each session is asked in one of so many looks, so that not all wake up at once */

static int64_t limit_ms(const struct smss *smss)
{
    return (int64_t)smss->conf.hang_seconds * 1000;
}

static void ask(struct smss *smss, struct peer *peer)
{
    if (peer != NULL)
        peer_send(smss, peer, SM_PING, &(struct sm_ping){.seconds = (uint16_t)smss->conf.hang_seconds});
}

static void tell_hung(struct smss *smss, enum heartbeat_verdict verdict, pid_t pid, uint16_t session,
                      const char *name)
{
    event_tell(smss, EVENT_HUNG, session, "%s, process %d, %s, has not answered for %ld s, and is killed",
               name, (int)pid, heartbeat_describe(verdict), smss->conf.hang_seconds);
}

/* Returns true, with the history told, when the process is hung. */
static bool is_hung(struct smss *smss, struct heartbeat *heart, pid_t pid, uint16_t session, const char *name)
{
    enum heartbeat_verdict verdict = heartbeat_look(heart, pid, limit_ms(smss));
    if (verdict <= HEARTBEAT_WAIT)
        return false;
    tell_hung(smss, verdict, pid, session, name);
    heartbeat_answered(heart);
    return true;
}

/* A child of a hung service that cannot end by itself: the listener answers for its zygote. */
static void kill_hung_child(pid_t pid, void *context)
{
    const struct service *service = context;
    struct proc_stat stat;
    if (proc_stat_of(pid, &stat) && stat.parent == service->process.pid &&
        (stat.state == 'T' || stat.state == 'R'))
        kill(pid, SIGKILL);
}

static void look_at_service(struct smss *smss, struct service *service)
{
    if (service->state != SERVICE_READY)
        return;
    enum heartbeat_verdict verdict = heartbeat_look(&service->heart, service->process.pid, limit_ms(smss));
    if (verdict > HEARTBEAT_WAIT) {
        peer_close(smss, service->peer); /* so that the history is told to the next broker, not to this one */
        tell_hung(smss, verdict, service->process.pid, 0, service_name(service));
        heartbeat_answered(&service->heart);
        cgroup_each(&smss->cgroup, service_group(service), kill_hung_child, service);
        process_signal(&service->process, SIGKILL);
    } else if (smss->heart_turn % TURNS == 0 && heartbeat_ask(&service->heart)) {
        ask(smss, service->peer);
    }
}

struct search {
    pid_t parent, found;
};

static void find_init(pid_t pid, void *context)
{
    struct search *search = context;
    struct proc_stat stat;
    if (proc_stat_of(pid, &stat) && stat.parent == search->parent)
        search->found = pid;
}

/* The reason is as of a death: nobody can ask more of it. */
static void end_hung(struct session *session, const char *name)
{
    session->ended = (struct sm_session_ended){.id = session->id, .reason = REASON_SESSION_DIED};
    snprintf(session->ended.detail, sizeof(session->ended.detail), "%s had not answered for %ld s.", name,
             session->smss->conf.hang_seconds);
}

/* True when lodge-init is hung, and killed. Its lodge-logon then ends the session in order. */
static bool kill_hung_init(struct session *session)
{
    struct smss *smss = session->smss;
    struct search search = {.parent = session->logon->process.pid};
    if (session->init_heart.asked == 0)
        return false;
    cgroup_each(&smss->cgroup, session->group, find_init, &search);
    if (search.found == 0 || !is_hung(smss, &session->init_heart, search.found, session->id, "lodge-init"))
        return false;
    end_hung(session, "lodge-init");
    kill(search.found, SIGKILL);
    return true;
}

static void look_at_session(struct session *session)
{
    struct smss *smss = session->smss;
    if (session->state != SESSION_UP || session->logon == NULL)
        return;
    if (is_hung(smss, &session->logon_heart, session->logon->process.pid, session->id, "lodge-logon")) {
        end_hung(session, "lodge-logon");
        process_signal(&session->logon->process, SIGKILL);
        return;
    }
    if (session->logon_heart.asked != 0 || kill_hung_init(session) || session->init_heart.asked != 0 ||
        session->id % TURNS != smss->heart_turn % TURNS)
        return;
    heartbeat_ask(&session->logon_heart);
    heartbeat_ask(&session->init_heart);
    ask(smss, session->logon->peer);
}

static void turn(void *context)
{
    struct smss *smss = context;
    loop_timer_set(smss->loop, &smss->heart_timer, limit_ms(smss) / LOOKS);
    if (smss->phase != SMSS_SERVING)
        return;
    smss->heart_turn++;
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        look_at_service(smss, &smss->services[i]);
    for (struct session *session = smss->sessions; session != NULL; session = session->next)
        look_at_session(session);
}

void liveness_start(struct smss *smss)
{
    smss->heart_timer = (struct loop_timer){.expired = turn, .context = smss};
    if (smss->conf.hang_seconds > 0)
        loop_timer_set(smss->loop, &smss->heart_timer, limit_ms(smss) / LOOKS);
}

void liveness_answered_service(struct service *service)
{
    heartbeat_answered(&service->heart);
}

void liveness_answered_logon(struct session *session, unsigned who)
{
    heartbeat_answered(who == SM_ALIVE_NEXT ? &session->init_heart : &session->logon_heart);
}
