/* The command lines of the front end's two programs. */
#pragma once

#include <stdbool.h>

#include "common/conf.h"

struct options {
    struct conf conf;
    int fd;
    const char *config; /* the path of the configuration, of argv */
};

/* What a program takes. */
struct options_plan {
    const char *program, *usage;
    const char *fd_option; /* names a descriptor */
    const char *must;      /* this word has to be there; NULL: none */
    unsigned kept;         /* descriptors above that one that stay open */
};

/* Reads `--config FILE` and what the plan has, loads the configuration, starts the log, makes the descriptor
 * non-blocking and close-on-exec, and closes every higher one.
 * Returns true; or false after having said why (or the help, or the version), with the exit status. */
bool options_parse(struct options *options_r, int argc, char **argv, const struct options_plan *plan,
                   int *status_r);
