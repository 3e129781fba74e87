/* Sessions on a machine that is a chroot into a plain folder, whose root is no mount point and lies on a
 * mount that others share: they work, and nothing of them is seen outside. All of it in a mount namespace of
 * the test's own. */
#include <crypt.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "logon/play-session.h"
#include "tests/check.h"

#define TOP          "/mnt"
#define SERVICE_COPY "/etc/lodge-pam-service"

static const char *path_below(const char *path)
{
    static char below[512];
    snprintf(below, sizeof(below), TOP "/root%s", path);
    return below;
}

static void folder_make(const char *path)
{
    CHECK(play_run("mkdir", "-p", path_below(path), (char *)NULL));
}

static void folder_bind(const char *path)
{
    folder_make(path);
    CHECK(mount(path, path_below(path), NULL, MS_BIND | MS_REC, NULL) == 0);
}

/* The system's folders bound, links as links, and /etc, /tmp, /run and /home plain folders of the new root.
 */
static void root_make(void)
{
    static const char *const bound[] = {"/usr", "/proc", "/dev", "/sys"};
    static const char *const links[] = {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"};
    struct stat status;
    CHECK(mount("tmpfs", TOP, "tmpfs", 0, "mode=0755") == 0);
    CHECK(mount(NULL, TOP, NULL, MS_SHARED, NULL) == 0);
    folder_make("/run");
    folder_make("/home");
    folder_make("/tmp");
    CHECK(chmod(path_below("/tmp"), 01777) == 0);
    CHECK(play_run("cp", "-a", "/etc", path_below("/"), (char *)NULL));
    CHECK(play_run("cp", LODGE_PAM_FILE, path_below(SERVICE_COPY), (char *)NULL));
    for (size_t i = 0; i < sizeof(bound) / sizeof(bound[0]); i++)
        folder_bind(bound[i]);
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
        if (lstat(links[i], &status) == 0) {
            if (S_ISLNK(status.st_mode))
                CHECK(play_run("cp", "-a", links[i], path_below("/"), (char *)NULL));
            else
                folder_bind(links[i]);
        }
    folder_make(play_programs());
    CHECK(play_run("cp", "-aT", play_programs(), path_below(play_programs()), (char *)NULL));
}

/* The first process of a session's cgroup. */
static int process_of(const struct play *play, const char *cgroup)
{
    char path[400];
    int pid = 0;
    snprintf(path, sizeof(path), "%s/%s/cgroup.procs", play->cgroup, cgroup);
    FILE *file = fopen(path, "re");
    CHECK(file != NULL && fscanf(file, "%d", &pid) == 1 && pid > 0);
    fclose(file);
    return pid;
}

/* True when the session of this process has the line's start in this file. */
static bool session_has(int pid, const char *name, const char *start)
{
    char path[160], line[1024];
    bool found = false;
    snprintf(path, sizeof(path), "/proc/%d/root/etc/%s", pid, name);
    FILE *file = fopen(path, "re");
    while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL)
        found = strncmp(line, start, strlen(start)) == 0;
    if (file != NULL)
        fclose(file);
    return found;
}

/* Puts a new file with one more line over the host's, as useradd does. */
static void host_add(const char *name, const char *line)
{
    char path[160], fresh[160];
    snprintf(path, sizeof(path), "/etc/%s", name);
    snprintf(fresh, sizeof(fresh), "/etc/%s+", name);
    CHECK(play_run("cp", "-a", path, fresh, (char *)NULL));
    FILE *file = fopen(fresh, "ae");
    CHECK(file != NULL && fputs(line, file) >= 0 && fclose(file) == 0);
    CHECK(rename(fresh, path) == 0);
}

/* A lab account stays known in its session whatever the host does to its files; and the session learns of it.
 */
static void test_host_changes(const struct play *play)
{
    static const char *const lines[][2] = {{"passwd", "newone:x:64000:64000::/:/bin/sh\n"},
                                           {"group", "newone:x:64000:\n"},
                                           {"shadow", "newone:*:1::::::\n"}};
    struct player player = play_logon(play, 61, "labgone");
    play_create(play, &player, 2, 800);
    play_expect_state(&player, 2, SM_SESSION_UP, "labgone");
    int pid = process_of(play, "session-2");
    for (size_t round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
            int64_t deadline = clock_monotonic_ms() + PLAY_MS;
            CHECK(session_has(pid, lines[i][0], "labgone:"));
            if (round == 0)
                CHECK(!session_has(pid, lines[i][0], "newone:"));
            host_add(lines[i][0], round == 0 ? lines[i][1] : "");
            while (!session_has(pid, lines[i][0], "labgone:") || !session_has(pid, lines[i][0], "newone:")) {
                CHECK(clock_monotonic_ms() < deadline);
                sched_yield();
            }
        }
    CHECK(!session_has((int)getpid(), "passwd", "labgone:"));
    play_end(&player, 2, 1000);
    play_expect_ended(&player, 2, REASON_LOGOFF_ADMIN);
}

/* One logon with PLAY_PASSWORD that must be refused. */
static void expect_refusal(const struct play *play, const char *user, enum reason reason)
{
    union sm_body body;
    struct player player = play_start(play, 71, user, PLAY_PASSWORD);
    play_accept(play, &player, 1);
    play_receive(&player, SM_LOGON_RESULT, &body);
    if (body.logon_result.reason != reason)
        fprintf(stderr, "%s: %s\n", user, reason_name(body.logon_result.reason));
    CHECK(body.logon_result.reason == reason);
    CHECK(play_wait(&player) == 0);
}

/* What cannot be tried with a machine's own /etc. */
static void test_refusals(const struct play *play)
{
    struct crypt_data data = {.initialized = 0};
    char *setting = crypt_gensalt_ra("$y$", 0, NULL, 0);
    const char *hash = crypt_r(PLAY_PASSWORD, setting, &data);
    CHECK(hash != NULL && hash[0] == '$');
    CHECK(play_run("usermod", "-p", hash, "root", (char *)NULL));
    free(setting);
    /* No PAM service: nobody gets in by another one's rules. */
    unlink("/etc/pam.d/lodge");
    expect_refusal(play, "root", REASON_INTERNAL);
    CHECK(rename(SERVICE_COPY, "/etc/pam.d/lodge") == 0);
    expect_refusal(play, "root", REASON_DENIED);
    /* A lab account whose name the system has taken. */
    host_add("passwd", "labgone:x:64001:64001::/:/bin/sh\n");
    expect_refusal(play, "labgone", REASON_DENIED);
}

static const struct play *unfinished;

static void clean_up(void)
{
    if (unfinished != NULL)
        play_abandon(unfinished);
}

int main(void)
{
    static struct play play;
    play_programs(); /* which could not be told afterwards */
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
        fprintf(stderr, "skipped: no mount namespace can be made\n");
        return 77;
    }
    root_make();
    CHECK(chroot(TOP "/root") == 0 && chdir("/") == 0);
    CHECK(mount(NULL, "/", NULL, MS_PRIVATE, NULL) != 0); /* or this would test nothing */
    play_begin(&play);
    unfinished = &play;
    atexit(clean_up);
    play_lab_add(&play, "labkept", false);
    play_lab_add(&play, "labgone", true);
    play_session(&play, "labkept", 800);
    play_session(&play, "labgone", 800);
    test_host_changes(&play);
    play_configure(&play, false);
    play_session(&play, "labgone", 801);
    test_refusals(&play);
    play_finish(&play);
    unfinished = NULL;
    return 0;
}
