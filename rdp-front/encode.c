#include "rdp-front/encode.h"

#include <freerdp/codec/color.h>
#include <freerdp/codec/rfx.h>
#include <freerdp/settings.h>
#include <stdlib.h>
#include <winpr/stream.h>

#include "common/wire.h"
#include "rdp-front/encode-planar.h"
#include "rdp-front/encode-rle.h"

/* Block types of [MS-RDPEGFX] 2.2.4.2. */
enum {
    PROGRESSIVE_SYNC = 0xCCC0,
    PROGRESSIVE_FRAME_BEGIN = 0xCCC1,
    PROGRESSIVE_FRAME_END = 0xCCC2,
    PROGRESSIVE_CONTEXT = 0xCCC3,
    PROGRESSIVE_REGION = 0xCCC4,
    PROGRESSIVE_TILE_SIMPLE = 0xCCC5,
};
#define PROGRESSIVE_MAGIC      0xCACCACCA
#define PROGRESSIVE_FIXED_SIZE 128 /* the blocks around the tiles, without rectangles and quants */
#define QUANT_BANDS            10

struct encoder {
    RFX_CONTEXT *rfx;
    wStream *stream;
    enum encode_format format;
    uint32_t frame;
};

struct encoder *encoder_new(void)
{
    struct encoder *encoder = calloc(1, sizeof *encoder);
    if (encoder == NULL)
        return NULL;
    encoder->rfx = rfx_context_new_ex(TRUE, THREADING_FLAGS_DISABLE_THREADS);
    encoder->stream = Stream_New(NULL, 64 * 1024);
    if (encoder->rfx == NULL || encoder->stream == NULL) {
        encoder_free(encoder);
        return NULL;
    }
    rfx_context_set_pixel_format(encoder->rfx, PIXEL_FORMAT_BGRX32);
    return encoder;
}

void encoder_free(struct encoder *encoder)
{
    if (encoder == NULL)
        return;
    rfx_context_free(encoder->rfx);
    Stream_Free(encoder->stream, TRUE);
    free(encoder);
}

bool encoder_reset(struct encoder *encoder, enum encode_format format, bool rlgr3, unsigned width,
                   unsigned height)
{
    encoder->format = format;
    encoder->frame = 0;
    return rfx_context_set_mode(encoder->rfx, format == ENCODE_RFX && rlgr3 ? RLGR3 : RLGR1) &&
           rfx_context_reset(encoder->rfx, width, height);
}

/* The tiles as rectangles of the band, neighbours joined. Returns how many. */
static unsigned band_rectangles(const struct tiles_band *band, unsigned first, unsigned count,
                                RFX_RECT *rectangles)
{
    unsigned used = 0;
    for (unsigned i = first; i < first + count; i++) {
        unsigned x = band->columns[i] * TILES_SIDE;
        unsigned width = band->width - x < TILES_SIDE ? band->width - x : TILES_SIDE;
        if (used > 0 && rectangles[used - 1].x + rectangles[used - 1].width == x) {
            rectangles[used - 1].width = (UINT16)(rectangles[used - 1].width + width);
            continue;
        }
        rectangles[used++] =
            (RFX_RECT){.x = (UINT16)x, .width = (UINT16)width, .height = (UINT16)band->height};
    }
    return used;
}

static void put_tile(struct wire_writer *writer, const RFX_TILE *tile, unsigned row)
{
    wire_put_u16(writer, PROGRESSIVE_TILE_SIMPLE);
    wire_put_u32(writer, 22u + tile->YLen + tile->CbLen + tile->CrLen);
    wire_put_u8(writer, tile->quantIdxY);
    wire_put_u8(writer, tile->quantIdxCb);
    wire_put_u8(writer, tile->quantIdxCr);
    wire_put_u16(writer, tile->xIdx);
    wire_put_u16(writer, (uint16_t)row);
    wire_put_u8(writer, 0); /* flags */
    wire_put_u16(writer, tile->YLen);
    wire_put_u16(writer, tile->CbLen);
    wire_put_u16(writer, tile->CrLen);
    wire_put_u16(writer, 0); /* tailLen */
    wire_put_bytes(writer, tile->YData, tile->YLen);
    wire_put_bytes(writer, tile->CbData, tile->CbLen);
    wire_put_bytes(writer, tile->CrData, tile->CrLen);
}

/* RemoteFX has the quantizers as LL3 LH3 HL3 HH3 LH2 HL2 HH2 LH1 HL1 HH1; progressive swaps each LH and HL.
 */
static void put_quants(struct wire_writer *writer, const UINT32 *quants, unsigned count)
{
    static const uint8_t order[QUANT_BANDS] = {0, 2, 1, 3, 5, 4, 6, 8, 7, 9};
    for (unsigned i = 0; i < count; i++, quants += QUANT_BANDS)
        for (unsigned band = 0; band < QUANT_BANDS; band += 2)
            wire_put_u8(writer, (uint8_t)(quants[order[band]] | quants[order[band + 1]] << 4));
}

