/* What a program of the session writes to its standard error, a line at a time into the log. The log itself
 * is handed to no program that runs as the user: whoever holds it can cut it off, fill it, or write in the
 * name of root's processes, and where it is a terminal read what is typed there. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/log.h"
#include "sessionmgr/loop.h"

#define LINES_ROOM     256 /* a longer line is cut */
#define LINES_MOST     200 /* logged within LINES_MOST_MS; more are left out, and counted */
#define LINES_MOST_MS  10000
#define LINES_OWN_ROOM 1536  /* the same for programs of this project, */
#define LINES_OWN_MOST 10000 /* which serve many people */

struct lines {
    int fd; /* -1: closed */
    struct loop_source *source;
    const char *about; /* for the log */
    enum log_level level;
    const char *program; /* NULL: any; else how the name of one begins whose lines are log lines already */
    char line[LINES_OWN_ROOM]; /* the one that comes in */
    size_t used;
    char last[LINES_ROOM]; /* the last whole one that says something, escaped */
    int64_t since;
    unsigned count;
};

#define LINES_NONE ((struct lines){.fd = -1})

/* Begins anew; `about` is kept. Returns the writing end, close-on-exec and the caller's, or a negative errno.
 */
int lines_open(struct lines *lines_r, struct loop *loop, const char *about, enum log_level level);
/* The same for a service, over the named pipe at `path`, which is made: a service that outlives this process
 * writes on into the same pipe when the next one opens it. Lines that say that they are by `program` pass as
 * they are; a service cannot write in another's name. Returns 0 or a negative errno. */
int lines_open_named(struct lines *lines_r, struct loop *loop, const char *path, const char *about,
                     const char *program);
/* The named pipe's writing end, close-on-exec and the caller's; it never blocks. Or a negative errno. */
int lines_named_end(const char *path);
/* Takes in what is there; at the end of the stream it is closed. */
void lines_drain(struct lines *lines);
/* Takes in what is there and closes. Nothing for one that is closed. */
void lines_close(struct lines *lines);
