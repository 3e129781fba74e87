/* The one way out of a session, whatever the cause: docs/architecture.md, "Logoff". */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/text.h"
#include "sessionmgr/init.h"

#define LOOK_MS       50
#define KILL_WAIT_MS  2000
#define AGENT_WAIT_MS 2000
#define X_WAIT_MS     2000

struct sweep {
    const struct init *init;
    int signal;
    pid_t above; /* only to those with higher numbers, which came later */
    pid_t highest;
    unsigned count;
};

/* Without a pid namespace: is the process a descendant of this one? Orphans come back here, as this process
 * is their subreaper. */
static bool is_ours(const struct init *init, const struct proc_stat *stat)
{
    struct proc_stat at = *stat;
    if (init->own_pids)
        return true;
    for (unsigned depth = 0; depth < 1024 && at.parent > 1; depth++) {
        if (at.parent == getpid())
            return true;
        if (!proc_stat_of(at.parent, &at))
            return false;
    }
    return false;
}

static bool sweep_one(const struct proc_stat *stat, void *context)
{
    struct sweep *sweep = context;
    const struct init *init = sweep->init;
    if (stat->pid == getpid() || stat->pid == init->x.pid || stat->pid == init->agent.pid ||
        stat->state == 'Z' || stat->state == 'X' || !is_ours(init, stat))
        return true;
    int signal = stat->pid > sweep->above ? sweep->signal : 0;
    if (kill(stat->pid, signal) == 0) {
        sweep->count++;
        if (signal == SIGTERM)
            kill(stat->pid, SIGCONT);
    }
    if (stat->pid > sweep->highest)
        sweep->highest = stat->pid;
    return true;
}

/* Sends `signal` (0: none) to the session's processes but X server and agent. Returns how many there are. */
static unsigned sweep(const struct init *init, int signal)
{
    struct sweep sweep = {.init = init, .signal = signal};
    proc_each(sweep_one, &sweep);
    return sweep.count;
}

/* TERM to those that have not had it: a program that was just starting another one does not leave that behind
 * to wait for the end of the grace time. Returns how many there are. */
static unsigned terminate(struct init *init)
{
    struct sweep sweep = {.init = init, .signal = SIGTERM, .above = init->termed, .highest = init->termed};
    proc_each(sweep_one, &sweep);
    init->termed = sweep.highest;
    return sweep.count;
}

static void tell_agent(struct init *init, unsigned number, const void *body)
{
    if (init->agent_channel < 0)
        return;
    int failed = message_send(init->agent_channel, &sm_protocol, number, body, -1);
    if (failed) {
        errno = -failed;
        log_warning(NULL, "the display agent does not take message %u: %m", number);
    }
}

static void enter_closing(struct init *init)
{
    struct sm_notice notice = {.reason = init->ended.reason};
    memcpy(notice.detail, init->ended.detail, sizeof(notice.detail));
    struct sm_close_windows close_windows = {.grace_ms = (uint32_t)(init->grace_ends - init->phase_began)};
    init->closing_thirds = 2;
    tell_agent(init, SM_NOTICE, &notice);
    tell_agent(init, SM_CLOSE_WINDOWS, &close_windows);
}

static void enter_terminating(struct init *init)
{
    init->termed = 0;
    log_info(NULL, "TERM to %u processes", terminate(init));
}

static void enter_killing(struct init *init)
{
    unsigned count = sweep(init, SIGKILL);
    if (count > 0)
        log_warning(NULL, "KILL to %u processes that did not end in time", count);
}

static void enter_stopping_agent(struct init *init)
{
    loop_timer_stop(init->loop, &init->agent_timer);
    /* The end of the channel comes after what was said on it: the person gets to see the notice. */
    if (init->agent_channel >= 0)
        shutdown(init->agent_channel, SHUT_WR);
    else
        process_signal(&init->agent, SIGTERM);
}

static void enter_stopping_x(struct init *init)
{
    process_signal(&init->agent, SIGKILL);
    process_signal(&init->x, SIGTERM);
}

static void enter_done(struct init *init)
{
    process_signal(&init->x, SIGKILL);
    int failed = message_send(init->channel, &sm_protocol, SM_SESSION_ENDED, &init->ended, -1);
    if (failed) {
        errno = -failed;
        log_warning(NULL, "lodge-logon does not take SESSION_ENDED: %m");
    }
}

static bool is_closed(struct init *init)
{
    return init->windows_closed || init->agent_channel < 0 || sweep(init, 0) == 0;
}

