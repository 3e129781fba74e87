#include "rdp-front/encode-rle.h"

#include <stdbool.h>

#include "common/wire.h"

/* The orders used: a run that repeats what is above (black in the first row), a run of one colour, and pixels
 * as they are. Each has a short form with the length in 5 bits, one with a byte more, and one with 16 bits.
 */
struct rle_order {
    uint8_t regular, mega;
};
static const struct rle_order order_above = {0x00, 0xf0};
static const struct rle_order order_colour = {0x60, 0xf3};
static const struct rle_order order_pixels = {0x80, 0xf4};

#define RLE_SHORT_MOST  31
#define RLE_MEDIUM_MOST (32 + 255)
#define RLE_RUN_LEAST   3 /* shorter runs cost more than they save */

struct rle {
    const uint8_t *pixels; /* of the bottom row */
    size_t stride;
    unsigned width, count, depth;
    struct wire_writer writer;
};

/* The pixel at `index`, counted from the bottom row's left, in the session's depth. */
static uint32_t rle_pixel(const struct rle *rle, unsigned index)
{
    const uint8_t *pixel =
        rle->pixels - (size_t)(index / rle->width) * rle->stride + (size_t)(index % rle->width) * 4;
    if (rle->depth == 24)
        return (uint32_t)pixel[2] << 16 | (uint32_t)pixel[1] << 8 | pixel[0];
    if (rle->depth == 16)
        return (uint32_t)(pixel[2] >> 3) << 11 | (uint32_t)(pixel[1] >> 2) << 5 | pixel[0] >> 3;
    return (uint32_t)(pixel[2] >> 3) << 10 | (uint32_t)(pixel[1] >> 3) << 5 | pixel[0] >> 3;
}

static void rle_put_pixel(struct rle *rle, uint32_t pixel)
{
    wire_put_u16(&rle->writer, (uint16_t)pixel);
    if (rle->depth == 24)
        wire_put_u8(&rle->writer, (uint8_t)(pixel >> 16));
}

static void rle_put_order(struct rle *rle, struct rle_order order, unsigned length)
{
    if (length <= RLE_SHORT_MOST) {
        wire_put_u8(&rle->writer, (uint8_t)(order.regular | length));
    } else if (length <= RLE_MEDIUM_MOST) {
        wire_put_u8(&rle->writer, order.regular);
        wire_put_u8(&rle->writer, (uint8_t)(length - 32));
    } else {
        wire_put_u8(&rle->writer, order.mega);
        wire_put_u16(&rle->writer, (uint16_t)length);
    }
}

static bool rle_is_above(const struct rle *rle, unsigned index)
{
    uint32_t above = index < rle->width ? 0 : rle_pixel(rle, index - rle->width);
    return rle_pixel(rle, index) == above;
}

/* How many pixels from `index` equal what is above them. The first row's run ends with the row: it means
 * black. It is taken as long as it is, since an order like this right after another means something else. */
static unsigned rle_run_above(const struct rle *rle, unsigned index)
{
    unsigned end = index < rle->width ? rle->width : rle->count, at = index;
    while (at < end && rle_is_above(rle, at))
        at++;
    return at - index;
}

static unsigned rle_run_colour(const struct rle *rle, unsigned index)
{
    unsigned at = index + 1;
    while (at < rle->count && rle_pixel(rle, at) == rle_pixel(rle, index))
        at++;
    return at - index;
}

static void rle_put_pixels(struct rle *rle, unsigned from, unsigned to)
{
    if (from == to)
        return;
    rle_put_order(rle, order_pixels, to - from);
    for (unsigned index = from; index < to; index++)
        rle_put_pixel(rle, rle_pixel(rle, index));
}

size_t rle_encode(const uint8_t *pixels, size_t stride, unsigned width, unsigned height, unsigned depth,
                  uint8_t *to, size_t room)
{
    struct rle rle = {pixels + (size_t)(height - 1) * stride,
                      stride,
                      width,
                      width * height,
                      depth,
                      wire_writer_over(to, room)};
    unsigned plain = 0; /* where the pixels begin that no run has taken */
    for (unsigned at = 0; at < rle.count;) {
        unsigned above = rle_run_above(&rle, at), colour = rle_run_colour(&rle, at);
        if (above < RLE_RUN_LEAST && colour < RLE_RUN_LEAST) {
            at++;
            continue;
        }
        rle_put_pixels(&rle, plain, at);
        if (above >= colour) {
            rle_put_order(&rle, order_above, above);
            at += above;
        } else {
            rle_put_order(&rle, order_colour, colour);
            rle_put_pixel(&rle, rle_pixel(&rle, at));
            at += colour;
        }
        plain = at;
    }
    rle_put_pixels(&rle, plain, rle.count);
    return rle.writer.failed ? 0 : rle.writer.used;
}
