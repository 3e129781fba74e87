/* Ending one process of a session, for the broker, which may not. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "common/log.h"
#include "common/reason.h"
#include "common/text.h"
#include "sessionmgr/smss.h"

static bool runs_program(pid_t pid, const char *name)
{
    char link[64], target[PATH_MAX];
    snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
    ssize_t length = readlink(link, target, sizeof(target) - 1);
    if (length <= 0)
        return false;
    target[length] = '\0';
    target[strcspn(target, " ")] = '\0'; /* " (deleted)" */
    const char *slash = strrchr(target, '/');
    return slash != NULL && strcmp(slash + 1, name) == 0;
}

/* lodge-init is the one whose parent is outside; X server and display agent are its children. */
static bool is_part(const struct session *session, const struct proc_stat *process)
{
    const struct smss *smss = session->smss;
    struct proc_stat parent;
    if (!cgroup_has(&smss->cgroup, session->group, process->parent))
        return true;
    if (!proc_stat_of(process->parent, &parent) || cgroup_has(&smss->cgroup, session->group, parent.parent))
        return false;
    return runs_program(process->pid, "lodge-display") || runs_program(process->pid, smss->conf.x_server);
}

/* The pidfd was opened before anything about the number was read: what is read is about that process, or the
 * signal reaches none. */
static enum reason end_process(const struct session *session, int pidfd, const struct sm_process_end *asked,
                               struct proc_stat *process_r)
{
    if (pidfd < 0 || !cgroup_has(&session->smss->cgroup, session->group, (pid_t)asked->pid) ||
        !proc_stat_of((pid_t)asked->pid, process_r))
        return REASON_NO_PROCESS;
    if (is_part(session, process_r))
        return REASON_FORBIDDEN;
    return pidfd_send_signal(pidfd, asked->kill != 0 ? SIGKILL : SIGTERM, NULL, 0) == 0 ? REASON_NONE
                                                                                        : REASON_NO_PROCESS;
}

void terminate_process(struct smss *smss, struct peer *peer, const struct sm_process_end *asked)
{
    const struct session *session = smss->session_of[asked->session];
    struct sm_process_ended ended = {.serial = asked->serial, .session = asked->session, .pid = asked->pid};
    struct proc_stat process;
    ended.reason = REASON_NO_SESSION;
    if (session != NULL) {
        int pidfd = asked->pid > 0 && asked->pid <= INT_MAX ? pidfd_open((pid_t)asked->pid, 0) : -1;
        ended.reason = (uint16_t)end_process(session, pidfd, asked, &process);
        close_descriptor(&pidfd);
    }
    if (ended.reason == REASON_NONE) {
        text_escape(ended.detail, sizeof(ended.detail), process.name);
        log_info(session->about, "%s, process %u, is %s", ended.detail, (unsigned)asked->pid,
                 asked->kill != 0 ? "killed" : "asked to end");
    } else if (ended.reason == REASON_FORBIDDEN) {
        text_copy(ended.detail, sizeof(ended.detail),
                  "It is what the session itself runs on. Log the session off instead.");
    }
    peer_send(smss, peer, SM_PROCESS_ENDED, &ended);
}
