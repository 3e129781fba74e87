/* What the encoder makes is decoded by the library's own decoders and compared with the picture. */
#include "rdp-front/encode.h"

#include <freerdp/codec/interleaved.h>
#include <freerdp/codec/planar.h>
#include <freerdp/codec/progressive.h>
#include <freerdp/codec/rfx.h>
#include <freerdp/settings.h>

#include "tests/check.h"

#define WIDTH     203
#define HEIGHT    150
#define STRIDE    (WIDTH * 4)
#define TOLERANCE 24 /* of one channel, for smooth colours */

static uint8_t picture[HEIGHT * STRIDE], result[HEIGHT * STRIDE];

static void picture_make(void)
{
    for (unsigned y = 0; y < HEIGHT; y++)
        for (unsigned x = 0; x < WIDTH; x++) {
            uint8_t *pixel = picture + y * STRIDE + x * 4;
            pixel[0] = (uint8_t)x;
            pixel[1] = (uint8_t)(y + 40);
            pixel[2] = (uint8_t)(x / 2 + y / 2);
            pixel[3] = 0xff;
        }
}

static void check_close(unsigned tolerance)
{
    for (unsigned y = 0; y < HEIGHT; y++)
        for (unsigned x = 0; x < WIDTH * 4; x++) {
            if (x % 4 == 3)
                continue;
            int difference = picture[y * STRIDE + x] - result[y * STRIDE + x];
            if (abs(difference) > (int)tolerance)
                fprintf(stderr, "at %u,%u channel %u: %u, want %u\n", x / 4, y, x % 4, result[y * STRIDE + x],
                        picture[y * STRIDE + x]);
            CHECK(abs(difference) <= (int)tolerance);
        }
}

/* Encodes in pieces of at most two tiles, as for a client with small updates. */
static void test_rfx(bool rlgr3)
{
    struct encoder *encoder = encoder_new();
    struct tiles *tiles = tiles_new(WIDTH, HEIGHT);
    RFX_CONTEXT *decoder = rfx_context_new_ex(FALSE, THREADING_FLAGS_DISABLE_THREADS);
    REGION16 region;
    region16_init(&region);
    memset(result, 0, sizeof result);
    CHECK(encoder != NULL && tiles != NULL && decoder != NULL);
    CHECK(rfx_context_reset(decoder, WIDTH, HEIGHT));
    CHECK(encoder_reset(encoder, ENCODE_RFX, rlgr3, WIDTH, HEIGHT));
    for (unsigned row = 0; row < tiles_rows(tiles); row++) {
        struct tiles_band band;
        tiles_take(tiles, row, picture, STRIDE, &band);
        for (unsigned first = 0; first < band.count; first += 2) {
            struct encode_bytes bytes;
            unsigned count = band.count - first < 2 ? band.count - first : 2;
            CHECK(encode_band(encoder, &band, first, count, &bytes));
            CHECK(bytes.size < ENCODE_RFX_HEADER_MOST + count * (size_t)ENCODE_RFX_TILE_MOST);
            CHECK(rfx_process_message(decoder, bytes.data, (UINT32)bytes.size, 0, row * TILES_SIDE, result,
                                      PIXEL_FORMAT_BGRX32, STRIDE, HEIGHT, &region));
        }
    }
    check_close(TOLERANCE);
    region16_uninit(&region);
    rfx_context_free(decoder);
    tiles_free(tiles);
    encoder_free(encoder);
}

static void test_progressive(void)
{
    struct encoder *encoder = encoder_new();
    struct tiles *tiles = tiles_new(WIDTH, HEIGHT);
    PROGRESSIVE_CONTEXT *decoder = progressive_context_new_ex(FALSE, THREADING_FLAGS_DISABLE_THREADS);
    memset(result, 0, sizeof result);
    CHECK(encoder != NULL && tiles != NULL && decoder != NULL);
    CHECK(progressive_create_surface_context(decoder, 1, WIDTH, HEIGHT) >= 0);
    CHECK(encoder_reset(encoder, ENCODE_PROGRESSIVE, false, WIDTH, HEIGHT));
    for (unsigned row = tiles_rows(tiles); row-- > 0;) {
        struct tiles_band band;
        struct encode_bytes bytes;
        REGION16 region;
        region16_init(&region);
        tiles_take(tiles, row, picture, STRIDE, &band);
        CHECK(encode_band(encoder, &band, 0, band.count, &bytes));
        CHECK(progressive_decompress(decoder, bytes.data, (UINT32)bytes.size, result, PIXEL_FORMAT_BGRX32,
                                     STRIDE, 0, 0, &region, 1, row) >= 0);
        region16_uninit(&region);
    }
    check_close(TOLERANCE);
    progressive_context_free(decoder);
    tiles_free(tiles);
    encoder_free(encoder);
}

