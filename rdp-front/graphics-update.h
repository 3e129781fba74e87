/* Frames without the graphics pipeline: RemoteFX surface commands, or bitmap updates. */
#pragma once

#include <freerdp/freerdp.h>
#include <stdbool.h>
#include <stdint.h>

#include "rdp-front/encode.h"

/* What the client's capabilities allow. */
struct update_way {
    bool rfx;             /* surface bits with RemoteFX, else bitmaps */
    bool rlgr3;           /* how RemoteFX is to be coded */
    bool frames;          /* surface frames are marked */
    bool acknowledged;    /* and acknowledged */
    bool skip_alpha;      /* planar without the alpha plane */
    unsigned depth;       /* of bitmaps, bits a pixel */
    unsigned tiles_most;  /* RemoteFX tiles in one update */
    uint32_t update_most; /* bytes in one update */
};

/* Reads the client's capabilities; after activation. */
struct update_way update_way_of(rdpContext *context);

/* Marks where a frame begins or ends, where the way has frames. False: the connection is beyond use, as
 * below. */
bool update_mark(rdpContext *context, const struct update_way *way, bool begin, uint32_t frame);
/* Sends RemoteFX tiles that encode_band made of `band`. */
bool update_send_rfx(rdpContext *context, const struct tiles_band *band, const struct encode_bytes *bytes);

/* Encodes and sends the band's tiles as bitmaps, adding the bytes to *bytes_r. `room` is UPDATE_ROOM bytes
 * for the encoded bitmaps. */
#define UPDATE_BITMAPS 16
#define UPDATE_ROOM    ((size_t)UPDATE_BITMAPS * ENCODE_BITMAP_ROOM)
bool update_send_bitmaps(rdpContext *context, const struct update_way *way, const struct tiles_band *band,
                         uint8_t *room, uint64_t *bytes_r);
