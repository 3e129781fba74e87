/* Keeps a lab account known in its session while the host changes its own user and group files. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "common/conf.h"
#include "logon/identity.h"

/* A descriptor that can be read when the host has put a new user or group file in place; the caller's to
 * close. A negative errno where that cannot be watched. */
int lab_watch_open(void);
/* Takes what is there to be read. True where one of the files that a session has its own of is new. */
bool lab_watch_read(int watch);
/* In the mount namespace of the process `pid`, which the pidfd `process` holds: lab_names_mount. Logs what
 * goes wrong. */
void lab_names_renew(const struct conf *conf, const struct identity *identity, int process, pid_t pid);
