#include "display/pointer.h"

#include <stdlib.h>
#include <xcb/xfixes.h>

#include "display/shape.h"

/* Programs answer an event by moving the pointer within such a time, or it is found at the next event. */
#define LOOK_AFTER_MS 25

void pointer_init(struct pointer *pointer_r, struct x *x)
{
    *pointer_r = (struct pointer){.x = x};
}

void pointer_free(struct pointer *pointer)
{
    free(pointer->shape);
    pointer->shape = NULL;
}

static void ask_shape(struct pointer *pointer);

static void shape_came(void *context, uint64_t unused, void *data, const xcb_generic_error_t *error)
{
    struct pointer *pointer = context;
    xcb_xfixes_get_cursor_image_reply_t *reply = data;
    (void)unused, (void)error;
    pointer->asking_shape = false;
    if (!pointer->followed)
        return;
    if (pointer->shape == NULL)
        pointer->shape = malloc(sizeof(*pointer->shape));
    if (pointer->shape == NULL)
        return;
    uint32_t none = 0;
    if (reply == NULL || reply->length < (size_t)reply->width * reply->height)
        shape_make(pointer->shape, &none, 0, 0, 0, 0); /* an error: there is no cursor */
    else
        shape_make(pointer->shape, xcb_xfixes_get_cursor_image_cursor_image(reply), reply->width,
                   reply->height, reply->xhot, reply->yhot);
    pointer->shape_version++;
    if (pointer->ask_shape_again)
        ask_shape(pointer);
}

static void ask_shape(struct pointer *pointer)
{
    pointer->ask_shape_again = pointer->asking_shape;
    if (pointer->asking_shape)
        return;
    pointer->asking_shape = true;
    xcb_connection_t *c = pointer->x->connection;
    xcb_xfixes_get_cursor_image_cookie_t cookie = xcb_xfixes_get_cursor_image(c);
    x_expect(pointer->x, cookie.sequence, shape_came, pointer, 0);
}

static void place_came(void *context, uint64_t asked, void *data, const xcb_generic_error_t *error)
{
    struct pointer *pointer = context;
    const xcb_query_pointer_reply_t *reply = data;
    (void)error;
    pointer->asking_place = false;
    uint64_t expected = (uint64_t)pointer->at_x << 16 | pointer->at_y;
    if (reply == NULL || asked != expected) /* it was put elsewhere meanwhile */
        return;
    uint16_t x = (uint16_t)reply->root_x, y = (uint16_t)reply->root_y;
    if (x == pointer->at_x && y == pointer->at_y) {
        pointer->place_known = true;
        return;
    }
    pointer->at_x = x;
    pointer->at_y = y;
    if (pointer->place_known)
        pointer->moved_version++;
    pointer->place_known = true;
}

static void ask_place(struct pointer *pointer)
{
    pointer->place_due = 0;
    if (pointer->asking_place)
        return;
    pointer->asking_place = true;
    xcb_query_pointer_cookie_t cookie = xcb_query_pointer(pointer->x->connection, pointer->x->root);
    x_expect(pointer->x, cookie.sequence, place_came, pointer, (uint64_t)pointer->at_x << 16 | pointer->at_y);
}

void pointer_follow(struct pointer *pointer, bool follow)
{
    if (pointer->followed == follow)
        return;
    pointer->followed = follow;
    pointer->place_due = 0;
    xcb_xfixes_select_cursor_input(pointer->x->connection, pointer->x->root,
                                   follow ? XCB_XFIXES_CURSOR_NOTIFY_MASK_DISPLAY_CURSOR : 0);
    if (!follow) {
        pointer_free(pointer);
        return;
    }
    pointer->place_known = false;
    ask_shape(pointer);
    ask_place(pointer);
}

void pointer_take_event(struct pointer *pointer, const xcb_generic_event_t *event)
{
    if ((event->response_type & 0x7F) == pointer->x->fixes_event + XCB_XFIXES_CURSOR_NOTIFY &&
        pointer->followed)
        ask_shape(pointer);
}

void pointer_put(struct pointer *pointer, uint16_t x, uint16_t y)
{
    pointer->at_x = x;
    pointer->at_y = y;
    pointer->place_known = true;
}

void pointer_look_soon(struct pointer *pointer, int64_t now)
{
    if (pointer->place_due == 0 && pointer->followed)
        pointer->place_due = now + LOOK_AFTER_MS;
}

void pointer_look(struct pointer *pointer, int64_t now)
{
    if (pointer->place_due != 0 && now >= pointer->place_due)
        ask_place(pointer);
}
