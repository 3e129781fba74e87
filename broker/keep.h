/* Small files of the broker's own, which say what is to hold after its death. */
#pragma once

#include <stddef.h>

/* Reads up to size - 1 bytes of the file into `text`, with a NUL at their end. Returns 0 or a negative errno.
 */
int keep_read(const char *path, char *text, size_t size);
/* Writes the file anew beside the old one, so that either the one or the other is there. Returns 0 or a
 * negative errno; then the old one is. */
int keep_write(const char *path, const char *text);
