/* Pointer shapes as POINTER carries them. */
#pragma once

#include <stdint.h>

#include "rpc/winstation.h"

/* Makes a shape of width x height pixels (0xAARRGGBB, premultiplied): scaled down by a whole number where a
 * side is longer than WINSTATION_POINTER_SIDE. One with nothing visible, or without pixels, is hidden: width
 * 0. A hot spot outside is moved inside. */
void shape_make(struct winstation_pointer *shape_r, const uint32_t *pixels, uint16_t width, uint16_t height,
                uint16_t hot_x, uint16_t hot_y);
