/* Configured subsystems of session 0: programs of others, started in order before Lodge's services, started
 * again when they end, and ended after these in the reverse order. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/conf-items.h"
#include "common/log.h"
#include "common/reason.h"
#include "common/text.h"
#include "sessionmgr/smss.h"

#define READY_MS      30000
#define STOP_MS       5000
#define LOOK_MS       20
#define WINDOW_MS     60000 /* that Restarts counts in */
#define BACK_OFF_MOST 5000
#define ABOUT_ROOM    (CONF_SUBSYSTEM_NAME_MAX + 16)

static const char *const state_names[] = {
    [SUBSYSTEM_DOWN] = "down",   [SUBSYSTEM_WAITING] = "waiting",   [SUBSYSTEM_STARTING] = "starting",
    [SUBSYSTEM_READY] = "ready", [SUBSYSTEM_STOPPING] = "stopping", [SUBSYSTEM_FAILED] = "failed"};

struct subsystem {
    struct smss *smss;
    char name[CONF_SUBSYSTEM_NAME_MAX + 1], about[ABOUT_ROOM], group[ABOUT_ROOM], user[33];
    char *command;
    long order, restarts;
    bool critical, tells_ready, deferred;
    bool asked; /* the broker is to be told how its start ends */
    enum subsystem_state state;
    struct process process;
    struct lines lines;
    int ready;
    struct loop_source *ready_source;
    struct loop_timer timer;
    unsigned ends; /* since window_began */
    int64_t window_began;
    struct subsystem *next;
};

