#include "redirect/clipboard-image.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "common/wire.h"

#define FILE_HEAD   14 /* of a BMP file, which a bitmap on the clipboard has not */
#define INFO_HEAD   40
#define V5_HEAD     124
#define PLAIN       0 /* compressions */
#define BITFIELDS   3
#define ALPHAFIELDS 6
#define SIDE_MOST   32767

/* What a bitmap's head says, checked. */
struct dib {
    uint32_t width, height; /* pixels */
    bool top_down;
    unsigned depth;
    uint32_t masks[4]; /* red, green, blue, alpha */
    const uint8_t *palette, *pixels;
    uint32_t colours;
    size_t stride, offset; /* offset: of the pixels */
};

static bool read_masks(struct wire_reader *reader, uint32_t head, uint32_t compression, struct dib *dib)
{
    static const uint32_t of_16[4] = {0x7C00, 0x3E0, 0x1F, 0},
                          of_32[4] = {0xFF0000, 0xFF00, 0xFF, 0xFF000000};
    if (compression == PLAIN) {
        memcpy(dib->masks, dib->depth == 16 ? of_16 : of_32, sizeof(dib->masks));
        return true;
    }
    size_t count = head >= INFO_HEAD + 16 || compression == ALPHAFIELDS ? 4 : 3;
    for (size_t i = 0; i < count; i++)
        dib->masks[i] = wire_get_u32(reader);
    return dib->depth == 16 || dib->depth == 32;
}

/* Reads the head and finds the pixels, all of which are there. */
static bool dib_read(const uint8_t *from, size_t size, struct dib *dib_r)
{
    struct wire_reader reader = wire_reader_over(from, size);
    struct dib dib = {0};
    uint32_t head = wire_get_u32(&reader);
    dib.width = wire_get_u32(&reader);
    int32_t height = (int32_t)wire_get_u32(&reader);
    unsigned planes = wire_get_u16(&reader);
    dib.depth = wire_get_u16(&reader);
    uint32_t compression = wire_get_u32(&reader);
    wire_get_bytes(&reader, 12);
    dib.colours = wire_get_u32(&reader);
    wire_get_u32(&reader);
    if (reader.failed || head < INFO_HEAD || head > V5_HEAD || planes != 1 || dib.width == 0 ||
        dib.width > SIDE_MOST || height == 0 || height > SIDE_MOST || height < -SIDE_MOST)
        return false;
    dib.top_down = height < 0;
    dib.height = (uint32_t)(height < 0 ? -height : height);
    if ((compression != PLAIN && compression != BITFIELDS && compression != ALPHAFIELDS) ||
        !read_masks(&reader, head, compression, &dib))
        return false;
    if (reader.used < head)
        wire_get_bytes(&reader, head - reader.used);
    if (dib.depth <= 8 && dib.colours == 0)
        dib.colours = 1U << dib.depth;
    if (dib.colours > 256 || (dib.depth != 1 && dib.depth != 4 && dib.depth != 8 && dib.depth != 16 &&
                              dib.depth != 24 && dib.depth != 32))
        return false;
    dib.palette = wire_get_bytes(&reader, dib.colours * (size_t)4);
    dib.stride = ((size_t)dib.width * dib.depth + 31) / 32 * 4;
    dib.offset = reader.used;
    dib.pixels = wire_get_bytes(&reader, dib.stride * dib.height);
    if (reader.failed)
        return false;
    *dib_r = dib;
    return true;
}

/* Eight bits of what `mask` selects. */
static unsigned channel(uint32_t value, uint32_t mask)
{
    if (mask == 0)
        return 0;
    uint32_t most = mask >> __builtin_ctz(mask);
    return (unsigned)(((uint64_t)(value & mask) >> __builtin_ctz(mask)) * 255 / most);
}

