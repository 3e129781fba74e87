/* lodge-init: the first process of a session. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/packet.h"
#include "common/text.h"
#include "sessionmgr/init.h"

#define RUN_MS 30000

static void usage(FILE *file)
{
    fprintf(file, "Usage: lodge-init --channel-fd FD --winstation-fd FD\n"
                  "The first process of a Lodge session; lodge-logon starts it.\n\n"
                  "  --channel-fd FD     the socket pair with lodge-logon\n"
                  "  --winstation-fd FD  the session's listening winstation port\n"
                  "  --help              this text\n"
                  "  --version           the version\n");
}

/* Returns -1 to go on, or the exit status. */
static int take_arguments(int argc, char **argv, struct init *init)
{
    for (int i = 1; i < argc; i++) {
        long number;
        int *fd = strcmp(argv[i], "--channel-fd") == 0      ? &init->channel
                  : strcmp(argv[i], "--winstation-fd") == 0 ? &init->winstation
                                                            : NULL;
        if (fd != NULL && i + 1 < argc && text_number(argv[i + 1], 3, 1000, &number)) {
            *fd = (int)number;
            i++;
        } else if (strcmp(argv[i], "--help") == 0) {
            usage(stdout);
            return 0;
        } else if (strcmp(argv[i], "--version") == 0) {
            puts("lodge-init " LODGE_VERSION);
            return 0;
        } else {
            fprintf(stderr, "lodge-init: \"%s\" is not understood\n", argv[i]);
            usage(stderr);
            return 2;
        }
    }
    return init->channel >= 0 && init->winstation >= 0 ? -1 : (usage(stderr), 2);
}

/* Keeps the two descriptors, neither for children, and closes whatever else came along. */
static bool keep_descriptors(struct init *init)
{
    int channel = fcntl(init->channel, F_DUPFD_CLOEXEC, 100);
    int winstation = fcntl(init->winstation, F_DUPFD_CLOEXEC, 100);
    if (channel < 0 || winstation < 0)
        return false;
    close_range(3, 99, 0);
    close_range((unsigned)(channel > winstation ? channel : winstation) + 1, ~0U, 0);
    init->channel = channel;
    init->winstation = winstation;
    return true;
}

static bool is_sane(const struct sm_run *run)
{
    return run->id != 0 && run->user[0] != '\0' && run->home[0] == '/' && run->programs[0] == '/' &&
           run->width >= 1 && run->width <= 16384 && run->height >= 1 && run->height <= 16384;
}

/* Waits for RUN, the only message that may come first. */
static bool receive_run(struct init *init)
{
    union sm_body body;
    struct message message;
    const char *problem = "";
    struct pollfd wait = {.fd = init->channel, .events = POLLIN};
    if (poll(&wait, 1, RUN_MS) <= 0) {
        log_error(NULL, "no RUN came within %d s", RUN_MS / 1000);
        return false;
    }
    int got = message_receive(init->channel, &sm_protocol, SM_LOGON, &body, sizeof(body), &message, &problem);
    if (got != 1 || message.number != SM_RUN || !is_sane(&body.run)) {
        log_error(NULL, "what came instead of a good RUN: %s", got == 1 ? message.type->name : problem);
        return false;
    }
    init->run = body.run;
    char error[128];
    if (programs_take(init, error, sizeof(error)))
        return true;
    log_error(NULL, "RUN is not good: %s", error);
    return false;
}

/* RUN/sessions/ID, from the name of the winstation port: RUN/winstation/ID.port. */
static bool find_objects(struct init *init)
{
    struct sockaddr_un name = {0};
    socklen_t size = sizeof(name) - 1;
    if (getsockname(init->winstation, (struct sockaddr *)&name, &size) != 0 || name.sun_path[0] != '/')
        return false;
    for (int i = 0; i < 2; i++) {
        char *slash = strrchr(name.sun_path, '/');
        if (slash == NULL || slash == name.sun_path)
            return false;
        *slash = '\0';
    }
    snprintf(init->objects, sizeof(init->objects), "%s/sessions/%u", name.sun_path, init->run.id);
    return true;
}

