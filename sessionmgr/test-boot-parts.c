/* Core files, commands and paging files of lodge-boot. */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "sessionmgr/bootprog.h"
#include "sessionmgr/proc.h"
#include "tests/check.h"

static char base[] = "/var/tmp/test-boot-XXXXXX";
static char events[4096];

void boot_event(const struct boot *boot, enum event_id id, const char *format, ...)
{
    (void)boot;
    size_t used = strlen(events);
    used += (size_t)snprintf(events + used, sizeof(events) - used, "%d ", (int)id);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(events + used, sizeof(events) - used, format, arguments);
    va_end(arguments);
    strncat(events, "\n", sizeof(events) - strlen(events) - 1);
}

static const char *at(const char *name)
{
    static char path[200];
    snprintf(path, sizeof(path), "%s/%s", base, name);
    return path;
}

static void count_core(const struct core_record *record, void *context)
{
    struct core_record *last = context;
    *last = *record;
}

/* A program that is called as Lodge's are aborts: its core file is found, and tells what happened. */
static void test_core(void)
{
    char pattern[200];
    struct core_record record = {0};
    uid_t user = getuid(), nobody = 65534;
    const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    CHECK(proc_read("/proc/sys/kernel/core_pattern", pattern, sizeof(pattern)) > 0);
    if (pattern[0] == '|' || pattern[0] == '/')
        return;
    int64_t before = clock_real_ms() - 2000;
    pid_t child = fork();
    if (child == 0) {
        if (chdir(base) != 0 || setrlimit(RLIMIT_CORE, &all) != 0)
            _exit(1);
        prctl(PR_SET_NAME, "lodge-tester");
        prctl(PR_SET_DUMPABLE, 1);
        signal(SIGABRT, SIG_DFL);
        kill(getpid(), SIGABRT);
        _exit(1);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    if (!WCOREDUMP(status))
        return;
    CHECK(core_each(base, before, &user, 1, count_core, &record) == 0);
    CHECK_TEXT(record.program, "lodge-tester");
    CHECK(record.signal == SIGABRT && record.pid == child && record.time_ms >= before);
    record.pid = 0;
    CHECK(core_each(base, clock_real_ms() + 60000, &user, 1, count_core, &record) == 0 && record.pid == 0);
    CHECK(core_each(base, before, &nobody, 1, count_core, &record) == 0 && record.pid == 0);
    CHECK(core_each(at("none"), before, &user, 1, count_core, &record) < 0);
}

/* A core file that is cut off anywhere is no trouble. */
static void test_cut_cores(void)
{
    struct core_record record;
    char text[4096];
    int fd = open(at("cut"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int whole = open(at("core"), O_RDONLY | O_CLOEXEC);
    ssize_t size = whole >= 0 ? pread(whole, text, sizeof(text), 0) : 0;
    CHECK(fd >= 0 && !core_read(fd, &record));
    for (ssize_t i = 0; i < size; i++) {
        CHECK(pwrite(fd, &text[i], 1, i) == 1);
        core_read(fd, &record);
    }
    for (ssize_t i = 0; i + 8 < size; i++) {
        CHECK(pwrite(fd, "\xff\xff\xff\xff", 4, i) == 4);
        core_read(fd, &record);
        CHECK(pwrite(fd, text + i, 4, i) == 4);
    }
    close(fd);
    if (whole >= 0)
        close(whole);
}

static void test_core_folder(void)
{
    char folder[200];
    CHECK_TEXT(core_folder("core", folder, sizeof(folder)), "/");
    CHECK_TEXT(core_folder("/var/crash/core.%p", folder, sizeof(folder)), "/var/crash");
    CHECK_TEXT(core_folder("/core", folder, sizeof(folder)), "/");
    CHECK_TEXT(core_folder("/var/%u/core", folder, sizeof(folder)), "");
    CHECK_TEXT(core_folder("|/usr/lib/systemd/systemd-coredump %P", folder, sizeof(folder)),
               "/var/lib/systemd/coredump");
    CHECK_TEXT(core_folder("|/bin/other", folder, sizeof(folder)), "");
}

static void run_commands(struct boot *boot, const char *const *commands, struct boot_result *result_r)
{
    char error[200], name[20];
    *result_r = (struct boot_result){0};
    events[0] = '\0';
    for (unsigned i = 0; commands[i] != NULL; i++) {
        snprintf(name, sizeof(name), "c%u", i);
        CHECK(
            conf_items_add(&boot->items, CONF_FREE_BOOT_EXECUTE, i, name, commands[i], error, sizeof(error)));
    }
    boot_execute(boot, result_r);
    conf_items_free(&boot->items);
}

static void test_execute(void)
{
    static struct boot boot;
    struct boot_result result;
    char *environment[] = {(char *)"PATH=/usr/bin:/bin", (char *)"WORD=said", NULL};
    boot.environment = environment;
    boot.conf.execute_seconds = 20;
    boot.conf.on_execute = CONF_DEGRADED;
    run_commands(&boot,
                 (const char *const[]){"echo one; echo \"$WORD\"", "exit 3", "kill -9 $$", "true", NULL},
                 &result);
    CHECK(result.done == 2 && result.failed == 2);
    CHECK_TEXT(result.detail, "c1 ended with status 3");
    CHECK(strstr(events, "1046 c0 ended with status 0 after ") != NULL && strstr(events, ": said\n") != NULL);
    CHECK(strstr(events, "1047 c2 was killed by signal 9 (Killed) after ") != NULL);
    boot.conf.on_execute = CONF_STOP;
    run_commands(&boot, (const char *const[]){"false", "true", NULL}, &result);
    CHECK(result.done == 0 && result.failed == 1 && strstr(events, "c1") == NULL);
    /* What does not end is ended, with what it started; what goes on behind one that ends, too. */
    boot.conf.execute_seconds = 1;
    int64_t began = clock_monotonic_ms();
    run_commands(&boot, (const char *const[]){"sleep 600 & exec sleep 600", NULL}, &result);
    CHECK(result.failed == 1 && clock_monotonic_ms() - began < 20000);
    CHECK_TEXT(result.detail, "c0 was killed, as it took longer than 1 s");
    boot.conf.execute_seconds = 60;
    run_commands(&boot, (const char *const[]){"sleep 600 & echo $!", NULL}, &result);
    CHECK(result.failed == 0 && clock_monotonic_ms() - began < 40000);
}

static void test_paging_text(void)
{
    struct paging_file files[PAGING_FILES_MOST];
    char problem[200];
    CHECK(paging_parse("", files, problem, sizeof(problem)) == 0);
    CHECK(paging_parse("  ", files, problem, sizeof(problem)) == 0);
    CHECK(paging_parse("/a 1 2,  /b  16\t32 ", files, problem, sizeof(problem)) == 2);
    CHECK_TEXT(files[1].path, "/b");
    CHECK(files[1].least_mib == 16 && files[1].most_mib == 32);
    static const char nine[] = "/a 1 2,/a 1 2,/a 1 2,/a 1 2,/a 1 2,/a 1 2,/a 1 2,/a 1 2,/a 1 2";
    static const char *const bad[] = {"a 1 2",  "/a 1",    "/a 2 1",         "/a 1 2 3", "/a 0 1",
                                      "/a x 1", "/a 1 2,", "/a 1 2,,/b 1 2", nine};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK(paging_parse(bad[i], files, problem, sizeof(problem)) == -1);
}

static void test_paging(void)
{
    struct paging_file file = {.least_mib = 1, .most_mib = 3};
    char problem[600] = "";
    struct stat status;
    snprintf(file.path, sizeof(file.path), "%s", at("page"));
    CHECK(paging_make(&file, problem, sizeof(problem)));
    CHECK(stat(file.path, &status) == 0 && status.st_size == 3 << 20 && (status.st_mode & 07777) == 0600);
    CHECK(status.st_blocks * 512 >= 3 << 20); /* no holes */
    CHECK(getuid() != 0 || paging_is_own(file.path));
    CHECK(getuid() != 0 || paging_make(&file, problem, sizeof(problem))); /* it is taken as it is */
    CHECK(chmod(file.path, 0644) == 0 && !paging_make(&file, problem, sizeof(problem)));
    CHECK(strstr(problem, "root's alone") != NULL);
    CHECK(unlink(file.path) == 0 && symlink("/dev/null", file.path) == 0);
    CHECK(!paging_make(&file, problem, sizeof(problem)) && unlink(file.path) == 0);
    int fd = open(file.path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && write(fd, "mine", 4) == 4 && close(fd) == 0);
    CHECK(!paging_make(&file, problem, sizeof(problem)) && !paging_is_own(file.path));
    CHECK(stat(file.path, &status) == 0 && status.st_size == 4 && unlink(file.path) == 0);
    CHECK(chmod(base, 0777) == 0 && !paging_make(&file, problem, sizeof(problem)));
    CHECK(strstr(problem, "others may write") != NULL && chmod(base, 0700) == 0);
    file.least_mib = file.most_mib = 1 << 24; /* 16 TiB */
    CHECK(!paging_make(&file, problem, sizeof(problem)) && access(file.path, F_OK) != 0);
    CHECK(strstr(problem, "too little room") != NULL);
}

int main(void)
{
    CHECK(mkdtemp(base) != NULL);
    test_core();
    test_cut_cores();
    test_core_folder();
    test_execute();
    test_paging_text();
    test_paging();
    char command[200];
    snprintf(command, sizeof(command), "rm -r %s", base);
    CHECK(system(command) == 0);
    return 0;
}
