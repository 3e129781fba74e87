/* Which of the client's formats (rpc/clipboard.h) stands for which target of X, and what makes one of the
 * other. */
#pragma once

#include "rpc/clipboard.h"

/* Fills *to_r, the caller's to wipe, or returns false: the data is broken, or too large. */
typedef bool clipboard_converter(const uint8_t *from, size_t size, struct clipboard_data *to_r);

#define CLIPBOARD_WAYS_MOST 3

/* What a program of the session may ask for while the client has the clipboard. */
struct clipboard_target {
    const char *name, *type; /* the type of what it gets; NULL: the same */
    struct {
        uint32_t format; /* 0: no more */
        clipboard_converter *convert;
    } ways[CLIPBOARD_WAYS_MOST]; /* the best first */
};
#define CLIPBOARD_TARGETS 11
extern const struct clipboard_target clipboard_targets[CLIPBOARD_TARGETS];

/* How a program of the session is asked for one of the client's formats; the best first. */
struct clipboard_source {
    uint32_t format;
    const char *target;
    clipboard_converter *convert;
};
#define CLIPBOARD_SOURCES 10
extern const struct clipboard_source clipboard_sources[CLIPBOARD_SOURCES];
