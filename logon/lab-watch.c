#include "logon/lab-watch.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/packet.h"
#include "common/text.h"
#include "logon/lab.h"

static const char *const files[] = {"passwd", "group", "shadow"};
_Static_assert(sizeof(files) / sizeof(files[0]) == LAB_WATCH_FILES, "one stamp a file");

/* Notes the files that are there. Returns whether one of them is another than before. */
static bool stamps_take(struct lab_watch *watch)
{
    bool changed = false;
    for (size_t i = 0; i < LAB_WATCH_FILES; i++) {
        struct stat status;
        if (fstatat(watch->directory, files[i], &status, 0) != 0)
            continue; /* being put in place */
        changed |= watch->seen[i].inode != status.st_ino ||
                   watch->seen[i].changed.tv_sec != status.st_ctim.tv_sec ||
                   watch->seen[i].changed.tv_nsec != status.st_ctim.tv_nsec;
        watch->seen[i].inode = status.st_ino;
        watch->seen[i].changed = status.st_ctim;
    }
    return changed;
}

struct lab_watch lab_watch_begin(const char *directory)
{
    struct lab_watch watch = {.directory = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC),
                              .fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
    if (watch.fd >= 0 && inotify_add_watch(watch.fd, directory, IN_MOVED_TO | IN_ONLYDIR) < 0)
        close_descriptor(&watch.fd);
    stamps_take(&watch);
    return watch;
}

void lab_watch_end(struct lab_watch *watch)
{
    close_descriptor(&watch->directory);
    close_descriptor(&watch->fd);
}

bool lab_watch_look(struct lab_watch *watch)
{
    char events[4096];
    while (watch->fd >= 0 && read(watch->fd, events, sizeof(events)) > 0)
        continue;
    return watch->directory >= 0 && stamps_take(watch);
}

/* In a child: enters the namespace, and the root that the process has there, which a chroot makes another. */
static bool renew_inside(const struct conf *conf, const struct identity *identity, const char *hash,
                         int process, pid_t pid, struct failure *failure)
{
    char path[CONF_TEXT_MAX + 64];
    snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
    int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 || setns(process, CLONE_NEWNS) != 0 || fchdir(root) != 0 || chroot(".") != 0 ||
        chdir("/") != 0)
        return failure_set(failure, errno, "the session's mount namespace cannot be entered");
    umask(0);
    return lab_names_mount(identity, hash, conf_run_path(conf, "winstation", path, sizeof(path)), failure);
}

void lab_names_renew(const struct conf *conf, const struct identity *identity, int process, pid_t pid)
{
    struct account account = {.hash = ACCOUNT_NO_PASSWORD};
    struct failure failure = {.text = ""};
    char error[512];
    bool found = false;
    /* An account that has been removed meanwhile keeps its name till its session ends, but no password. */
    if (!accounts_find(conf, identity->name, &found, &account, error, sizeof(error)) || !found)
        text_copy(account.hash, sizeof(account.hash), ACCOUNT_NO_PASSWORD);
    pid_t child = fork();
    if (child == 0) {
        bool ok = renew_inside(conf, identity, account.hash, process, pid, &failure);
        if (!ok)
            log_warning(identity->name, "is not known in the session any more: %s", failure.text);
        _exit(ok ? 0 : 1);
    }
    explicit_bzero(account.hash, sizeof(account.hash));
    if (child < 0)
        log_warning(identity->name, "is not known in the session any more: %s", strerror(errno));
    else
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            continue;
}
