#include "rdp-front/graphics.h"

#include <freerdp/peer.h>
#include <freerdp/primitives.h>
#include <freerdp/settings.h>
#include <stdlib.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"
#include "rdp-front/encode.h"
#include "rdp-front/graphics-gfx.h"
#include "rdp-front/graphics-pace.h"
#include "rdp-front/graphics-pointer.h"
#include "rdp-front/graphics-tiles.h"
#include "rdp-front/graphics-update.h"

/* One update of this size holds a row of RemoteFX tiles of a 1920 pixel wide screen at their worst. A client
 * that speaks RemoteFX has to take it, so it is no larger than useful. */
#define UPDATE_MOST        0x60000
#define POINTER_CACHE_WANT 25

enum way { WAY_NONE, WAY_BITMAP, WAY_SURFACE_RFX, WAY_GFX_RFX, WAY_GFX_PROGRESSIVE };

static const char *const way_names[] = {
    [WAY_NONE] = "none",
    [WAY_BITMAP] = "bitmap",
    [WAY_SURFACE_RFX] = "surface-rfx",
    [WAY_GFX_RFX] = "gfx-rfx",
    [WAY_GFX_PROGRESSIVE] = "gfx-progressive",
};

struct pointer_state {
    bool shape_pending, position_pending;
    bool arrow; /* the client's own */
    unsigned x, y;
    struct winstation_pointer shape;
    struct pointer_cache cache;
};

struct graphics {
    rdpContext *context;
    HANDLE vcm;
    struct graphics_callbacks callbacks;
    void *user;
    bool active;     /* between an Activate and the next resize by reactivation */
    bool suppressed; /* the client asked for nothing */
    bool owed;       /* damage came since the last frame_done */
    bool blocked;    /* the socket takes nothing more */
    bool anew;       /* the client's decoder or surface must be set up before the next frame */
    const uint8_t *pixels;
    unsigned width, height;
    size_t stride;
    unsigned shown_width, shown_height; /* of the tiles: the screen, or what of it the client can show */
    struct tiles *tiles;
    struct encoder *encoder;
    enum way way;
    struct update_way legacy;
    struct gfx *gfx;
    struct pace pace;
    struct pointer_state pointer;
    uint8_t *bitmap_room; /* for WAY_BITMAP alone */
    struct graphics_counters counters;
};

bool graphics_offer(rdpSettings *settings)
{
    static const FreeRDP_Settings_Keys_Bool on[] = {
        FreeRDP_RemoteFxCodec,
        FreeRDP_SurfaceCommandsEnabled,
        FreeRDP_SurfaceFrameMarkerEnabled,
        FreeRDP_FastPathOutput,
        FreeRDP_DesktopResize,
        FreeRDP_SupportGraphicsPipeline,
        FreeRDP_GfxProgressive,
        FreeRDP_RefreshRect,
        FreeRDP_SuppressOutput,
        FreeRDP_DrawAllowSkipAlpha,
    };
    static const FreeRDP_Settings_Keys_Bool off[] = {
        FreeRDP_WaitForOutputBufferFlush,
        FreeRDP_NSCodec,
        FreeRDP_GfxH264,
        FreeRDP_GfxAVC444,
        FreeRDP_GfxAVC444v2,
    };
    static const struct {
        FreeRDP_Settings_Keys_UInt32 key;
        UINT32 value;
    } numbers[] = {
        {FreeRDP_ColorDepth, 32},
        {FreeRDP_SurfaceCommandsSupported,
         SURFCMDS_SET_SURFACE_BITS | SURFCMDS_STREAM_SURFACE_BITS | SURFCMDS_FRAME_MARKER},
        {FreeRDP_FrameAcknowledge, PACE_FRAMES},
        {FreeRDP_MultifragMaxRequestSize, UPDATE_MOST},
        {FreeRDP_LargePointerFlag, LARGE_POINTER_FLAG_96x96},
        {FreeRDP_PointerCacheSize, POINTER_CACHE_WANT},
        {FreeRDP_ColorPointerCacheSize, POINTER_CACHE_WANT},
    };
    bool done = true;
    for (size_t i = 0; i < sizeof on / sizeof on[0]; i++)
        done = freerdp_settings_set_bool(settings, on[i], TRUE) && done;
    for (size_t i = 0; i < sizeof off / sizeof off[0]; i++)
        done = freerdp_settings_set_bool(settings, off[i], FALSE) && done;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        done = freerdp_settings_set_uint32(settings, numbers[i].key, numbers[i].value) && done;
    return done;
}

