#include "rdp-front/graphics-tiles.h"
#include "tests/check.h"

#define WIDTH  203 /* neither is a multiple of the tile */
#define HEIGHT 130
#define STRIDE (WIDTH * 4 + 12)

/* The picture's memory ends with its last pixel, so that AddressSanitizer sees a read beyond. */
static uint8_t *picture_new(void)
{
    size_t size = (size_t)STRIDE * (HEIGHT - 1) + WIDTH * 4;
    uint8_t *pixels = malloc(size);
    CHECK(pixels != NULL);
    for (size_t i = 0; i < size; i++)
        pixels[i] = (uint8_t)(i * 31 + i / 97);
    return pixels;
}

static unsigned take_all(struct tiles *tiles, const uint8_t *pixels, unsigned *unchanged_r)
{
    unsigned taken = 0, unchanged = 0;
    for (unsigned row = 0; row < tiles_rows(tiles); row++) {
        struct tiles_band band;
        unchanged += tiles_take(tiles, row, pixels, STRIDE, &band);
        taken += band.count;
    }
    CHECK(!tiles_pending(tiles));
    *unchanged_r = unchanged;
    return taken;
}

static void mark(struct tiles *tiles, unsigned x, unsigned y, unsigned width, unsigned height)
{
    struct rectangles rectangles = {.count = 1,
                                    .at = {{(uint16_t)x, (uint16_t)y, (uint16_t)width, (uint16_t)height}}};
    tiles_mark(tiles, &rectangles);
}

static void test_first_frame_is_everything(void)
{
    uint8_t *pixels = picture_new();
    struct tiles *tiles = tiles_new(WIDTH, HEIGHT);
    unsigned unchanged;
    CHECK(tiles != NULL && tiles_rows(tiles) == 3 && tiles_pending(tiles));
    CHECK(take_all(tiles, pixels, &unchanged) == 12 && unchanged == 0);
    tiles_mark_all(tiles);
    CHECK(take_all(tiles, pixels, &unchanged) == 0 && unchanged == 12);
    tiles_forget(tiles);
    CHECK(take_all(tiles, pixels, &unchanged) == 12 && unchanged == 0);
    tiles_free(tiles);
    free(pixels);
}

static void test_band_is_the_picture(void)
{
    uint8_t *pixels = picture_new();
    struct tiles *tiles = tiles_new(WIDTH, HEIGHT);
    struct tiles_band band;
    tiles_take(tiles, 2, pixels, STRIDE, &band);
    CHECK(band.row == 2 && band.width == WIDTH && band.height == HEIGHT - 128 && band.count == 4);
    for (unsigned y = 0; y < band.height; y++)
        CHECK(memcmp(band.pixels + y * band.stride, pixels + (size_t)(128 + y) * STRIDE, WIDTH * 4) == 0);
    tiles_free(tiles);
    free(pixels);
}

static void test_merge_and_skip(void)
{
    uint8_t *pixels = picture_new();
    struct tiles *tiles = tiles_new(WIDTH, HEIGHT);
    unsigned unchanged;
    take_all(tiles, pixels, &unchanged);
    mark(tiles, 63, 63, 2, 2); /* four tiles meet here */
    mark(tiles, 60, 60, 10, 10);
    pixels[(size_t)64 * STRIDE + 64 * 4] ^= 1; /* in one of them */
    struct tiles_band band;
    CHECK(tiles_take(tiles, 0, pixels, STRIDE, &band) == 2 && band.count == 0);
    CHECK(tiles_take(tiles, 1, pixels, STRIDE, &band) == 1 && band.count == 1 && band.columns[0] == 1);
    CHECK(!tiles_pending(tiles));
    tiles_free(tiles);
    free(pixels);
}

