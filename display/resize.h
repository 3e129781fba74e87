/* Changes of the screen's size, by RandR: to exactly the size that a client wants. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "display/x.h"

struct resize {
    struct x *x;
    bool busy;                        /* a change is under way: the size is not final */
    uint16_t want_width, want_height; /* the last size that was asked for */
    uint16_t width, height;           /* the size that is being set */
    uint16_t from_width, from_height; /* the size before */
    uint32_t crtc, output, mode;      /* what it is done with */
    uint32_t made, made_before;       /* modes that were made here, 0: none */
    bool listed;                      /* the output has the mode already */
    uint32_t config_timestamp;
    uint32_t outputs[8];
    unsigned output_count, output_next;
    bool ended; /* set when a change has ended; the agent clears it and reads the size below */
    uint16_t now_width, now_height;
};

void resize_init(struct resize *resize_r, struct x *x);
/* Starts to set the size (brought into the limits first) unless it is `width` x `height`, what the screen has
 * now. While a change is under way the last wish waits for its end. */
void resize_want(struct resize *resize, uint16_t want_width, uint16_t want_height, uint16_t width,
                 uint16_t height);