struct graphics *graphics_start(rdpContext *context, HANDLE vcm, const struct graphics_callbacks *callbacks,
                                void *user)
{
    struct graphics *graphics = calloc(1, sizeof *graphics);
    if (graphics == NULL)
        return NULL;
    graphics->context = context;
    graphics->vcm = vcm;
    graphics->callbacks = *callbacks;
    graphics->user = user;
    graphics->encoder = encoder_new();
    if (graphics->encoder == NULL) {
        graphics_end(graphics);
        return NULL;
    }
    return graphics;
}

void graphics_end(struct graphics *graphics)
{
    if (graphics == NULL)
        return;
    gfx_free(graphics->gfx);
    encoder_free(graphics->encoder);
    tiles_free(graphics->tiles);
    free(graphics->bitmap_room);
    free(graphics);
}

static bool way_is_gfx(enum way way)
{
    return way == WAY_GFX_RFX || way == WAY_GFX_PROGRESSIVE;
}

static void graphics_set_way(struct graphics *graphics, enum way way, bool acknowledged)
{
    if (graphics->way != way)
        log_debug(NULL, "frames go out as %s", way_names[way]);
    graphics->way = way;
    graphics->anew = true;
    pace_start(&graphics->pace, acknowledged);
}

void graphics_activated(struct graphics *graphics)
{
    rdpContext *context = graphics->context;
    graphics->active = true;
    graphics->anew = true;
    pointer_cache_reset(&graphics->pointer.cache);
    graphics->pointer.shape_pending = true;
    if (way_is_gfx(graphics->way))
        return; /* the pipeline outlives a reactivation */
    graphics->legacy = update_way_of(context);
    graphics_set_way(graphics, graphics->legacy.rfx ? WAY_SURFACE_RFX : WAY_BITMAP,
                     graphics->legacy.acknowledged);
    if (graphics->gfx == NULL && graphics->vcm != NULL &&
        freerdp_settings_get_bool(context->settings, FreeRDP_SupportGraphicsPipeline))
        graphics->gfx = gfx_new(context, graphics->vcm, &graphics->pace);
}

bool graphics_set_screen(struct graphics *graphics, const uint8_t *pixels, unsigned width, unsigned height,
                         size_t stride)
{
    if (pixels == NULL) {
        graphics->pixels = NULL;
        return true;
    }
    if (width < 1 || height < 1 || width > WINSTATION_MAX_WIDTH || height > WINSTATION_MAX_HEIGHT ||
        stride < (size_t)width * 4)
        return false;
    graphics->pixels = pixels;
    graphics->width = width;
    graphics->height = height;
    graphics->stride = stride;
    if (graphics->tiles != NULL)
        tiles_mark_all(graphics->tiles);
    return true;
}

void graphics_damage(struct graphics *graphics, const struct rectangles *rectangles)
{
    graphics->owed = true;
    if (graphics->tiles != NULL)
        tiles_mark(graphics->tiles, rectangles);
}

void graphics_refresh(struct graphics *graphics)
{
    if (graphics->tiles != NULL)
        tiles_forget(graphics->tiles);
}

void graphics_suppress(struct graphics *graphics, bool suppressed)
{
    if (graphics->suppressed && !suppressed && graphics->tiles != NULL)
        tiles_mark_all(graphics->tiles);
    graphics->suppressed = suppressed;
}

void graphics_pointer(struct graphics *graphics, const struct winstation_pointer *pointer)
{
    struct pointer_state *state = &graphics->pointer;
    state->shape_pending = true;
    state->arrow = pointer == NULL || (pointer->width != 0 && !pointer_is_valid(pointer));
    if (!state->arrow)
        state->shape = *pointer;
}

