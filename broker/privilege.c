#include "broker/privilege.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fail(const char *what, char *problem, size_t size)
{
    int failed = errno != 0 ? -errno : -EPERM;
    snprintf(problem, size, "%s: %s", what, strerror(-failed));
    return failed;
}

static bool drop_bounding_set(void)
{
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
            return false;
    }
    return true;
}

static bool clear_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}, {0}};
    return syscall(SYS_capset, &header, data) == 0;
}

static bool has_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data) != 0)
        return true;
    return (data[0].effective | data[0].permitted | data[0].inheritable | data[1].effective |
            data[1].permitted | data[1].inheritable) != 0;
}

static const char *find_leftover(uid_t uid, gid_t gid)
{
    uid_t users[3];
    gid_t groups[3];
    errno = 0;
    if (getresuid(&users[0], &users[1], &users[2]) != 0 || users[0] != uid || users[1] != uid ||
        users[2] != uid)
        return "the user has not changed";
    if (getresgid(&groups[0], &groups[1], &groups[2]) != 0 || groups[0] != gid || groups[1] != gid ||
        groups[2] != gid)
        return "the group has not changed";
    if (has_capabilities())
        return "capabilities are left";
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return "new privileges can be had";
    if (uid != 0 && (setuid(0) == 0 || setgid(0) == 0))
        return "root can be had back";
    return NULL;
}

int privilege_drop(uid_t uid, gid_t gid, char *problem, size_t size)
{
    errno = 0;
    if (geteuid() == 0) {
        if (!drop_bounding_set())
            return fail("capabilities", problem, size);
        if (setgroups(0, NULL) != 0 || getgroups(0, NULL) != 0)
            return fail("groups", problem, size);
        if (setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
            return fail("the account", problem, size);
    }
    if (!clear_capabilities() || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return fail("capabilities", problem, size);
    const char *leftover = find_leftover(uid, gid);
    return leftover != NULL ? fail(leftover, problem, size) : 0;
}
