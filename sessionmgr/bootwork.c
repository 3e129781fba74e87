/* lodge-boot at work for lodge-smss: what it tells becomes steps and events, and it has a deadline. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/text.h"
#include "sessionmgr/smss.h"

#define PROGRAM     "lodge-boot"
#define GROUP       "boot"
#define EXIT_STOP   3
#define DEADLINE_MS 60000 /* besides what the commands of [BootExecute] may take */
#define EVENT_FIRST 1040
#define EVENT_LAST  1059

void bootwork_tell_step(struct smss *smss, const struct step *step)
{
    bool failed = strcmp(step->result, "done") != 0 && strcmp(step->result, "none") != 0;
    event_tell(smss, failed ? EVENT_BOOT_STEP_FAILED : EVENT_BOOT_STEP, 0, "%s: %s%s after %lld ms%s%s",
               step->name, failed ? "failed, " : "", step->result,
               (long long)(step->end_us - step->start_us) / 1000, step->detail[0] != '\0' ? ": " : "",
               step->detail);
}

static void take_line(struct smss *smss, char *line)
{
    struct step step;
    long id;
    char *word = strsep(&line, " ");
    if (line == NULL)
        return;
    if (strcmp(word, "step") == 0) {
        if (!steps_parse_step(&step, line))
            return;
        steps_add(&smss->steps, &step);
        bootwork_tell_step(smss, &step);
        return;
    }
    char *number = strsep(&line, " ");
    if (strcmp(word, "event") == 0 && line != NULL && text_number(number, EVENT_FIRST, EVENT_LAST, &id))
        event_tell(smss, (enum event_id)id, 0, "%s", line);
}

static void take_report(struct bootwork *work)
{
    char bytes[1024];
    ssize_t got;
    while ((got = read(work->report, bytes, sizeof(bytes))) > 0) {
        for (ssize_t i = 0; i < got; i++) {
            if (bytes[i] != '\n' && work->used + 1 < sizeof(work->line)) {
                work->line[work->used++] = bytes[i];
            } else if (bytes[i] == '\n') {
                work->line[work->used] = '\0';
                work->used = 0;
                take_line(work->smss, work->line);
            }
        }
    }
    if (got == 0) {
        loop_unwatch(&work->source);
        close_descriptor(&work->report);
    }
}

static void reported(void *context, uint32_t events)
{
    (void)events;
    take_report(context);
}

/* Its sections whose steps it did not come to: what is the answer to such a failure? */
static enum conf_answer worst_answer(const struct conf *conf)
{
    const enum conf_answer answers[] = {conf->on_crashes, conf->on_renames, conf->on_execute,
                                        conf->on_paging};
    enum conf_answer worst = CONF_IGNORE;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
        worst = answers[i] > worst ? answers[i] : worst;
    return worst;
}

/* It died, or was too slow. */
static void broke_off(struct bootwork *work, const char *how)
{
    struct smss *smss = work->smss;
    char detail[STEP_DETAIL_ROOM];
    snprintf(detail, sizeof(detail), PROGRAM " %s", how);
    steps_begin(&smss->steps, PROGRAM);
    steps_end(&smss->steps, steps_failure(worst_answer(&smss->conf)), detail);
    bootwork_tell_step(smss, &smss->steps.steps[smss->steps.count - 1]);
}

static void ended(void *context, uint32_t events)
{
    (void)events;
    struct bootwork *work = context;
    struct smss *smss = work->smss;
    char how[128];
    if (work->report >= 0)
        take_report(work);
    loop_unwatch(&work->source);
    close_descriptor(&work->report);
    loop_timer_stop(smss->loop, &work->timer);
    process_reap(&work->process);
    process_describe(&work->process, how, sizeof(how));
    int status = work->process.status;
    process_forget(&work->process);
    cgroup_kill(&smss->cgroup, GROUP); /* what commands left running */
    if (!smss->stop_asked &&
        (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != EXIT_STOP)))
        broke_off(work, how);
    if (work->over != NULL)
        work->over(smss);
}

static void late(void *context)
{
    struct bootwork *work = context;
    log_error(PROGRAM, "took too long, and is killed");
    process_signal(&work->process, SIGKILL);
    cgroup_kill(&work->smss->cgroup, GROUP);
}

void bootwork_init(struct smss *smss)
{
    struct bootwork *work = &smss->bootwork;
    *work = (struct bootwork){.smss = smss, .process = PROCESS_NONE, .report = -1};
    work->timer = (struct loop_timer){.expired = late, .context = work};
}

static int64_t deadline(const struct smss *smss)
{
    return DEADLINE_MS + (int64_t)smss->execute_count * smss->conf.execute_seconds * 1000;
}

void bootwork_start(struct smss *smss, const char *mode, void (*over)(struct smss *smss))
{
    struct bootwork *work = &smss->bootwork;
    char path[PATH_MAX + 32], how[128];
    int pair[2] = {-1, -1};
    snprintf(path, sizeof(path), "%s/" PROGRAM, smss->programs);
    char *argv[] = {path, (char *)"--config", (char *)smss->conf_path, (char *)mode, NULL};
    struct process_plan plan = {.path = path,
                                .argv = argv,
                                .fd_count = 1,
                                .error_fd = -1,
                                .directory = "/",
                                .files = &smss->files,
                                .cgroup = &smss->cgroup,
                                .group = GROUP};
    int failed = cgroup_make(&smss->cgroup, GROUP);
    if (!failed && pipe2(pair, O_CLOEXEC) != 0)
        failed = -errno;
    plan.fds = &pair[1];
    work->over = over;
    if (!failed)
        failed = process_start(&work->process, &plan, smss->loop, ended, work);
    close_descriptor(&pair[1]);
    work->report = pair[0];
    if (failed) {
        close_descriptor(&work->report);
        snprintf(how, sizeof(how), "cannot be started: %s", strerror(-failed));
        broke_off(work, how);
        if (over != NULL)
            over(smss);
        return;
    }
    fcntl(work->report, F_SETFL, O_NONBLOCK);
    work->source = loop_watch(smss->loop, work->report, EPOLLIN, reported, work);
    loop_timer_set(smss->loop, &work->timer, deadline(smss));
}

bool bootwork_runs(const struct smss *smss)
{
    return smss->bootwork.process.pidfd >= 0;
}

void bootwork_cancel(struct smss *smss)
{
    process_signal(&smss->bootwork.process, SIGKILL);
}

void bootwork_finish(struct smss *smss)
{
    while (bootwork_runs(smss))
        loop_turn(smss->loop);
    bootwork_start(smss, "--end", NULL);
    while (bootwork_runs(smss))
        loop_turn(smss->loop);
}