/* Every byte of a tile counts for its hash. */
static void test_one_colour_is_seen(void)
{
    size_t size = (size_t)STRIDE * (HEIGHT - 1) + WIDTH * 4;
    uint8_t *pixels = malloc(size);
    CHECK(pixels != NULL);
    for (size_t i = 0; i < size; i++)
        pixels[i] = (uint8_t)(i % 4 * 0x11);
    struct tiles *tiles = tiles_new(WIDTH, HEIGHT);
    struct tiles_band band;
    uint32_t colour = 0;
    /* the last tile of the last row, cut by both edges, has one other pixel: its very last */
    pixels[size - 4] ^= 1;
    CHECK(tiles_take(tiles, 2, pixels, STRIDE, &band) == 0 && band.count == 4);
    for (unsigned i = 0; i < 3; i++)
        CHECK(tiles_is_solid(&band, i, &colour) && colour == 0x221100);
    CHECK(!tiles_is_solid(&band, 3, &colour));
    pixels[size - 4] ^= 1;
    tiles_mark_all(tiles);
    CHECK(tiles_take(tiles, 2, pixels, STRIDE, &band) == 3 && band.count == 1);
    CHECK(tiles_is_solid(&band, 0, &colour) && colour == 0x221100);
    tiles_free(tiles);
    free(pixels);
}

static void test_hash_sees_each_byte(void)
{
    uint8_t *pixels = picture_new();
    struct tiles *tiles = tiles_new(WIDTH, HEIGHT);
    unsigned unchanged;
    take_all(tiles, pixels, &unchanged);
    for (unsigned y = 0; y < HEIGHT; y += 3) {
        for (unsigned byte = y % 5; byte < WIDTH * 4; byte += 5) {
            mark(tiles, byte / 4, y, 1, 1);
            pixels[(size_t)y * STRIDE + byte] ^= (uint8_t)(1u << byte % 8);
            CHECK(take_all(tiles, pixels, &unchanged) == 1 && unchanged == 0);
        }
    }
    tiles_free(tiles);
    free(pixels);
}

static void test_hostile_rectangles(void)
{
    static const struct rectangle outside[] = {
        {0, 0, 0, 0},     {0, 0, 0, 9},         {WIDTH, 0, 1, 1},     {0, HEIGHT, 1, 1},
        {65535, 0, 9, 9}, {0, 65535, 65535, 1}, {65535, 65535, 1, 1}, {5, 5, 1, 0},
    };
    uint8_t *pixels = picture_new();
    struct tiles *tiles = tiles_new(WIDTH, HEIGHT);
    unsigned unchanged;
    take_all(tiles, pixels, &unchanged);
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        struct rectangles rectangles = {.count = 1, .at = {outside[i]}};
        tiles_mark(tiles, &rectangles);
        CHECK(!tiles_pending(tiles));
    }
    struct rectangles many = {.count = UINT16_MAX};
    for (unsigned i = 0; i < MESSAGE_MAX_RECTANGLES; i++)
        many.at[i] = (struct rectangle){(uint16_t)(WIDTH - 1), (uint16_t)(HEIGHT - 1), 65535, 65535};
    tiles_mark(tiles, &many);
    CHECK(take_all(tiles, pixels, &unchanged) == 0 && unchanged == 1);
    mark(tiles, 0, 0, 65535, 65535);
    CHECK(take_all(tiles, pixels, &unchanged) == 0 && unchanged == 12);
    tiles_free(tiles);
    free(pixels);
}

static void test_hostile_sizes(void)
{
    CHECK(tiles_new(0, 1) == NULL);
    CHECK(tiles_new(1, 0) == NULL);
    CHECK(tiles_new(8193, 1) == NULL);
    CHECK(tiles_new(1, 8193) == NULL);
    CHECK(tiles_new(UINT32_MAX, UINT32_MAX) == NULL);
    tiles_free(tiles_new(1, 1));
    struct tiles *widest = tiles_new(8192, 1);
    CHECK(widest != NULL);
    uint8_t *pixels = calloc(8192, 4);
    CHECK(pixels != NULL);
    struct tiles_band band;
    tiles_take(widest, 0, pixels, 8192 * 4, &band);
    CHECK(band.count == 128 && band.height == 1 && band.columns[127] == 127);
    free(pixels);
    tiles_free(widest);
    tiles_free(NULL);
}

int main(void)
{
    test_first_frame_is_everything();
    test_band_is_the_picture();
    test_merge_and_skip();
    test_one_colour_is_seen();
    test_hash_sees_each_byte();
    test_hostile_rectangles();
    test_hostile_sizes();
    return 0;
}
