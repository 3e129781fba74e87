/* From root to the broker's account, for good. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* Gives up root, every group but the account's own, every capability, and the way back (no_new_privs); then
 * looks whether it is so. A process that is that account already only gives up the way to more. Returns 0, or
 * a negative errno with what went wrong in `problem`: the process must not go on then. */
int privilege_drop(uid_t uid, gid_t gid, char *problem, size_t size);
