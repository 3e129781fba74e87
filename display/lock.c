#include "display/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "common/log.h"
#include "common/packet.h"
#include "common/text.h"
#include "display/child.h"

#define NAME "locked" /* the file that lodge-lock writes */

/* The session's programs may write anything there. */
static int open_locker(const struct lock *lock)
{
    char path[sizeof(lock->folder) + sizeof(NAME)], text[24];
    long pid;
    snprintf(path, sizeof(path), "%s/" NAME, lock->folder);
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    close_descriptor(&fd);
    if (length <= 0)
        return -1;
    text[length] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return text_number(text, 2, INT_MAX, &pid) ? pidfd_open((pid_t)pid, 0) : -1;
}

static bool is_over(int pidfd)
{
    struct pollfd over = {.fd = pidfd, .events = POLLIN};
    return poll(&over, 1, 0) != 0;
}

/* The folder of the cookie is the session's object directory. */
static void find_folder(struct lock *lock)
{
    const char *cookie = getenv("XAUTHORITY");
    const char *slash = cookie != NULL ? strrchr(cookie, '/') : NULL;
    size_t length = slash != NULL ? (size_t)(slash - cookie) : 0;
    if (length == 0 || length >= sizeof(lock->folder))
        return;
    memcpy(lock->folder, cookie, length);
    lock->folder[length] = '\0';
}

void lock_init(struct lock *lock_r)
{
    *lock_r = (struct lock){.watch = -1, .locker = -1, .child = -1};
    find_folder(lock_r);
    lock_r->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (lock_r->folder[0] == '\0' || lock_r->watch < 0 ||
        inotify_add_watch(lock_r->watch, lock_r->folder, IN_MOVED_TO) < 0) {
        log_info(NULL, "whether the desktop is locked is not known: no object directory");
        close_descriptor(&lock_r->watch);
        return;
    }
    lock_r->locker = open_locker(lock_r);
}

void lock_end(struct lock *lock)
{
    close_descriptor(&lock->watch);
    close_descriptor(&lock->locker);
    close_descriptor(&lock->child);
}

bool lock_is_locked(const struct lock *lock)
{
    return lock->locker != -1;
}

bool lock_begin(struct lock *lock, uint64_t serial, const char *command)
{
    char *const arguments[] = {(char *)"lodge-lock", (char *)command, NULL};
    if (lock->watch == -1 || lock->child != -1)
        return false;
    int nowhere = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int fd = nowhere < 0 ? -errno : child_start("lodge-lock", arguments, nowhere);
    close_descriptor(&nowhere);
    if (fd < 0) {
        log_warning(NULL, "lodge-lock cannot be started: %s", strerror(-fd));
        return false;
    }
    lock->child = fd;
    lock->serial = serial;
    return true;
}

/* Takes the folder's changes; true when there were any. */
static bool drain_watch(const struct lock *lock)
{
    _Alignas(struct inotify_event) char events[4096];
    bool any = false;
    while (lock->watch != -1 && read(lock->watch, events, sizeof(events)) > 0)
        any = true;
    return any;
}

bool lock_look(struct lock *lock, uint64_t *serial_r)
{
    bool before = lock_is_locked(lock);
    int status;
    if (lock->locker != -1 && is_over(lock->locker))
        close_descriptor(&lock->locker);
    if (drain_watch(lock) && lock->locker == -1)
        lock->locker = open_locker(lock);
    bool answered = lock->serial != 0 && lock_is_locked(lock);
    if (lock->child != -1 && is_over(lock->child) && child_ended(&lock->child, &status) && lock->serial != 0)
        answered = true;
    *serial_r = answered ? lock->serial : 0;
    if (answered)
        lock->serial = 0;
    return answered || before != lock_is_locked(lock);
}
