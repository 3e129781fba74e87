/* The programs in the session that stand for what a viewer redirects (common/redirect.h): each is started
 * when the viewer asks for it, has one end of a socket pair as its standard input, and ends with that. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/redirect.h"

/* More than these, of all viewers, are not started. */
#define REDIRECTS_MOST 12

struct redirects {
    struct {
        int child; /* a pidfd; -1: the place is free */
        uint64_t viewer;
        unsigned kind;
    } at[REDIRECTS_MOST];
};

void redirects_init(struct redirects *redirects_r);
/* Starts the program of `kind` for the viewer, with those of `bits` that are of this kind; one of that kind
 * which the viewer has is ended. Returns the viewer's end of the pair, the caller's, or a negative errno:
 * -ENOENT where there is no such kind, nothing of it is asked for, or its program is not installed. */
int redirects_start(struct redirects *redirects, uint64_t viewer, unsigned kind, uint32_t bits);
/* Has the programs of a viewer that has gone end. */
void redirects_viewer_gone(struct redirects *redirects, uint64_t viewer);
/* One whose place is `index` may have ended. */
void redirects_look(struct redirects *redirects, size_t index);
/* Has all of them end. */
void redirects_end(struct redirects *redirects);
