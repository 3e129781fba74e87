/* lodge-smss: the Session Manager Subsystem. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "sessionmgr/smss.h"

#define EXIT_SERVICE_FAILED 3 /* the same number is in the unit for systemd */

static void usage(FILE *file)
{
    fprintf(file,
            "Usage: lodge-smss [--config FILE]\n"
            "Runs the Lodge terminal server in the foreground until SIGTERM or SIGINT, which ends every\n"
            "session first; the same signal again is faster. SIGHUP has the configuration read anew.\n\n"
            "  --config FILE  the configuration (" CONF_DEFAULT_FILE ")\n"
            "  --help         this text\n"
            "  --version      the version\n");
}

/* Returns -1 to go on, or the exit status. */
static int take_arguments(int argc, char **argv, const char **conf_path_r)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            usage(stdout);
            return 0;
        }
        if (strcmp(argv[i], "--version") == 0) {
            puts("lodge-smss " LODGE_VERSION);
            return 0;
        }
        if (strcmp(argv[i], "--config") == 0 && i + 1 < argc) {
            *conf_path_r = argv[++i];
            continue;
        }
        fprintf(stderr, "lodge-smss: \"%s\" is not understood\n", argv[i]);
        usage(stderr);
        return 2;
    }
    return -1;
}

static bool find_programs(struct smss *smss)
{
    ssize_t length = readlink("/proc/self/exe", smss->programs, sizeof(smss->programs) - 1);
    if (length <= 0)
        return false;
    smss->programs[length] = '\0';
    char *slash = strrchr(smss->programs, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    return true;
}

/* Reaps those that are watched, each into its object, and then any other child: orphans of a session when
 * this is a container's first process. */
static void reap(struct smss *smss)
{
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        process_reap(&smss->services[i].process);
    for (struct logon *logon = smss->logons; logon != NULL; logon = logon->next)
        process_reap(&logon->process);
    process_reap(&smss->bootwork.process);
    subsystems_reap(smss);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

static void signalled(void *context, uint32_t events)
{
    (void)events;
    struct smss *smss = context;
    struct signalfd_siginfo info;
    while (read(smss->signals, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGCHLD)
            reap(smss);
        else if (info.ssi_signo == SIGHUP) /* what can be changed now is the broker's */
            process_signal(&smss->services[SERVICE_BROKER].process, SIGHUP);
        else
            shutdown_signalled(smss);
    }
}

static void watch_signals(struct smss *smss)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_SETMASK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    smss->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (smss->signals < 0)
        abort();
    smss->signals_source = loop_watch(smss->loop, smss->signals, EPOLLIN, signalled, smss);
}

/* Three descriptors a session: more than the usual soft limit allows. */
static void raise_file_limit(struct smss *smss)
{
    if (getrlimit(RLIMIT_NOFILE, &smss->files) != 0)
        return;
    struct rlimit most = {smss->files.rlim_max, smss->files.rlim_max};
    setrlimit(RLIMIT_NOFILE, &most);
}

static int run(struct smss *smss)
{
    smss->loop = loop_new();
    service_init(smss);
    bootwork_init(smss);
    if (!boot_prepare(smss))
        return 1;
    watch_signals(smss);
    smss->sm_source = loop_watch(smss->loop, smss->sm_port, EPOLLIN, peer_accept, smss);
    service_open_logs(smss);
    if (!phase_begin(smss)) {
        service_close_logs(smss);
        boot_undo(smss, false);
        return 1;
    }
    liveness_start(smss);
    while (smss->phase != SMSS_STOPPED)
        loop_turn(smss->loop);
    while (smss->peers != NULL)
        peer_close(smss, smss->peers);
    while (smss->logons != NULL)
        logon_free(smss->logons);
    loop_unwatch(&smss->sm_source);
    loop_unwatch(&smss->signals_source);
    while (smss->sessions != NULL)
        session_forget(smss->sessions);
    subsystems_end(smss);
    service_close_logs(smss);
    boot_undo(smss, true);
    shutdown_act(smss);
    log_info(NULL, "stopped");
    if (smss->steps.stopped)
        return 1;
    return smss->failed ? EXIT_SERVICE_FAILED : 0;
}

/* Reads the configuration and what this program is. Returns false after a log line. */
static bool prepare(struct smss *smss, const char *conf_path)
{
    char error[512];
    char *absolute = realpath(conf_path, NULL);
    smss->conf_path = absolute != NULL ? absolute : conf_path;
    if (!conf_load(&smss->conf, smss->conf_path, error, sizeof(error))) {
        log_error(NULL, "%s", error);
        return false;
    }
    log_start("lodge-smss", (enum log_level)smss->conf.log_level);
    if (geteuid() != 0 || !find_programs(smss)) {
        log_error(NULL, "must be started as root, with /proc mounted");
        return false;
    }
    return true;
}

/* What smss starts writes where it does, and is not root for long: on a terminal nobody is to read there what
 * is typed. */
static void make_terminal_write_only(void)
{
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
        char path[32];
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        int only = isatty(fd) ? open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC) : -1;
        if (only >= 0 && only != fd)
            dup2(only, fd);
        close_descriptor(&only);
    }
}

int main(int argc, char **argv)
{
    const char *conf_path = CONF_DEFAULT_FILE;
    close_range(3, ~0U, 0);
    umask(022);
    int status = take_arguments(argc, argv, &conf_path);
    if (status >= 0)
        return status;
    make_terminal_write_only();
    log_start("lodge-smss", LOG_LEVEL_INFO);
    struct smss *smss = memory_new(sizeof(*smss));
    steps_start(&smss->steps);
    smss->lock = smss->display_socket = smss->sm_port = smss->signals = smss->cgroup.fd = -1;
    status = 1;
    if (prepare(smss, conf_path)) {
        raise_file_limit(smss);
        status = run(smss);
    }
    event_forget_all(smss);
    loop_unwatch(&smss->sm_source);
    loop_unwatch(&smss->signals_source);
    loop_free(smss->loop);
    if (smss->conf_path != conf_path)
        free((char *)smss->conf_path);
    free(smss);
    return status;
}
