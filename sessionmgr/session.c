/* Sessions: one function moves them between their states, as session-table.c says. */
#include "sessionmgr/session-table.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/reason.h"
#include "sessionmgr/smss.h"

static void do_nothing(struct session *session)
{
    (void)session;
}

static void relay_end(struct session *session)
{
    loop_timer_set(session->smss->loop, &session->timer,
                   (int64_t)session->end.grace_ms + SESSION_END_MORE_MS);
    if (session->logon != NULL)
        peer_send(session->smss, session->logon->peer, SM_SESSION_END, &session->end);
    session_tell(session);
}

static void await_exit(struct session *session)
{
    loop_timer_set(session->smss->loop, &session->timer, SESSION_EXIT_MS);
    session_tell(session);
}

static void (*const actions[])(struct session *session) = {
    [SESSION_DO_REFUSE] = do_nothing,     [SESSION_DO_NOTHING] = do_nothing,
    [SESSION_DO_TELL] = session_tell,     [SESSION_DO_RELAY_END] = relay_end,
    [SESSION_DO_AWAIT_EXIT] = await_exit, [SESSION_DO_KILL] = session_kill,
    [SESSION_DO_LOOK] = session_look,     [SESSION_DO_REMOVE] = session_remove,
};
_Static_assert(sizeof(actions) / sizeof(actions[0]) == SESSION_ACTIONS, "each action has its function");

/* A session has a deadline in every state but up; one that logs itself off has the longest grace time. */
static void set_deadline(struct session *session, enum session_state state)
{
    struct loop *loop = session->smss->loop;
    if (state == SESSION_UP)
        loop_timer_stop(loop, &session->timer);
    else if (state == SESSION_STARTING)
        loop_timer_set(loop, &session->timer, SESSION_START_MS);
    else if (state == SESSION_ENDING && session->end.id == 0)
        loop_timer_set(loop, &session->timer,
                       session->smss->conf.logoff_seconds * 1000 + SESSION_END_MORE_MS);
}

void session_event(struct session *session, enum session_event event)
{
    struct session_move move;
    if (!session_move(session->state, event, &move)) {
        log_warning(session->about, "%s is refused while %s", session_event_name(event),
                    session_state_name(session->state));
        return;
    }
    if (event == SESSION_LATE && session->state != SESSION_REMOVING)
        log_warning(session->about, "takes too long while %s", session_state_name(session->state));
    if (move.next != session->state) {
        log_info(session->about, "%s, now %s", session_event_name(event), session_state_name(move.next));
        set_deadline(session, move.next);
    }
    session->state = move.next;
    actions[move.action](session);
}

static void late(void *context)
{
    session_event(context, SESSION_LATE);
}

struct session *session_new(struct smss *smss, uint16_t id, enum session_state state)
{
    struct session *session = memory_new(sizeof(*session));
    *session = (struct session){
        .smss = smss, .id = id, .state = state, .events = -1, .told = {.id = id}, .next = smss->sessions};
    snprintf(session->about, sizeof(session->about), "session %u", id);
    snprintf(session->group, sizeof(session->group), "session-%u", id);
    session->timer = (struct loop_timer){.expired = late, .context = session};
    session->at = &smss->sessions;
    if (smss->sessions != NULL)
        smss->sessions->at = &session->next;
    smss->sessions = session;
    smss->session_of[id] = session;
    if (state == SESSION_CREATING)
        loop_timer_set(smss->loop, &session->timer, SESSION_START_MS);
    return session;
}

bool session_is_virtual(const struct session *session)
{
    return session->told.account == SM_ACCOUNT_VIRTUAL;
}

bool session_is_known(const struct session *session)
{
    return session->told.user[0] != '\0' && session->state != SESSION_ORPHAN;
}

void session_tell(struct session *session)
{
    static const uint8_t lives[] = {
        [SESSION_ORPHAN] = SM_SESSION_STARTING,   [SESSION_CREATING] = SM_SESSION_STARTING,
        [SESSION_STARTING] = SM_SESSION_STARTING, [SESSION_UP] = SM_SESSION_UP,
        [SESSION_ENDING] = SM_SESSION_ENDING,     [SESSION_CLOSED] = SM_SESSION_ENDING,
        [SESSION_KILLING] = SM_SESSION_ENDING,    [SESSION_REMOVING] = SM_SESSION_ENDING,
    };
    /* In recovery the broker is told all at once, at its end. */
    if (!session_is_known(session) || session->smss->phase == SMSS_RECOVERING)
        return;
    session->told.state = lives[session->state];
    peer_send(session->smss, session->smss->services[SERVICE_BROKER].peer, SM_SESSION_STATE, &session->told);
}

/* A shorter grace time counts, a longer one does not. */
void session_end(struct session *session, const struct sm_session_end *end)
{
    uint32_t grace = end->grace_ms;
    if (session->end.id != 0 && session->end.grace_ms < grace)
        grace = session->end.grace_ms;
    if (session->end.id == 0)
        session->end = *end;
    session->end.grace_ms = grace;
    session_event(session, SESSION_END_ASKED);
    if (session_is_virtual(session))
        session_event(session, SESSION_LOGON_DIED); /* to the end of it, without a wait */
}

/* Joins a logon that outlived the last lodge-smss with the session it has. Its word is enough: adopt() has
 * seen that it is root's lodge-logon, which stays out of the session's cgroup so that ending that never ends
 * it. */
static struct session *join(struct logon *logon, const struct sm_session_state *state)
{
    struct smss *smss = logon->smss;
    struct session *session = smss->session_of[state->id];
    if (session == NULL || session->logon != NULL || session->state != SESSION_ORPHAN ||
        logon->state == LOGON_OVER)
        return NULL;
    session->logon = logon;
    logon->session = session;
    logon->state = LOGON_IN_SESSION;
    smss->logon_count--;
    loop_timer_stop(smss->loop, &logon->timer);
    return session;
}

void session_says(struct logon *logon, const struct sm_session_state *state)
{
    static const enum session_event events[] = {
        [SM_SESSION_STARTING] = SESSION_SAYS_STARTING,
        [SM_SESSION_UP] = SESSION_SAYS_UP,
        [SM_SESSION_ENDING] = SESSION_SAYS_ENDING,
    };
    struct smss *smss = logon->smss;
    struct session *session = logon->session != NULL ? logon->session : join(logon, state);
    if (session == NULL || session->id != state->id || state->state > SM_SESSION_ENDING) {
        log_warning("sm.port", "process %d speaks of session %u, which is not its own, and is killed",
                    (int)logon->process.pid, state->id);
        process_signal(&logon->process, SIGKILL);
        return;
    }
    bool joined = session->state == SESSION_ORPHAN;
    if (joined)
        session->told = *state;
    session_event(session, events[state->state]);
    if (joined && session->end.id != 0)
        session_event(session, SESSION_END_ASKED);
    if (joined)
        phase_check(smss);
}

void session_says_ended(struct session *session, const struct sm_session_ended *ended)
{
    if (session->ended.id == 0) {
        session->ended = *ended;
        session->ended.id = session->id;
    }
    session_event(session, SESSION_SAYS_ENDED);
}
