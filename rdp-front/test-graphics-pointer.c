#include "rdp-front/graphics-pointer.h"
#include "tests/check.h"

static struct winstation_pointer pointer; /* large */
static struct pointer_shape shape;

static void pointer_make(unsigned width, unsigned height, unsigned hot_x, unsigned hot_y)
{
    memset(&pointer, 0, sizeof pointer);
    pointer.width = (uint16_t)width;
    pointer.height = (uint16_t)height;
    pointer.hot_x = (uint16_t)hot_x;
    pointer.hot_y = (uint16_t)hot_y;
    pointer.pixels_count = (uint16_t)(width * height * 4);
}

static void set_pixel(unsigned x, unsigned y, uint8_t blue, uint8_t green, uint8_t red, uint8_t alpha)
{
    uint8_t *pixel = pointer.pixels + ((size_t)y * pointer.width + x) * 4;
    pixel[0] = blue;
    pixel[1] = green;
    pixel[2] = red;
    pixel[3] = alpha;
}

static void test_valid(void)
{
    pointer_make(96, 96, 0, 0);
    CHECK(pointer_is_valid(&pointer));
    pointer_make(4, 4, 0, 0);
    pointer.pixels_count--;
    CHECK(!pointer_is_valid(&pointer));
    pointer_make(4, 0, 0, 0);
    CHECK(!pointer_is_valid(&pointer));
    pointer_make(97, 1, 0, 0);
    CHECK(!pointer_is_valid(&pointer));
    pointer_make(1, 1, 0, 0);
    pointer.width = pointer.height = 65535;
    CHECK(!pointer_is_valid(&pointer));
}

static void test_rows_from_the_bottom_and_straight_alpha(void)
{
    pointer_make(17, 2, 3, 1);
    set_pixel(0, 0, 10, 20, 40, 255);
    set_pixel(16, 1, 64, 0, 128, 128); /* half transparent */
    set_pixel(1, 1, 200, 200, 200, 0); /* colour that does not show */
    set_pixel(2, 1, 255, 255, 255, 1); /* more colour than alpha: not premultiplied */
    pointer_convert(&pointer, 32, &shape);
    CHECK(shape.width == 17 && shape.height == 2 && shape.hot_x == 3 && shape.hot_y == 1);
    CHECK(shape.and_bytes == 4u * 2);
    const uint8_t *top = shape.pixels + 17 * 4, *bottom = shape.pixels;
    CHECK(top[0] == 10 && top[1] == 20 && top[2] == 40 && top[3] == 255);
    CHECK(bottom[16 * 4] == 128 && bottom[16 * 4 + 2] == 255 && bottom[16 * 4 + 3] == 128);
    CHECK(bottom[4] == 0 && bottom[7] == 0);
    CHECK(bottom[8] == 255 && bottom[11] == 1);
    /* The lower row comes first; set bits are transparent. */
    CHECK(shape.and_mask[0] == 0xdf && shape.and_mask[1] == 0xff && shape.and_mask[2] == 0x00);
    CHECK(shape.and_mask[4] == 0x7f && shape.and_mask[6] == 0x80);
}

static void test_cut_keeps_the_hot_spot(void)
{
    pointer_make(96, 96, 90, 40);
    set_pixel(90, 40, 1, 2, 3, 255);
    pointer_convert(&pointer, 32, &shape);
    CHECK(shape.width == 32 && shape.height == 32);
    CHECK(shape.hot_x < 32 && shape.hot_y < 32);
    const uint8_t *pixel = shape.pixels + ((31 - shape.hot_y) * 32 + shape.hot_x) * 4;
    CHECK(pixel[0] == 1 && pixel[1] == 2 && pixel[2] == 3 && pixel[3] == 255);
    pointer_make(8, 8, 60000, 8); /* outside: counts as the corner */
    pointer_convert(&pointer, 32, &shape);
    CHECK(shape.hot_x == 0 && shape.hot_y == 0);
    pointer_make(96, 96, 95, 95);
    pointer_convert(&pointer, 96, &shape);
    CHECK(shape.and_bytes == sizeof shape.and_mask && shape.hot_x == 95);
}

static unsigned find(struct pointer_cache *cache, unsigned size, uint8_t colour, bool *known_r)
{
    pointer_make(2, 2, 0, 0);
    set_pixel(0, 0, colour, 0, 0, 255);
    pointer_convert(&pointer, 32, &shape);
    return pointer_cache_find(cache, size, &shape, known_r);
}

static void test_cache(void)
{
    struct pointer_cache cache;
    bool known = true;
    pointer_cache_reset(&cache);
    unsigned first = find(&cache, 2, 1, &known);
    CHECK(!known);
    unsigned second = find(&cache, 2, 2, &known);
    CHECK(!known && second != first);
    CHECK(find(&cache, 2, 1, &known) == first && known);
    CHECK(find(&cache, 2, 3, &known) == second && !known); /* the one unused for longest goes */
    CHECK(find(&cache, 2, 1, &known) == first && known);
    find(&cache, 2, 2, &known);
    CHECK(!known);
    CHECK(find(&cache, 1000, 9, &known) < POINTER_CACHE_MOST);
    pointer_cache_reset(&cache);
    find(&cache, 2, 1, &known);
    CHECK(!known);
}

int main(void)
{
    test_valid();
    test_rows_from_the_bottom_and_straight_alpha();
    test_cut_keeps_the_hot_spot();
    test_cache();
    return 0;
}
