#include "display/resize.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xcb/randr.h>

#include "common/log.h"
#include "rpc/winstation.h"

/* What the people at the screen may take for its size on a desk: 96 pixels an inch. */
#define MILLIMETRES(pixels) ((uint32_t)(pixels)*254 / 960)

void resize_init(struct resize *resize_r, struct x *x)
{
    *resize_r = (struct resize){.x = x};
}

static uint16_t clamp(uint16_t value, uint16_t most, uint16_t server_most)
{
    if (most > server_most)
        most = server_most;
    if (value < WINSTATION_MIN_SIZE)
        value = WINSTATION_MIN_SIZE;
    return value < most ? value : most;
}

static void start(struct resize *resize);

static void size_came(void *context, uint64_t unused, void *data, const xcb_generic_error_t *error)
{
    struct resize *resize = context;
    const xcb_get_geometry_reply_t *reply = data;
    (void)unused, (void)error;
    resize->busy = false;
    if (reply == NULL)
        return;
    resize->now_width = reply->width;
    resize->now_height = reply->height;
    resize->ended = true;
    if (resize->want_width == resize->width && resize->want_height == resize->height)
        return;
    resize->from_width = reply->width;
    resize->from_height = reply->height;
    if (resize->want_width != reply->width || resize->want_height != reply->height)
        start(resize);
}

static void ask_size(struct resize *resize)
{
    xcb_get_geometry_cookie_t cookie = xcb_get_geometry(resize->x->connection, resize->x->root);
    x_expect(resize->x, cookie.sequence, size_came, resize, 0);
}

static void fail(struct resize *resize, const char *what)
{
    log_warning(NULL, "the screen's size could not be made %ux%u: %s", resize->width, resize->height, what);
    ask_size(resize);
}

static void set_screen(struct resize *resize, uint16_t width, uint16_t height)
{
    xcb_randr_set_screen_size(resize->x->connection, resize->x->root, width, height, MILLIMETRES(width),
                              MILLIMETRES(height));
}

/* Modes that were made for earlier sizes are of no use to anyone. */
static void drop_old_mode(struct resize *resize)
{
    if (resize->made_before == resize->mode)
        return;
    if (resize->made_before != 0) {
        xcb_randr_delete_output_mode(resize->x->connection, resize->output, resize->made_before);
        xcb_randr_destroy_mode(resize->x->connection, resize->made_before);
    }
    resize->made_before = resize->made;
}

static void configured(void *context, uint64_t unused, void *data, const xcb_generic_error_t *error)
{
    struct resize *resize = context;
    const xcb_randr_set_crtc_config_reply_t *reply = data;
    (void)unused, (void)error;
    if (reply == NULL || reply->status != XCB_RANDR_SET_CONFIG_SUCCESS) {
        set_screen(resize, resize->from_width, resize->from_height);
        fail(resize, "the X server refused the mode");
        return;
    }
    set_screen(resize, resize->width, resize->height);
    drop_old_mode(resize);
    ask_size(resize);
}

/* The screen must hold the old mode and the new one while it goes from the one to the other, so that it is
 * never without an output: desktops would tidy up their windows. */
static void apply(struct resize *resize)
{
    xcb_connection_t *c = resize->x->connection;
    if (!resize->listed)
        xcb_randr_add_output_mode(c, resize->output, resize->mode);
    uint16_t width = resize->width > resize->from_width ? resize->width : resize->from_width;
    uint16_t height = resize->height > resize->from_height ? resize->height : resize->from_height;
    if (width != resize->from_width || height != resize->from_height)
        set_screen(resize, width, height);
    xcb_randr_set_crtc_config_cookie_t cookie =
        xcb_randr_set_crtc_config(c, resize->crtc, XCB_CURRENT_TIME, resize->config_timestamp, 0, 0,
                                  resize->mode, XCB_RANDR_ROTATION_ROTATE_0, 1, &resize->output);
    x_expect(resize->x, cookie.sequence, configured, resize, 0);
}

static void mode_made(void *context, uint64_t unused, void *data, const xcb_generic_error_t *error)
{
    struct resize *resize = context;
    const xcb_randr_create_mode_reply_t *reply = data;
    (void)unused, (void)error;
    if (reply == NULL) {
        fail(resize, "the X server makes no such mode");
        return;
    }
    resize->mode = resize->made = reply->mode;
    resize->listed = false;
    apply(resize);
}

