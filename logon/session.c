#include "logon/session.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <syscall.h>
#include <unistd.h>

#include "common/log.h"
#include "common/packet.h"
#include "common/text.h"
#include "common/tree.h"
#include "logon/birth.h"
#include "logon/environment.h"
#include "logon/lab-watch.h"
#include "logon/lab.h"

struct session {
    const struct conf *conf;
    const char *subsystems;
    const struct identity *identity;
    uint16_t id;
    int channel;
    struct born born;
    struct lab_watch watch;
    bool directory_made, port_made;
};

static const char *directory_path(const struct session *session, char *path, size_t size)
{
    char name[32];
    snprintf(name, sizeof(name), "sessions/%u", session->id);
    return conf_run_path(session->conf, name, path, size);
}

static const char *port_path(const struct session *session, char *path, size_t size)
{
    char name[32];
    snprintf(name, sizeof(name), "winstation/%u.port", session->id);
    return conf_run_path(session->conf, name, path, size);
}

/* Opens the cgroup for the session's processes. Returns -1 with *failure_r. */
static int cgroup_open(const struct sm_session_create *request, struct failure *failure_r)
{
    struct statfs status;
    int fd = open(request->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && fstatfs(fd, &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC)
        return fd;
    failure_set(failure_r, fd < 0 ? errno : 0, "%s is no cgroup", request->cgroup);
    close_descriptor(&fd);
    return -1;
}

/* The session's object directory: on the host a place that is root's, on which the session mounts its own. */
static bool directory_make(struct session *session, struct failure *failure_r)
{
    char path[CONF_TEXT_MAX + 64];
    directory_path(session, path, sizeof(path));
    int failed = tree_remove_path(path);
    if (failed)
        return failure_set(failure_r, -failed, "%s was left behind and cannot be removed", path);
    if (mkdir(path, 0700) != 0)
        return failure_set(failure_r, errno, "cannot make %s", path);
    session->directory_made = true;
    return true;
}

/* The port that the broker reaches the display agent by. Returns the listening descriptor, or -1. */
static int port_make(struct session *session, struct failure *failure_r)
{
    char path[CONF_TEXT_MAX + 64];
    const struct passwd *broker = getpwnam(session->conf->broker_user);
    if (broker == NULL) {
        failure_set(failure_r, 0, "there is no user %s (BrokerUser)", session->conf->broker_user);
        return -1;
    }
    port_path(session, path, sizeof(path));
    int fd = packet_listen(path, 0660);
    if (fd < 0) {
        failure_set(failure_r, -fd, "cannot listen on %s", path);
        return -1;
    }
    session->port_made = true;
    if (chown(path, 0, broker->pw_gid) != 0) {
        failure_set(failure_r, errno, "cannot give %s to the broker", path);
        close_descriptor(&fd);
    }
    return fd;
}

static bool run_send(const struct session *session, const struct identity *identity,
                     const struct sm_session_create *request, struct failure *failure_r)
{
    const struct conf *conf = session->conf;
    struct sm_run run = {.id = request->id,
                         .display = request->display,
                         .width = request->width,
                         .height = request->height,
                         .keyboard_layout = request->keyboard_layout,
                         .uid = identity->uid,
                         .gid = identity->gid};
    text_copy(run.user, sizeof(run.user), identity->name);
    text_copy(run.home, sizeof(run.home), identity->home);
    text_copy(run.shell, sizeof(run.shell), identity->shell);
    conf_run_path(conf, "programs", run.programs, sizeof(run.programs));
    text_copy(run.x_server, sizeof(run.x_server), conf->x_server);
    text_copy(run.desktop, sizeof(run.desktop), conf->desktop);
    text_copy(run.fallback_desktop, sizeof(run.fallback_desktop), conf->fallback_desktop);
    text_copy(run.subsystems, sizeof(run.subsystems), session->subsystems);
    int failed = message_send(session->channel, &sm_protocol, SM_RUN, &run, -1);
    return failed == 0 || failure_set(failure_r, -failed, "cannot tell lodge-init what to run");
}

/* From here on something of the user's may run. */
static bool run_tell(struct session *session, const struct identity *identity,
                     const struct sm_session_create *request, struct failure *failure_r)
{
    struct failure ignored;
    if (run_send(session, identity, request, failure_r))
        return true;
    session_kill(session);
    session_reap(session, &ignored);
    return false;
}

/* Hands a lab account's hash on to the session's own password file. */
static bool hash_find(struct birth *birth, char *hash, size_t size, struct failure *failure_r)
{
    const struct identity *identity = birth->plan.identity;
    struct account account;
    char error[SM_DETAIL_ROOM];
    bool found = false;
    if (identity->account != SM_ACCOUNT_LAB)
        return true;
    if (!accounts_find(birth->plan.conf, identity->name, &found, &account, error, sizeof(error)))
        return failure_set(failure_r, 0, "%s", error);
    if (!found || account.uid != identity->uid)
        return failure_set(failure_r, 0, "the lab account has just been removed");
    text_copy(hash, size, account.hash);
    explicit_bzero(account.hash, sizeof(account.hash));
    birth->plan.lab_hash = hash;
    return true;
}

static bool birth_give(struct session *session, struct birth *birth, struct pam_logon *pam,
                       struct failure *failure_r)
{
    char hash[ACCOUNT_HASH_MAX + 1];
    birth->environment = environment_make(pam, birth->plan.identity);
    bool ok = birth->environment != NULL || failure_set(failure_r, 0, "out of memory");
    ok = ok && hash_find(birth, hash, sizeof(hash), failure_r) &&
         birth_wait_exec(birth, &session->born, failure_r);
    explicit_bzero(hash, sizeof(hash));
    birth->plan.lab_hash = NULL;
    environment_free(birth->environment);
    birth->environment = NULL;
    return ok;
}

/* Everything after PAM. On failure the caller undoes with session_free. */
static bool session_begin(struct session *session, const struct identity *identity, struct pam_logon *pam,
                          const struct sm_session_create *request, struct failure *failure_r)
{
    char programs[SM_PATH_ROOM];
    int pair[2] = {-1, -1}, port = -1;
    bool ok = false;
    struct birth birth = {
        .plan = {.conf = session->conf, .identity = identity, .id = session->id, .programs = programs}};
    birth_group(request->cgroup, birth.group, sizeof(birth.group));
    birth.cgroup = cgroup_open(request, failure_r);
    /* From before the session copies the files, so that no change is missed. */
    if (identity->account == SM_ACCOUNT_LAB)
        session->watch = lab_watch_begin("/etc");
    if (birth.cgroup >= 0 && birth_programs(programs, sizeof(programs), failure_r) &&
        (identity->account != SM_ACCOUNT_LAB || lab_home_make(session->conf, identity, failure_r)) &&
        directory_make(session, failure_r) && (port = port_make(session, failure_r)) >= 0) {
        int failed = packet_pair(pair);
        session->channel = pair[0];
        birth.channel = pair[1];
        birth.port = port;
        ok = failed == 0 ? birth_give(session, &birth, pam, failure_r)
                         : failure_set(failure_r, -failed, "cannot make a channel");
        ok = ok && run_tell(session, identity, request, failure_r);
    }
    close_descriptor(&pair[1]);
    close_descriptor(&port);
    close_descriptor(&birth.cgroup);
    return ok;
}

/* The v2 line of /proc/self/cgroup, without its newline. */
static void cgroup_own(char *line_r, size_t size)
{
    line_r[0] = '\0';
    FILE *file = fopen("/proc/self/cgroup", "re");
    char line[512];
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, "0::", 3) == 0)
            text_copy(line_r, size, strtok(line, "\n"));
    if (file != NULL)
        fclose(file);
}