void graphics_pointer_moved(struct graphics *graphics, unsigned x, unsigned y)
{
    graphics->pointer.position_pending = true;
    graphics->pointer.x = x < UINT16_MAX ? x : UINT16_MAX;
    graphics->pointer.y = y < UINT16_MAX ? y : UINT16_MAX;
}

void graphics_acknowledged(struct graphics *graphics, uint32_t frame)
{
    if (way_is_gfx(graphics->way))
        return; /* the pipeline has its own, and this one is about a frame of before */
    /* All ones: everything under way has arrived ([MS-RDPRFX] 2.2.3.1). */
    pace_acknowledge(&graphics->pace, frame == UINT32_MAX ? graphics->pace.sent : frame);
}

/* Reads the pipeline's channel, and goes over to it once it is there. */
static bool graphics_poll_gfx(struct graphics *graphics)
{
    if (graphics->gfx == NULL)
        return true;
    enum gfx_state state = gfx_poll(graphics->gfx);
    if (state == GFX_FAILED) {
        /* Before it carried a frame the other ways are as good; after that the client shows them no more. */
        gfx_free(graphics->gfx);
        graphics->gfx = NULL;
        return !way_is_gfx(graphics->way);
    }
    if (state != GFX_READY)
        return true;
    if (!way_is_gfx(graphics->way))
        graphics_set_way(graphics, gfx_thin_client(graphics->gfx) ? WAY_GFX_RFX : WAY_GFX_PROGRESSIVE, true);
    if (!gfx_has_surface(graphics->gfx))
        graphics->anew = true;
    return true;
}

static bool graphics_send_pointer(struct graphics *graphics)
{
    struct pointer_state *state = &graphics->pointer;
    if (state->shape_pending) {
        state->shape_pending = false;
        if (!pointer_send(graphics->context, &state->cache, state->arrow ? NULL : &state->shape))
            return false;
    }
    if (!state->position_pending)
        return true;
    state->position_pending = false;
    return pointer_send_position(graphics->context, state->x, state->y);
}

static bool settings_set_size(rdpSettings *settings, unsigned width, unsigned height)
{
    return freerdp_settings_set_uint32(settings, FreeRDP_DesktopWidth, width) &&
           freerdp_settings_set_uint32(settings, FreeRDP_DesktopHeight, height);
}

/* What of the screen the client is to show. Where the client must first be resized by a reactivation that is
 * started, and graphics is inactive until it is done. Returns false when the connection is beyond use. */
static bool graphics_agree_size(struct graphics *graphics, unsigned *width_r, unsigned *height_r)
{
    rdpSettings *settings = graphics->context->settings;
    unsigned client_width = freerdp_settings_get_uint32(settings, FreeRDP_DesktopWidth);
    unsigned client_height = freerdp_settings_get_uint32(settings, FreeRDP_DesktopHeight);
    *width_r = graphics->width;
    *height_r = graphics->height;
    if (client_width == graphics->width && client_height == graphics->height)
        return true;
    if (way_is_gfx(graphics->way))
        return settings_set_size(settings, graphics->width, graphics->height);
    if (freerdp_settings_get_bool(settings, FreeRDP_DesktopResize)) {
        graphics->active = false;
        return settings_set_size(settings, graphics->width, graphics->height) &&
               graphics->context->update->DesktopResize(graphics->context);
    }
    if (client_width < graphics->width && client_width > 0)
        *width_r = client_width;
    if (client_height < graphics->height && client_height > 0)
        *height_r = client_height;
    return true;
}

