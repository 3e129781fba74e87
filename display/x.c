#include "display/x.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <xcb/damage.h>
#include <xcb/randr.h>
#include <xcb/shm.h>
#include <xcb/xcbext.h>
#include <xcb/xfixes.h>
#include <xcb/xkb.h>
#include <xcb/xtest.h>

struct x_pending {
    struct x_pending *next;
    unsigned sequence;
    x_handler *handler;
    void *context;
    uint64_t argument;
};

/* Frames are 32-bit pixels, B G R x in memory: true when that is how the root's images come. */
static bool pixels_fit(const xcb_setup_t *setup, const xcb_screen_t *screen)
{
    if (setup->image_byte_order != XCB_IMAGE_ORDER_LSB_FIRST)
        return false;
    bool format_fits = false;
    xcb_format_iterator_t format = xcb_setup_pixmap_formats_iterator(setup);
    for (; format.rem > 0; xcb_format_next(&format)) {
        if (format.data->depth == screen->root_depth)
            format_fits = format.data->bits_per_pixel == 32 && format.data->scanline_pad == 32;
    }
    xcb_depth_iterator_t depth = xcb_screen_allowed_depths_iterator(screen);
    for (; format_fits && depth.rem > 0; xcb_depth_next(&depth)) {
        xcb_visualtype_iterator_t visual = xcb_depth_visuals_iterator(depth.data);
        for (; visual.rem > 0; xcb_visualtype_next(&visual)) {
            if (visual.data->visual_id == screen->root_visual)
                return visual.data->red_mask == 0xFF0000 && visual.data->green_mask == 0xFF00 &&
                       visual.data->blue_mask == 0xFF;
        }
    }
    return false;
}

static bool extension(struct x *x, xcb_extension_t *which, uint8_t *event_r, uint8_t *error_r)
{
    const xcb_query_extension_reply_t *data = xcb_get_extension_data(x->connection, which);
    if (data == NULL || !data->present)
        return false;
    if (event_r != NULL)
        *event_r = data->first_event;
    if (error_r != NULL)
        *error_r = data->first_error;
    return true;
}

/* Frees a reply and says whether there was one. */
static bool came(void *reply)
{
    free(reply);
    return reply != NULL;
}

/* Attaching by descriptor is version 1.2 of MIT-SHM. */
static void open_shm(struct x *x)
{
    if (!extension(x, &xcb_shm_id, NULL, &x->shm_error))
        return;
    xcb_shm_query_version_reply_t *version =
        xcb_shm_query_version_reply(x->connection, xcb_shm_query_version(x->connection), NULL);
    if (version != NULL)
        x->shm = version->major_version > 1 || (version->major_version == 1 && version->minor_version >= 2);
    free(version);
}

static const char *open_extensions(struct x *x)
{
    xcb_connection_t *c = x->connection;
    if (!extension(x, &xcb_damage_id, &x->damage_event, NULL) ||
        !extension(x, &xcb_xfixes_id, &x->fixes_event, NULL) ||
        !extension(x, &xcb_randr_id, &x->randr_event, NULL) || !extension(x, &xcb_test_id, NULL, NULL) ||
        !extension(x, &xcb_xkb_id, &x->xkb_event, NULL))
        return "the X server lacks one of DAMAGE, XFIXES, RANDR, XTEST and XKEYBOARD";
    xcb_damage_query_version_cookie_t damage = xcb_damage_query_version(c, 1, 1);
    xcb_xfixes_query_version_cookie_t fixes = xcb_xfixes_query_version(c, 5, 0);
    xcb_randr_query_version_cookie_t randr = xcb_randr_query_version(c, 1, 4);
    xcb_xkb_use_extension_cookie_t xkb = xcb_xkb_use_extension(c, 1, 0);
    if (!came(xcb_damage_query_version_reply(c, damage, NULL)) ||
        !came(xcb_xfixes_query_version_reply(c, fixes, NULL)) ||
        !came(xcb_randr_query_version_reply(c, randr, NULL)) ||
        !came(xcb_xkb_use_extension_reply(c, xkb, NULL)))
        return "the X server refused an extension";
    open_shm(x);
    xcb_randr_get_screen_size_range_reply_t *range =
        xcb_randr_get_screen_size_range_reply(c, xcb_randr_get_screen_size_range(c, x->root), NULL);
    if (range == NULL)
        return "the X server does not tell its sizes";
    x->max_width = range->max_width;
    x->max_height = range->max_height;
    free(range);
    return NULL;
}

