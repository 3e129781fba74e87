/* Files of queued operations, reached in one way: below one of the roots, following no symbolic link. All
 * return true, or false with a sentence in `problem`. `roots` are folders with colons between them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A path that an operation may name: absolute, plain, below a root, and not the queue's own. */
bool pend_file_check(const char *roots, const char *path, char *problem, size_t problem_size);
/* What tells the file from any other: in a buffer of PEND_MARK_ROOM. */
bool pend_file_mark(const char *roots, const char *path, char *mark, char *problem, size_t problem_size);
/* Renames `from` to `to`, replacing what is there, or deletes it (`to` NULL): a file, a link, or an empty
 * folder. It is on the disk when this returns. */
bool pend_file_do(const char *roots, const char *from, const char *to, char *problem, size_t problem_size);
