/* The pointer's shapes for one client: the last few are in the client's cache. */
#pragma once

#include <freerdp/freerdp.h>
#include <stdbool.h>
#include <stdint.h>

#include "rpc/winstation.h"

#define POINTER_CACHE_MOST 32

struct pointer_cache {
    struct {
        uint64_t hash; /* 0: empty */
        uint64_t used;
    } slots[POINTER_CACHE_MOST];
    uint64_t turn;
};

/* A shape as the client gets it: B G R A, not premultiplied, bottom row first; and the mask of what is
 * transparent. */
struct pointer_shape {
    unsigned width, height, hot_x, hot_y;
    size_t and_bytes;
    uint8_t pixels[WINSTATION_POINTER_MAX];
    uint8_t and_mask[WINSTATION_POINTER_SIDE * WINSTATION_POINTER_SIDE / 8];
};

/* True when the sizes fit together and are in bounds, and there is something to show. */
bool pointer_is_valid(const struct winstation_pointer *pointer);
/* Converts a valid pointer; what is larger than `side` is cut, with the hot spot kept in. */
void pointer_convert(const struct winstation_pointer *pointer, unsigned side, struct pointer_shape *shape_r);

/* Empties the cache: the client has none of it any more. */
void pointer_cache_reset(struct pointer_cache *cache);
/* Finds the shape's slot among the first `size`. Returns its index, *known_r telling whether the client has
 * it. */
unsigned pointer_cache_find(struct pointer_cache *cache, unsigned size, const struct pointer_shape *shape,
                            bool *known_r);

/* Sends the shape: hidden where width is 0, the client's own arrow where it is NULL, not valid or more than
 * the client can show. Returns false when the connection is beyond use. */
bool pointer_send(rdpContext *context, struct pointer_cache *cache, const struct winstation_pointer *pointer);
bool pointer_send_position(rdpContext *context, unsigned x, unsigned y);
