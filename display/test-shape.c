#include "display/shape.h"

#include "tests/check.h"

static struct winstation_pointer shape;
static uint32_t pixels[300 * 100];

int main(void)
{
    uint32_t two[2] = {0x80402010, 0xFF000000};
    shape_make(&shape, two, 2, 1, 1, 0);
    static const uint8_t bytes[8] = {0x10, 0x20, 0x40, 0x80, 0, 0, 0, 0xFF};
    CHECK(shape.width == 2 && shape.height == 1 && shape.hot_x == 1 && shape.hot_y == 0);
    CHECK(shape.pixels_count == 8 && memcmp(shape.pixels, bytes, 8) == 0);

    for (size_t i = 0; i < sizeof(pixels) / sizeof(pixels[0]); i++)
        pixels[i] = 0xFF00FF00;
    shape_make(&shape, pixels, 300, 100, 299, 99); /* four to one */
    CHECK(shape.width == 75 && shape.height == 25 && shape.hot_x == 74 && shape.hot_y == 24);
    CHECK(shape.pixels_count == 75 * 25 * 4 && shape.pixels[1] == 0xFF && shape.pixels[3] == 0xFF);
    shape_make(&shape, pixels, 97, 97, 500, 500); /* an edge that is cut off; a hot spot outside */
    CHECK(shape.width == 49 && shape.height == 49 && shape.hot_x == 48 && shape.hot_y == 48);
    CHECK(shape.pixels[shape.pixels_count - 1] == 0xFF);
    shape_make(&shape, pixels, 96, 96, 0, 0);
    CHECK(shape.width == 96 && shape.height == 96 && shape.pixels_count == WINSTATION_POINTER_MAX);

    memset(pixels, 0, sizeof(pixels));
    shape_make(&shape, pixels, 16, 16, 0, 0);
    CHECK(shape.width == 0 && shape.height == 0 && shape.pixels_count == 0);
    shape_make(&shape, pixels, 0, 0, 3, 3);
    CHECK(shape.width == 0 && shape.hot_x == 0);
    return 0;
}
