/* Configured subsystems of the session, [SubSystem NAME] with When = session: started one after another
 * between the display agent and the desktop, and again when they end. In a logoff they are as other programs.
 */
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
#include "common/packet.h"
#include "rpc/subsystems.h"
#include "sessionmgr/init.h"

#define READY_MS      30000
#define WINDOW_MS     60000 /* that Restarts counts in */
#define BACK_OFF_MS   100
#define BACK_OFF_MOST 5000

enum state { DOWN, WAITING, STARTING, READY, FAILED };

struct program {
    struct init *init;
    const struct subsystem_line *line;
    char about[CONF_SUBSYSTEM_NAME_MAX + 16];
    enum state state;
    struct process process;
    struct lines lines;
    int ready;
    struct loop_source *ready_source;
    struct loop_timer timer;
    unsigned ends; /* since window_began */
    int64_t window_began;
};

struct programs {
    size_t count, next; /* the one to start or to wait for */
    struct subsystem_line lines[SUBSYSTEMS_MOST];
    struct program all[];
};

bool programs_take(struct init *init, char *error, size_t size)
{
    struct subsystem_line lines[SUBSYSTEMS_MOST];
    int count = subsystems_parse(init->run.subsystems, lines, error, size);
    if (count <= 0)
        return count == 0;
    init->programs = memory_new(sizeof(*init->programs) + (size_t)count * sizeof(init->programs->all[0]));
    memcpy(init->programs->lines, lines, (size_t)count * sizeof(lines[0]));
    init->programs->count = (size_t)count;
    return true;
}

static void forget_ready(struct program *program)
{
    loop_unwatch(&program->ready_source);
    close_descriptor(&program->ready);
}

/* Starts what is next; a required one has to be ready before anything behind it is started. */
static void go_on(struct init *init);

static void became_ready(struct program *program)
{
    forget_ready(program);
    loop_timer_stop(program->init->loop, &program->timer);
    program->state = READY;
    log_info(program->about, "is ready");
}

static void told_ready(void *context, uint32_t events)
{
    (void)events;
    struct program *program = context;
    char byte;
    ssize_t got = read(program->ready, &byte, 1);
    if (got > 0 && program->state == STARTING) {
        became_ready(program);
        go_on(program->init);
    } else if (got >= 0) { /* closed without a word: its deadline goes on */
        forget_ready(program);
    }
}

/* It cannot be kept alive; `how` it ended the last time. */
static void give_up(struct program *program, const char *how)
{
    struct init *init = program->init;
    char detail[SM_DETAIL_ROOM];
    program->state = FAILED;
    snprintf(detail, sizeof(detail), "The subsystem %s ended %u times within %d s; the last time it %s.",
             program->line->name, program->ends, WINDOW_MS / 1000, how);
    log_error(NULL, "%s", detail);
    if (program->line->required)
        logoff_begin(init, init->phase < INIT_UP ? REASON_SESSION_FAILED : REASON_SESSION_DIED, detail,
                     INIT_OWN_GRACE_MS);
}

static void retry(struct program *program, const char *how)
{
    int64_t now = clock_monotonic_ms(), pause = 0;
    if (now - program->window_began > WINDOW_MS) {
        program->window_began = now;
        program->ends = 0;
    }
    if (++program->ends > program->line->restarts) {
        give_up(program, how);
        return;
    }
    for (unsigned i = 1; i < program->ends && pause < BACK_OFF_MOST; i++)
        pause = pause == 0 ? BACK_OFF_MS : 2 * pause;
    program->state = WAITING;
    loop_timer_set(program->init->loop, &program->timer, pause < BACK_OFF_MOST ? pause : BACK_OFF_MOST);
}

static void ended(void *context, uint32_t events)
{
    (void)events;
    struct program *program = context;
    struct init *init = program->init;
    char how[128];
    if (init->phase <= INIT_UP)
        kill(-program->process.pid, SIGKILL); /* what it has left of its process group goes with it */
    process_reap(&program->process);
    process_describe(&program->process, how, sizeof(how));
    process_forget(&program->process);
    forget_ready(program);
    lines_close(&program->lines);
    loop_timer_stop(init->loop, &program->timer);
    if (init->phase > INIT_UP) {
        logoff_look(init);
        return;
    }
    event_tell(init, EVENT_SUBSYSTEM_EXIT, "%s %s", program->line->name, how);
    retry(program, how);
    go_on(init);
}

