/* Sessions on a machine that is a chroot into a plain folder, whose root is no mount point and lies on a
 * mount that others share: they work, and nothing of them is seen outside. All of it in a mount namespace of
 * the test's own. */
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "logon/play-session.h"
#include "tests/check.h"

#define TOP "/mnt"

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
    char program[256];
    struct stat status;
    CHECK(mount("tmpfs", TOP, "tmpfs", 0, "mode=0755") == 0);
    CHECK(mount(NULL, TOP, NULL, MS_SHARED, NULL) == 0);
    folder_make("/run");
    folder_make("/home");
    folder_make("/tmp");
    CHECK(chmod(path_below("/tmp"), 01777) == 0);
    CHECK(play_run("cp", "-a", "/etc", path_below("/"), (char *)NULL));
    for (size_t i = 0; i < sizeof(bound) / sizeof(bound[0]); i++)
        folder_bind(bound[i]);
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
        if (lstat(links[i], &status) == 0) {
            if (S_ISLNK(status.st_mode))
                CHECK(play_run("cp", "-a", links[i], path_below("/"), (char *)NULL));
            else
                folder_bind(links[i]);
        }
    ssize_t size = readlink("/proc/self/exe", program, sizeof(program) - 1);
    CHECK(size > 0);
    program[size] = '\0';
    *strrchr(program, '/') = '\0';
    folder_make(program);
    CHECK(play_run("cp", "-aT", program, path_below(program), (char *)NULL));
}

int main(void)
{
    struct play play;
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
        fprintf(stderr, "skipped: no mount namespace can be made\n");
        return 77;
    }
    root_make();
    CHECK(chroot(TOP "/root") == 0 && chdir("/") == 0);
    CHECK(mount(NULL, "/", NULL, MS_PRIVATE, NULL) != 0); /* or this would test nothing */
    play_begin(&play);
    play_lab_add(&play, "labkept", false);
    play_lab_add(&play, "labgone", true);
    play_session(&play, "labkept", 800);
    play_session(&play, "labgone", 800);
    play_configure(&play, false);
    play_session(&play, "labgone", 801);
    play_finish(&play);
    return 0;
}
