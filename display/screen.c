#include "display/screen.h"

#include <string.h>
#include <xcb/damage.h>
#include <xcb/shm.h>

#include "common/log.h"
#include "display/memory.h"
#include "rpc/winstation.h"

/* So many captures in a row may fail (a size that changes meanwhile) before the screen counts as broken. */
#define MAX_FAILURES 16
/* When the agent copies, so many bytes are asked for at a time. */
#define COPY_BYTES (1u << 20)

/* A program may make the screen larger than the channel knows: then viewers see that much of it. */
static uint16_t at_most(uint16_t size, uint16_t most)
{
    return size < most ? size : most;
}

void screen_init(struct screen *screen_r, struct x *x)
{
    *screen_r = (struct screen){.x = x,
                                .width = at_most(x->width, WINSTATION_MAX_WIDTH),
                                .height = at_most(x->height, WINSTATION_MAX_HEIGHT),
                                .memory = memory_none,
                                .copying = !x->shm};
}

static bool is_shown(const struct screen *screen)
{
    return screen->damage != 0;
}

static int renew(struct screen *screen)
{
    memory_free(&screen->memory, screen->x);
    if (++screen->generation == 0)
        screen->generation = 1;
    screen->filled = false;
    region_clear(&screen->capturing);
    region_clear(&screen->captured);
    region_fill(&screen->dirty, screen->width, screen->height);
    return memory_make(&screen->memory, screen->x, screen->width, screen->height, screen->copying);
}

int screen_show(struct screen *screen)
{
    if (is_shown(screen))
        return 0;
    int failed = renew(screen);
    if (failed)
        return failed;
    struct x *x = screen->x;
    screen->damage = xcb_generate_id(x->connection);
    xcb_damage_create(x->connection, screen->damage, x->root, XCB_DAMAGE_REPORT_LEVEL_DELTA_RECTANGLES);
    return 0;
}

void screen_hide(struct screen *screen)
{
    if (!is_shown(screen))
        return;
    xcb_damage_destroy(screen->x->connection, screen->damage);
    screen->damage = 0;
    memory_free(&screen->memory, screen->x);
    screen->generation++; /* replies that are still to come belong to nothing */
    region_clear(&screen->dirty);
    region_clear(&screen->capturing);
    region_clear(&screen->captured);
}

int screen_set_size(struct screen *screen, uint16_t width, uint16_t height)
{
    width = at_most(width, WINSTATION_MAX_WIDTH);
    height = at_most(height, WINSTATION_MAX_HEIGHT);
    if (width == screen->width && height == screen->height)
        return 0;
    screen->width = width;
    screen->height = height;
    return is_shown(screen) ? renew(screen) : 0;
}

void screen_take_damage(struct screen *screen, const xcb_generic_event_t *event)
{
    const xcb_damage_notify_event_t *notify = (const xcb_damage_notify_event_t *)event;
    if (!is_shown(screen) || notify->damage != screen->damage)
        return;
    int x1 = notify->area.x > 0 ? notify->area.x : 0;
    int y1 = notify->area.y > 0 ? notify->area.y : 0;
    int x2 = notify->area.x + notify->area.width, y2 = notify->area.y + notify->area.height;
    if (x2 > screen->width)
        x2 = screen->width;
    if (y2 > screen->height)
        y2 = screen->height;
    if (x1 < x2 && y1 < y2)
        region_add(&screen->dirty, (struct box){(uint16_t)x1, (uint16_t)y1, (uint16_t)x2, (uint16_t)y2});
}

static void ask_for_next(struct screen *screen);

static void capture_ended(struct screen *screen)
{
    screen->failures = 0;
    screen->filled = true; /* the first capture of a memory is of all of it */
    if (!screen->copying)
        memory_seal(&screen->memory);
    region_add_region(&screen->captured, &screen->capturing);
    region_clear(&screen->capturing);
}

/* The size may have changed under a capture, and the event of that is yet to come. */
static void geometry_came(void *context, uint64_t generation, void *reply, const xcb_generic_error_t *error)
{
    struct screen *screen = context;
    const xcb_get_geometry_reply_t *geometry = reply;
    (void)error;
    if (generation != screen->generation || !is_shown(screen))
        return;
    region_add_region(&screen->dirty, &screen->capturing);
    region_clear(&screen->capturing);
    if (geometry == NULL || screen_set_size(screen, geometry->width, geometry->height) != 0)
        screen->broken = true;
}