/* The program's end of the pipe, -1 when it needs none, or another negative errno. */
static int make_ready_pipe(struct program *program)
{
    int pair[2];
    if (!program->line->tells_ready)
        return -1;
    if (pipe2(pair, O_CLOEXEC) != 0)
        return -errno; /* never EPERM, which is -1 */
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    program->ready = pair[0];
    program->ready_source = loop_watch(program->init->loop, pair[0], EPOLLIN, told_ready, program);
    return pair[1];
}

static int run(struct program *program, int ready)
{
    struct init *init = program->init;
    char *command = strdup(program->line->command);
    char *argv[] = {(char *)"sh", (char *)"-c", command, NULL};
    int errors = lines_open(&program->lines, init->loop, program->about, LOG_LEVEL_INFO);
    struct process_plan plan = {.path = "/bin/sh",
                                .argv = argv,
                                .fds = &ready,
                                .fd_count = ready >= 0,
                                .error_fd = errors,
                                .directory = init->run.home};
    int failed = command == NULL ? -ENOMEM : errors < 0 ? errors : 0;
    if (ready >= 0)
        setenv("LODGE_READY_FD", "3", 1);
    if (!failed)
        failed = process_start(&program->process, &plan, init->loop, ended, program);
    unsetenv("LODGE_READY_FD");
    close_descriptor(&errors);
    free(command);
    return failed;
}

static void start(struct program *program)
{
    int ready = make_ready_pipe(program);
    int failed = ready < -1 ? ready : run(program, ready);
    close_descriptor(&ready);
    if (failed) {
        errno = -failed;
        log_error(program->about, "cannot be started: %m");
        forget_ready(program);
        lines_close(&program->lines);
        retry(program, "could not be started");
        return;
    }
    program->state = STARTING;
    if (program->line->tells_ready)
        loop_timer_set(program->init->loop, &program->timer, READY_MS);
    else
        became_ready(program);
}

static void timer_expired(void *context)
{
    struct program *program = context;
    if (program->init->phase > INIT_UP)
        return;
    if (program->state == WAITING) {
        start(program);
        go_on(program->init);
    } else if (program->state == STARTING) {
        log_error(program->about, "did not tell that it is ready within %d s and is killed", READY_MS / 1000);
        process_signal(&program->process, SIGKILL);
    }
}

static void go_on(struct init *init)
{
    struct programs *programs = init->programs;
    for (; init->phase == INIT_PROGRAMS && programs->next < programs->count; programs->next++) {
        struct program *program = &programs->all[programs->next];
        if (program->state == DOWN)
            start(program);
        if (program->line->required && program->state != READY)
            return;
    }
    if (init->phase == INIT_PROGRAMS)
        subsystem_desktop_turn(init);
}

void programs_start(struct init *init)
{
    struct programs *programs = init->programs;
    init->phase = INIT_PROGRAMS;
    if (programs == NULL) {
        subsystem_desktop_turn(init);
        return;
    }
    for (size_t i = 0; i < programs->count; i++) {
        struct program *program = &programs->all[i];
        *program = (struct program){.init = init,
                                    .line = &programs->lines[i],
                                    .process = PROCESS_NONE,
                                    .lines = LINES_NONE,
                                    .ready = -1,
                                    .timer = {.expired = timer_expired, .context = program}};
        snprintf(program->about, sizeof(program->about), "subsystem %s", program->line->name);
    }
    go_on(init);
}

/* Those that were started: before programs_start there is none. */
static bool is_set_up(const struct program *program)
{
    return program->init != NULL;
}

void programs_reap(struct init *init)
{
    for (size_t i = 0; init->programs != NULL && i < init->programs->count; i++) {
        if (is_set_up(&init->programs->all[i]))
            process_reap(&init->programs->all[i].process);
    }
}

void programs_free(struct init *init)
{
    for (size_t i = 0; init->programs != NULL && i < init->programs->count; i++) {
        struct program *program = &init->programs->all[i];
        if (!is_set_up(program))
            continue;
        loop_timer_stop(init->loop, &program->timer);
        process_forget(&program->process);
        forget_ready(program);
        lines_close(&program->lines);
    }
    free(init->programs);
    init->programs = NULL;
}
