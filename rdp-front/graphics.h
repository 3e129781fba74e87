/* A picture on its way to one RDP client: takes frame memory and what changed in it, chooses how the client
 * gets it (the graphics pipeline with RemoteFX, RemoteFX surface bits, or bitmap updates), encodes only the
 * tiles that really changed, and keeps no more frames under way than the client keeps up with. Damage that
 * comes meanwhile is merged, so a slow client gets fewer frames, never old ones.
 *
 * No threads, no files, no sleeping: everything happens in graphics_poll. The worker calls it after every
 * turn of its loop, whatever the turn was about. */
#pragma once

#include <freerdp/freerdp.h>
#include <stdbool.h>
#include <stdint.h>

#include "rpc/winstation.h"

struct graphics;

struct graphics_callbacks {
    /* Everything that graphics_damage brought up to now has been encoded: once for any number of calls of
     * graphics_damage. Called from graphics_poll alone; it may call graphics_damage, not graphics_end. */
    void (*frame_done)(void *user);
};

/* Pays what the first use of the library's codecs costs (CPU detection, tables, code pages) and leaves no
 * thread running: once in the zygote, before any fork. Returns false when a codec cannot be made. */
bool graphics_warm_up(void);

/* What the server offers, set before peer->Initialize: codecs, surface commands, pointers, the pipeline, and
 * writes that never wait for the client. Returns false when a setting is refused. */
bool graphics_offer(rdpSettings *settings);

/* `vcm` is the WTS virtual channel manager of this connection, NULL for none (no graphics pipeline then); it
 * and `context` must outlive the result. (Start and end, since libfreerdp exports graphics_new and
 * graphics_free.) `callbacks` is copied. Returns NULL where memory is short. */
struct graphics *graphics_start(rdpContext *context, HANDLE vcm, const struct graphics_callbacks *callbacks,
                                void *user);
/* Closes the pipeline's channel; NULL is fine. Call it before the channel manager is closed. */
void graphics_end(struct graphics *graphics);

/* The peer's Activate callback, at the first activation and at each reactivation: chooses the way from the
 * client's settings, and damages everything. Nothing is sent before. */
void graphics_activated(struct graphics *graphics);

/* Shows this memory from now on: width x height pixels, B G R x in memory, `stride` bytes a row. It stays the
 * caller's, and must stay readable until the next graphics_set_screen or graphics_end. Others may write it
 * at any time. Everything is damaged. Where the size is not the client's, the client is resized (at the next
 * poll; with the pipeline off that ends in a reactivation, so call graphics_activated from every Activate).
 * NULL: show nothing new. Returns false, with the old screen kept, for sizes outside
 * 1..WINSTATION_MAX_WIDTH/HEIGHT or a stride below width * 4. */
bool graphics_set_screen(struct graphics *graphics, const uint8_t *pixels, unsigned width, unsigned height,
                         size_t stride);
/* The rectangles changed. They may come from anyone: what lies outside of the screen is cut off. */
void graphics_damage(struct graphics *graphics, const struct rectangles *rectangles);
/* The client's RefreshRect: everything is sent again, changed or not. */
void graphics_refresh(struct graphics *graphics);
/* The client's SuppressOutput: nothing is sent while suppressed, and frame_done waits too; everything is
 * damaged when it ends. */
void graphics_suppress(struct graphics *graphics, bool suppressed);

/* The pointer's new shape; width 0: hidden; NULL: the client's own arrow. A shape that is inconsistent (sizes
 * against the count of pixels, larger than WINSTATION_POINTER_SIDE) counts as NULL. Kept until sent. */
void graphics_pointer(struct graphics *graphics, const struct winstation_pointer *pointer);
/* A program moved the pointer. */
void graphics_pointer_moved(struct graphics *graphics, unsigned x, unsigned y);

/* The client's SurfaceFrameAcknowledge (rdpUpdate): frame `frame` is on its screen. */
void graphics_acknowledged(struct graphics *graphics, uint32_t frame);

/* Opens the pipeline when drdynvc is ready, reads its channel, and sends a frame when one is due and the
 * client can take it. Cheap when there is nothing to do. Returns false when the connection is beyond use. */
bool graphics_poll(struct graphics *graphics);
/* A descriptor to wait on for reading besides the peer's own, -1 while there is none; level-triggered; ask
 * again after each graphics_poll. It stays graphics'. */
int graphics_event_fd(const struct graphics *graphics);
/* Milliseconds after which graphics_poll is wanted though nothing happened; -1: never. When the socket is
 * write-blocked a poll is wanted as soon as it is writable: that is the worker's to watch. */
int graphics_next_ms(const struct graphics *graphics);

/* How frames go out now, named as Client.codec in rpc/lsm.proto; "none" before the first activation. */
const char *graphics_codec(const struct graphics *graphics);

#define GRAPHICS_TILE_BYTES (64 * 64 * 4) /* of the pixels of a tile */

/* Counters since graphics_start. */
struct graphics_counters {
    uint64_t frames, tiles, tiles_unchanged, bytes, encode_us;
};
void graphics_counters(const struct graphics *graphics, struct graphics_counters *counters_r);
