/* The planar codec of bitmaps with 32 bits a pixel ([MS-RDPEGDI] 3.1.9), each plane with run lengths. The
 * coder of some of the library's versions (that of Debian 13) loses the signs of differences.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLANAR_WIDTH_MOST 64

/* Room that is always enough for a picture of this size. */
#define PLANAR_ROOM(width, height) (1 + 4 * (height) * ((width) + ((width) + 14) / 15))

/* Encodes width x height pixels of B G R x, `stride` bytes a row, into `to`, bottom row first as the format
 * wants it, at most PLANAR_WIDTH_MOST wide; with `skip_alpha` without the plane of alpha, which is opaque.
 * `room` at least PLANAR_ROOM. Returns the size, or 0 where the room was not enough. */
size_t planar_encode(const uint8_t *pixels, size_t stride, unsigned width, unsigned height, bool skip_alpha,
                     uint8_t *to, size_t room);
