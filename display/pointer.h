/* The pointer: its shape, and where it is when a program has moved it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "display/x.h"
#include "rpc/winstation.h"

struct pointer {
    struct x *x;
    struct winstation_pointer *shape; /* NULL until the first came */
    uint32_t shape_version;           /* goes up with each shape */
    uint32_t moved_version;           /* goes up when a program has moved it */
    uint16_t at_x, at_y;              /* where it was put last, or found */
    bool followed;
    bool place_known;
    bool asking_shape, ask_shape_again, asking_place;
    int64_t place_due; /* monotonic ms; 0: not due */
};

void pointer_init(struct pointer *pointer_r, struct x *x);
void pointer_free(struct pointer *pointer);
/* Follows the pointer's shape and place, or stops: for while the screen is shown. */
void pointer_follow(struct pointer *pointer, bool follow);
/* Takes an event of the XFIXES extension. */
void pointer_take_event(struct pointer *pointer, const xcb_generic_event_t *event);
/* The agent puts the pointer there. */
void pointer_put(struct pointer *pointer, uint16_t x, uint16_t y);
/* Something happened after which a program may move the pointer: looks for that a little later. */
void pointer_look_soon(struct pointer *pointer, int64_t now);
/* Looks where it is, when that is due. */
void pointer_look(struct pointer *pointer, int64_t now);
