#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/tree.h"
#include "sessionmgr/cgroup-v1.h"
#include "tests/check.h"

static void test_mounts(void)
{
    static struct proc_mount mount;
    const char *line = "33 31 0:30 /x /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n";
    CHECK(cgroup_v1_parse_mount(line, "cpu", &mount));
    CHECK_TEXT(mount.root, "/x");
    CHECK_TEXT(mount.point, "/sys/fs/cgroup/cpu");
    CHECK(cgroup_v1_parse_mount(line, "cpuacct", &mount));
    CHECK(!cgroup_v1_parse_mount(line, "cpua", &mount));
    CHECK(!cgroup_v1_parse_mount(line, "pids", &mount));
    CHECK(!cgroup_v1_parse_mount("33 31 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,cpu\n", "cpu", &mount));
    CHECK(!cgroup_v1_parse_mount("", "cpu", &mount));
    CHECK(!cgroup_v1_parse_mount("33 31 0:30 / /cpu rw - cgroup", "cpu", &mount));
}

static void test_groups(void)
{
    char path[32];
    CHECK(cgroup_v1_parse_group("4:cpu,cpuacct:/a/b\n", "cpuacct", path, sizeof(path)));
    CHECK_TEXT(path, "/a/b");
    CHECK(cgroup_v1_parse_group("8:pids:/\n", "pids", path, sizeof(path)));
    CHECK_TEXT(path, "/");
    CHECK(!cgroup_v1_parse_group("0::/a\n", "pids", path, sizeof(path)));
    CHECK(!cgroup_v1_parse_group("8:pids\n", "pids", path, sizeof(path)));
    CHECK(!cgroup_v1_parse_group("8:pids:a\n", "pids", path, sizeof(path)));
    CHECK(!cgroup_v1_parse_group("8:pids:/12345678901234567890123456789012\n", "pids", path, sizeof(path)));
}

static char folder[] = "/tmp/test-limits-XXXXXX";

static const char *in(const char *name)
{
    static char path[8][256];
    static unsigned turn;
    char *text = path[turn++ % 8];
    snprintf(text, sizeof(path[0]), "%s/%s", folder, name);
    return text;
}

static void put(const char *name, const char *text)
{
    int fd = open(in(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void holds(const char *name, const char *want)
{
    static char text[256];
    CHECK(proc_read(in(name), text, sizeof(text)) >= 0);
    CHECK_TEXT(text, want);
}

/* Files as a kernel's cgroup v2 has them, in an ordinary folder: what is written there, and in which form. */
static struct cgroup_base make_v2(unsigned controllers)
{
    struct cgroup_base base = {.fd = -1, .v2 = controllers, .v1 = {-1, -1, -1}};
    static const char *const files[] = {"memory.max", "memory.swap.max", "pids.max", "cpu.weight"};
    snprintf(base.path, sizeof(base.path), "%s/base", folder);
    mkdir(in("base"), 0700);
    mkdir(in("base/session-3"), 0700);
    for (size_t i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof(name), "base/session-3/%s", files[i]);
        put(name, "");
    }
    base.fd = open(in("base"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(base.fd >= 0);
    return base;
}

static void test_v2(void)
{
    char text[64];
    struct cgroup_base base = make_v2(7);
    struct cgroup_limits limits = {.memory_mib = 3000, .tasks = 250, .cpu_weight = 300};
    CHECK(cgroup_limit(&base, "session-3", &limits) == 0);
    holds("base/session-3/memory.max", "3145728000");
    holds("base/session-3/memory.swap.max", "0");
    holds("base/session-3/pids.max", "250");
    holds("base/session-3/cpu.weight", "300");
    CHECK_TEXT(cgroup_describe(&base, true, text, sizeof(text)), "memory (v2), pids (v2), cpu (v2)");
    CHECK_TEXT(cgroup_describe(&base, false, text, sizeof(text)), "");
    close(base.fd);
    base = make_v2(1U << CGROUP_PIDS);
    limits = (struct cgroup_limits){.cpu_weight = 300};
    CHECK(cgroup_limit(&base, "session-3", &limits) == 0);
    holds("base/session-3/memory.max", "");
    holds("base/session-3/pids.max", "max");
    holds("base/session-3/cpu.weight", "");
    CHECK_TEXT(cgroup_describe(&base, false, text, sizeof(text)), "memory, cpu");
    CHECK(cgroup_limit(&base, "session-4", &limits) != 0);
    close(base.fd);
}

/* As far as a folder can stand for a v1 hierarchy: the group is made where it is wanted, and removed. */
static void test_v1(void)
{
    struct cgroup_base base = make_v2(0);
    const struct cgroup_limits none = {.cpu_weight = 100}, tasks = {.tasks = 9, .cpu_weight = 100};
    mkdir(in("pids"), 0700);
    base.v1[CGROUP_PIDS] = open(in("pids"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(cgroup_v1_limit(&base, "session-3", &none) == 0);
    CHECK(access(in("pids/base.session-3"), F_OK) != 0);
    CHECK(mkdir(in("pids/base.session-3"), 0700) == 0);
    put("pids/base.session-3/pids.max", "");
    CHECK(cgroup_v1_limit(&base, "session-3", &tasks) == 0);
    holds("pids/base.session-3/pids.max", "9");
    CHECK(unlink(in("pids/base.session-3/pids.max")) == 0);
    CHECK(cgroup_v1_limit(&base, "session-3", &tasks) != 0);
    CHECK(cgroup_v1_remove(&base, "session-3") == 0);
    CHECK(access(in("pids/base.session-3"), F_OK) != 0);
    CHECK(cgroup_v1_remove(&base, "session-3") == 0);
    close(base.v1[CGROUP_PIDS]);
    close(base.fd);
}

static void remove_all(void)
{
    int parent = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    unsigned budget = 1000;
    CHECK(tree_remove(parent, folder + 5, &budget) == 0);
    close(parent);
}

int main(void)
{
    test_mounts();
    test_groups();
    CHECK(mkdtemp(folder) != NULL);
    test_v2();
    test_v1();
    remove_all();
    return 0;
}
