/* Trees: removed however deep, copied with owners, and no symbolic link followed. */
#include "common/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/check.h"

static char directory[] = "/tmp/lodge-tree-XXXXXX";

static int directory_open(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

static void file_make(const char *path, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);
    CHECK(fd >= 0);
    CHECK(write(fd, "text\n", 5) == 5);
    close(fd);
}

/* Deeper than a process may have descriptors open. */
static void test_deep(void)
{
    int at = directory_open(".");
    CHECK(mkdirat(at, "deep", 0700) == 0);
    int top = openat(at, "deep", O_RDONLY | O_DIRECTORY);
    int fd = dup(top);
    for (int i = 0; i < 1200; i++) {
        CHECK(mkdirat(fd, "d", 0700) == 0);
        int next = openat(fd, "d", O_RDONLY | O_DIRECTORY);
        CHECK(next >= 0);
        close(fd);
        fd = next;
    }
    close(fd);
    close(top);
    CHECK(tree_remove_path("deep") == 0);
    CHECK(access("deep", F_OK) != 0);
    CHECK(tree_remove_path("deep") == 0 && tree_remove_path("/none/such") == 0);
    close(at);
}

/* What cannot be moved up, as something is mounted on it, ends the removal and does not make it endless. */
static void test_mounted(void)
{
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return;
    int fd = open(".", O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 60; i++) {
        CHECK(mkdirat(fd, "m", 0700) == 0);
        int next = openat(fd, "m", O_RDONLY | O_DIRECTORY);
        CHECK(next >= 0);
        close(fd);
        fd = next;
    }
    CHECK(fchdir(fd) == 0 && mkdir("mounted", 0700) == 0);
    CHECK(mount("tmpfs", "mounted", "tmpfs", 0, "size=64k") == 0);
    CHECK(chdir(directory) == 0);
    int64_t began = clock_monotonic_ms();
    CHECK(tree_remove_path("m") == -EXDEV);
    CHECK(clock_monotonic_ms() - began < 10000);
    CHECK(fchdir(fd) == 0 && umount("mounted") == 0 && chdir(directory) == 0);
    close(fd);
    CHECK(tree_remove_path("m") == 0);
}

static void test_links(void)
{
    CHECK(mkdir("outside", 0700) == 0);
    file_make("outside/kept", 0600);
    CHECK(mkdir("victim", 0700) == 0);
    CHECK(symlink("../outside", "victim/link") == 0);
    CHECK(tree_remove_path("victim") == 0);
    CHECK(access("outside/kept", F_OK) == 0);
    CHECK(symlink("outside", "top-link") == 0);
    CHECK(tree_remove_path("top-link") == 0);
    CHECK(access("outside/kept", F_OK) == 0);
}

/* That all is gone is said only when it is, whatever is renamed meanwhile. */
static void test_in_motion(void)
{
    pid_t mover = fork();
    CHECK(mover >= 0);
    if (mover == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (mover == 0) {
        rename("moved/a", "moved/b");
        rename("moved/b", "moved/a");
    }
    for (int i = 0; i < 400; i++) {
        CHECK((mkdir("moved", 0700) == 0 || errno == EEXIST) &&
              (mkdir("moved/a", 0700) == 0 || errno == EEXIST));
        file_make("moved/file", 0600);
        int fd = directory_open("moved");
        if (mkdirat(fd, "a/inner", 0700) != 0)
            CHECK(errno == ENOENT || errno == EEXIST);
        close(fd);
        int failed = tree_remove_path("moved");
        CHECK(failed != 0 || access("moved", F_OK) != 0);
        unlink("moved/file");
    }
    CHECK(kill(mover, SIGKILL) == 0 && waitpid(mover, NULL, 0) == mover);
    CHECK(tree_remove_path("moved") == 0 && access("moved", F_OK) != 0);
}

static void test_copy(void)
{
    umask(022);
    CHECK(mkdir("skel", 0755) == 0 && mkdir("skel/.config", 0700) == 0 && mkdir("copy", 0700) == 0);
    file_make("skel/.profile", 0644);
    file_make("skel/.config/run", 0755);
    CHECK(symlink("/etc/shadow", "skel/link") == 0);
    CHECK(mkfifo("skel/pipe", 0600) == 0);
    int from = directory_open("skel"), to = directory_open("copy");
    uid_t uid = geteuid() == 0 ? 61234 : geteuid();
    gid_t gid = geteuid() == 0 ? 61235 : getegid();
    CHECK(tree_copy(from, to, uid, gid) == 0);
    struct stat status;
    CHECK(lstat("copy/.profile", &status) == 0 && status.st_uid == uid && status.st_gid == gid);
    CHECK((status.st_mode & 07777) == 0644 && status.st_size == 5);
    CHECK(lstat("copy/.config/run", &status) == 0 && (status.st_mode & 07777) == 0755 &&
          status.st_uid == uid);
    CHECK(lstat("copy/.config", &status) == 0 && (status.st_mode & 07777) == 0700 && status.st_uid == uid);
    CHECK(lstat("copy/link", &status) == 0 && S_ISLNK(status.st_mode) && status.st_uid == uid);
    CHECK(lstat("copy/pipe", &status) != 0);
    CHECK(tree_copy(from, to, uid, gid) < 0); /* what is there is never written over */
    close(from);
    close(to);
}

int main(void)
{
    CHECK(mkdtemp(directory) != NULL && chdir(directory) == 0);
    test_deep();
    test_mounted();
    test_links();
    test_in_motion();
    test_copy();
    CHECK(chdir("/") == 0 && tree_remove_path(directory) == 0);
    return 0;
}
