/* Programs of Lodge's that the display agent runs: by descriptors, never by numbers that may be another's. */
#pragma once

#include <stdbool.h>

/* Starts the program `name`, which lies in the folder of this one, with the descriptor `input` as its
 * standard input. Returns a pidfd, the caller's, or a negative errno. */
int child_start(const char *name, char *const arguments[], int input);
/* True when it has ended; then *fd is closed, -1, and *status_r its exit status, -1 for a signal. */
bool child_ended(int *fd, int *status_r);
/* Kills it and takes its end; *fd is -1 then. */
void child_kill(int *fd);