struct decoders {
    BITMAP_PLANAR_CONTEXT *planar;
    BITMAP_INTERLEAVED_CONTEXT *interleaved;
};

static void decode_bitmap(struct decoders *decoders, const struct encode_bitmap *bitmap, unsigned row)
{
    static uint8_t decoded[TILES_SIDE * TILES_SIDE * 4];
    UINT32 step = bitmap->coded_width * 4;
    if (bitmap->depth == 32)
        CHECK(planar_decompress(decoders->planar, bitmap->bytes.data, (UINT32)bitmap->bytes.size,
                                bitmap->coded_width, bitmap->height, decoded, PIXEL_FORMAT_BGRX32, step, 0, 0,
                                bitmap->coded_width, bitmap->height, TRUE));
    else
        CHECK(interleaved_decompress(decoders->interleaved, bitmap->bytes.data, (UINT32)bitmap->bytes.size,
                                     bitmap->coded_width, bitmap->height, bitmap->depth, decoded,
                                     PIXEL_FORMAT_BGRX32, step, 0, 0, bitmap->coded_width, bitmap->height,
                                     NULL));
    for (unsigned y = 0; y < bitmap->height; y++)
        memcpy(result + (row * TILES_SIDE + bitmap->y + y) * STRIDE + bitmap->x * 4, decoded + y * step,
               bitmap->width * 4);
}

static void test_bitmaps(unsigned depth, bool skip_alpha, unsigned tolerance)
{
    struct tiles *tiles = tiles_new(WIDTH, HEIGHT);
    struct decoders decoders = {freerdp_bitmap_planar_context_new(0, TILES_SIDE, TILES_SIDE),
                                bitmap_interleaved_context_new(FALSE)};
    uint8_t *room = malloc(ENCODE_BITMAP_ROOM);
    memset(result, 0, sizeof result);
    CHECK(tiles != NULL && decoders.planar != NULL && decoders.interleaved != NULL && room != NULL);
    unsigned made = 0;
    for (unsigned row = 0; row < tiles_rows(tiles); row++) {
        struct tiles_band band;
        tiles_take(tiles, row, picture, STRIDE, &band);
        for (unsigned part = 0; part < band.count * 2; part++) {
            struct encode_bitmap bitmap;
            int got = encode_bitmap(&band, part / 2, part % 2, depth, skip_alpha, room, &bitmap);
            CHECK(got >= 0);
            if (got == 0)
                continue;
            made++;
            CHECK(bitmap.coded_width % 4 == 0 && bitmap.bytes.size <= ENCODE_BITMAP_ROOM);
            decode_bitmap(&decoders, &bitmap, row);
        }
    }
    CHECK(made == 4 * 5); /* the third row of tiles is 22 pixels high: one half */
    check_close(tolerance);
    free(room);
    freerdp_bitmap_planar_context_free(decoders.planar);
    bitmap_interleaved_context_free(decoders.interleaved);
    tiles_free(tiles);
}

/* Blocks of one colour with hard edges, which make long runs. */
static void picture_make_blocks(void)
{
    for (unsigned y = 0; y < HEIGHT; y++)
        for (unsigned x = 0; x < WIDTH; x++) {
            bool block = (x / 48 + y / 40 + 1) % 5 == 0;
            uint32_t colour = block ? 0x408140 : (x / 4) << 16 | (y / 3 + 1) << 8 | 90;
            memcpy(picture + y * STRIDE + x * 4, &colour, 4);
        }
}

int main(void)
{
    picture_make_blocks();
    test_bitmaps(32, true, 0);
    test_bitmaps(32, false, 0);
    test_bitmaps(24, false, 0);
    test_bitmaps(16, false, 8);
    test_bitmaps(15, false, 8);
    picture_make();
    test_rfx(false);
    test_rfx(true);
    test_progressive();
    test_bitmaps(32, true, 0);
    test_bitmaps(32, false, 0);
    test_bitmaps(24, false, 0);
    test_bitmaps(16, false, 8);
    test_bitmaps(15, false, 8);
    /* Noise: nothing compresses, and nothing may grow beyond its room. */
    uint32_t noise = 1;
    for (size_t i = 0; i < sizeof picture; i++) {
        noise = noise * 1664525u + 1013904223u;
        picture[i] = (uint8_t)(noise >> 24);
    }
    test_bitmaps(32, true, 0);
    test_bitmaps(32, false, 0);
    test_bitmaps(24, false, 0);
    test_bitmaps(16, false, 8);
    return 0;
}
