/* Folders that a user could fill with anything, handled as root: no symbolic link is ever followed, every
 * step is relative to an open folder. */
#pragma once

#include <sys/types.h>

/* Removes `name` in the folder `parent` and all that is in it, however deep. Symbolic links are removed and
 * never followed; nothing is done in another file system or behind a mount (bind mounts too). *budget_r
 * bounds the entries that are removed in one call, and is counted down: a caller that serves others comes
 * back for the rest. Returns 0 when nothing is left (or there was nothing), -EAGAIN when the budget is used
 * up, -EXDEV where something is mounted inside, or another negative errno. */
int tree_remove(int parent, const char *name, unsigned *budget_r);
/* The same by path, all at once, and several times where somebody still writes into it. */
int tree_remove_path(const char *path);
/* Copies what is in `from` into `to` (open folders, the caller's), giving all of it to this user: folders,
 * ordinary files and symbolic links as links; anything else is left out. What is there already is an error.
 * Returns 0 or a negative errno. */
int tree_copy(int from, int to, uid_t uid, gid_t gid);
