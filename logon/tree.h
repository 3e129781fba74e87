/* Directory trees, handled as root in places where a hostile user may own what is inside: no symbolic link is
 * ever followed, every step is relative to an open directory. */
#pragma once

#include <sys/types.h>

/* Removes `name` in the directory `at` with all that is in it, however deep. A mount point inside is an
 * error. Returns 0 (also where there is nothing), or a negative errno. */
int tree_remove(int at, const char *name);
/* The same by path. */
int tree_remove_path(const char *path);
/* Copies what is in `from` into `to` (open directories, the caller's), giving all of it to this user:
 * folders, ordinary files and symbolic links as links; anything else is left out. What is there already is an
 * error. Returns 0 or a negative errno. */
int tree_copy(int from, int to, uid_t uid, gid_t gid);
