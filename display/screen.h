/* The frame memory and what of the screen has changed. The X server writes the pixels straight into the
 * memory; the agent never sees them (unless the server cannot take a descriptor: then it copies). Memory and
 * change tracking exist only while the screen is shown to someone. */
#pragma once

#include "display/region.h"
#include "display/x.h"

struct memory {
    int fd;
    int viewer_fd; /* the same, for reading only */
    uint16_t width, height;
    uint32_t stride;
    uint32_t segment; /* of the X server, 0 without */
    uint8_t *mapped;  /* where the agent copies, NULL where the X server writes */
    bool sealed;      /* nobody can map it for writing any more */
};

struct screen {
    struct x *x;
    uint16_t width, height; /* of the root window now */
    uint32_t generation;    /* goes up with each new memory; never 0 while there is one */
    struct memory memory;
    uint32_t damage; /* the server's damage object, 0 while hidden */
    bool copying;    /* the X server cannot take a descriptor */
    bool filled;     /* every pixel of the memory has been captured once */

    struct region dirty;     /* changed since it was captured */
    struct region capturing; /* on its way from the X server */
    struct region captured;  /* in the memory, and not yet passed on */
    struct band bands[REGION_MAX_BANDS];
    size_t band_count, band;
    unsigned failures;
    bool broken; /* it cannot be captured any more */
};

void screen_init(struct screen *screen_r, struct x *x);
/* Makes memory and follows changes. All of it is dirty. Returns 0 or a negative errno. No effect while
 * shown. */
int screen_show(struct screen *screen);
/* Gives the memory back and follows no changes. */
void screen_hide(struct screen *screen);
/* The root window has this size now: new memory while shown, when it is another. Returns 0 or a negative
 * errno. */
int screen_set_size(struct screen *screen, uint16_t width, uint16_t height);
/* Takes an event of the DAMAGE extension. */
void screen_take_damage(struct screen *screen, const xcb_generic_event_t *event);
/* Begins to capture what is dirty, unless a capture is under way. Returns true when one is now. */
bool screen_capture(struct screen *screen);
bool screen_is_capturing(const struct screen *screen);
/* Moves what has been captured since the last call to *region_r. Returns false when that is nothing. */
bool screen_take_captured(struct screen *screen, struct region *region_r);