/* One pixel as B G R A. */
static void read_pixel(const struct dib *dib, const uint8_t *row, uint32_t x, uint8_t *to)
{
    if (dib->depth <= 8) {
        unsigned shift = 8 - dib->depth - (x * dib->depth) % 8;
        unsigned colour = row[x * dib->depth / 8] >> shift & ((1U << dib->depth) - 1);
        memcpy(to, colour < dib->colours ? dib->palette + (size_t)colour * 4 : (const uint8_t[4]){0}, 3);
        to[3] = 255;
    } else if (dib->depth == 24) {
        memcpy(to, row + (size_t)x * 3, 3);
        to[3] = 255;
    } else {
        size_t bytes = dib->depth / 8;
        const uint8_t *at = row + x * bytes;
        uint32_t value = (uint32_t)at[0] | (uint32_t)at[1] << 8;
        if (bytes == 4)
            value |= (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        to[0] = (uint8_t)channel(value, dib->masks[2]);
        to[1] = (uint8_t)channel(value, dib->masks[1]);
        to[2] = (uint8_t)channel(value, dib->masks[0]);
        to[3] = dib->masks[3] != 0 ? (uint8_t)channel(value, dib->masks[3]) : 255;
    }
}

/* All pixels as B G R A, top down. Where none has any opacity, nobody meant to say so: all are opaque. */
static uint8_t *dib_pixels(const struct dib *dib)
{
    size_t count = (size_t)dib->width * dib->height;
    uint8_t *pixels = count <= CLIPBOARD_PIXELS_MOST ? malloc(count * 4) : NULL;
    bool seen = false;
    if (pixels == NULL)
        return NULL;
    for (uint32_t y = 0; y < dib->height; y++) {
        const uint8_t *row = dib->pixels + dib->stride * (dib->top_down ? y : dib->height - 1 - y);
        uint8_t *to = pixels + (size_t)y * dib->width * 4;
        for (uint32_t x = 0; x < dib->width; x++, to += 4) {
            read_pixel(dib, row, x, to);
            seen = seen || to[3] != 0;
        }
    }
    for (size_t i = 0; !seen && i < count; i++)
        pixels[i * 4 + 3] = 255;
    return pixels;
}

static bool is_opaque(const uint8_t *pixels, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (pixels[i * 4 + 3] != 255)
            return false;
    }
    return true;
}

static void wipe_pixels(uint8_t *pixels, size_t count)
{
    explicit_bzero(pixels, count * 4);
    free(pixels);
}

bool clipboard_png_from_dib(const uint8_t *from, size_t size, struct clipboard_data *to_r)
{
    struct dib dib;
    if (!dib_read(from, size, &dib))
        return false;
    uint8_t *pixels = dib_pixels(&dib);
    if (pixels == NULL)
        return false;
    png_image image = {.version = PNG_IMAGE_VERSION, .width = dib.width, .height = dib.height};
    image.format = PNG_FORMAT_BGRA;
    image.flags = PNG_IMAGE_FLAG_FAST;
    struct clipboard_data data = {0};
    png_alloc_size_t room = PNG_IMAGE_PNG_SIZE_MAX(image);
    bool done = clipboard_data_begin(&data, room < CLIPBOARD_MOST ? room : CLIPBOARD_MOST);
    room = data.total;
    done = done && png_image_write_to_memory(&image, data.bytes, &room, 0, pixels, 0, NULL);
    done = done && clipboard_data_begin(to_r, room);
    if (done)
        memcpy(to_r->bytes, data.bytes, room);
    png_image_free(&image);
    clipboard_data_wipe(&data);
    wipe_pixels(pixels, (size_t)dib.width * dib.height);
    return done;
}

