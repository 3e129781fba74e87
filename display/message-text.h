/* The text of a message box: made harmless, and broken into lines. */
#pragma once

#include <stddef.h>

struct message_line {
    size_t at, bytes;
};

/* The width of a piece of text in pixels. */
typedef unsigned message_measure(const void *context, const char *text, size_t bytes);

/* Copies UTF-8 into `to` (room for `size` bytes with the NUL), cut between characters: line ends become \n, a
 * tab four spaces, any other control character "?". */
void message_clean(char *to, size_t size, const char *from);
/* Breaks `text` at its \n, at spaces, and inside a word that is wider than a line. Fills up to `most` lines
 * and returns how many there are in all, at least 1. */
size_t message_wrap(const char *text, unsigned width, message_measure *measure, const void *context,
                    struct message_line *lines_r, size_t most);
