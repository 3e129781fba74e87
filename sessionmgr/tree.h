/* Removing a folder that a user could fill with anything. */
#pragma once

/* Removes `name` in the folder `parent` and all that is in it. Symbolic links are removed and never followed;
 * nothing is done in another file system or behind a mount (bind mounts too). *budget_r bounds the entries
 * that are removed in one call, and is counted down: a caller that serves others comes back for the rest.
 * Returns 0 when nothing is left (or there was nothing), -EAGAIN when the budget is used up, -EXDEV where
 * something is mounted inside, or another negative errno. */
int tree_remove(int parent, const char *name, unsigned *budget_r);
