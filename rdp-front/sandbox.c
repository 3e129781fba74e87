#include "rdp-front/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROOT              "/tmp"      /* where the new root is built, in the new mount namespace */
#define MEMORY_BOUND      (3UL << 30) /* addresses: three of the largest screens, and the libraries */
#define DESCRIPTORS_BOUND 64

#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER
#endif
#endif

/* mkdir -p for an absolute path below `root`. */
static int make_directories(const char *root, const char *path)
{
    char at[PATH_MAX];
    int length = snprintf(at, sizeof(at), "%s%s", root, path);
    if (length < 0 || (size_t)length >= sizeof(at))
        return -ENAMETOOLONG;
    for (char *slash = strchr(at + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(at, 0755) != 0 && errno != EEXIST)
            return -errno;
        *slash = '/';
    }
    return mkdir(at, 0755) != 0 && errno != EEXIST ? -errno : 0;
}

/* `keep` is a descriptor of the directory, opened before the new root hid it. */
static int bind_kept(int keep, const char *path)
{
    char from[64], to[PATH_MAX];
    snprintf(from, sizeof(from), "/proc/self/fd/%d", keep);
    snprintf(to, sizeof(to), ROOT "%s", path);
    int failed = make_directories(ROOT, path);
    if (!failed && mount(from, to, NULL, MS_BIND, NULL) != 0)
        failed = -errno;
    return failed;
}

static int change_root(void)
{
    if (mount(NULL, ROOT, NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=64k") != 0)
        return -errno;
    if (chdir(ROOT) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0 ||
        chdir("/") != 0)
        return -errno;
    return 0;
}

int sandbox_enter(const char *keep)
{
    int kept = keep ? open(keep, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    if (keep != NULL && kept < 0)
        return -errno;
    int failed = 0;
    if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) != 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        failed = -errno;
    if (kept >= 0 && !failed) { /* opened again: a mount is bound from its own namespace only */
        close(kept);
        kept = open(keep, O_PATH | O_DIRECTORY | O_CLOEXEC);
        failed = kept < 0 ? -errno : 0;
    }
    if (!failed && mount("lodge", ROOT, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=64k,mode=755") != 0)
        failed = -errno;
    if (!failed && kept >= 0)
        failed = bind_kept(kept, keep);
    if (kept >= 0)
        close(kept);
    return failed ? failed : change_root();
}

int sandbox_drop(uid_t uid, gid_t gid, gid_t group)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -errno;
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
            return -errno;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 ||
        setgroups(group == (gid_t)-1 ? 0 : 1, &group) != 0 || setresgid(gid, gid, gid) != 0 ||
        setresuid(uid, uid, uid) != 0)
        return -errno;
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    return syscall(SYS_capset, &header, none) != 0 ? -errno : 0;
}

static int limit(int resource, rlim_t soft, rlim_t hard)
{
    struct rlimit bound = {soft, hard};
    return setrlimit((__rlimit_resource_t)resource, &bound) != 0 ? -errno : 0;
}

int sandbox_limit(unsigned cpu_seconds)
{
    struct rlimit processor;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || getrlimit(RLIMIT_CPU, &processor) != 0)
        return -errno;
    int failed = limit(RLIMIT_CORE, 0, 0);
#ifndef ADDRESS_SANITIZER /* which reserves terabytes */
    if (!failed)
        failed = limit(RLIMIT_AS, MEMORY_BOUND, MEMORY_BOUND);
#endif
    if (!failed)
        failed = limit(RLIMIT_NOFILE, DESCRIPTORS_BOUND, DESCRIPTORS_BOUND);
    return failed ? failed : limit(RLIMIT_CPU, cpu_seconds, processor.rlim_max);
}

int sandbox_trust(void)
{
    struct rlimit processor;
    if (getrlimit(RLIMIT_CPU, &processor) != 0)
        return -errno;
    return limit(RLIMIT_CPU, processor.rlim_max, processor.rlim_max);
}