/* What lodgectl subsystem list reads. */
static void save(const struct smss *smss)
{
    char path[CONF_TEXT_MAX + 32], fresh[CONF_TEXT_MAX + 36];
    conf_run_path(&smss->conf, "subsystems", path, sizeof(path));
    snprintf(fresh, sizeof(fresh), "%s.new", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    bool ok = fd >= 0;
    for (const struct subsystem *at = smss->subsystems; ok && at != NULL; at = at->next)
        ok = dprintf(fd, "%s %s %d %ld %s %s\n", at->name, state_names[at->state], (int)at->process.pid,
                     at->order, at->user[0] != '\0' ? at->user : "root", at->critical ? "critical" : "-") > 0;
    if (!ok || rename(fresh, path) != 0)
        log_warning(path, "cannot be written: %m");
    close_descriptor(&fd);
}

static void enter(struct subsystem *subsystem, enum subsystem_state state)
{
    subsystem->state = state;
    save(subsystem->smss);
}

static void go_on(struct smss *smss);

static void forget_ready(struct subsystem *subsystem)
{
    loop_unwatch(&subsystem->ready_source);
    close_descriptor(&subsystem->ready);
}

static void tell_loaded(struct subsystem *subsystem, enum reason reason, const char *detail)
{
    struct smss *smss = subsystem->smss;
    struct sm_subsystem_loaded loaded = {.reason = (uint16_t)reason};
    if (!subsystem->asked)
        return;
    subsystem->asked = false;
    text_copy(loaded.name, sizeof(loaded.name), subsystem->name);
    text_escape(loaded.detail, sizeof(loaded.detail), detail);
    peer_send(smss, smss->services[SERVICE_BROKER].peer, SM_SUBSYSTEM_LOADED, &loaded);
}

static void became_ready(struct subsystem *subsystem)
{
    forget_ready(subsystem);
    loop_timer_stop(subsystem->smss->loop, &subsystem->timer);
    enter(subsystem, SUBSYSTEM_READY);
    log_info(subsystem->about, "is ready, as process %d", (int)subsystem->process.pid);
    tell_loaded(subsystem, REASON_NONE, "");
    go_on(subsystem->smss);
}

static void told_ready(void *context, uint32_t events)
{
    (void)events;
    struct subsystem *subsystem = context;
    char byte;
    ssize_t got = read(subsystem->ready, &byte, 1);
    if (got > 0 && subsystem->state == SUBSYSTEM_STARTING) /* it may say so when it is being ended */
        became_ready(subsystem);
    else if (got >= 0) /* closed without a word: its deadline goes on */
        forget_ready(subsystem);
}

static void start(struct subsystem *subsystem);

/* It cannot be kept alive. */
static void give_up(struct subsystem *subsystem)
{
    struct smss *smss = subsystem->smss;
    enter(subsystem, SUBSYSTEM_FAILED);
    event_tell(smss, EVENT_SERVICE_FAILED, 0, "subsystem %s ended %u times within %d s: %s", subsystem->name,
               subsystem->ends, WINDOW_MS / 1000,
               subsystem->critical ? "the server shuts down" : "it is left as it is");
    if (!subsystem->critical || smss->phase != SMSS_SERVING)
        return;
    smss->failed = true;
    shutdown_asked(smss, &(struct sm_shutdown){.action = SM_STOP,
                                               .reason = "a critical subsystem cannot be kept alive"});
}

static void retry(struct subsystem *subsystem)
{
    int64_t now = clock_monotonic_ms(), pause = 0;
    if (now - subsystem->window_began > WINDOW_MS) {
        subsystem->window_began = now;
        subsystem->ends = 0;
    }
    if (++subsystem->ends > (unsigned)subsystem->restarts) {
        give_up(subsystem);
        return;
    }
    if (subsystem->ends > 1)
        pause = INT64_C(100) << (subsystem->ends < 8 ? subsystem->ends - 2 : 6);
    enter(subsystem, SUBSYSTEM_WAITING);
    loop_timer_set(subsystem->smss->loop, &subsystem->timer, pause < BACK_OFF_MOST ? pause : BACK_OFF_MOST);
}

static void ended(void *context, uint32_t events)
{
    (void)events;
    struct subsystem *subsystem = context;
    struct smss *smss = subsystem->smss;
    char how[128];
    process_reap(&subsystem->process);
    process_describe(&subsystem->process, how, sizeof(how));
    pid_t pid = subsystem->process.pid;
    process_forget(&subsystem->process);
    forget_ready(subsystem);
    lines_close(&subsystem->lines);
    loop_timer_stop(smss->loop, &subsystem->timer);
    cgroup_kill(&smss->cgroup, subsystem->group); /* what it has left goes with it */
    if (subsystem->state == SUBSYSTEM_STOPPING) {
        enter(subsystem, SUBSYSTEM_DOWN);
        return;
    }
    event_tell(smss, EVENT_SERVICE_EXIT, 0, "subsystem %s, process %d, %s", subsystem->name, (int)pid, how);
    tell_loaded(subsystem, REASON_INTERNAL, how);
    retry(subsystem);
    go_on(smss);
}

/* Its end of the pipe, or -1. */
static int make_ready_pipe(struct subsystem *subsystem)
{
    int pair[2] = {-1, -1};
    if (!subsystem->tells_ready)
        return -1;
    if (pipe2(pair, O_CLOEXEC) != 0)
        return -errno;
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    subsystem->ready = pair[0];
    subsystem->ready_source = loop_watch(subsystem->smss->loop, pair[0], EPOLLIN, told_ready, subsystem);
    return pair[1];
}

static int run(struct subsystem *subsystem, int ready)
{
    struct smss *smss = subsystem->smss;
    char *own[] = {(char *)"LODGE_READY_FD=3", NULL};
    char **environment = conf_environment_merge(smss->environment, ready >= 0 ? own : NULL);
    char *argv[] = {(char *)"sh", (char *)"-c", subsystem->command, NULL};
    int errors = lines_open(&subsystem->lines, smss->loop, subsystem->about, LOG_LEVEL_INFO);
    struct process_plan plan = {.path = "/bin/sh",
                                .argv = argv,
                                .environment = environment,
                                .fds = &ready,
                                .fd_count = ready >= 0,
                                .error_fd = errors,
                                .directory = "/",
                                .files = &smss->files,
                                .user = subsystem->user[0] != '\0' ? subsystem->user : NULL,
                                .cgroup = &smss->cgroup,
                                .group = subsystem->group};
    int failed = errors < 0 ? errors : cgroup_make(&smss->cgroup, subsystem->group);
    if (!failed)
        failed = process_start(&subsystem->process, &plan, smss->loop, ended, subsystem);
    close_descriptor(&errors);
    conf_environment_free(environment);
    return failed;
}

static void start(struct subsystem *subsystem)
{
    int ready = make_ready_pipe(subsystem);
    int failed = run(subsystem, ready);
    close_descriptor(&ready);
    if (failed) {
        errno = -failed;
        log_error(subsystem->about, "cannot be started: %m");
        tell_loaded(subsystem, REASON_INTERNAL, strerror(-failed));
        forget_ready(subsystem);
        lines_close(&subsystem->lines);
        retry(subsystem);
        go_on(subsystem->smss);
        return;
    }
    enter(subsystem, SUBSYSTEM_STARTING);
    if (subsystem->tells_ready)
        loop_timer_set(subsystem->smss->loop, &subsystem->timer, READY_MS);
    else
        became_ready(subsystem);
}

static void timer_expired(void *context)
{
    struct subsystem *subsystem = context;
    if (subsystem->state == SUBSYSTEM_WAITING) {
        start(subsystem);
    } else if (subsystem->state == SUBSYSTEM_STARTING) {
        log_error(subsystem->about, "did not tell that it is ready within %d s and is killed",
                  READY_MS / 1000);
        process_signal(&subsystem->process, SIGKILL);
    }
}

static void insert(struct smss *smss, struct subsystem *subsystem)
{
    struct subsystem **at = &smss->subsystems;
    while (*at != NULL && (*at)->order <= subsystem->order)
        at = &(*at)->next;
    subsystem->next = *at;
    *at = subsystem;
}

/* Returns false, with a sentence in `problem`. */
static bool add(struct smss *smss, const struct conf_items *items, const char *name, bool deferred,
                char *problem, size_t size)
{
    struct conf_subsystem found;
    for (const struct subsystem *at = smss->subsystems; at != NULL; at = at->next) {
        if (strcasecmp(at->name, name) == 0)
            return true;
    }
    if (!conf_subsystem_find(items, name, &found) || strlen(name) > CONF_SUBSYSTEM_NAME_MAX) {
        snprintf(problem, size, "%.64s has no section [SubSystem] with a Command", name);
        return false;
    }
    if (found.in_sessions) /* lodge-logon's affair */
        return true;
    struct subsystem *subsystem = memory_new(sizeof(*subsystem));
    *subsystem = (struct subsystem){.smss = smss,
                                    .order = found.order,
                                    .restarts = found.restarts,
                                    .critical = found.critical,
                                    .tells_ready = found.ready,
                                    .deferred = deferred,
                                    .process = PROCESS_NONE,
                                    .lines = LINES_NONE,
                                    .ready = -1};
    text_copy(subsystem->name, sizeof(subsystem->name), name);
    snprintf(subsystem->about, sizeof(subsystem->about), "subsystem %s", name);
    snprintf(subsystem->group, sizeof(subsystem->group), "subsystem-%s", name);
    subsystem->timer = (struct loop_timer){.expired = timer_expired, .context = subsystem};
    subsystem->command = strdup(found.command);
    insert(smss, subsystem);
    if (found.user == NULL)
        return true;
    if (text_copy(subsystem->user, sizeof(subsystem->user), found.user) && getpwnam(found.user) != NULL)
        return true;
    snprintf(problem, size, "%s is to run as \"%.64s\", and there is no such account", name, found.user);
    subsystem->state = SUBSYSTEM_FAILED;
    return false;
}

static void load_all(struct smss *smss, char *problem, size_t size)
{
    const char *const lists[] = {smss->conf.required_subsystems, smss->conf.optional_subsystems};
    struct conf_items items;
    if (!conf_load_items(&items, smss->conf_path, problem, size))
        return;
    for (size_t i = 0; i < 2; i++) {
        char names[CONF_TEXT_MAX + 1], *at = names, *name;
        text_copy(names, sizeof(names), lists[i]);
        while ((name = strsep(&at, " \t,")) != NULL) {
            if (name[0] != '\0')
                add(smss, &items, name, i == 1, problem, size);
        }
    }
    conf_items_free(&items);
}

/* The boot's step is over: each was started, and is ready or has failed at least once. */
static void finish(struct smss *smss)
{
    struct subsystem_boot *boot = &smss->subsystem_boot;
    struct step step = {.start_us = boot->start_us, .end_us = steps_now_us(), .name = "SubSystems"};
    unsigned count = 0;
    boot->goes_on = false;
    for (const struct subsystem *at = smss->subsystems; at != NULL; at = at->next) {
        count += !at->deferred;
        if (!at->deferred && at->state != SUBSYSTEM_READY && boot->problem[0] == '\0')
            snprintf(boot->problem, sizeof(boot->problem), "%s is %s", at->name, state_names[at->state]);
    }
    bool failed = boot->problem[0] != '\0';
    text_copy(step.result, sizeof(step.result),
              failed      ? steps_failure(smss->conf.on_subsystems)
              : count > 0 ? "done"
                          : "none");
    if (failed)
        text_escape(step.detail, sizeof(step.detail), boot->problem);
    else
        snprintf(step.detail, sizeof(step.detail), "%u subsystems", count);
    steps_add(&smss->steps, &step);
    bootwork_tell_step(smss, &step);
    if (boot->over != NULL)
        boot->over(smss);
}

/* Starts the next one of the boot, when none is being started. */
static void go_on(struct smss *smss)
{
    if (!smss->subsystem_boot.goes_on)
        return;
    for (struct subsystem *at = smss->subsystems; at != NULL; at = at->next) {
        if (at->deferred)
            continue;
        if (at->state == SUBSYSTEM_STARTING)
            return;
        if (at->state == SUBSYSTEM_DOWN) {
            start(at); /* comes back here */
            return;
        }
    }
    finish(smss);
}

void subsystems_start(struct smss *smss, void (*over)(struct smss *smss))
{
    struct subsystem_boot *boot = &smss->subsystem_boot;
    *boot = (struct subsystem_boot){.over = over, .goes_on = true, .start_us = steps_now_us()};
    load_all(smss, boot->problem, sizeof(boot->problem));
    for (const struct subsystem *at = smss->subsystems; at != NULL; at = at->next)
        cgroup_kill(&smss->cgroup, at->group); /* of an earlier lodge-smss, which nobody can watch any more */
    if (smss->subsystems != NULL)
        save(smss);
    go_on(smss);
}

void subsystems_cancel(struct smss *smss)
{
    struct subsystem_boot *boot = &smss->subsystem_boot;
    if (!boot->goes_on || boot->over == NULL)
        return;
    boot->goes_on = false;
    boot->over(smss);
}

static struct subsystem *find(struct smss *smss, const char *name)
{
    struct subsystem *at = smss->subsystems;
    while (at != NULL && strcasecmp(at->name, name) != 0)
        at = at->next;
    return at;
}

void subsystem_load(struct smss *smss, struct peer *peer, const struct sm_subsystem_load *asked)
{
    struct subsystem *subsystem = find(smss, asked->name);
    struct sm_subsystem_loaded loaded = {.reason = REASON_NO_SUBSYSTEM};
    if (subsystem == NULL || smss->phase != SMSS_SERVING) {
        if (subsystem != NULL)
            loaded.reason = REASON_SHUTDOWN;
        text_copy(loaded.name, sizeof(loaded.name), asked->name);
        peer_send(smss, peer, SM_SUBSYSTEM_LOADED, &loaded);
        return;
    }
    subsystem->asked = true;
    if (subsystem->state == SUBSYSTEM_READY) {
        tell_loaded(subsystem, REASON_NONE, "");
    } else if (subsystem->state == SUBSYSTEM_DOWN || subsystem->state == SUBSYSTEM_FAILED) {
        subsystem->ends = 0;
        start(subsystem);
    }
}

static void reap_quietly(void *context)
{
    (void)context;
}

/* Ends one, and waits until nothing of it runs. */
static void end(struct smss *smss, struct subsystem *subsystem, struct loop_timer *wake)
{
    int64_t kill_at = clock_monotonic_ms() + STOP_MS;
    loop_timer_stop(smss->loop, &subsystem->timer);
    subsystem->state = SUBSYSTEM_STOPPING;
    process_signal(&subsystem->process, SIGTERM);
    while (subsystem->process.pidfd >= 0 || cgroup_is_populated(&smss->cgroup, subsystem->group)) {
        if (clock_monotonic_ms() >= kill_at + STOP_MS)
            break;
        if (clock_monotonic_ms() >= kill_at)
            cgroup_kill(&smss->cgroup, subsystem->group);
        loop_timer_set(smss->loop, wake, LOOK_MS);
        loop_turn(smss->loop);
    }
    loop_timer_stop(smss->loop, wake);
    cgroup_remove(&smss->cgroup, subsystem->group);
}

void subsystems_end(struct smss *smss)
{
    struct loop_timer wake = {.expired = reap_quietly};
    char path[CONF_TEXT_MAX + 32];
    smss->subsystem_boot.goes_on = false;
    if (smss->subsystems == NULL)
        return;
    while (smss->subsystems != NULL) {
        struct subsystem **at = &smss->subsystems;
        while ((*at)->next != NULL) /* the last one first */
            at = &(*at)->next;
        struct subsystem *last = *at;
        end(smss, last, &wake);
        *at = NULL;
        loop_timer_stop(smss->loop, &last->timer);
        process_forget(&last->process);
        forget_ready(last);
        lines_close(&last->lines);
        free(last->command);
        free(last);
    }
    unlink(conf_run_path(&smss->conf, "subsystems", path, sizeof(path)));
}

void subsystems_reap(struct smss *smss)
{
    for (struct subsystem *at = smss->subsystems; at != NULL; at = at->next)
        process_reap(&at->process);
}