static void put_region(struct wire_writer *writer, const RFX_MESSAGE *message, unsigned row)
{
    UINT16 rectangle_count = 0, tile_count = 0, quant_count = 0;
    const RFX_RECT *rectangles = rfx_message_get_rects(message, &rectangle_count);
    const RFX_TILE **tiles = rfx_message_get_tiles(message, &tile_count);
    const UINT32 *quants = rfx_message_get_quants(message, &quant_count);
    uint32_t tile_bytes = 0;
    for (unsigned i = 0; i < tile_count; i++)
        tile_bytes += 22u + tiles[i]->YLen + tiles[i]->CbLen + tiles[i]->CrLen;
    wire_put_u16(writer, PROGRESSIVE_REGION);
    wire_put_u32(writer, 18u + rectangle_count * 8u + quant_count * 5u + tile_bytes);
    wire_put_u8(writer, TILES_SIDE);
    wire_put_u16(writer, rectangle_count);
    wire_put_u8(writer, (uint8_t)quant_count);
    wire_put_u8(writer, 0); /* no progressive quantizers: every tile is whole */
    wire_put_u8(writer, 0); /* flags: the plain wavelet of RemoteFX */
    wire_put_u16(writer, tile_count);
    wire_put_u32(writer, tile_bytes);
    for (unsigned i = 0; i < rectangle_count; i++) {
        wire_put_u16(writer, rectangles[i].x);
        wire_put_u16(writer, (uint16_t)(row * TILES_SIDE + rectangles[i].y));
        wire_put_u16(writer, rectangles[i].width);
        wire_put_u16(writer, rectangles[i].height);
    }
    put_quants(writer, quants, quant_count);
    for (unsigned i = 0; i < tile_count; i++)
        put_tile(writer, tiles[i], row);
}

/* The library writes a message's tiles where the message says, which is in the band; on a surface the band's
 * row counts too. So this stream is written here. */
static bool write_progressive(struct encoder *encoder, const RFX_MESSAGE *message, unsigned row,
                              unsigned tile_count, struct encode_bytes *bytes_r)
{
    size_t room = PROGRESSIVE_FIXED_SIZE + ENCODE_RFX_HEADER_MOST + (size_t)tile_count * ENCODE_RFX_TILE_MOST;
    if (!Stream_EnsureCapacity(encoder->stream, room))
        return false;
    struct wire_writer writer =
        wire_writer_over(Stream_Buffer(encoder->stream), Stream_Capacity(encoder->stream));
    wire_put_u16(&writer, PROGRESSIVE_SYNC);
    wire_put_u32(&writer, 12);
    wire_put_u32(&writer, PROGRESSIVE_MAGIC);
    wire_put_u16(&writer, 0x0100); /* version */
    wire_put_u16(&writer, PROGRESSIVE_CONTEXT);
    wire_put_u32(&writer, 10);
    wire_put_u8(&writer, 0); /* context */
    wire_put_u16(&writer, TILES_SIDE);
    wire_put_u8(&writer, 0); /* flags */
    wire_put_u16(&writer, PROGRESSIVE_FRAME_BEGIN);
    wire_put_u32(&writer, 12);
    wire_put_u32(&writer, encoder->frame++);
    wire_put_u16(&writer, 1); /* regions */
    put_region(&writer, message, row);
    wire_put_u16(&writer, PROGRESSIVE_FRAME_END);
    wire_put_u32(&writer, 6);
    *bytes_r = (struct encode_bytes){writer.data, writer.used};
    return !writer.failed;
}

static bool write_rfx(struct encoder *encoder, const RFX_MESSAGE *message, struct encode_bytes *bytes_r)
{
    (void)Stream_SetPosition(encoder->stream, 0);
    bool written = rfx_write_message(encoder->rfx, encoder->stream, message);
    *bytes_r = (struct encode_bytes){Stream_Buffer(encoder->stream), Stream_GetPosition(encoder->stream)};
    return written;
}

bool encode_band(struct encoder *encoder, const struct tiles_band *band, unsigned first, unsigned count,
                 struct encode_bytes *bytes_r)
{
    RFX_RECT rectangles[TILES_MOST];
    unsigned used = band_rectangles(band, first, count, rectangles);
    RFX_MESSAGE *message = rfx_encode_message(encoder->rfx, rectangles, used, band->pixels, band->width,
                                              band->height, band->stride);
    if (message == NULL)
        return false;
    bool written = encoder->format == ENCODE_PROGRESSIVE
                       ? write_progressive(encoder, message, band->row, count, bytes_r)
                       : write_rfx(encoder, message, bytes_r);
    rfx_message_free(encoder->rfx, message);
    return written;
}

_Static_assert(ENCODE_BITMAP_ROOM >= RLE_ROOM(TILES_SIDE * ENCODE_BITMAP_ROWS), "half a tile must fit");
_Static_assert(ENCODE_BITMAP_ROOM >= PLANAR_ROOM(TILES_SIDE, ENCODE_BITMAP_ROWS), "half a tile must fit");
_Static_assert(TILES_SIDE <= PLANAR_WIDTH_MOST, "a tile must fit");

int encode_bitmap(const struct tiles_band *band, unsigned index, unsigned half, unsigned depth,
                  bool skip_alpha, uint8_t *room, struct encode_bitmap *bitmap_r)
{
    unsigned x = band->columns[index] * TILES_SIDE, y = half * ENCODE_BITMAP_ROWS;
    if (y >= band->height)
        return 0;
    unsigned width = band->width - x < TILES_SIDE ? band->width - x : TILES_SIDE;
    unsigned height = band->height - y < ENCODE_BITMAP_ROWS ? band->height - y : ENCODE_BITMAP_ROWS;
    *bitmap_r = (struct encode_bitmap){
        .x = x, .y = y, .width = width, .height = height, .coded_width = (width + 3) & ~3u, .depth = depth};
    const uint8_t *pixels = band->pixels + y * band->stride + (size_t)x * 4;
    size_t size = depth == 32 ? planar_encode(pixels, band->stride, bitmap_r->coded_width, height, skip_alpha,
                                              room, ENCODE_BITMAP_ROOM)
                              : rle_encode(pixels, band->stride, bitmap_r->coded_width, height, depth, room,
                                           ENCODE_BITMAP_ROOM);
    bitmap_r->bytes = (struct encode_bytes){room, size};
    return size > 0 ? 1 : -1;
}
