/* Whether the session's desktop is locked. Lockers are run by lodge-lock, for the person or for the agent,
 * and it writes the locker's process into the session's object directory once it holds: locked is what has
 * such a locker that runs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lock {
    char folder[256]; /* the object directory; "": not known */
    int watch;        /* an inotify descriptor, -1: none */
    int locker;       /* a pidfd of the locker that runs, -1: none */
    int child;        /* a pidfd of the lodge-lock that this agent started, -1: none */
    uint64_t serial;  /* of what that was asked by, 0: answered */
};

/* Looks for a locker that runs already. */
void lock_init(struct lock *lock_r);
/* The locker goes on. */
void lock_end(struct lock *lock);
bool lock_is_locked(const struct lock *lock);
/* Starts lodge-lock with this locker ("": one that is there). False, logged, when that cannot be. */
bool lock_begin(struct lock *lock, uint64_t serial, const char *command);
/* One of the three descriptors can be read. Returns true when there is something to tell the broker:
 * *serial_r is of what is answered with that, or 0. */
bool lock_look(struct lock *lock, uint64_t *serial_r);
