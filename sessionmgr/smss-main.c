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
#include "common/text.h"
#include "sessionmgr/smss.h"

#define EXIT_SERVICE_FAILED 3 /* the same number is in the unit for systemd */

static void usage(FILE *file)
{
    fprintf(file,
            "Usage: lodge-smss [--config FILE]\n"
            "Runs the Lodge terminal server in the foreground until SIGTERM or SIGINT, which ends every\n"
            "session first; the same signal again is faster. SIGHUP has the configuration read anew,\n"
            "SIGUSR2 has it become the program that lies in its place now, with all sessions.\n\n"
            "  --config FILE  the configuration (" CONF_DEFAULT_FILE ")\n"
            "  --check        whether this program and those beside it could take over\n"
            "  --help         this text\n"
            "  --version      the version\n");
}

struct arguments {
    const char *config, *upgrade_from, *upgrade_failed;
    long display, previous; /* descriptors, -1: none */
    bool check;
};

/* Returns -1 to go on, or the exit status. */
static int take_arguments(int argc, char **argv, struct arguments *arguments_r)
{
    const struct {
        const char *name, **text;
        long *number;
    } options[] = {
        {"--config", &arguments_r->config, NULL},
        {"--upgrade-from", &arguments_r->upgrade_from, NULL},
        {"--upgrade-failed", &arguments_r->upgrade_failed, NULL},
        {"--display-fd", NULL, &arguments_r->display},
        {"--previous-fd", NULL, &arguments_r->previous},
    };
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            usage(stdout);
            return 0;
        }
        if (strcmp(argv[i], "--version") == 0) {
            puts("lodge-smss " LODGE_VERSION);
            return 0;
        }
        bool known = strcmp(argv[i], "--check") == 0;
        arguments_r->check |= known;
        for (size_t j = 0; !known && i + 1 < argc && j < sizeof(options) / sizeof(options[0]); j++) {
            if (strcmp(argv[i], options[j].name) != 0)
                continue;
            i++;
            known = options[j].text != NULL || text_number(argv[i], -1, 1 << 20, options[j].number);
            if (options[j].text != NULL)
                *options[j].text = argv[i];
        }
        if (known)
            continue;
        fprintf(stderr, "lodge-smss: \"%s\" is not understood\n", argv[i]);
        usage(stderr);
        return 2;
    }
    return -1;
}

/* Closes what it was not to get. From another lodge-smss it gets nothing but what is named. */
static void close_others(const struct arguments *arguments)
{
    const long kept[] = {arguments->display, arguments->previous};
    bool any = false;
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        any |= kept[i] >= 3 && fcntl((int)kept[i], F_SETFD, FD_CLOEXEC) == 0;
    if (!any)
        close_range(3, ~0U, 0);
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
    process_reap(&smss->upgrade.check);
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
        else if (info.ssi_signo == SIGUSR2)
            upgrade_begin(smss, "SIGUSR2", false);
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
    sigaddset(&set, SIGUSR2);
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
    upgrade_init(smss);
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
    notify_watchdog_start(smss);
    while (smss->phase != SMSS_STOPPED)
        loop_turn(smss->loop);
    while (smss->peers != NULL)
        peer_close(smss, smss->peers);
    while (smss->logons != NULL)
        logon_free(smss->logons);
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

/* How it was started by another lodge-smss, which it goes on for. */
static void take_upgrade(struct smss *smss, const struct arguments *arguments)
{
    smss->display_socket = (int)arguments->display;
    smss->upgrade.previous = (int)arguments->previous;
    smss->upgrade.back = arguments->upgrade_failed != NULL;
    smss->upgrade.from = smss->upgrade.back ? arguments->upgrade_failed : arguments->upgrade_from;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.config = CONF_DEFAULT_FILE, .display = -1, .previous = -1};
    umask(022);
    int status = take_arguments(argc, argv, &arguments);
    if (status >= 0)
        return status;
    close_others(&arguments);
    make_terminal_write_only();
    log_start("lodge-smss", LOG_LEVEL_INFO);
    struct smss *smss = memory_new(sizeof(*smss));
    steps_start(&smss->steps);
    smss->lock = smss->sm_port = smss->signals = smss->cgroup.fd = -1;
    take_upgrade(smss, &arguments);
    raise_file_limit(smss);
    status = 1;
    if (prepare(smss, arguments.config))
        status = arguments.check ? upgrade_check(smss->programs, smss->conf_path) : run(smss);
    if (status != 0)
        upgrade_roll_back(smss);
    event_forget_all(smss);
    loop_unwatch(&smss->sm_source);
    loop_unwatch(&smss->signals_source);
    loop_free(smss->loop);
    if (smss->conf_path != arguments.config)
        free((char *)smss->conf_path);
    free(smss->policy);
    free(smss);
    return status;
}
