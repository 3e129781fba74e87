/* The verified end of a session: its processes, its cgroup, its port, its files, its ID. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/reason.h"
#include "common/tree.h"
#include "sessionmgr/smss.h"

#define KILL_AGAIN_MS      5000
#define KILLS_DOUBLING     6 /* up to about five minutes */
#define BUSY_MS            20
#define REMOVE_A_TURN      1000
#define REMOVAL_STEPS_MOST 100000

static void cgroup_changed(void *context, uint32_t events)
{
    (void)events;
    struct session *session = context;
    char text[128];
    /* Reading takes the notice away. */
    if (pread(session->events, text, sizeof(text), 0) < 0 && errno != ENODEV)
        log_warning(session->about, "cgroup.events cannot be read: %m");
    session_look(session);
}

static bool is_empty(const struct session *session)
{
    return session_is_virtual(session) || (!cgroup_is_populated(&session->smss->cgroup, session->group) &&
                                           (session->logon == NULL || session->logon->process.pidfd < 0));
}

/* Again: they have not ended of SIGKILL, being in the kernel's hands (a disk or a file system that hangs). */
static void report_stragglers(struct session *session)
{
    char names[SM_DETAIL_ROOM - 64];
    cgroup_names(&session->smss->cgroup, session->group, names, sizeof(names));
    if (names[0] == '\0')
        return;
    if (!session->reported)
        event_tell(session->smss, EVENT_STRAGGLER, session->id, "waits for what cannot be killed: %s", names);
    session->reported = true;
}

static void name_stragglers(const struct session *session)
{
    char names[512];
    cgroup_names(&session->smss->cgroup, session->group, names, sizeof(names));
    if (names[0] != '\0')
        log_warning(session->about, "killed what was left: %s", names);
}

void session_kill(struct session *session)
{
    struct smss *smss = session->smss;
    if (session_is_virtual(session)) {
        session_look(session);
        return;
    }
    if (session->killed)
        report_stragglers(session);
    else
        name_stragglers(session);
    if (session->events < 0) {
        session->events = cgroup_events(&smss->cgroup, session->group);
        if (session->events >= 0)
            session->events_source =
                loop_watch(smss->loop, session->events, EPOLLPRI, cgroup_changed, session);
    }
    cgroup_kill(&smss->cgroup, session->group);
    /* lodge-logon is not in there: with the session's processes gone it closes PAM. It has time for that. */
    if (session->logon != NULL && (session->killed || smss->fast))
        process_signal(&session->logon->process, SIGKILL);
    session->killed = true;
    session_tell(session);
    loop_timer_set(smss->loop, &session->timer, KILL_AGAIN_MS << session->kills);
    session->kills += session->kills < KILLS_DOUBLING;
    session_look(session);
}

void session_look(struct session *session)
{
    if (!is_empty(session))
        return;
    loop_unwatch(&session->events_source);
    close_descriptor(&session->events);
    loop_timer_stop(session->smss->loop, &session->timer);
    session_event(session, SESSION_EMPTY);
}

/* Removes some of RUN/sessions/ID. Returns true when nothing is left to do about it. */
static bool remove_files(struct session *session)
{
    char path[512], name[16];
    unsigned budget = REMOVE_A_TURN;
    int parent = open(conf_run_path(&session->smss->conf, "sessions", path, sizeof(path)),
                      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    snprintf(name, sizeof(name), "%u", session->id);
    int failed = parent < 0 ? -errno : tree_remove(parent, name, &budget);
    close_descriptor(&parent);
    if (failed == -EAGAIN && session->removal_steps++ < REMOVAL_STEPS_MOST)
        return false;
    if (failed) {
        errno = -failed;
        log_error(session->about, "%s/%s cannot be removed wholly: %m", path, name);
    }
    return true;
}

static bool remove_cgroup(struct session *session)
{
    int failed = cgroup_remove(&session->smss->cgroup, session->group);
    if (failed == -EBUSY && session->removal_steps++ < REMOVAL_STEPS_MOST)
        return false;
    if (failed) {
        errno = -failed;
        log_error(session->about, "its cgroup cannot be removed: %m");
    }
    return true;
}

void session_remove(struct session *session)
{
    struct smss *smss = session->smss;
    char path[512], name[32];
    if (session_is_virtual(session)) {
        session_finish(session);
        return;
    }
    snprintf(name, sizeof(name), "winstation/%u.port", session->id);
    unlink(conf_run_path(&smss->conf, name, path, sizeof(path)));
    if (!remove_cgroup(session))
        loop_timer_set(smss->loop, &session->timer, BUSY_MS);
    else if (!remove_files(session))
        loop_timer_set(smss->loop, &session->timer, 0);
    else
        session_finish(session);
}

/* Why it is over: as the logon said, else as was asked, else it died. */
static void complete_reason(struct session *session)
{
    struct sm_session_ended *ended = &session->ended;
    if (ended->id == 0 && ended->reason == REASON_NONE) {
        bool asked = session->end.id != 0;
        ended->reason = asked ? session->end.reason : REASON_SESSION_DIED;
    }
    ended->id = session->id;
    ended->logon = session->told.logon;
}

void session_forget(struct session *session)
{
    struct smss *smss = session->smss;
    *session->at = session->next;
    if (session->next != NULL)
        session->next->at = session->at;
    smss->session_of[session->id] = NULL;
    loop_unwatch(&session->events_source);
    close_descriptor(&session->events);
    loop_timer_stop(smss->loop, &session->timer);
    free(session);
}

void session_finish(struct session *session)
{
    struct smss *smss = session->smss;
    complete_reason(session);
    log_info(session->about, "over, nothing of it is left: %s%s%s", reason_name(session->ended.reason),
             session->ended.detail[0] != '\0' ? ", " : "", session->ended.detail);
    ids_give_back(&smss->ids, session->id);
    peer_send(smss, smss->services[SERVICE_BROKER].peer, SM_SESSION_ENDED, &session->ended);
    struct logon *logon = session->logon;
    session_forget(session);
    if (logon != NULL)
        logon_free(logon);
    phase_check(smss);
}