/* pam_systemd moves whoever opens a session into a scope of its own. The logon goes back to its cgroup,
 * beside the session's, so that nothing but its own end ends it. */
static bool pam_open_here(struct pam_logon *pam, const struct sm_session_create *request,
                          struct failure *failure_r)
{
    char before[512], after[512], path[SM_PATH_ROOM + 32];
    cgroup_own(before, sizeof(before));
    if (!pam_logon_open(pam, failure_r))
        return false;
    cgroup_own(after, sizeof(after));
    const char *slash = strrchr(request->cgroup, '/');
    if (strcmp(before, after) == 0 || slash == NULL)
        return true;
    snprintf(path, sizeof(path), "%.*s/logons/cgroup.procs", (int)(slash - request->cgroup), request->cgroup);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "0", 1) != 1)
        log_warning(NULL, "PAM moved this logon to another cgroup and there is no way back to %s: %s", path,
                    strerror(errno));
    close_descriptor(&fd);
    return true;
}

bool session_create(const struct conf *conf, const char *subsystems, const struct identity *identity,
                    struct pam_logon *pam, const struct sm_session_create *request,
                    struct session **session_r, struct failure *failure_r)
{
    struct session *session = calloc(1, sizeof(*session));
    if (session == NULL)
        return failure_set(failure_r, 0, "out of memory");
    *session = (struct session){.conf = conf,
                                .subsystems = subsystems,
                                .identity = identity,
                                .id = request->id,
                                .channel = -1,
                                .born = {.process = -1},
                                .watch = {.directory = -1, .fd = -1}};
    if ((pam == NULL || pam_open_here(pam, request, failure_r)) &&
        session_begin(session, identity, pam, request, failure_r)) {
        *session_r = session;
        return true;
    }
    session_free(&session);
    return false;
}

