/* Interleaved run-length coding of bitmaps with 15, 16 or 24 bits a pixel ([MS-RDPBCGR] 3.1.9), for clients
 * without a better codec. The library's own coder makes 24-bit streams that decoders, its own too, show
 * wrong.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Room that is always enough for so many pixels. */
#define RLE_ROOM(pixels) ((pixels)*4 + 64)

/* Encodes width x height pixels of B G R x, `stride` bytes a row, into `to`, bottom row first as the format
 * wants it. At most 8192 pixels, `room` at least RLE_ROOM of them. Returns the size. */
size_t rle_encode(const uint8_t *pixels, size_t stride, unsigned width, unsigned height, unsigned depth,
                  uint8_t *to, size_t room);
