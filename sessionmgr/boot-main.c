/* lodge-boot: what lodge-smss has done before it serves, and after. It tells it on descriptor 3, a line each:
 * "event ID DETAIL" and "step NAME START_US END_US RESULT DETAIL" (steps.h). Exit status: 0 the boot may go
 * on, 3 it is to stop; 1 what was asked for cannot be done at all. */
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/text.h"
#include "sessionmgr/bootprog.h"
#include "sessionmgr/pend.h"
#include "sessionmgr/proc.h"
#include "sessionmgr/steps.h"

#define REPORT_FD 3
#define EXIT_STOP 3
#define LINE_ROOM 700

void boot_event(const struct boot *boot, enum event_id id, const char *format, ...)
{
    char detail[LINE_ROOM], safe[LINE_ROOM];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof(detail), format, arguments);
    va_end(arguments);
    dprintf(boot->report, "event %d %s\n", (int)id, text_escape(safe, sizeof(safe), detail));
}

static void again_records(struct boot *boot, struct boot_result *result)
{
    boot_crash_records(boot, true, result);
}

static void first_records(struct boot *boot, struct boot_result *result)
{
    boot_crash_records(boot, false, result);
}

static void renamed(const struct pend_op *op, const char *problem, void *context)
{
    const struct boot *boot = context;
    bool failed = problem[0] != '\0', rename = op->to[0] != '\0';
    boot_event(boot, failed ? EVENT_PENDING_FILE_FAILED : EVENT_PENDING_FILE, "%s %s%s%s%s%s",
               rename ? "rename" : "delete", op->from, rename ? " to " : "", op->to, failed ? ": " : "",
               problem);
}

static void renames(struct boot *boot, struct boot_result *result)
{
    struct pend pend;
    struct pend_run run = {.stop = boot->conf.on_renames == CONF_STOP, .over = renamed, .context = boot};
    char error[STEP_DETAIL_ROOM];
    size_t queued = 0;
    int failed = -1;
    if (pend_open(&pend, &boot->conf, true, error, sizeof(error))) {
        queued = pend.count;
        failed = pend_run(&pend, &run, error, sizeof(error));
        pend_close(&pend);
    }
    result->done = (unsigned)queued;
    result->failed = failed != 0;
    if (failed < 0)
        text_escape(result->detail, sizeof(result->detail), error);
    else
        snprintf(result->detail, sizeof(result->detail), "%zu operations%s", queued,
                 failed > 0 ? ", not all could be carried out" : "");
}

static const struct {
    const char *name, *mode; /* of the modes that have the step */
    void (*run)(struct boot *boot, struct boot_result *result);
    size_t answer; /* where in struct conf */
} steps[] = {
    {"CrashRecords", "--first", first_records, offsetof(struct conf, on_crashes)},
    {"CrashRecords", "--again", again_records, offsetof(struct conf, on_crashes)},
    {"PendingFileRename", "--first", renames, offsetof(struct conf, on_renames)},
    {"BootExecute", "--first", boot_execute, offsetof(struct conf, on_execute)},
    {"PagingFiles", "--first", boot_paging, offsetof(struct conf, on_paging)},
    {"PagingFiles", "--end", boot_paging_end, offsetof(struct conf, on_paging)},
};

/* Returns false when the boot is to stop. */
static bool run_step(struct boot *boot, size_t index)
{
    struct boot_result result = {0};
    enum conf_answer answer = *(const enum conf_answer *)((const char *)&boot->conf + steps[index].answer);
    int64_t start = steps_now_us();
    steps[index].run(boot, &result);
    if (strcmp(steps[index].mode, "--end") == 0 && result.failed + result.done == 0)
        return true;
    const char *word = result.failed > 0 ? steps_failure(answer) : result.done > 0 ? "done" : "none";
    char safe[STEP_DETAIL_ROOM];
    dprintf(boot->report, "step %s %lld %lld %s %s\n", steps[index].name, (long long)start,
            (long long)steps_now_us(), word, text_escape(safe, sizeof(safe), result.detail));
    return result.failed == 0 || answer != CONF_STOP;
}

static int run(struct boot *boot, const char *mode)
{
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (strcmp(steps[i].mode, mode) == 0 && !run_step(boot, i))
            return EXIT_STOP;
    }
    if (strcmp(mode, "--end") == 0)
        boot_crash_end(boot);
    return 0;
}

static bool find_programs(struct boot *boot)
{
    ssize_t length = readlink("/proc/self/exe", boot->programs, sizeof(boot->programs) - 1);
    char *slash = length > 0 ? strrchr(boot->programs, '/') : NULL;
    if (slash != NULL)
        *slash = '\0';
    return slash != NULL;
}

/* The variables of [Environment], and those that commands find Lodge by. */
static char **make_environment(const struct boot *boot, const char *conf_path)
{
    char texts[4][PATH_MAX + 32];
    char *own[] = {texts[0], texts[1], texts[2], texts[3], NULL};
    snprintf(texts[0], sizeof(texts[0]), "LODGE_RUN=%s", boot->conf.run_directory);
    snprintf(texts[1], sizeof(texts[1]), "LODGE_STATE=%s", boot->conf.state_directory);
    snprintf(texts[2], sizeof(texts[2]), "LODGE_PROGRAMS=%s", boot->programs);
    snprintf(texts[3], sizeof(texts[3]), "LODGE_CONFIG=%s", conf_path);
    char **variables = conf_environment(&boot->items, environ);
    char **all = conf_environment_merge(environ, variables), **result = conf_environment_merge(all, own);
    conf_environment_free(variables);
    conf_environment_free(all);
    return result;
}

int main(int argc, char **argv)
{
    static struct boot boot;
    char error[512];
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("lodge-boot " LODGE_VERSION);
        return 0;
    }
    if (argc != 4 || strcmp(argv[1], "--config") != 0) {
        puts("Usage: lodge-boot --config FILE --first|--again|--end\n"
             "A part of lodge-smss, which starts it.");
        return argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : 2;
    }
    log_start("lodge-boot", LOG_LEVEL_INFO);
    boot.report = REPORT_FD;
    fcntl(boot.report, F_SETFD, FD_CLOEXEC); /* commands of the boot have nothing to tell there */
    if (!conf_load(&boot.conf, argv[2], error, sizeof(error)) ||
        !conf_load_items(&boot.items, argv[2], error, sizeof(error))) {
        log_error(NULL, "%s", error);
        return 1;
    }
    log_start("lodge-boot", (enum log_level)boot.conf.log_level);
    boot.environment = find_programs(&boot) ? make_environment(&boot, argv[2]) : NULL;
    if (boot.environment == NULL) {
        log_error(NULL, "out of memory, or /proc is not mounted");
        return 1;
    }
    int status = run(&boot, argv[3]);
    conf_environment_free(boot.environment);
    conf_items_free(&boot.items);
    return status;
}