static void logon_says(void *context, uint32_t events)
{
    (void)events;
    struct init *init = context;
    union sm_body body;
    struct message message;
    const char *problem = "";
    int got = message_receive(init->channel, &sm_protocol, SM_LOGON, &body, sizeof(body), &message, &problem);
    if (got == -EAGAIN)
        return;
    if (got == 1 && message.number == SM_SESSION_END) {
        logoff_begin(init, body.session_end.reason, NULL, body.session_end.grace_ms);
        return;
    }
    if (got == 1 && message.number == SM_PING) {
        heart_asked(init, body.ping.seconds);
        return;
    }
    log_error(NULL, "lodge-logon is gone or breaks the protocol: the session ends at once");
    _exit(1);
}

static void signalled(void *context, uint32_t events)
{
    (void)events;
    struct init *init = context;
    struct signalfd_siginfo info;
    while (read(init->signals, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGTERM)
            logoff_begin(init, info.ssi_uid == getuid() ? REASON_LOGOFF : REASON_LOGOFF_ADMIN, NULL,
                         INIT_OWN_GRACE_MS);
    }
    process_reap(&init->x);
    process_reap(&init->agent);
    process_reap(&init->desktop);
    programs_reap(init);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    logoff_look(init);
}

/* Every other signal that can be ignored is: the first process of a session dies of nothing but KILL. */
static void watch_signals(struct init *init)
{
    static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_SETMASK, &set, NULL);
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        signal(ignored[i], SIG_IGN);
    init->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (init->signals < 0)
        abort();
    init->signals_source = loop_watch(init->loop, init->signals, EPOLLIN, signalled, init);
}

static void phase_timer(void *context)
{
    struct init *init = context;
    if (init->phase > INIT_UP) {
        logoff_look(init);
        return;
    }
    log_error(NULL, "the X server is not ready in time and is killed");
    process_signal(&init->x, SIGKILL);
}

static void agent_timer(void *context)
{
    struct init *init = context;
    if (init->agent.pidfd < 0) {
        if (init->phase <= INIT_UP)
            subsystem_agent_start(init);
        return;
    }
    log_error(NULL, "the display agent is not ready in time and is killed");
    process_signal(&init->agent, SIGKILL);
}

/* True when /proc shows the namespace that this process is the first of. */
static bool has_own_pids(void)
{
    char link[16] = "";
    return getpid() == 1 && readlink("/proc/self", link, sizeof(link) - 1) > 0 && strcmp(link, "1") == 0;
}

static void release(struct init *init)
{
    struct process *processes[] = {&init->x, &init->agent, &init->desktop};
    struct loop_source **sources[] = {&init->channel_source, &init->signals_source, &init->x_ready_source,
                                      &init->agent_source};
    for (size_t i = 0; i < sizeof(processes) / sizeof(processes[0]); i++)
        process_forget(processes[i]);
    programs_free(init);
    lines_close(&init->x_lines);
    lines_close(&init->agent_lines);
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
        loop_unwatch(sources[i]);
    loop_free(init->loop);
}

static int run(struct init *init)
{
    if (!receive_run(init) || !find_objects(init) || !user_become(&init->run, init->channel) ||
        !user_environment(&init->run, init->objects))
        return 1;
    devices_offer(init->objects);
    init->own_pids = has_own_pids();
    if (!init->own_pids && prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        return 1;
    init->loop = loop_new();
    init->timer = (struct loop_timer){.expired = phase_timer, .context = init};
    init->agent_timer = (struct loop_timer){.expired = agent_timer, .context = init};
    heart_init(init);
    watch_signals(init);
    init->channel_source = loop_watch(init->loop, init->channel, EPOLLIN, logon_says, init);
    init->phase_began = clock_monotonic_ms();
    x_server_start(init);
    while (init->phase != INIT_DONE)
        loop_turn(init->loop);
    release(init);
    return 0;
}

int main(int argc, char **argv)
{
    struct init *init = memory_new(sizeof(*init));
    *init = (struct init){.channel = -1,
                          .winstation = -1,
                          .signals = -1,
                          .x = PROCESS_NONE,
                          .agent = PROCESS_NONE,
                          .desktop = PROCESS_NONE,
                          .x_ready = -1,
                          .x_lines = LINES_NONE,
                          .agent_lines = LINES_NONE,
                          .agent_channel = -1};
    int status = take_arguments(argc, argv, init);
    if (status < 0) {
        log_start("lodge-init", LOG_LEVEL_INFO);
        status = keep_descriptors(init) ? run(init) : 1;
    }
    free(init);
    return status;
}
