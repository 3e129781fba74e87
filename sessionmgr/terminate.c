/* Ending one process of a session, for the broker, which may not. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/reason.h"
#include "common/text.h"
#include "sessionmgr/smss.h"

/* Is it the file of one of these programs that the process runs, whatever it calls itself? One that has been
 * replaced since is none of them. The process's file is the session's user's choice, and its file system may
 * be too: nothing is asked of that. */
static bool runs_one_of(pid_t pid, const char *const folders[], size_t count, const char *name)
{
    char path[PATH_MAX + 64];
    struct statx running, wanted;
    snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
    if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_INO, &running) != 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "%s/%s", folders[i], name);
        if (statx(AT_FDCWD, path, 0, STATX_INO, &wanted) == 0 && running.stx_ino == wanted.stx_ino &&
            running.stx_dev_major == wanted.stx_dev_major && running.stx_dev_minor == wanted.stx_dev_minor)
            return true;
    }
    return false;
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
    /* Where lodge-init looks for X servers (xserver.c). */
    static const char *const x_folders[] = {"/usr/bin", "/usr/lib/xorg", "/usr/libexec"};
    const char *const own[] = {smss->programs};
    return runs_one_of(process->pid, own, 1, "lodge-display") ||
           runs_one_of(process->pid, x_folders, sizeof(x_folders) / sizeof(x_folders[0]),
                       smss->conf.x_server);
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
