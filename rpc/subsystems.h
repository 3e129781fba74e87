/* The configured subsystems that every session runs, as RUN of rpc/sm.h has them: a line for each, in the
 * order of their start, `NAME required|optional RESTARTS ready|- COMMAND`. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/conf-items.h"
#include "common/conf.h"

/* A section has at least two lines of the CONF_ITEMS_MAX that there may be. */
#define SUBSYSTEMS_MOST          (CONF_ITEMS_MAX / 2)
#define SUBSYSTEMS_RESTARTS_MOST 100

struct subsystem_line {
    char name[CONF_SUBSYSTEM_NAME_MAX + 1];
    bool required;
    bool tells_ready;
    unsigned restarts;   /* within a minute */
    const char *command; /* in the text that was parsed */
};

/* Writes those of Required and Optional with When = session. False, with a sentence in `error`, when they do
 * not fit into `size` bytes with the NUL. A name that has no definition is left out: lodge-smss tells that.
 */
bool subsystems_encode(const struct conf *conf, const struct conf_items *items, char *text, size_t size,
                       char *error, size_t error_size);
/* Checks all of `text` and fills in *lines_r of SUBSYSTEMS_MOST places, whose commands point into it: line
 * ends there become NULs. Returns how many there are, or -1 with a sentence in `error` that names the line.
 */
int subsystems_parse(char *text, struct subsystem_line *lines_r, char *error, size_t error_size);