static const char *open_display(struct x *x)
{
    int number = 0;
    x->connection = xcb_connect(NULL, &number);
    if (xcb_connection_has_error(x->connection))
        return "there is no connection to the X server";
    xcb_prefetch_extension_data(x->connection, &xcb_damage_id);
    xcb_prefetch_extension_data(x->connection, &xcb_xfixes_id);
    xcb_prefetch_extension_data(x->connection, &xcb_randr_id);
    xcb_prefetch_extension_data(x->connection, &xcb_test_id);
    xcb_prefetch_extension_data(x->connection, &xcb_xkb_id);
    xcb_prefetch_extension_data(x->connection, &xcb_shm_id);
    const xcb_setup_t *setup = xcb_get_setup(x->connection);
    const xcb_screen_t *screen = xcb_setup_roots_iterator(setup).data;
    if (screen == NULL || !pixels_fit(setup, screen))
        return "the X server's pixels are not 32 bits, B G R x";
    x->root = screen->root;
    x->width = screen->width_in_pixels;
    x->height = screen->height_in_pixels;
    x->depth = screen->root_depth;
    x->first_keycode = setup->min_keycode;
    x->key_count = (uint8_t)(setup->max_keycode - setup->min_keycode + 1);
    const char *problem = open_extensions(x);
    if (problem == NULL)
        xcb_test_grab_control(x->connection, 1);
    return problem;
}

bool x_open(struct x *x_r, const char **problem_r)
{
    *x_r = (struct x){0};
    x_r->last_pending = &x_r->first_pending;
    const char *problem = open_display(x_r);
    if (problem == NULL)
        return true;
    *problem_r = problem;
    x_close(x_r);
    return false;
}

void x_close(struct x *x)
{
    while (x->first_pending != NULL) {
        struct x_pending *pending = x->first_pending;
        x->first_pending = pending->next;
        free(pending);
    }
    x->last_pending = &x->first_pending;
    if (x->connection != NULL)
        xcb_disconnect(x->connection);
    x->connection = NULL;
}

void x_expect(struct x *x, unsigned sequence, x_handler *handler, void *context, uint64_t argument)
{
    struct x_pending *pending = malloc(sizeof(*pending));
    if (pending == NULL) { /* nothing can go on without it: as if the server were gone */
        xcb_discard_reply(x->connection, sequence);
        handler(context, argument, NULL, NULL);
        return;
    }
    *pending = (struct x_pending){
        .sequence = sequence, .handler = handler, .context = context, .argument = argument};
    *x->last_pending = pending;
    x->last_pending = &pending->next;
}

bool x_take_replies(struct x *x)
{
    bool any = false;
    while (x->first_pending != NULL) {
        struct x_pending *pending = x->first_pending;
        void *reply = NULL;
        xcb_generic_error_t *error = NULL;
        if (!xcb_poll_for_reply(x->connection, pending->sequence, &reply, &error))
            break;
        x->first_pending = pending->next;
        if (x->first_pending == NULL)
            x->last_pending = &x->first_pending;
        pending->handler(pending->context, pending->argument, reply, error);
        free(pending);
        free(reply);
        free(error);
        any = true;
    }
    return any;
}

/* A connection that broke counts as writable: then nothing blocks, and its error is found. */
bool x_flush(struct x *x)
{
    struct pollfd wait = {.fd = xcb_get_file_descriptor(x->connection), .events = POLLOUT};
    x->unsent = poll(&wait, 1, 0) == 0;
    if (!x->unsent)
        xcb_flush(x->connection);
    return !x->unsent;
}

xcb_atom_t x_atom(struct x *x, const char *name)
{
    xcb_intern_atom_cookie_t cookie = xcb_intern_atom(x->connection, 0, (uint16_t)strlen(name), name);
    xcb_intern_atom_reply_t *reply = xcb_intern_atom_reply(x->connection, cookie, NULL);
    xcb_atom_t atom = reply == NULL ? (xcb_atom_t)XCB_ATOM_NONE : reply->atom;
    free(reply);
    return atom;
}
