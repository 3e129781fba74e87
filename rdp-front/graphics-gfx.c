#include "rdp-front/graphics-gfx.h"

#include <freerdp/channels/drdynvc.h>
#include <freerdp/channels/wtsvc.h>
#include <freerdp/server/rdpgfx.h>
#include <stdlib.h>
#include <winpr/synch.h>

#include "common/clock.h"
#include "common/log.h"

#define GFX_SURFACE 1
/* Messages read in one poll: a client that floods the channel must not keep the rest of the loop waiting. */
#define GFX_MESSAGES_MOST 64

struct gfx {
    rdpContext *context;
    HANDLE vcm;
    struct pace *pace;
    RdpgfxServerContext *server;
    enum gfx_state state;
    bool thin_client;
    bool surface; /* GFX_SURFACE exists */
    int event_fd;
};

/* The newest version that both know. Newer ones differ in what is not used here (H.264, scaled mapping), and
 * a client sends all that it knows. */
static const UINT32 gfx_versions[] = {
    RDPGFX_CAPVERSION_107, RDPGFX_CAPVERSION_106, RDPGFX_CAPVERSION_105, RDPGFX_CAPVERSION_104,
    RDPGFX_CAPVERSION_103, RDPGFX_CAPVERSION_102, RDPGFX_CAPVERSION_101, RDPGFX_CAPVERSION_10,
    RDPGFX_CAPVERSION_81,  RDPGFX_CAPVERSION_8,
};

static const RDPGFX_CAPSET *gfx_choose(const RDPGFX_CAPS_ADVERTISE_PDU *offer)
{
    for (size_t version = 0; version < sizeof gfx_versions / sizeof gfx_versions[0]; version++)
        for (UINT16 i = 0; i < offer->capsSetCount; i++)
            if (offer->capsSets[i].version == gfx_versions[version])
                return &offer->capsSets[i];
    return NULL;
}

static UINT gfx_on_caps(RdpgfxServerContext *server, const RDPGFX_CAPS_ADVERTISE_PDU *offer)
{
    struct gfx *gfx = server->custom;
    const RDPGFX_CAPSET *chosen = gfx_choose(offer);
    if (chosen == NULL) {
        gfx->state = GFX_FAILED;
        return CHANNEL_RC_OK;
    }
    RDPGFX_CAPSET caps = *chosen;
    gfx->thin_client = caps.version <= RDPGFX_CAPVERSION_81 && (caps.flags & RDPGFX_CAPS_FLAG_THINCLIENT);
    if (caps.version >= RDPGFX_CAPVERSION_10)
        caps.flags |= RDPGFX_CAPS_FLAG_AVC_DISABLED;
    else
        caps.flags &= ~RDPGFX_CAPS_FLAG_AVC420_ENABLED;
    RDPGFX_CAPS_CONFIRM_PDU confirm = {.capsSet = &caps};
    UINT error = server->CapsConfirm(server, &confirm);
    gfx->state = error == CHANNEL_RC_OK ? GFX_READY : GFX_FAILED;
    /* A client may offer capabilities again, as after a reset of its own: its surfaces are gone then. */
    gfx->surface = false;
    return error;
}

static UINT gfx_on_acknowledge(RdpgfxServerContext *server, const RDPGFX_FRAME_ACKNOWLEDGE_PDU *answer)
{
    struct gfx *gfx = server->custom;
    if (answer->queueDepth == SUSPEND_FRAME_ACKNOWLEDGEMENT) {
        pace_suspend(gfx->pace);
    } else {
        gfx->pace->wanted = true;
        pace_acknowledge(gfx->pace, answer->frameId);
    }
    return CHANNEL_RC_OK;
}

static UINT gfx_on_qoe(RdpgfxServerContext *server, const RDPGFX_QOE_FRAME_ACKNOWLEDGE_PDU *answer)
{
    (void)server;
    (void)answer;
    return CHANNEL_RC_OK;
}

/* Nothing of a client's cache is used: the answer is that no entry was taken. */
static UINT gfx_on_cache_offer(RdpgfxServerContext *server, const RDPGFX_CACHE_IMPORT_OFFER_PDU *offer)
{
    (void)offer;
    RDPGFX_CACHE_IMPORT_REPLY_PDU reply = {0};
    return server->CacheImportReply(server, &reply);
}

struct gfx *gfx_new(rdpContext *context, HANDLE vcm, struct pace *pace)
{
    struct gfx *gfx = calloc(1, sizeof *gfx);
    if (gfx == NULL)
        return NULL;
    gfx->context = context;
    gfx->vcm = vcm;
    gfx->pace = pace;
    gfx->event_fd = -1;
    gfx->server = rdpgfx_server_context_new(vcm);
    if (gfx->server == NULL) {
        free(gfx);
        return NULL;
    }
    gfx->server->custom = gfx;
    gfx->server->rdpcontext = context;
    gfx->server->CapsAdvertise = gfx_on_caps;
    gfx->server->FrameAcknowledge = gfx_on_acknowledge;
    gfx->server->QoeFrameAcknowledge = gfx_on_qoe;
    gfx->server->CacheImportOffer = gfx_on_cache_offer;
    return gfx;
}

void gfx_free(struct gfx *gfx)
{
    if (gfx == NULL)
        return;
    rdpgfx_server_context_free(gfx->server);
    free(gfx);
}

