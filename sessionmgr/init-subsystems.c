/* The session's own subsystems, in their order: X server, display agent, desktop. Configured ones are started
 * before the desktop. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/packet.h"
#include "common/text.h"
#include "sessionmgr/init.h"

#define AGENT_START_MS       60000
#define AGENT_PAUSE_MS       100
#define DESKTOP_FAILS_WITHIN 60000

void subsystem_x_ready(struct init *init)
{
    if (init->phase != INIT_X)
        return;
    log_info(NULL, "%s is ready after %lld ms", init->run.x_server,
             (long long)(clock_monotonic_ms() - init->phase_began));
    loop_timer_stop(init->loop, &init->timer);
    init->phase = INIT_AGENT;
    subsystem_agent_start(init);
}

void subsystem_x_ended(void *context, uint32_t events)
{
    (void)events;
    struct init *init = context;
    char how[128], detail[SM_DETAIL_ROOM];
    process_reap(&init->x);
    process_describe(&init->x, how, sizeof(how));
    process_forget(&init->x);
    lines_close(&init->x_lines);
    if (init->phase > INIT_UP) {
        logoff_look(init);
        return;
    }
    snprintf(detail, sizeof(detail), "The X server %s %s: %s", init->run.x_server,
             init->phase == INIT_X ? "could not be started" : how,
             init->x_lines.last[0] != '\0' ? init->x_lines.last : how);
    event_tell(init, EVENT_X_SERVER_EXIT, "%s %s", init->run.x_server, how);
    log_error(NULL, "%s", detail);
    logoff_begin(init, init->phase == INIT_X ? REASON_DISPLAY_FAILED : REASON_SESSION_DIED, detail,
                 INIT_OWN_GRACE_MS);
}

static void agent_is_ready(struct init *init)
{
    init->agent_ready = true;
    loop_timer_stop(init->loop, &init->agent_timer);
    log_info(NULL, "the display agent is ready");
    if (init->phase == INIT_AGENT)
        programs_start(init);
}

static void start_desktop(struct init *init);

void subsystem_desktop_turn(struct init *init)
{
    init->phase = INIT_UP;
    struct sm_started started = {.id = init->run.id};
    int failed = message_send(init->channel, &sm_protocol, SM_STARTED, &started, -1);
    if (failed) {
        errno = -failed;
        log_error(NULL, "lodge-logon does not take STARTED: %m");
    }
    start_desktop(init);
}

static void agent_says(void *context, uint32_t events)
{
    (void)events;
    struct init *init = context;
    union sm_body body;
    struct message message;
    const char *problem = "";
    int got =
        message_receive(init->agent_channel, &sm_protocol, SM_AGENT, &body, sizeof(body), &message, &problem);
    if (got == -EAGAIN)
        return;
    if (got == 1 && message.number == SM_READY) {
        agent_is_ready(init);
    } else if (got == 1 && message.number == SM_PONG) {
        heart_answered(init, body.pong.who);
    } else if (got == 1 && message.number == SM_WINDOWS_CLOSED) {
        init->windows_closed = true;
        logoff_look(init);
    } else if (got == 1 && message.number == SM_MANAGER_ANSWER) {
        logoff_manager_answered(init, body.manager_answer.answer);
    } else {
        if (got < 0)
            log_warning(NULL, "the display agent breaks the protocol and is killed: %s", problem);
        loop_unwatch(&init->agent_source);
        close_descriptor(&init->agent_channel);
        if (got < 0)
            process_signal(&init->agent, SIGKILL);
    }
}

/* True while it has been started less often than it may be within the time. */
static bool may_start_again(struct init *init, int64_t now)
{
    unsigned recent = 0;
    for (size_t i = 0; i < INIT_STARTS; i++)
        recent += init->agent_starts[i] != 0 && now - init->agent_starts[i] < INIT_STARTS_MS;
    return recent < INIT_STARTS;
}

static void agent_ended(void *context, uint32_t events)
{
    (void)events;
    struct init *init = context;
    char how[128], detail[SM_DETAIL_ROOM];
    process_reap(&init->agent);
    process_describe(&init->agent, how, sizeof(how));
    process_forget(&init->agent);
    lines_close(&init->agent_lines);
    loop_unwatch(&init->agent_source);
    close_descriptor(&init->agent_channel);
    init->agent_ready = false;
    heart_forget(init);
    loop_timer_stop(init->loop, &init->agent_timer);
    if (init->phase > INIT_UP) {
        logoff_look(init);
        return;
    }
    event_tell(init, EVENT_AGENT_EXIT, "lodge-display %s", how);
    if (may_start_again(init, clock_monotonic_ms())) {
        loop_timer_set(init->loop, &init->agent_timer, init->agent_start_count > 1 ? AGENT_PAUSE_MS : 0);
        return;
    }
    snprintf(detail, sizeof(detail), "The display agent ended %d times within a minute; the last time it %s.",
             INIT_STARTS, how);
    logoff_begin(init, REASON_DISPLAY_FAILED, detail, INIT_OWN_GRACE_MS);
}

