/* Images as a client's clipboard has them (device independent bitmaps), and as X programs have them: BMP and
 * PNG files. Input is hostile: its sizes and offsets are checked, and what it unpacks to is bounded. Each
 * fills *to_r, the caller's to wipe, and returns false where the image is broken, of a kind that is not known
 * (JPEG or PNG inside a bitmap, run lengths), too large, or memory is out. */
#pragma once

#include "rpc/clipboard.h"

#define CLIPBOARD_PIXELS_MOST (32u << 20)

bool clipboard_bmp_from_dib(const uint8_t *from, size_t size, struct clipboard_data *to_r);
bool clipboard_dib_from_bmp(const uint8_t *from, size_t size, struct clipboard_data *to_r);
bool clipboard_png_from_dib(const uint8_t *from, size_t size, struct clipboard_data *to_r);
bool clipboard_dib_from_png(const uint8_t *from, size_t size, struct clipboard_data *to_r);
bool clipboard_bmp_from_png(const uint8_t *from, size_t size, struct clipboard_data *to_r);
