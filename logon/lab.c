#include "logon/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/packet.h"
#include "common/tree.h"
#include "logon/mounts.h"

#define SKELETON "/etc/skel"

const char *lab_home_path(const struct conf *conf, const struct identity *identity, char *path, size_t size)
{
    char relative[SM_USER_ROOM + 8];
    snprintf(relative, sizeof(relative), "homes/%s", identity->name);
    return conf_state_path(conf, relative, path, size);
}

/* Fills an empty folder, root's until then, and gives it to the user. */
static int home_fill(const char *path, const struct identity *identity)
{
    int to = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (to < 0)
        return -errno;
    int failed = 0;
    int from = open(SKELETON, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (from >= 0)
        failed = tree_copy(from, to, identity->uid, identity->gid);
    if (!failed && (fchown(to, identity->uid, identity->gid) != 0 || fchmod(to, 0700) != 0))
        failed = -errno;
    close_descriptor(&from);
    close_descriptor(&to);
    return failed;
}

static bool home_check(const char *path, const struct stat *status, const struct identity *identity,
                       struct failure *failure_r)
{
    if (S_ISDIR(status->st_mode) && status->st_uid == identity->uid)
        return true;
    return failure_set(failure_r, 0, "%s is no folder of uid %u, as the lab account's home must be", path,
                       identity->uid);
}

/* Made under another name and then renamed, so that a half-filled home is never taken for one. */
bool lab_home_make(const struct conf *conf, const struct identity *identity, struct failure *failure_r)
{
    char path[CONF_TEXT_MAX + 320], fresh[CONF_TEXT_MAX + 320], homes[CONF_TEXT_MAX + 64], name[320];
    struct stat status;
    if (identity->lab.throwaway)
        return true;
    lab_home_path(conf, identity, path, sizeof(path));
    if (lstat(path, &status) == 0)
        return home_check(path, &status, identity, failure_r);
    snprintf(name, sizeof(name), "homes/.%s.%d", identity->name, (int)getpid());
    conf_state_path(conf, name, fresh, sizeof(fresh));
    mkdir(conf_state_path(conf, "homes", homes, sizeof(homes)), 0700);
    tree_remove_path(fresh);
    if (mkdir(fresh, 0700) != 0)
        return failure_set(failure_r, errno, "cannot make %s", fresh);
    int failed = home_fill(fresh, identity);
    if (failed == 0 && rename(fresh, path) != 0)
        failed = -errno;
    if (failed)
        tree_remove_path(fresh);
    if (failed == 0 || ((failed == -ENOTEMPTY || failed == -EEXIST) && lstat(path, &status) == 0 &&
                        home_check(path, &status, identity, failure_r)))
        return true; /* the latter: two logons of this account at once */
    return failure_set(failure_r, -failed, "cannot make the home %s", path);
}

bool lab_home_mount(const struct identity *identity, int home, struct failure *failure_r)
{
    const char *path = identity->home;
    if (mkdir("/home", 0755) != 0 && errno != EEXIST)
        return failure_set(failure_r, errno, "cannot make /home");
    if (!identity->lab.throwaway)
        return mounts_tmpfs("/home", "mode=0755,size=64k,nr_inodes=64", failure_r) &&
               mounts_folder(path, 0700, 0, 0, failure_r) && mounts_bind(home, path, 0, failure_r);
    if (!mounts_tmpfs("/home", "mode=0755,size=1g,nr_inodes=200k", failure_r) ||
        !mounts_folder(path, 0700, 0, 0, failure_r))
        return false;
    int failed = home_fill(path, identity);
    return !failed || failure_set(failure_r, -failed, "cannot fill the home %s", path);
}

/* Copies the file `from` and adds a line (and a newline before it where the file's last one is missing). */
static int file_extend(int from, int to, const char *line)
{
    char data[16384], last = '\n';
    for (;;) {
        ssize_t got = read(from, data, sizeof(data));
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        last = data[got - 1];
        if (write(to, data, (size_t)got) != got)
            return -EIO;
    }
    if (last != '\n' && write(to, "\n", 1) != 1)
        return -EIO;
    size_t length = strlen(line);
    return write(to, line, length) == (ssize_t)length ? 0 : -EIO;
}

/* Puts a copy of `path` with one more line over it, with its owner and mode. */
static bool name_file_mount(const char *path, const char *store, const char *line, bool optional,
                            struct failure *failure_r)
{
    char copy[SM_PATH_ROOM];
    struct stat status, private;
    if (stat(path, &status) == 0 && stat(store, &private) == 0 && status.st_dev == private.st_dev)
        return true; /* it is there */
    int from = open(path, O_RDONLY | O_CLOEXEC), failed = 0;
    if (from < 0 && optional)
        return true;
    if (from < 0 || fstat(from, &status) != 0) {
        failure_set(failure_r, errno, "cannot read %s", path);
        close_descriptor(&from);
        return false;
    }
    snprintf(copy, sizeof(copy), "%s/%s", store, strrchr(path, '/') + 1);
    unlink(copy);
    int to = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        failed = -errno;
    else
        failed = file_extend(from, to, line);
    if (!failed && (fchown(to, 0, status.st_gid) != 0 || fchmod(to, status.st_mode & 0644) != 0))
        failed = -errno;
    close_descriptor(&from);
    close_descriptor(&to);
    if (failed)
        return failure_set(failure_r, -failed, "cannot write a private copy of %s", path);
    return mounts_bind_file(copy, path, failure_r);
}

bool lab_names_mount(const struct identity *identity, const char *hash, const char *store,
                     struct failure *failure_r)
{
    char user[1024], group[512], password[1024];
    const char *name = identity->name;
    snprintf(user, sizeof(user), "%s:x:%u:%u:%s:%s:%s\n", name, identity->uid, identity->gid,
             identity->lab.full_name, identity->home, identity->shell);
    snprintf(group, sizeof(group), "%s:x:%u:\n", name, identity->gid);
    snprintf(password, sizeof(password), "%s:%s::0:99999:7:::\n", name, hash);
    /* A name service cache knows only the machine's accounts; without it the files are read. */
    struct failure ignored;
    char cache[SM_PATH_ROOM];
    snprintf(cache, sizeof(cache), "%s/nscd", store);
    if (access("/run/nscd", F_OK) == 0 && mkdir(cache, 0700) == 0) /* once */
        mounts_tmpfs("/run/nscd", "mode=0755,size=64k", &ignored);
    bool ok = name_file_mount("/etc/passwd", store, user, false, failure_r) &&
              name_file_mount("/etc/group", store, group, false, failure_r) &&
              name_file_mount("/etc/shadow", store, password, true, failure_r);
    explicit_bzero(password, sizeof(password));
    return ok;
}
