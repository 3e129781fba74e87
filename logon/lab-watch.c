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

int lab_watch_open(void)
{
    int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watch < 0)
        return -errno;
    if (inotify_add_watch(watch, "/etc", IN_MOVED_TO | IN_ONLYDIR) >= 0)
        return watch;
    int failed = -errno;
    close(watch);
    return failed;
}

static bool is_name_file(const char *name)
{
    static const char *const names[] = {"passwd", "group", "shadow"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

bool lab_watch_read(int watch)
{
    _Alignas(struct inotify_event) char data[4096];
    bool changed = false;
    ssize_t got;
    while ((got = read(watch, data, sizeof(data))) > 0)
        for (ssize_t at = 0; at < got;) {
            const struct inotify_event *event = (const void *)(data + at);
            changed |= (event->mask & IN_Q_OVERFLOW) != 0 || (event->len > 0 && is_name_file(event->name));
            at += (ssize_t)(sizeof(*event) + event->len);
        }
    return changed;
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
