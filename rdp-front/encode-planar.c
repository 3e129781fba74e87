#include "rdp-front/encode-planar.h"

#include "common/wire.h"

#define PLANAR_HAS_RLE  0x10
#define PLANAR_NO_ALPHA 0x20
#define PLANAR_ALPHA    3 /* of the planes blue, green, red and alpha */

/* A segment's first byte has in its upper half how many bytes follow as they are, and in the lower one how
 * often the last byte is repeated: not at all or 3 to 15 times. 1 and 2 there mean 16 and 32 times and as
 * many more as the upper half says, and no bytes follow. A segment does not go beyond its row. */
#define PLANAR_BYTES_MOST 15
#define PLANAR_RUN_LEAST  3
#define PLANAR_RUN_MOST   15
#define PLANAR_LONG_MOST  47

struct planar {
    const uint8_t *pixels; /* of the bottom row */
    size_t stride;
    unsigned width;
    struct wire_writer writer;
};

/* What the format has for a byte of a plane: itself in the first row, else how it differs from the one below,
 * modulo 256 and with the sign in the lowest bit. */
static uint8_t planar_value(const struct planar *planar, unsigned plane, unsigned row, unsigned x)
{
    if (plane == PLANAR_ALPHA)
        return row == 0 ? 0xff : 0;
    const uint8_t *at = planar->pixels - (size_t)row * planar->stride + (size_t)x * 4 + plane;
    if (row == 0)
        return *at;
    uint8_t difference = (uint8_t)(*at - at[planar->stride]);
    return (uint8_t)(difference < 128 ? difference * 2 : (256 - difference) * 2 - 1);
}

/* How many bytes from `at` on are `value`. */
static unsigned planar_run(const uint8_t *values, unsigned at, unsigned width, uint8_t value)
{
    unsigned end = at;
    while (end < width && values[end] == value)
        end++;
    return end - at;
}

/* Writes a run of the byte before it, as far as one segment goes. Returns how far. */
static unsigned planar_put_run(struct planar *planar, unsigned run)
{
    if (run > PLANAR_LONG_MOST)
        run = PLANAR_LONG_MOST;
    if (run <= PLANAR_RUN_MOST)
        wire_put_u8(&planar->writer, (uint8_t)run);
    else
        wire_put_u8(&planar->writer, (uint8_t)(run % 16 << 4 | run / 16));
    return run;
}

/* Writes bytes as they are, and with the last of them a run where that has room for it. Returns how long a
 * run was written. */
static unsigned planar_put_bytes(struct planar *planar, const uint8_t *values, unsigned count, unsigned run)
{
    for (; count > PLANAR_BYTES_MOST; count -= PLANAR_BYTES_MOST, values += PLANAR_BYTES_MOST) {
        wire_put_u8(&planar->writer, PLANAR_BYTES_MOST << 4);
        wire_put_bytes(&planar->writer, values, PLANAR_BYTES_MOST);
    }
    if (run > PLANAR_RUN_MOST)
        run = 0;
    wire_put_u8(&planar->writer, (uint8_t)(count << 4 | run));
    wire_put_bytes(&planar->writer, values, count);
    return run;
}

static void planar_put_row(struct planar *planar, const uint8_t *values)
{
    unsigned width = planar->width;
    uint8_t last = 0; /* which a run at the row's start repeats */
    for (unsigned at = 0; at < width;) {
        unsigned run = planar_run(values, at, width, last);
        if (run >= PLANAR_RUN_LEAST) {
            at += planar_put_run(planar, run);
            continue;
        }
        unsigned end = at;
        do {
            last = values[end++];
            run = planar_run(values, end, width, last);
        } while (end < width && run < PLANAR_RUN_LEAST);
        if (run < PLANAR_RUN_LEAST)
            run = 0;
        run = planar_put_bytes(planar, values + at, end - at, run);
        at = end + run;
    }
}

size_t planar_encode(const uint8_t *pixels, size_t stride, unsigned width, unsigned height, bool skip_alpha,
                     uint8_t *to, size_t room)
{
    struct planar planar = {pixels + (size_t)(height - 1) * stride, stride, width,
                            wire_writer_over(to, room)};
    uint8_t values[PLANAR_WIDTH_MOST] = {0};
    wire_put_u8(&planar.writer, PLANAR_HAS_RLE | (skip_alpha ? PLANAR_NO_ALPHA : 0));
    /* The format begins with alpha and ends with blue. */
    for (unsigned plane = skip_alpha ? PLANAR_ALPHA : PLANAR_ALPHA + 1; plane-- > 0;)
        for (unsigned row = 0; row < height; row++) {
            for (unsigned x = 0; x < width; x++)
                values[x] = planar_value(&planar, plane, row, x);
            planar_put_row(&planar, values);
        }
    return planar.writer.failed ? 0 : planar.writer.used;
}
