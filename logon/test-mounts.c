#include "logon/mounts.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/check.h"

#define SKIP 77 /* not root */

/* A path of the test's folder, in one of four places in turn. */
static const char *in(const char *folder, const char *name)
{
    static char paths[4][300];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static void touch(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && close(fd) == 0);
}

/* Of a home with `mode` above it, which is exchanged for a link to another folder while it is kept. */
static bool restore_exchanged(const char *folder, mode_t mode, struct failure *failure_r)
{
    struct mounts_kept kept = mounts_keep(in(folder, "homes/anna"));
    char path[300];
    snprintf(path, sizeof(path), "%s", kept.path);
    kept.path = path;
    CHECK(kept.fd >= 0 && chmod(in(folder, "homes"), mode) == 0);
    CHECK(rename(in(folder, "homes/anna"), in(folder, "homes/away")) == 0);
    CHECK(symlink(in(folder, "etc"), in(folder, "homes/anna")) == 0);
    bool ok = mounts_keep_restore(&kept, failure_r);
    CHECK(close(kept.fd) == 0 && unlink(in(folder, "homes/anna")) == 0);
    CHECK(rename(in(folder, "homes/away"), in(folder, "homes/anna")) == 0);
    return ok;
}

/* In a mount namespace of its own. */
static int test(const char *folder)
{
    char path[300];
    struct failure failure = {.text = ""};
    if (unshare(CLONE_NEWNS) != 0)
        return SKIP;
    CHECK(mounts_cut_off(&failure));
    CHECK(mounts_tmpfs(folder, "mode=0755", &failure));
    CHECK(mkdir(in(folder, "etc"), 0755) == 0 && mkdir(in(folder, "homes"), 0755) == 0);
    CHECK(mkdir(in(folder, "homes/anna"), 0700) == 0);
    touch(in(folder, "homes/anna/passwd"));

    /* Where others may write the link is nobody's but theirs, and nothing comes to lie over where it leads.
     */
    CHECK(!restore_exchanged(folder, 01777, &failure));
    CHECK(strstr(failure.text, "cannot bring back") != NULL);
    CHECK(access(in(folder, "etc/passwd"), F_OK) != 0);
    CHECK(restore_exchanged(folder, 0755, &failure));
    CHECK(access(in(folder, "etc/passwd"), F_OK) == 0);

    /* What a private folder hides is there again. */
    snprintf(path, sizeof(path), "%s", in(folder, "homes/anna"));
    struct mounts_kept kept = mounts_keep(path);
    CHECK(mounts_tmpfs(in(folder, "homes"), "mode=1777", &failure) && access(path, F_OK) != 0);
    CHECK(mounts_keep_restore(&kept, &failure) && access(in(folder, "homes/anna/passwd"), F_OK) == 0);
    CHECK(close(kept.fd) == 0);
    return 0;
}

int main(void)
{
    char folder[] = "/tmp/lodge-test-mounts-XXXXXX";
    int status;
    CHECK(mkdtemp(folder) != NULL);
    pid_t pid = fork();
    if (pid == 0)
        exit(test(folder));
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && rmdir(folder) == 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