/* A bitmap of 24 bits a pixel where it is opaque, which every program knows, else of 32. */
static bool write_dib(const uint8_t *pixels, uint32_t width, uint32_t height, struct clipboard_data *to_r)
{
    unsigned bytes = is_opaque(pixels, (size_t)width * height) ? 3 : 4;
    size_t stride = ((size_t)width * bytes + 3) / 4 * 4, size = stride * height;
    if (!clipboard_data_begin(to_r, INFO_HEAD + size))
        return false;
    struct wire_writer writer = wire_writer_over(to_r->bytes, INFO_HEAD);
    wire_put_u32(&writer, INFO_HEAD);
    wire_put_u32(&writer, width);
    wire_put_u32(&writer, height);
    wire_put_u16(&writer, 1);
    wire_put_u16(&writer, (uint16_t)(bytes * 8));
    wire_put_u32(&writer, PLAIN);
    wire_put_u32(&writer, (uint32_t)size);
    wire_put_bytes(&writer, (uint8_t[16]){0}, 16);
    for (uint32_t y = 0; y < height; y++) {
        const uint8_t *row = pixels + (size_t)y * width * 4;
        uint8_t *to = to_r->bytes + INFO_HEAD + stride * (height - 1 - y);
        memset(to + (size_t)width * bytes, 0, stride - (size_t)width * bytes);
        for (uint32_t x = 0; x < width; x++)
            memcpy(to + (size_t)x * bytes, row + (size_t)x * 4, bytes);
    }
    return true;
}

bool clipboard_dib_from_png(const uint8_t *from, size_t size, struct clipboard_data *to_r)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_memory(&image, from, size))
        return false;
    size_t count = (size_t)image.width * image.height;
    image.format = PNG_FORMAT_BGRA;
    uint8_t *pixels = image.width <= SIDE_MOST && image.height <= SIDE_MOST && count <= CLIPBOARD_PIXELS_MOST
                          ? malloc(count * 4)
                          : NULL;
    bool done = pixels != NULL && png_image_finish_read(&image, NULL, pixels, 0, NULL) &&
                write_dib(pixels, image.width, image.height, to_r);
    png_image_free(&image);
    if (pixels != NULL)
        wipe_pixels(pixels, count);
    return done;
}

bool clipboard_bmp_from_dib(const uint8_t *from, size_t size, struct clipboard_data *to_r)
{
    struct dib dib;
    if (!dib_read(from, size, &dib) || !clipboard_data_begin(to_r, FILE_HEAD + size))
        return false;
    struct wire_writer writer = wire_writer_over(to_r->bytes, to_r->total);
    wire_put_bytes(&writer, "BM", 2);
    wire_put_u32(&writer, (uint32_t)(FILE_HEAD + size));
    wire_put_u32(&writer, 0);
    wire_put_u32(&writer, (uint32_t)(FILE_HEAD + dib.offset));
    wire_put_bytes(&writer, from, size);
    return true;
}

/* The pixels may lie further behind the head than a bitmap without a file's head can say. */
bool clipboard_dib_from_bmp(const uint8_t *from, size_t size, struct clipboard_data *to_r)
{
    struct wire_reader reader = wire_reader_over(from, size);
    const uint8_t *magic = wire_get_bytes(&reader, 2);
    wire_get_bytes(&reader, 8);
    uint32_t offset = wire_get_u32(&reader);
    struct dib dib;
    if (reader.failed || memcmp(magic, "BM", 2) != 0 || !dib_read(from + FILE_HEAD, size - FILE_HEAD, &dib))
        return false;
    size_t pixels = dib.stride * dib.height;
    if (offset < FILE_HEAD + dib.offset || offset > size || size - offset < pixels ||
        !clipboard_data_begin(to_r, dib.offset + pixels))
        return false;
    memcpy(to_r->bytes, from + FILE_HEAD, dib.offset);
    memcpy(to_r->bytes + dib.offset, from + offset, pixels);
    return true;
}

bool clipboard_bmp_from_png(const uint8_t *from, size_t size, struct clipboard_data *to_r)
{
    struct clipboard_data dib;
    if (!clipboard_dib_from_png(from, size, &dib))
        return false;
    bool done = clipboard_bmp_from_dib(dib.bytes, dib.total, to_r);
    clipboard_data_wipe(&dib);
    return done;
}
