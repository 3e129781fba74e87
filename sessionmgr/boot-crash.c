/* How the run before ended. STATE/running says when the one that runs began, and on which boot of the
 * machine; a shutdown makes it STATE/last-run. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/packet.h"
#include "common/text.h"
#include "sessionmgr/bootprog.h"
#include "sessionmgr/proc.h"

#define RUNNING  "running"
#define LAST_RUN "last-run"

struct run_mark {
    int64_t began_ms;
    char machine[40]; /* the boot id of the machine */
};

struct crash_search {
    struct boot *boot;
    struct boot_result *result;
};

static void machine_boot(char *text, size_t size)
{
    if (proc_read("/proc/sys/kernel/random/boot_id", text, size) <= 0)
        text[0] = '\0';
    text[strcspn(text, "\n")] = '\0';
}

static bool read_mark(const struct boot *boot, const char *name, struct run_mark *mark_r)
{
    char path[CONF_TEXT_MAX + 32], text[80], *machine = text;
    long began;
    if (proc_read(conf_state_path(&boot->conf, name, path, sizeof(path)), text, sizeof(text)) <= 0)
        return false;
    text[strcspn(text, "\n")] = '\0';
    const char *number = strsep(&machine, " ");
    if (machine == NULL || !text_number(number, 0, LONG_MAX, &began))
        return false;
    mark_r->began_ms = began;
    return text_copy(mark_r->machine, sizeof(mark_r->machine), machine);
}

static int write_mark(const struct boot *boot)
{
    char path[CONF_TEXT_MAX + 32], fresh[CONF_TEXT_MAX + 40], machine[40];
    conf_state_path(&boot->conf, RUNNING, path, sizeof(path));
    snprintf(fresh, sizeof(fresh), "%s.new", path);
    machine_boot(machine, sizeof(machine));
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = fd >= 0 && dprintf(fd, "%" PRId64 " %s\n", clock_real_ms(), machine) > 0 && fsync(fd) == 0 &&
              rename(fresh, path) == 0;
    int failed = ok ? 0 : -errno;
    close_descriptor(&fd);
    return failed;
}

static const char *say_time(int64_t time_ms, char *text, size_t size)
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm parts;
    if (localtime_r(&seconds, &parts) == NULL || strftime(text, size, "%Y-%m-%d %H:%M:%S", &parts) == 0)
        snprintf(text, size, "%" PRId64, time_ms);
    return text;
}

static void found_core(const struct core_record *record, void *context)
{
    const struct crash_search *search = context;
    char time[40];
    const char *name = strsignal(record->signal);
    boot_event(search->boot, EVENT_CRASH_RECORD, "%s, process %d, left a core file at %s: signal %d (%s)",
               record->program, record->pid, say_time(record->time_ms, time, sizeof(time)), record->signal,
               name != NULL ? name : "?");
    search->result->done++;
}

/* Returns false when the core files that there may be cannot be looked at. */
static bool find_cores(struct boot *boot, int64_t since_ms, struct boot_result *result)
{
    char pattern[256], folder[256];
    uid_t users[3] = {0, 0, 0};
    const char *const names[] = {boot->conf.broker_user, boot->conf.front_user};
    struct crash_search search = {boot, result};
    for (size_t i = 0; i < 2; i++) {
        const struct passwd *user = getpwnam(names[i]);
        users[i + 1] = user != NULL ? user->pw_uid : 0;
    }
    if (proc_read("/proc/sys/kernel/core_pattern", pattern, sizeof(pattern)) <= 0)
        return false;
    pattern[strcspn(pattern, "\n")] = '\0';
    core_folder(pattern, folder, sizeof(folder));
    if (folder[0] == '\0')
        return true;
    int failed = core_each(folder, since_ms, users, 3, found_core, &search);
    return failed == 0 || failed == -ENOENT;
}

void boot_crash_records(struct boot *boot, bool again, struct boot_result *result)
{
    struct run_mark mark = {0};
    char machine[40], time[40];
    bool running = read_mark(boot, RUNNING, &mark);
    machine_boot(machine, sizeof(machine));
    boot->unclean = running;
    if (running)
        boot_event(boot, EVENT_CRASH_RECORD, "the run that began at %s was not shut down: %s",
                   say_time(mark.began_ms, time, sizeof(time)),
                   again                                ? "lodge-smss ended, and what it had started goes on"
                   : strcmp(mark.machine, machine) != 0 ? "the machine went down"
                                                        : "its processes were killed");
    bool known = running || read_mark(boot, LAST_RUN, &mark);
    bool looked = !known || find_cores(boot, mark.began_ms, result);
    int failed = write_mark(boot);
    result->failed = !looked || failed;
    if (failed)
        snprintf(result->detail, sizeof(result->detail), "the mark of this run cannot be written: %s",
                 strerror(-failed));
    else if (!looked)
        snprintf(result->detail, sizeof(result->detail), "the folder of core files cannot be read");
    else
        snprintf(result->detail, sizeof(result->detail), "%s; %u core files",
                 running ? "the run before was not shut down"
                 : known ? "the run before was shut down"
                         : "the first run",
                 result->done);
    result->done++;
}

void boot_crash_end(const struct boot *boot)
{
    char running[CONF_TEXT_MAX + 32], last[CONF_TEXT_MAX + 32];
    conf_state_path(&boot->conf, RUNNING, running, sizeof(running));
    rename(running, conf_state_path(&boot->conf, LAST_RUN, last, sizeof(last)));
}
