/* Tiles to bytes: RemoteFX (as the legacy codec or as progressive), and the two bitmap codecs for clients
 * without it. Single-threaded; the results stay the encoder's until its next call. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rdp-front/graphics-tiles.h"

/* The largest RemoteFX tile with its header, and what comes around the tiles of one message. */
#define ENCODE_RFX_TILE_MOST   12320
#define ENCODE_RFX_HEADER_MOST 2048
/* Bitmaps are half a tile: raw, one fits the smallest update that every client takes (16256 bytes). */
#define ENCODE_BITMAP_ROWS 32

struct encoder;

enum encode_format { ENCODE_RFX, ENCODE_PROGRESSIVE };

struct encode_bytes {
    const uint8_t *data;
    size_t size;
};

/* Returns NULL where memory is short. */
struct encoder *encoder_new(void);
void encoder_free(struct encoder *encoder);

/* Before the first encode_band, and whenever the client's decoder starts anew: the size of the surface, and
 * with ENCODE_RFX whether the entropy coder is RLGR3 instead of RLGR1. */
bool encoder_reset(struct encoder *encoder, enum encode_format format, bool rlgr3, unsigned width,
                   unsigned height);
/* Encodes `count` tiles of `band` from index `first`. A RemoteFX message is relative to the band's top left
 * corner; a progressive one to the surface's. Returns false where memory is short. */
bool encode_band(struct encoder *encoder, const struct tiles_band *band, unsigned first, unsigned count,
                 struct encode_bytes *bytes_r);

struct encode_bitmap {
    struct encode_bytes bytes;
    unsigned x, y;          /* in the band */
    unsigned width, height; /* of what is to be shown */
    unsigned coded_width;   /* of the bitmap itself: a multiple of 4 */
    unsigned depth;
};

/* Encodes half (0: upper, 1: lower) of tile `index` of the band for a session of `depth` bits a pixel: 32
 * (planar), 24, 16 or 15 (interleaved). The bytes go to `room` (ENCODE_BITMAP_ROOM bytes), the caller's.
 * Returns 1, 0 where the half is below the screen, or -1 on failure. */
#define ENCODE_BITMAP_ROOM (TILES_SIDE * ENCODE_BITMAP_ROWS * 4 + 1024)
int encode_bitmap(const struct tiles_band *band, unsigned index, unsigned half, unsigned depth,
                  bool skip_alpha, uint8_t *room, struct encode_bitmap *bitmap_r);
