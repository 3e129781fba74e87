#include "rdp-front/graphics-update.h"

#include <freerdp/codec/rfx.h>
#include <freerdp/settings.h>
#include <freerdp/update.h>

#define UPDATE_HEADER_MOST 64
#define BITMAP_HEADER_MOST 32

struct update_way update_way_of(rdpContext *context)
{
    const rdpSettings *settings = context->settings;
    UINT32 commands = freerdp_settings_get_uint32(settings, FreeRDP_SurfaceCommandsSupported);
    struct update_way way = {
        .frames = freerdp_settings_get_bool(settings, FreeRDP_SurfaceFrameMarkerEnabled),
        .rlgr3 = freerdp_settings_get_uint32(settings, FreeRDP_RemoteFxRlgrMode) == RLGR3,
        .skip_alpha = freerdp_settings_get_bool(settings, FreeRDP_DrawAllowSkipAlpha),
        .depth = freerdp_settings_get_uint32(settings, FreeRDP_ColorDepth),
        .update_most = freerdp_settings_get_uint32(settings, FreeRDP_MultifragMaxRequestSize),
    };
    way.rfx = freerdp_settings_get_bool(settings, FreeRDP_SurfaceCommandsEnabled) &&
              (commands & SURFCMDS_STREAM_SURFACE_BITS) &&
              freerdp_settings_get_bool(settings, FreeRDP_RemoteFxCodec) &&
              freerdp_settings_get_uint32(settings, FreeRDP_RemoteFxCodecId) != 0;
    if (way.update_most < ENCODE_RFX_HEADER_MOST + ENCODE_RFX_TILE_MOST)
        way.rfx = false;
    else
        way.tiles_most = (way.update_most - ENCODE_RFX_HEADER_MOST) / ENCODE_RFX_TILE_MOST;
    /* Frames are marked for the client's answers, which it gives for bitmaps between the marks too. */
    way.acknowledged = way.frames && freerdp_settings_get_bool(settings, FreeRDP_SurfaceCommandsEnabled) &&
                       freerdp_settings_get_uint32(settings, FreeRDP_FrameAcknowledge) > 0;
    way.frames = way.frames && (way.rfx || way.acknowledged);
    return way;
}

bool update_mark(rdpContext *context, const struct update_way *way, bool begin, uint32_t frame)
{
    if (!way->frames)
        return true;
    SURFACE_FRAME_MARKER marker = {
        .frameAction = begin ? SURFACECMD_FRAMEACTION_BEGIN : SURFACECMD_FRAMEACTION_END, .frameId = frame};
    return context->update->SurfaceFrameMarker(context, &marker);
}

bool update_send_rfx(rdpContext *context, const struct tiles_band *band, const struct encode_bytes *bytes)
{
    UINT32 top = band->row * TILES_SIDE;
    SURFACE_BITS_COMMAND command = {
        .cmdType = CMDTYPE_STREAM_SURFACE_BITS,
        .destTop = top,
        .destRight = band->width,
        .destBottom = top + band->height,
        .bmp = {.bpp = 32,
                .codecID = (UINT16)freerdp_settings_get_uint32(context->settings, FreeRDP_RemoteFxCodecId),
                .width = (UINT16)band->width,
                .height = (UINT16)band->height,
                .bitmapDataLength = (UINT32)bytes->size,
                .bitmapData = (BYTE *)bytes->data},
        .skipCompression = TRUE,
    };
    return context->update->SurfaceBits(context, &command);
}

static BITMAP_DATA bitmap_data_of(const struct encode_bitmap *bitmap, const struct tiles_band *band)
{
    UINT32 left = bitmap->x, top = band->row * TILES_SIDE + bitmap->y;
    UINT32 row_bytes = bitmap->coded_width * ((bitmap->depth + 7) / 8);
    return (BITMAP_DATA){
        .destLeft = left,
        .destTop = top,
        .destRight = left + bitmap->width - 1,
        .destBottom = top + bitmap->height - 1,
        .width = bitmap->coded_width,
        .height = bitmap->height,
        .bitsPerPixel = bitmap->depth,
        .bitmapLength = (UINT32)bitmap->bytes.size,
        .cbCompMainBodySize = (UINT32)bitmap->bytes.size,
        .cbScanWidth = row_bytes,
        .cbUncompressedSize = row_bytes * bitmap->height,
        .bitmapDataStream = (BYTE *)bitmap->bytes.data,
        .compressed = TRUE,
    };
}

/* Bitmaps gathered for one update. */
struct batch {
    BITMAP_DATA bitmaps[UPDATE_BITMAPS];
    unsigned count;
    size_t bytes;
};

static bool batch_flush(rdpContext *context, struct batch *batch)
{
    if (batch->count == 0)
        return true;
    BITMAP_UPDATE update = {.number = batch->count, .rectangles = batch->bitmaps, .skipCompression = TRUE};
    batch->count = 0;
    batch->bytes = UPDATE_HEADER_MOST;
    return context->update->BitmapUpdate(context, &update);
}

bool update_send_bitmaps(rdpContext *context, const struct update_way *way, const struct tiles_band *band,
                         uint8_t *room, uint64_t *bytes_r)
{
    struct batch batch = {.bytes = UPDATE_HEADER_MOST};
    for (unsigned part = 0; part < band->count * 2; part++) {
        struct encode_bitmap bitmap;
        uint8_t *place = room + (size_t)batch.count * ENCODE_BITMAP_ROOM;
        int made = encode_bitmap(band, part / 2, part % 2, way->depth, way->skip_alpha, place, &bitmap);
        if (made < 0)
            return false;
        if (made == 0)
            continue;
        size_t size = bitmap.bytes.size + BITMAP_HEADER_MOST;
        *bytes_r += bitmap.bytes.size;
        if (batch.count > 0 && batch.bytes + size > way->update_most) {
            /* The new bitmap's bytes lie behind those that go now, and stay. */
            if (!batch_flush(context, &batch))
                return false;
            memmove(room, bitmap.bytes.data, bitmap.bytes.size);
            bitmap.bytes.data = room;
        }
        batch.bitmaps[batch.count++] = bitmap_data_of(&bitmap, band);
        batch.bytes += size;
        if (batch.count == UPDATE_BITMAPS && !batch_flush(context, &batch))
            return false;
    }
    return batch_flush(context, &batch);
}
