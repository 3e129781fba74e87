/* Keeps a lab account known in its session while the host changes its own user and group files. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "common/conf.h"
#include "logon/identity.h"

#define LAB_WATCH_FILES 3
#define LAB_WATCH_MS    5000

struct lab_watch {
    int directory;
    int fd; /* can be read when there may be something new; -1: look every LAB_WATCH_MS */
    struct {
        ino_t inode;
        struct timespec changed;
    } seen[LAB_WATCH_FILES];
};

/* Begins to watch the user and group files in the folder (/etc). Falls back on looking now and then where the
 * machine has no inotify instances left, of which root has 128 by default. */
struct lab_watch lab_watch_begin(const char *directory);
/* Ends it; both descriptors are -1 then. */
void lab_watch_end(struct lab_watch *watch);
/* True where one of the files is another one than at the last call. */
bool lab_watch_look(struct lab_watch *watch);
/* In the mount namespace of the process `pid`, which the pidfd `process` holds: lab_names_mount. Logs what
 * goes wrong. */
void lab_names_renew(const struct conf *conf, const struct identity *identity, int process, pid_t pid);
