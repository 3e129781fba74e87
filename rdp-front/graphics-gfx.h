/* The graphics pipeline of one client ([MS-RDPEGFX]): its dynamic channel, capabilities, one surface of the
 * screen's size, and frames on it. */
#pragma once

#include <freerdp/freerdp.h>
#include <stdbool.h>
#include <stdint.h>

#include "rdp-front/encode.h"
#include "rdp-front/graphics-pace.h"

struct gfx;

enum gfx_state {
    GFX_CLOSED, /* the channel is not asked for yet */
    GFX_OPENING,
    GFX_READY,  /* capabilities are agreed: frames may go */
    GFX_FAILED, /* this client will not have it */
};

/* `vcm` is the connection's channel manager. Acknowledgements go to `pace`, which must outlive the result.
 * Returns NULL where memory is short. */
struct gfx *gfx_new(rdpContext *context, HANDLE vcm, struct pace *pace);
/* Closes the channel. NULL is fine. */
void gfx_free(struct gfx *gfx);

/* Opens the channel when drdynvc is ready, and reads what came. Returns the state after that. */
enum gfx_state gfx_poll(struct gfx *gfx);
/* To wait on for reading; -1: none. */
int gfx_event_fd(const struct gfx *gfx);
/* The client asked for RemoteFX in place of progressive. Valid once ready. */
bool gfx_thin_client(const struct gfx *gfx);

/* False until gfx_reset, and again when the client has dropped its surfaces. */
bool gfx_has_surface(const struct gfx *gfx);
/* Gives the client this size, and an empty surface of it. False: the connection is beyond use, as below. */
bool gfx_reset(struct gfx *gfx, unsigned width, unsigned height);
bool gfx_begin(struct gfx *gfx, uint32_t frame);
/* Sends tiles that encode_band made of `band`. */
bool gfx_send(struct gfx *gfx, enum encode_format format, const struct tiles_band *band,
              const struct encode_bytes *bytes);
/* Fills `count` columns of the band from `column` with one colour (0x00RRGGBB). */
bool gfx_fill(struct gfx *gfx, const struct tiles_band *band, unsigned column, unsigned count,
              uint32_t colour);
/* Ends the frame, and hands what is queued to the socket's buffer. */
bool gfx_end(struct gfx *gfx, uint32_t frame);
