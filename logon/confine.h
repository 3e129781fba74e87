/* What no namespace divides between sessions: abstract sockets, which belong to the network's. */
#pragma once

#include <stdbool.h>

#include "logon/failure.h"

/* From now on this process and those it becomes and starts connect to no abstract socket that was made
 * outside of them, and look into no process outside of them (Landlock). True too where the kernel (before
 * Linux 6.12, or without Landlock) knows no such bound. Needs CAP_SYS_ADMIN; programs with the set-user-ID
 * bit go on to work. */
bool confine_self(struct failure *failure_r);
