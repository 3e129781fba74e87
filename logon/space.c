#include "logon/space.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "logon/lab.h"
#include "logon/mounts.h"

#define TERMINALS "512"

/* What is hidden by something private, and so has to be opened before. */
struct kept {
    struct mounts_kept run, home, programs, lab_home;
};

/* Sizes are bounds against one session filling the machine's memory, not reservations. */
static const struct {
    const char *path, *options;
    bool optional;
} private_folders[] = {
    {"/tmp", "mode=1777,size=1g,nr_inodes=200k", false},
    {"/dev/shm", "mode=1777,size=1g,nr_inodes=20k", true},
};

static bool private_folders_mount(struct failure *failure_r)
{
    for (size_t i = 0; i < sizeof(private_folders) / sizeof(private_folders[0]); i++) {
        const char *path = private_folders[i].path;
        if (private_folders[i].optional && access(path, F_OK) != 0)
            continue;
        if (!mounts_tmpfs(path, private_folders[i].options, failure_r))
            return false;
    }
    return mounts_folder("/tmp/.X11-unix", 01777, 0, 0, failure_r);
}

/* Terminals of its own: names that lead to nobody else's, and no more than a share of the machine's.
 * /dev/ptmx makes them where the folder beside it is, unless a container has put that of another devpts
 * there. */
static bool terminals_mount(struct failure *failure_r)
{
    char options[96];
    const struct group *tty = getgrnam("tty");
    if (access("/dev/pts", F_OK) != 0)
        return true;
    snprintf(options, sizeof(options), "newinstance,mode=%s,gid=%u,ptmxmode=666,max=" TERMINALS,
             tty != NULL ? "620" : "600", tty != NULL ? tty->gr_gid : 0);
    if (mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, options) != 0)
        return failure_set(failure_r, errno, "cannot mount the session's own /dev/pts");
    return access("/dev/ptmx", F_OK) != 0 || mounts_bind_file("/dev/pts/ptmx", "/dev/ptmx", failure_r);
}

/* proc and mqueue show what is in the namespaces of whoever mounts them. */
static bool namespace_views_mount(const struct space_plan *plan, struct failure *failure_r)
{
    unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (plan->conf->pid_namespace && mount("proc", "/proc", "proc", flags, NULL) != 0)
        return failure_set(failure_r, errno, "cannot mount the session's own /proc");
    if (access("/dev/mqueue", F_OK) == 0 && mount("mqueue", "/dev/mqueue", "mqueue", flags, NULL) != 0)
        return failure_set(failure_r, errno, "cannot mount the session's own /dev/mqueue");
    return terminals_mount(failure_r);
}

static bool runtime_directory_mount(const struct identity *identity, struct failure *failure_r)
{
    char path[64];
    snprintf(path, sizeof(path), "/run/user/%u", identity->uid);
    if (mkdir("/run/user", 0755) != 0 && errno != EEXIST)
        return failure_set(failure_r, errno, "cannot make /run/user");
    return mounts_tmpfs("/run/user", "mode=0755,size=256m,nr_inodes=20k", failure_r) &&
           mounts_folder(path, 0700, identity->uid, identity->gid, failure_r);
}

/* The session's object directory is the user's to write into: not into the host's RUN, which has no bound. */
static bool objects_mount(const struct space_plan *plan, struct failure *failure_r)
{
    char name[32], path[CONF_TEXT_MAX + 64], options[96];
    snprintf(name, sizeof(name), "sessions/%u", plan->id);
    snprintf(options, sizeof(options), "mode=0700,uid=%u,gid=%u,size=16m,nr_inodes=1k", plan->identity->uid,
             plan->identity->gid);
    return mounts_tmpfs(conf_run_path(plan->conf, name, path, sizeof(path)), options, failure_r);
}

/* The programs, readable for the user; and the winstation ports out of the way. The tmpfs that hides them is
 * also where root's private files of the session lie. */
static bool run_directory_mount(const struct space_plan *plan, const struct kept *kept,
                                struct failure *failure_r)
{
    char programs[CONF_TEXT_MAX + 64], winstation[CONF_TEXT_MAX + 64];
    conf_run_path(plan->conf, "programs", programs, sizeof(programs));
    conf_run_path(plan->conf, "winstation", winstation, sizeof(winstation));
    if (kept->programs.fd < 0)
        return failure_set(failure_r, 0, "the folder of Lodge's programs, %s, cannot be opened",
                           plan->programs);
    if (mkdir(programs, 0755) != 0 && errno != EEXIST)
        return failure_set(failure_r, errno, "cannot make %s", programs);
    if (!mounts_bind(kept->programs.fd, programs, MS_RDONLY, failure_r) ||
        !mounts_tmpfs(winstation, "mode=0700,size=64m", failure_r))
        return false;
    return plan->identity->account != SM_ACCOUNT_LAB ||
           lab_names_mount(plan->identity, plan->lab_hash, winstation, failure_r);
}

/* The user's home, where it lies below a private folder; one that is such a folder becomes private. */
static struct mounts_kept home_keep(const char *home)
{
    for (size_t i = 0; i < sizeof(private_folders) / sizeof(private_folders[0]); i++)
        if (strcmp(home, private_folders[i].path) == 0)
            return (struct mounts_kept){.path = home, .fd = -1};
    return mounts_keep(home);
}

bool space_arrange(const struct space_plan *plan, struct failure *failure_r)
{
    char lab_home[CONF_TEXT_MAX + 320];
    const struct identity *identity = plan->identity;
    bool lab = identity->account == SM_ACCOUNT_LAB;
    if (!mounts_cut_off(failure_r))
        return false;
    struct kept kept = {
        .run = mounts_keep(plan->conf->run_directory),
        .home = lab ? (struct mounts_kept){.fd = -1} : home_keep(identity->home),
        .programs = mounts_keep(plan->programs),
        .lab_home = lab ? mounts_keep(lab_home_path(plan->conf, identity, lab_home, sizeof(lab_home)))
                        : (struct mounts_kept){.fd = -1},
    };
    return private_folders_mount(failure_r) && runtime_directory_mount(identity, failure_r) &&
           (!lab || lab_home_mount(identity, kept.lab_home.fd, failure_r)) &&
           mounts_keep_restore(&kept.run, failure_r) && mounts_keep_restore(&kept.home, failure_r) &&
           run_directory_mount(plan, &kept, failure_r) && objects_mount(plan, failure_r) &&
           namespace_views_mount(plan, failure_r);
}
