#include "display/shape.h"

#include <stdbool.h>
#include <stddef.h>

static bool is_visible(const uint32_t *pixels, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (pixels[i] >> 24 != 0)
            return true;
    }
    return false;
}

/* The mean of the pixels of one cell of `scale` x `scale`, cut off at the edges, as B G R A. */
static void put_cell(uint8_t *pixel_r, const uint32_t *pixels, unsigned width, unsigned height, unsigned x,
                     unsigned y, unsigned scale)
{
    uint32_t sum[4] = {0}, count = 0;
    for (unsigned row = y; row < y + scale && row < height; row++) {
        for (unsigned column = x; column < x + scale && column < width; column++) {
            uint32_t value = pixels[(size_t)row * width + column];
            for (int part = 0; part < 4; part++)
                sum[part] += (value >> (8 * part)) & 0xFF;
            count++;
        }
    }
    for (int part = 0; part < 4; part++)
        pixel_r[part] = (uint8_t)(count == 0 ? 0 : sum[part] / count);
}

void shape_make(struct winstation_pointer *shape_r, const uint32_t *pixels, uint16_t width, uint16_t height,
                uint16_t hot_x, uint16_t hot_y)
{
    shape_r->hot_x = shape_r->hot_y = shape_r->width = shape_r->height = shape_r->pixels_count = 0;
    if (width == 0 || height == 0 || !is_visible(pixels, (size_t)width * height))
        return;
    unsigned longest = width > height ? width : height;
    unsigned scale = (longest + WINSTATION_POINTER_SIDE - 1) / WINSTATION_POINTER_SIDE;
    unsigned columns = (width + scale - 1) / scale, rows = (height + scale - 1) / scale;
    uint8_t *pixel = shape_r->pixels;
    for (unsigned y = 0; y < rows; y++) {
        for (unsigned x = 0; x < columns; x++, pixel += 4)
            put_cell(pixel, pixels, width, height, x * scale, y * scale, scale);
    }
    shape_r->width = (uint16_t)columns;
    shape_r->height = (uint16_t)rows;
    shape_r->pixels_count = (uint16_t)(columns * rows * 4);
    shape_r->hot_x = (uint16_t)((hot_x < width ? hot_x : width - 1u) / scale);
    shape_r->hot_y = (uint16_t)((hot_y < height ? hot_y : height - 1u) / scale);
}
