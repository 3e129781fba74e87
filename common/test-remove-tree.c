#include "common/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/check.h"

static void touch(int folder, const char *name)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    close(fd);
}

static int remove_all(int top, const char *name)
{
    int failed;
    unsigned rounds = 0;
    do {
        unsigned budget = 50;
        failed = tree_remove(top, name, &budget);
        CHECK(++rounds < 10000);
    } while (failed == -EAGAIN);
    return failed;
}

static void what_links_lead_to_stays(int top)
{
    CHECK(mkdirat(top, "outside", 0700) == 0 && mkdirat(top, "tree", 0700) == 0);
    int outside = openat(top, "outside", O_DIRECTORY), tree = openat(top, "tree", O_DIRECTORY);
    touch(outside, "kept");
    touch(tree, "file");
    CHECK(mkdirat(tree, "inner", 0000) == 0 && mkfifoat(tree, "fifo", 0600) == 0);
    CHECK(symlinkat("../outside", tree, "link") == 0 && symlinkat("/none", tree, "dangling") == 0);
    CHECK(remove_all(top, "tree") == 0 && faccessat(top, "tree", F_OK, 0) != 0);
    CHECK(faccessat(outside, "kept", F_OK, 0) == 0);
    CHECK(symlinkat("outside", top, "tree") == 0);
    CHECK(remove_all(top, "tree") == 0 && faccessat(outside, "kept", F_OK, 0) == 0);
    CHECK(faccessat(top, "tree", F_OK, AT_SYMLINK_NOFOLLOW) != 0);
    CHECK(remove_all(top, "tree") == 0);
    CHECK(unlinkat(outside, "kept", 0) == 0 && unlinkat(top, "outside", AT_REMOVEDIR) == 0);
    close(outside);
    close(tree);
}

static void depth_has_no_bound(int top)
{
    CHECK(mkdirat(top, "tree", 0700) == 0);
    int at = openat(top, "tree", O_DIRECTORY);
    for (int depth = 0; depth < 400; depth++) {
        CHECK(mkdirat(at, "d", 0700) == 0);
        touch(at, "f");
        int next = openat(at, "d", O_DIRECTORY);
        CHECK(next >= 0);
        close(at);
        at = next;
    }
    close(at);
    CHECK(remove_all(top, "tree") == 0 && faccessat(top, "tree", F_OK, 0) != 0);
}

static void a_budget_bounds_one_call(int top)
{
    char name[16];
    CHECK(mkdirat(top, "tree", 0700) == 0);
    int tree = openat(top, "tree", O_DIRECTORY);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "%d", i);
        touch(tree, name);
    }
    unsigned budget = 60;
    CHECK(tree_remove(top, "tree", &budget) == -EAGAIN && budget == 0);
    CHECK(faccessat(top, "tree", F_OK, 0) == 0);
    budget = 60;
    CHECK(tree_remove(top, "tree", &budget) == 0 && budget == 20);
    close(tree);
}

/* A bind mount of the same file system has the same device number, so that alone does not tell. */
static void a_mount_is_not_entered(int top, const char *path)
{
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
        fprintf(stderr, "mount namespaces cannot be made here: mounts are not tested\n");
        return;
    }
    char outside[128], inside[128];
    snprintf(outside, sizeof(outside), "%s/outside", path);
    snprintf(inside, sizeof(inside), "%s/tree/inside", path);
    CHECK(mkdirat(top, "outside", 0700) == 0 && mkdirat(top, "tree", 0700) == 0);
    CHECK(mkdirat(top, "tree/inside", 0700) == 0);
    int fd = openat(top, "outside", O_DIRECTORY);
    touch(fd, "kept");
    CHECK(mount(outside, inside, NULL, MS_BIND, NULL) == 0);
    CHECK(remove_all(top, "tree") == -EXDEV && faccessat(fd, "kept", F_OK, 0) == 0);
    CHECK(umount(inside) == 0 && remove_all(top, "tree") == 0);
    CHECK(remove_all(top, "outside") == 0);
    close(fd);
}

int main(void)
{
    char path[] = "/tmp/lodge-tree-XXXXXX";
    CHECK(mkdtemp(path) != NULL);
    int top = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(top >= 0);
    what_links_lead_to_stays(top);
    depth_has_no_bound(top);
    a_budget_bounds_one_call(top);
    a_mount_is_not_entered(top, path);
    close(top);
    CHECK(rmdir(path) == 0);
    return 0;
}