static void capture_failed(struct screen *screen, const xcb_generic_error_t *error)
{
    if (error == NULL || ++screen->failures > MAX_FAILURES) {
        screen->broken = true;
    } else if (!screen->copying && error->error_code == screen->x->shm_error) {
        log_warning(NULL, "the X server does not take the frame memory: frames are copied");
        screen->copying = true;
        if (renew(screen) != 0)
            screen->broken = true;
    } else {
        xcb_connection_t *c = screen->x->connection;
        xcb_get_geometry_cookie_t cookie = xcb_get_geometry(c, screen->x->root);
        x_expect(screen->x, cookie.sequence, geometry_came, screen, screen->generation);
    }
}

/* Copies the rows that came. Returns how many. */
static uint16_t copy_rows(struct screen *screen, xcb_get_image_reply_t *reply, const struct band *band)
{
    size_t stride = screen->memory.stride, size = (size_t)xcb_get_image_data_length(reply);
    size_t rows = size / stride, most = (size_t)(band->y2 - band->y1);
    if (rows > most)
        rows = most;
    memcpy(screen->memory.mapped + band->y1 * stride, xcb_get_image_data(reply), rows * stride);
    return (uint16_t)rows;
}

static void band_came(void *context, uint64_t generation, void *reply, const xcb_generic_error_t *error)
{
    struct screen *screen = context;
    if (generation != screen->generation || !is_shown(screen))
        return;
    if (reply == NULL) {
        capture_failed(screen, error);
        return;
    }
    struct band *band = &screen->bands[screen->band];
    uint16_t rows = (uint16_t)(band->y2 - band->y1);
    if (screen->copying)
        rows = copy_rows(screen, reply, band);
    band->y1 = (uint16_t)(band->y1 + rows);
    if (rows == 0)
        screen->broken = true;
    else if (band->y1 >= band->y2 && ++screen->band == screen->band_count)
        capture_ended(screen);
    else
        ask_for_next(screen);
}

static void ask_for_next(struct screen *screen)
{
    struct x *x = screen->x;
    const struct band *band = &screen->bands[screen->band];
    uint16_t rows = (uint16_t)(band->y2 - band->y1);
    unsigned sequence;
    if (screen->copying) {
        uint32_t most = COPY_BYTES / screen->memory.stride;
        if (rows > most)
            rows = (uint16_t)most;
        sequence = xcb_get_image(x->connection, XCB_IMAGE_FORMAT_Z_PIXMAP, x->root, 0, (int16_t)band->y1,
                                 screen->width, rows, UINT32_MAX)
                       .sequence;
    } else {
        sequence = xcb_shm_get_image(x->connection, x->root, 0, (int16_t)band->y1, screen->width, rows,
                                     UINT32_MAX, XCB_IMAGE_FORMAT_Z_PIXMAP, screen->memory.segment,
                                     band->y1 * screen->memory.stride)
                       .sequence;
    }
    x_expect(x, sequence, band_came, screen, screen->generation);
}

bool screen_is_capturing(const struct screen *screen)
{
    return !region_is_empty(&screen->capturing);
}

bool screen_capture(struct screen *screen)
{
    if (screen_is_capturing(screen) || !is_shown(screen) || region_is_empty(&screen->dirty))
        return screen_is_capturing(screen);
    screen->capturing = screen->dirty;
    region_clear(&screen->dirty);
    screen->band_count = region_bands(&screen->capturing, screen->bands);
    screen->band = 0;
    /* What changes after this is reported anew; what changed before is in the image. */
    xcb_damage_subtract(screen->x->connection, screen->damage, XCB_NONE, XCB_NONE);
    ask_for_next(screen);
    return true;
}

bool screen_take_captured(struct screen *screen, struct region *region_r)
{
    if (region_is_empty(&screen->captured))
        return false;
    *region_r = screen->captured;
    region_clear(&screen->captured);
    return true;
}
