/* The command lines of the front end's two programs. */
#pragma once

#include <stdbool.h>

#include "common/conf.h"

struct options {
    struct conf conf;
    int fd;
    const char *config; /* the path of the configuration, of argv */
};

/* Reads `--config FILE`, the descriptor option (named `fd_option`), and the word `must` (NULL: none), loads
 * the configuration, starts the log as `program`, makes the descriptor non-blocking and close-on-exec, and
 * closes every higher one.
 * Returns true; or false after having said why (or the help, or the version), with the exit status. */
bool options_parse(struct options *options_r, int argc, char **argv, const char *program,
                   const char *fd_option, const char *must, const char *usage, int *status_r);
