/* What is to be sent of a screen, in tiles of 64x64 pixels: which are damaged, and of each a hash of what the
 * client has, so that damage that changed nothing costs no encoding. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/message.h"

#define TILES_SIDE 64
#define TILES_MOST 128 /* in one row: the widest screen */

struct tiles;

/* The tiles of a screen, everything damaged and nothing known of the client. Returns NULL where memory is
 * short or a size is outside of 1..8192. */
struct tiles *tiles_new(unsigned width, unsigned height);
void tiles_free(struct tiles *tiles);

/* Marks what the rectangles touch; parts outside of the screen are ignored. */
void tiles_mark(struct tiles *tiles, const struct rectangles *rectangles);
void tiles_mark_all(struct tiles *tiles);
/* Forgets what the client has: everything is sent again. */
void tiles_forget(struct tiles *tiles);
bool tiles_pending(const struct tiles *tiles);
unsigned tiles_rows(const struct tiles *tiles);

/* One row of tiles copied out of memory that others may be writing, so that what is hashed is what is
 * encoded. */
struct tiles_band {
    const uint8_t *pixels; /* TILES_SIDE rows of `stride` bytes; only the tiles listed here are filled */
    size_t stride;
    unsigned width, height; /* of the part that is on the screen, in pixels */
    unsigned row;
    unsigned count; /* 0: nothing changed */
    uint8_t columns[TILES_MOST];
};

/* Takes the damaged tiles of `row` out of `pixels` (`stride` bytes a row, the size given to tiles_new): those
 * that differ from what the client has are in *band_r, and count as sent. *band_r is valid until the next
 * call. Returns how many were damaged but unchanged. */
unsigned tiles_take(struct tiles *tiles, unsigned row, const uint8_t *pixels, size_t stride,
                    struct tiles_band *band_r);

/* Tells whether tile `index` of the band's list has one colour, and puts that (0x00RRGGBB) into *colour_r. */
bool tiles_is_solid(const struct tiles_band *band, unsigned index, uint32_t *colour_r);