/* Sets up tiles, decoder and surface for what is to be shown. */
static bool graphics_set_up(struct graphics *graphics, unsigned width, unsigned height)
{
    bool resized =
        graphics->tiles == NULL || width != graphics->shown_width || height != graphics->shown_height;
    if (!resized && !graphics->anew)
        return true;
    if (resized) {
        tiles_free(graphics->tiles);
        graphics->tiles = tiles_new(width, height);
        if (graphics->tiles == NULL)
            return false;
        graphics->shown_width = width;
        graphics->shown_height = height;
    }
    if (graphics->way == WAY_BITMAP && graphics->bitmap_room == NULL &&
        (graphics->bitmap_room = malloc(UPDATE_ROOM)) == NULL)
        return false;
    if (way_is_gfx(graphics->way) && !gfx_reset(graphics->gfx, width, height))
        return false;
    tiles_forget(graphics->tiles);
    graphics->anew = false;
    return encoder_reset(graphics->encoder,
                         graphics->way == WAY_GFX_PROGRESSIVE ? ENCODE_PROGRESSIVE : ENCODE_RFX,
                         graphics->way == WAY_GFX_RFX || graphics->legacy.rlgr3, width, height);
}

static bool frame_mark(struct graphics *graphics, bool begin, uint32_t frame)
{
    if (!way_is_gfx(graphics->way))
        return update_mark(graphics->context, &graphics->legacy, begin, frame);
    return begin ? gfx_begin(graphics->gfx, frame) : gfx_end(graphics->gfx, frame);
}

static bool frame_send_rfx(struct graphics *graphics, const struct tiles_band *band)
{
    bool gfx = way_is_gfx(graphics->way);
    enum encode_format format = graphics->way == WAY_GFX_PROGRESSIVE ? ENCODE_PROGRESSIVE : ENCODE_RFX;
    unsigned most = gfx ? TILES_MOST : graphics->legacy.tiles_most;
    for (unsigned first = 0; first < band->count; first += most) {
        unsigned count = band->count - first < most ? band->count - first : most;
        struct encode_bytes bytes;
        if (!encode_band(graphics->encoder, band, first, count, &bytes))
            return false;
        graphics->counters.bytes += bytes.size;
        if (!(gfx ? gfx_send(graphics->gfx, format, band, &bytes)
                  : update_send_rfx(graphics->context, band, &bytes)))
            return false;
    }
    return true;
}

/* What one colour fills needs no encoder, neither here nor at the client: runs of such tiles go as one fill,
 * and leave the band. */
static bool frame_fill(struct graphics *graphics, struct tiles_band *band)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < band->count;) {
        uint32_t colour, next;
        if (!tiles_is_solid(band, i, &colour)) {
            band->columns[kept++] = band->columns[i++];
            continue;
        }
        unsigned column = band->columns[i], count = 1;
        while (i + count < band->count && band->columns[i + count] == column + count &&
               tiles_is_solid(band, i + count, &next) && next == colour)
            count++;
        if (!gfx_fill(graphics->gfx, band, column, count, colour))
            return false;
        i += count;
    }
    band->count = kept;
    return true;
}

static bool frame_send_band(struct graphics *graphics, struct tiles_band *band)
{
    graphics->counters.tiles += band->count;
    if (way_is_gfx(graphics->way) && !frame_fill(graphics, band))
        return false;
    if (graphics->way != WAY_BITMAP)
        return frame_send_rfx(graphics, band);
    return update_send_bitmaps(graphics->context, &graphics->legacy, band, graphics->bitmap_room,
                               &graphics->counters.bytes);
}

/* Sends what is damaged and differs. A frame in which nothing differs is not begun. */
static bool graphics_send_frame(struct graphics *graphics)
{
    uint32_t frame = 0;
    bool begun = false;
    for (unsigned row = 0; row < tiles_rows(graphics->tiles); row++) {
        struct tiles_band band;
        graphics->counters.tiles_unchanged +=
            tiles_take(graphics->tiles, row, graphics->pixels, graphics->stride, &band);
        if (band.count == 0)
            continue;
        if (!begun) {
            frame = pace_send(&graphics->pace, clock_monotonic_ms());
            if (!frame_mark(graphics, true, frame))
                return false;
            begun = true;
        }
        if (!frame_send_band(graphics, &band))
            return false;
    }
    graphics->counters.frames += begun;
    return !begun || frame_mark(graphics, false, frame);
}