int session_channel(const struct session *session)
{
    return session->channel;
}

int session_process(const struct session *session)
{
    return session->born.process;
}

int64_t session_exec_ns(const struct session *session)
{
    return session->born.exec_ns;
}

int session_watch(const struct session *session)
{
    return session->watch.fd;
}

int session_renew_ms(const struct session *session)
{
    return session->watch.directory >= 0 && session->watch.fd < 0 ? LAB_WATCH_MS : -1;
}

void session_renew(struct session *session)
{
    if (lab_watch_look(&session->watch) && session->born.process >= 0)
        lab_names_renew(session->conf, session->identity, session->born.process, session->born.pid);
}

void session_kill(struct session *session)
{
    if (session->born.process >= 0)
        syscall(SYS_pidfd_send_signal, session->born.process, SIGKILL, NULL, 0);
}

void session_reap(struct session *session, struct failure *failure_r)
{
    siginfo_t information = {.si_pid = 0};
    if (waitid(P_PIDFD, (id_t)session->born.process, &information, WEXITED) != 0)
        failure_set(failure_r, errno, "lodge-init cannot be waited for");
    else if (information.si_code == CLD_EXITED)
        failure_set(failure_r, 0, "lodge-init ended with status %d", information.si_status);
    else
        failure_set(failure_r, 0, "lodge-init was killed by signal %d%s", information.si_status,
                    information.si_code == CLD_DUMPED ? ", core dumped," : "");
    close_descriptor(&session->born.process);
}

void session_free(struct session **session)
{
    char path[CONF_TEXT_MAX + 64];
    struct session *gone = *session;
    if (gone == NULL)
        return;
    close_descriptor(&gone->channel);
    close_descriptor(&gone->born.process);
    lab_watch_end(&gone->watch);
    if (gone->port_made)
        unlink(port_path(gone, path, sizeof(path)));
    int failed = gone->directory_made ? tree_remove_path(directory_path(gone, path, sizeof(path))) : 0;
    if (failed)
        log_warning(NULL, "not all of %s could be removed: %s", path, strerror(-failed));
    free(gone);
    *session = NULL;
}