static void gfx_open(struct gfx *gfx)
{
    if (!WTSVirtualChannelManagerIsChannelJoined(gfx->vcm, DRDYNVC_SVC_CHANNEL_NAME)) {
        gfx->state = GFX_FAILED;
        return;
    }
    BYTE drdynvc = WTSVirtualChannelManagerGetDrdynvcState(gfx->vcm);
    if (drdynvc == DRDYNVC_STATE_FAILED)
        gfx->state = GFX_FAILED;
    if (drdynvc != DRDYNVC_STATE_READY)
        return;
    if (!gfx->server->Initialize(gfx->server, TRUE) || !gfx->server->Open(gfx->server)) {
        gfx->state = GFX_FAILED;
        return;
    }
    gfx->state = GFX_OPENING;
    gfx->event_fd = GetEventFileDescriptor(rdpgfx_server_get_event_handle(gfx->server));
}

static void gfx_close(struct gfx *gfx)
{
    gfx->state = GFX_FAILED;
    gfx->event_fd = -1;
    gfx->server->Close(gfx->server);
}

static void gfx_read(struct gfx *gfx)
{
    HANDLE event = rdpgfx_server_get_event_handle(gfx->server);
    for (int i = 0; i < GFX_MESSAGES_MOST && WaitForSingleObject(event, 0) == WAIT_OBJECT_0; i++) {
        UINT error = rdpgfx_server_handle_messages(gfx->server);
        if (error == ERROR_NO_DATA)
            return;
        if (error != CHANNEL_RC_OK) {
            log_warning(NULL, "the graphics pipeline's channel failed: error %u", error);
            gfx_close(gfx);
            return;
        }
    }
}

enum gfx_state gfx_poll(struct gfx *gfx)
{
    if (gfx->state == GFX_CLOSED)
        gfx_open(gfx);
    if (gfx->state == GFX_OPENING || gfx->state == GFX_READY)
        gfx_read(gfx);
    return gfx->state;
}

int gfx_event_fd(const struct gfx *gfx)
{
    return gfx->event_fd;
}

bool gfx_thin_client(const struct gfx *gfx)
{
    return gfx->thin_client;
}

bool gfx_has_surface(const struct gfx *gfx)
{
    return gfx->surface;
}

bool gfx_reset(struct gfx *gfx, unsigned width, unsigned height)
{
    RdpgfxServerContext *server = gfx->server;
    RDPGFX_DELETE_SURFACE_PDU gone = {.surfaceId = GFX_SURFACE};
    if (gfx->surface && server->DeleteSurface(server, &gone) != CHANNEL_RC_OK)
        return false;
    gfx->surface = false;
    MONITOR_DEF monitor = {.right = (INT32)width - 1, .bottom = (INT32)height - 1, .flags = MONITOR_PRIMARY};
    RDPGFX_RESET_GRAPHICS_PDU reset = {
        .width = width, .height = height, .monitorCount = 1, .monitorDefArray = &monitor};
    RDPGFX_CREATE_SURFACE_PDU create = {.surfaceId = GFX_SURFACE,
                                        .width = (UINT16)width,
                                        .height = (UINT16)height,
                                        .pixelFormat = GFX_PIXEL_FORMAT_XRGB_8888};
    RDPGFX_MAP_SURFACE_TO_OUTPUT_PDU map = {.surfaceId = GFX_SURFACE};
    gfx->surface = server->ResetGraphics(server, &reset) == CHANNEL_RC_OK &&
                   server->CreateSurface(server, &create) == CHANNEL_RC_OK &&
                   server->MapSurfaceToOutput(server, &map) == CHANNEL_RC_OK;
    return gfx->surface;
}

bool gfx_begin(struct gfx *gfx, uint32_t frame)
{
    RDPGFX_START_FRAME_PDU start = {.frameId = frame, .timestamp = (UINT32)clock_monotonic_ms()};
    return gfx->server->StartFrame(gfx->server, &start) == CHANNEL_RC_OK;
}

bool gfx_send(struct gfx *gfx, enum encode_format format, const struct tiles_band *band,
              const struct encode_bytes *bytes)
{
    unsigned top = band->row * TILES_SIDE;
    RDPGFX_SURFACE_COMMAND command = {
        .surfaceId = GFX_SURFACE,
        .codecId = RDPGFX_CODECID_CAPROGRESSIVE,
        .format = PIXEL_FORMAT_BGRX32,
        .length = (UINT32)bytes->size,
        .data = (BYTE *)bytes->data,
    };
    if (format == ENCODE_RFX) {
        command.codecId = RDPGFX_CODECID_CAVIDEO;
        command.top = top;
        command.right = command.width = band->width;
        command.bottom = top + band->height;
        command.height = band->height;
    }
    return gfx->server->SurfaceCommand(gfx->server, &command) == CHANNEL_RC_OK;
}

bool gfx_fill(struct gfx *gfx, const struct tiles_band *band, unsigned column, unsigned count,
              uint32_t colour)
{
    unsigned right = (column + count) * TILES_SIDE, top = band->row * TILES_SIDE;
    RECTANGLE_16 rectangle = {.left = (UINT16)(column * TILES_SIDE),
                              .top = (UINT16)top,
                              .right = (UINT16)(right < band->width ? right : band->width),
                              .bottom = (UINT16)(top + band->height)};
    RDPGFX_SOLID_FILL_PDU fill = {
        .surfaceId = GFX_SURFACE,
        .fillPixel = {.B = (BYTE)colour, .G = (BYTE)(colour >> 8), .R = (BYTE)(colour >> 16), .XA = 0xff},
        .fillRectCount = 1,
        .fillRects = &rectangle};
    return gfx->server->SolidFill(gfx->server, &fill) == CHANNEL_RC_OK;
}

bool gfx_end(struct gfx *gfx, uint32_t frame)
{
    RDPGFX_END_FRAME_PDU end = {.frameId = frame};
    return gfx->server->EndFrame(gfx->server, &end) == CHANNEL_RC_OK &&
           WTSVirtualChannelManagerCheckFileDescriptor(gfx->vcm);
}