static uint64_t time_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static bool graphics_poll_frame(struct graphics *graphics)
{
    unsigned width = 0, height = 0;
    if (!graphics_agree_size(graphics, &width, &height))
        return false;
    if (!graphics->active)
        return true;
    if (!graphics_set_up(graphics, width, height))
        return false;
    if (tiles_pending(graphics->tiles)) {
        if (pace_wait_ms(&graphics->pace, clock_monotonic_ms()) != 0)
            return true;
        uint64_t begun = time_us();
        if (!graphics_send_frame(graphics))
            return false;
        graphics->counters.encode_us += time_us() - begun;
    }
    if (graphics->owed) {
        graphics->owed = false;
        if (graphics->callbacks.frame_done != NULL)
            graphics->callbacks.frame_done(graphics->user);
    }
    return true;
}

static bool graphics_drain(struct graphics *graphics)
{
    freerdp_peer *peer = graphics->context->peer;
    if (peer->IsWriteBlocked(peer) && peer->DrainOutputBuffer(peer) < 0)
        return false;
    graphics->blocked = peer->IsWriteBlocked(peer);
    return true;
}

bool graphics_poll(struct graphics *graphics)
{
    if (!graphics->active)
        return true;
    if (!graphics_poll_gfx(graphics) || !graphics_drain(graphics))
        return false;
    if (graphics->blocked)
        return true;
    if (!graphics_send_pointer(graphics))
        return false;
    if (graphics->suppressed || graphics->pixels == NULL)
        return true;
    return graphics_poll_frame(graphics);
}

int graphics_event_fd(const struct graphics *graphics)
{
    /* Not while nothing is read: a caller would spin. */
    return graphics->active && graphics->gfx != NULL ? gfx_event_fd(graphics->gfx) : -1;
}

int graphics_next_ms(const struct graphics *graphics)
{
    if (!graphics->active || graphics->suppressed || graphics->blocked || graphics->pixels == NULL)
        return -1;
    if (graphics->tiles == NULL || graphics->anew || graphics->pointer.shape_pending)
        return 0;
    return tiles_pending(graphics->tiles) ? pace_wait_ms(&graphics->pace, clock_monotonic_ms()) : -1;
}

const char *graphics_codec(const struct graphics *graphics)
{
    return way_names[graphics->way];
}

void graphics_counters(const struct graphics *graphics, struct graphics_counters *counters_r)
{
    *counters_r = graphics->counters;
}

/* Each codec once over one tile with something in it. */
static bool warm_up_with(struct encoder *encoder, struct tiles *tiles, const uint8_t *pixels)
{
    static const enum encode_format formats[] = {ENCODE_RFX, ENCODE_PROGRESSIVE};
    static uint8_t const depths[] = {32, 24, 16};
    struct tiles_band band;
    struct encode_bytes bytes;
    struct encode_bitmap bitmap;
    uint8_t *room = malloc(ENCODE_BITMAP_ROOM);
    if (room == NULL)
        return false;
    tiles_take(tiles, 0, pixels, TILES_SIDE * 4, &band);
    bool done = band.count == 1;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0] && done; i++)
        done = encoder_reset(encoder, formats[i], true, TILES_SIDE, TILES_SIDE) &&
               encode_band(encoder, &band, 0, 1, &bytes);
    for (size_t i = 0; i < sizeof depths / sizeof depths[0] && done; i++)
        done = encode_bitmap(&band, 0, 0, depths[i], true, room, &bitmap) == 1;
    free(room);
    return done;
}

bool graphics_warm_up(void)
{
    size_t size = TILES_SIDE * TILES_SIDE * 4;
    uint8_t *pixels = malloc(size);
    struct tiles *tiles = tiles_new(TILES_SIDE, TILES_SIDE);
    /* Left to find out itself which of its routines are the fastest, the library measures for 200 ms. */
    primitives_set_hints(PRIMITIVES_ONLY_CPU);
    struct encoder *encoder = encoder_new();
    bool done = pixels != NULL && tiles != NULL && encoder != NULL && primitives_get() != NULL;
    if (done) {
        for (size_t i = 0; i < size; i++)
            pixels[i] = (uint8_t)(i * 7 + i / 251);
        done = warm_up_with(encoder, tiles, pixels);
    }
    free(pixels);
    tiles_free(tiles);
    encoder_free(encoder);
    return done;
}