static bool is_terminated(struct init *init)
{
    return terminate(init) == 0;
}

static bool is_swept(struct init *init)
{
    return sweep(init, 0) == 0;
}

static bool is_agent_gone(struct init *init)
{
    return init->agent.pidfd < 0;
}

static bool is_x_gone(struct init *init)
{
    return init->x.pidfd < 0 && init->agent.pidfd < 0;
}

/* The desktop's session manager, if there is one, gets a third of the grace time, and windows another: a
 * program that saves when its window closes must not meet TERM before. */
static int64_t until_closed(const struct init *init)
{
    return init->phase_began + (init->grace_ends - init->phase_began) * init->closing_thirds / 3;
}

static int64_t until_grace(const struct init *init)
{
    return init->grace_ends;
}

static int64_t until_killed(const struct init *init)
{
    return init->phase_began + KILL_WAIT_MS;
}

static int64_t until_agent(const struct init *init)
{
    return init->phase_began + AGENT_WAIT_MS;
}

static int64_t until_x(const struct init *init)
{
    return init->phase_began + X_WAIT_MS;
}

/* What is done on entering a phase, and when the next one begins: when `over`, or at the time `until`. */
static const struct {
    void (*enter)(struct init *init);
    bool (*over)(struct init *init);
    int64_t (*until)(const struct init *init);
} phases[INIT_PHASES] = {
    [INIT_CLOSING] = {enter_closing, is_closed, until_closed},
    [INIT_TERMINATING] = {enter_terminating, is_terminated, until_grace},
    [INIT_KILLING] = {enter_killing, is_swept, until_killed},
    [INIT_STOPPING_AGENT] = {enter_stopping_agent, is_agent_gone, until_agent},
    [INIT_STOPPING_X] = {enter_stopping_x, is_x_gone, until_x},
    [INIT_DONE] = {enter_done, NULL, NULL},
};

static void enter(struct init *init, enum init_phase phase)
{
    init->phase = phase;
    init->phase_began = clock_monotonic_ms();
    phases[phase].enter(init);
}

void logoff_look(struct init *init)
{
    while (init->phase > INIT_UP && init->phase < INIT_DONE &&
           (phases[init->phase].until(init) <= clock_monotonic_ms() || phases[init->phase].over(init)))
        enter(init, init->phase + 1);
    if (init->phase > INIT_UP && init->phase < INIT_DONE)
        loop_timer_set(init->loop, &init->timer, LOOK_MS);
}

void logoff_manager_answered(struct init *init, unsigned answer)
{
    static const char *const answers[SM_MANAGER_ANSWERS] = {
        [SM_MANAGER_ENDED] = "has ended it",
        [SM_MANAGER_CLOSED] = "lets nobody in",
        [SM_MANAGER_REFUSED] = "has called it off",
        [SM_MANAGER_BROKEN] = "went away without an answer",
        [SM_MANAGER_SILENT] = "does not answer in time",
    };
    if (init->phase != INIT_CLOSING || init->manager_answered || answer >= SM_MANAGER_ANSWERS)
        return;
    init->manager_answered = true;
    if (answer == SM_MANAGER_CLOSED && init->desktop.pidfd < 0)
        answer = SM_MANAGER_NONE; /* it has gone with its desktop, and some of its programs have not */
    if (answer == SM_MANAGER_NONE)
        init->closing_thirds = 1;
    else
        event_tell(init, EVENT_DESKTOP_ASKED,
                   "the desktop's session manager was asked to end the session: it %s, after %.1f s",
                   answers[answer], (double)(clock_monotonic_ms() - init->phase_began) / 1000);
    logoff_look(init);
}

void logoff_begin(struct init *init, enum reason reason, const char *detail, uint32_t grace_ms)
{
    int64_t grace_ends = clock_monotonic_ms() + grace_ms;
    if (init->phase > INIT_UP) {
        if (grace_ends < init->grace_ends)
            init->grace_ends = grace_ends;
        logoff_look(init);
        return;
    }
    log_info(NULL, "the session ends: %s", reason_name(reason));
    init->ended = (struct sm_session_ended){.id = init->run.id, .reason = (uint16_t)reason};
    if (detail != NULL)
        text_escape(init->ended.detail, sizeof(init->ended.detail), detail);
    init->grace_ends = grace_ends;
    enter(init, INIT_CLOSING);
    logoff_look(init);
}