static int start_agent(struct init *init, int pair[2])
{
    char path[SM_PATH_ROOM + 32];
    snprintf(path, sizeof(path), "%s/lodge-display", init->run.programs);
    char *argv[] = {path, (char *)"--winstation-fd", (char *)"3", (char *)"--channel-fd", (char *)"4", NULL};
    int fds[] = {init->winstation, pair[1]};
    int errors = lines_open(&init->agent_lines, init->loop, "display", LOG_LEVEL_INFO);
    if (errors < 0)
        return errors;
    struct process_plan plan = {
        .path = path, .argv = argv, .fds = fds, .fd_count = 2, .error_fd = errors, .directory = "/"};
    int failed = process_start(&init->agent, &plan, init->loop, agent_ended, init);
    close(errors);
    if (failed)
        lines_close(&init->agent_lines);
    return failed;
}

void subsystem_agent_start(struct init *init)
{
    int pair[2];
    init->agent_starts[init->agent_start_count++ % INIT_STARTS] = clock_monotonic_ms();
    int failed = packet_pair(pair);
    if (!failed) {
        failed = start_agent(init, pair);
        close(pair[1]);
        if (failed)
            close(pair[0]);
    }
    if (failed) {
        logoff_begin(init, REASON_DISPLAY_FAILED, strerror(-failed), INIT_OWN_GRACE_MS);
        return;
    }
    init->agent_channel = pair[0];
    init->agent_source = loop_watch(init->loop, pair[0], EPOLLIN, agent_says, init);
    loop_timer_set(init->loop, &init->agent_timer, AGENT_START_MS);
}

/* Reads a file that is the user's, and so might be anything. */
static ssize_t read_users_file(const char *path, char *text, size_t size)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    bool regular = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    ssize_t got = regular ? read(fd, text, size - 1) : -1;
    close_descriptor(&fd);
    text[got > 0 ? got : 0] = '\0';
    return got;
}

/* The command that lodge-session chose, as it wrote it down; else what is configured. */
static const char *desktop_command(const struct init *init, char *text, size_t size)
{
    char path[PROC_PATH_ROOM + 16], command[256];
    snprintf(path, sizeof(path), "%s/desktop", init->objects);
    if (read_users_file(path, command, sizeof(command)) <= 0)
        snprintf(command, sizeof(command), "%s",
                 init->run.desktop[0] != '\0' ? init->run.desktop : "lodge-session");
    command[strcspn(command, "\n")] = '\0';
    return text_escape(text, size, command);
}

static void desktop_ended(void *context, uint32_t events)
{
    (void)events;
    struct init *init = context;
    char how[128], command[256], detail[SM_DETAIL_ROOM];
    process_reap(&init->desktop);
    int status = init->desktop.status;
    process_describe(&init->desktop, how, sizeof(how));
    process_forget(&init->desktop);
    event_tell(init, EVENT_DESKTOP_EXIT, "%s %s", desktop_command(init, command, sizeof(command)), how);
    if (init->phase > INIT_UP) {
        logoff_look(init);
        return;
    }
    bool failed =
        status != -1 && WIFEXITED(status) && (WEXITSTATUS(status) == 127 || WEXITSTATUS(status) == 126);
    if (failed && clock_monotonic_ms() - init->desktop_started < DESKTOP_FAILS_WITHIN) {
        snprintf(detail, sizeof(detail), "The desktop command \"%s\" %s (exit status %d).",
                 desktop_command(init, command, sizeof(command)),
                 WEXITSTATUS(status) == 127 ? "was not found" : "could not be executed", WEXITSTATUS(status));
        log_error(NULL, "%s", detail);
        logoff_begin(init, REASON_DESKTOP_FAILED, detail, INIT_OWN_GRACE_MS);
        return;
    }
    logoff_begin(init, REASON_LOGOFF, NULL, INIT_OWN_GRACE_MS);
}

/* Its output is its own affair: lodge-session finds a file for it. */
static void start_desktop(struct init *init)
{
    char path[SM_PATH_ROOM + 32], chosen[PROC_PATH_ROOM + 16];
    snprintf(path, sizeof(path), "%s/lodge-session", init->run.programs);
    snprintf(chosen, sizeof(chosen), "%s/desktop", init->objects);
    unlink(chosen);
    char *argv[] = {path, init->run.desktop, init->run.fallback_desktop, NULL};
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC), failed = -errno;
    struct process_plan plan = {.path = path, .argv = argv, .error_fd = nowhere, .directory = init->run.home};
    init->desktop_started = clock_monotonic_ms();
    if (nowhere >= 0)
        failed = process_start(&init->desktop, &plan, init->loop, desktop_ended, init);
    close_descriptor(&nowhere);
    if (failed)
        logoff_begin(init, REASON_DESKTOP_FAILED, strerror(-failed), INIT_OWN_GRACE_MS);
}