static void make_mode(struct resize *resize)
{
    char name[32];
    int length = snprintf(name, sizeof(name), "lodge-%ux%u", resize->width, resize->height);
    uint32_t total_width = resize->width + 80u, total_height = resize->height + 24u;
    xcb_randr_mode_info_t mode = {
        .width = resize->width,
        .height = resize->height,
        .dot_clock = total_width * total_height * 30, /* slow enough for what drivers think a screen can do */
        .hsync_start = (uint16_t)(resize->width + 16),
        .hsync_end = (uint16_t)(resize->width + 48),
        .htotal = (uint16_t)total_width,
        .vsync_start = (uint16_t)(resize->height + 3),
        .vsync_end = (uint16_t)(resize->height + 8),
        .vtotal = (uint16_t)total_height,
        .name_len = (uint16_t)length,
    };
    xcb_connection_t *c = resize->x->connection;
    xcb_randr_create_mode_cookie_t cookie =
        xcb_randr_create_mode(c, resize->x->root, mode, (uint32_t)length, name);
    x_expect(resize->x, cookie.sequence, mode_made, resize, 0);
}

static void ask_output(struct resize *resize);

static bool output_has_mode(const xcb_randr_get_output_info_reply_t *reply, uint32_t mode)
{
    const xcb_randr_mode_t *modes = xcb_randr_get_output_info_modes(reply);
    for (int i = 0; i < xcb_randr_get_output_info_modes_length(reply); i++) {
        if (modes[i] == mode)
            return true;
    }
    return false;
}

static void output_came(void *context, uint64_t output, void *data, const xcb_generic_error_t *error)
{
    struct resize *resize = context;
    const xcb_randr_get_output_info_reply_t *reply = data;
    (void)error;
    if (reply == NULL || reply->connection == XCB_RANDR_CONNECTION_DISCONNECTED || reply->num_crtcs == 0) {
        ask_output(resize); /* the next one */
        return;
    }
    resize->output = (uint32_t)output;
    resize->crtc = reply->crtc != XCB_NONE ? reply->crtc : xcb_randr_get_output_info_crtcs(reply)[0];
    if (resize->mode == 0) {
        make_mode(resize);
        return;
    }
    resize->listed = output_has_mode(reply, resize->mode);
    apply(resize);
}

static void ask_output(struct resize *resize)
{
    if (resize->output_next == resize->output_count) {
        fail(resize, "there is no output");
        return;
    }
    uint32_t output = resize->outputs[resize->output_next++];
    xcb_randr_get_output_info_cookie_t cookie =
        xcb_randr_get_output_info(resize->x->connection, output, resize->config_timestamp);
    x_expect(resize->x, cookie.sequence, output_came, resize, output);
}

static uint32_t find_mode(const xcb_randr_get_screen_resources_current_reply_t *reply, uint16_t width,
                          uint16_t height)
{
    xcb_randr_mode_info_iterator_t mode = xcb_randr_get_screen_resources_current_modes_iterator(reply);
    for (; mode.rem > 0; xcb_randr_mode_info_next(&mode)) {
        if (mode.data->width == width && mode.data->height == height)
            return mode.data->id;
    }
    return 0;
}

static void resources_came(void *context, uint64_t unused, void *data, const xcb_generic_error_t *error)
{
    struct resize *resize = context;
    const xcb_randr_get_screen_resources_current_reply_t *reply = data;
    (void)unused, (void)error;
    if (reply == NULL) {
        fail(resize, "the X server does not tell its outputs");
        return;
    }
    resize->config_timestamp = reply->config_timestamp;
    resize->mode = find_mode(reply, resize->width, resize->height);
    const xcb_randr_output_t *outputs = xcb_randr_get_screen_resources_current_outputs(reply);
    size_t count = (size_t)xcb_randr_get_screen_resources_current_outputs_length(reply);
    size_t room = sizeof(resize->outputs) / sizeof(resize->outputs[0]);
    resize->output_count = (unsigned)(count < room ? count : room);
    memcpy(resize->outputs, outputs, resize->output_count * sizeof(resize->outputs[0]));
    resize->output_next = 0;
    ask_output(resize);
}

static void start(struct resize *resize)
{
    resize->busy = true;
    resize->ended = false;
    resize->made = 0;
    resize->width = resize->want_width;
    resize->height = resize->want_height;
    xcb_connection_t *c = resize->x->connection;
    xcb_randr_get_screen_resources_current_cookie_t cookie =
        xcb_randr_get_screen_resources_current(c, resize->x->root);
    x_expect(resize->x, cookie.sequence, resources_came, resize, 0);
}

void resize_want(struct resize *resize, uint16_t want_width, uint16_t want_height, uint16_t width,
                 uint16_t height)
{
    resize->want_width = clamp(want_width, WINSTATION_MAX_WIDTH, resize->x->max_width);
    resize->want_height = clamp(want_height, WINSTATION_MAX_HEIGHT, resize->x->max_height);
    if (resize->busy || (resize->want_width == width && resize->want_height == height))
        return;
    resize->from_width = width;
    resize->from_height = height;
    start(resize);
}
