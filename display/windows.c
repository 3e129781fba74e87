#include "display/windows.h"

#include <stddef.h>
#include <string.h>

/* So many windows are looked at, and so deep in the tree: below the root, and in a frame. */
#define MAX_WINDOWS 1024
#define MAX_DEPTH   2
/* _NET_CLOSE_WINDOW from a pager, that is, on a person's behalf. */
#define SOURCE_PAGER 2

void windows_init(struct windows *windows_r, struct x *x)
{
    *windows_r = (struct windows){.x = x,
                                  .check = x_atom(x, "_NET_SUPPORTING_WM_CHECK"),
                                  .list = x_atom(x, "_NET_CLIENT_LIST"),
                                  .close = x_atom(x, "_NET_CLOSE_WINDOW"),
                                  .protocols = x_atom(x, "WM_PROTOCOLS"),
                                  .delete_window = x_atom(x, "WM_DELETE_WINDOW"),
                                  .type = x_atom(x, "_NET_WM_WINDOW_TYPE"),
                                  .dock = x_atom(x, "_NET_WM_WINDOW_TYPE_DOCK"),
                                  .desktop = x_atom(x, "_NET_WM_WINDOW_TYPE_DESKTOP")};
}

static void send(struct windows *windows, xcb_window_t to, uint32_t mask, xcb_window_t about, xcb_atom_t type,
                 uint32_t first, uint32_t second)
{
    xcb_client_message_event_t event = {
        .response_type = XCB_CLIENT_MESSAGE, .format = 32, .window = about, .type = type};
    event.data.data32[0] = first;
    event.data.data32[1] = second;
    char bytes[32];
    memcpy(bytes, &event, sizeof(bytes));
    xcb_send_event(windows->x->connection, 0, to, mask, bytes);
}

static void look(struct windows *windows);

static void expect(struct windows *windows, unsigned sequence, x_handler *handler, uint64_t argument)
{
    windows->waiting++;
    x_expect(windows->x, sequence, handler, windows, argument);
}

/* The end of every handler: the look is over when nothing is to come. */
static void came(struct windows *windows)
{
    if (--windows->waiting > 0)
        return;
    windows->looking = false;
    windows->ask = false;
    if (windows->closable == 0)
        windows->closed = true;
    else if (windows->look_again)
        look(windows);
}

static void ask_property(struct windows *windows, xcb_window_t window, xcb_atom_t property, xcb_atom_t type,
                         x_handler *handler, uint64_t argument)
{
    xcb_get_property_cookie_t cookie =
        xcb_get_property(windows->x->connection, 0, window, property, type, 0, MAX_WINDOWS);
    expect(windows, cookie.sequence, handler, argument);
}

/* The 32-bit values of a property; 0 of them where it is something else. */
static size_t values_of(const xcb_get_property_reply_t *reply, const uint32_t **values_r)
{
    *values_r = NULL;
    if (reply == NULL || reply->format != 32)
        return 0;
    *values_r = xcb_get_property_value(reply);
    return (size_t)xcb_get_property_value_length(reply) / sizeof(uint32_t);
}

static bool has(const xcb_get_property_reply_t *reply, xcb_atom_t wanted)
{
    const uint32_t *atoms;
    size_t count = values_of(reply, &atoms);
    for (size_t i = 0; i < count; i++) {
        if (atoms[i] == wanted)
            return true;
    }
    return false;
}

static void ask_to_close(struct windows *windows, xcb_window_t window)
{
    if (windows->asked_count < WINDOWS_ASKED)
        windows->asked[windows->asked_count++] = window;
    if (windows->managed)
        send(windows, windows->x->root,
             XCB_EVENT_MASK_SUBSTRUCTURE_REDIRECT | XCB_EVENT_MASK_SUBSTRUCTURE_NOTIFY, window,
             windows->close, XCB_CURRENT_TIME, SOURCE_PAGER);
    else
        send(windows, window, 0, window, windows->protocols, windows->delete_window, XCB_CURRENT_TIME);
}

static void protocols_came(void *context, uint64_t window, void *data, const xcb_generic_error_t *error)
{
    struct windows *windows = context;
    (void)error;
    if (has(data, windows->delete_window)) {
        windows->closable++;
        if (windows->ask)
            ask_to_close(windows, (xcb_window_t)window);
    }
    came(windows);
}

/* Panels and what paints the background are part of the desktop, and no window of the person's. */
static void type_came(void *context, uint64_t window, void *data, const xcb_generic_error_t *error)
{
    struct windows *windows = context;
    (void)error;
    if (!has(data, windows->dock) && !has(data, windows->desktop))
        ask_property(windows, (xcb_window_t)window, windows->protocols, XCB_ATOM_ATOM, protocols_came,
                     window);
    came(windows);
}

static void ask_type(struct windows *windows, xcb_window_t window)
{
    ask_property(windows, window, windows->type, XCB_ATOM_ATOM, type_came, window);
}

/* A window that is hidden is none for a person, unless a window manager has put it away. */
static void attributes_came(void *context, uint64_t window, void *data, const xcb_generic_error_t *error)
{
    struct windows *windows = context;
    const xcb_get_window_attributes_reply_t *reply = data;
    (void)error;
    if (reply != NULL && reply->map_state != XCB_MAP_STATE_UNMAPPED)
        ask_type(windows, (xcb_window_t)window);
    came(windows);
}

static void ask_tree(struct windows *windows, xcb_window_t window, unsigned depth);

static void tree_came(void *context, uint64_t depth, void *data, const xcb_generic_error_t *error)
{
    struct windows *windows = context;
    const xcb_query_tree_reply_t *reply = data;
    const xcb_window_t *children = reply == NULL ? NULL : xcb_query_tree_children(reply);
    int count = reply == NULL ? 0 : xcb_query_tree_children_length(reply);
    (void)error;
    for (int i = 0; i < count && windows->budget > 0; i++, windows->budget--) {
        xcb_get_window_attributes_cookie_t cookie =
            xcb_get_window_attributes(windows->x->connection, children[i]);
        expect(windows, cookie.sequence, attributes_came, children[i]);
        if (depth < MAX_DEPTH)
            ask_tree(windows, children[i], (unsigned)depth + 1);
    }
    came(windows);
}

static void ask_tree(struct windows *windows, xcb_window_t window, unsigned depth)
{
    xcb_query_tree_cookie_t cookie = xcb_query_tree(windows->x->connection, window);
    expect(windows, cookie.sequence, tree_came, depth);
}

static void list_came(void *context, uint64_t unused, void *data, const xcb_generic_error_t *error)
{
    struct windows *windows = context;
    const uint32_t *list;
    size_t count = values_of(data, &list);
    (void)unused, (void)error;
    for (size_t i = 0; i < count; i++)
        ask_type(windows, list[i]);
    came(windows);
}

/* A window manager that runs names a window that names itself; what is left of a dead one does not. */
static void check_came(void *context, uint64_t named, void *data, const xcb_generic_error_t *error)
{
    struct windows *windows = context;
    const uint32_t *window;
    bool any = values_of(data, &window) == 1;
    (void)error;
    windows->managed = any && window[0] == named;
    if (any && named == 0)
        ask_property(windows, window[0], windows->check, XCB_ATOM_WINDOW, check_came, window[0]);
    else if (windows->managed)
        ask_property(windows, windows->x->root, windows->list, XCB_ATOM_WINDOW, list_came, 0);
    else
        ask_tree(windows, windows->x->root, 1);
    came(windows);
}

static void geometry_came(void *context, uint64_t window, void *data, const xcb_generic_error_t *error)
{
    struct windows *windows = context;
    (void)error;
    if (data != NULL)
        windows->closable++;
    for (unsigned i = 0; data == NULL && i < windows->asked_count; i++) {
        if (windows->asked[i] == window)
            windows->asked[i--] = windows->asked[--windows->asked_count];
    }
    came(windows);
}

/* Which of the windows that were asked are still there, shown or not. */
static void look_at_asked(struct windows *windows)
{
    for (unsigned i = 0; i < windows->asked_count; i++) {
        xcb_get_geometry_cookie_t cookie = xcb_get_geometry(windows->x->connection, windows->asked[i]);
        expect(windows, cookie.sequence, geometry_came, windows->asked[i]);
    }
}

static void look(struct windows *windows)
{
    windows->looking = true;
    windows->look_again = false;
    windows->budget = MAX_WINDOWS;
    windows->closable = 0;
    look_at_asked(windows);
    ask_property(windows, windows->x->root, windows->check, XCB_ATOM_WINDOW, check_came, 0);
}

void windows_close_all(struct windows *windows)
{
    if (windows->looking)
        return;
    windows->closing = true;
    windows->closed = false;
    windows->ask = true;
    windows->asked_count = 0;
    xcb_change_window_attributes(
        windows->x->connection, windows->x->root, XCB_CW_EVENT_MASK,
        (uint32_t[]){XCB_EVENT_MASK_SUBSTRUCTURE_NOTIFY | XCB_EVENT_MASK_PROPERTY_CHANGE});
    look(windows);
}

void windows_take_event(struct windows *windows, const xcb_generic_event_t *event)
{
    uint8_t type = event->response_type & 0x7F;
    const xcb_property_notify_event_t *property = (const xcb_property_notify_event_t *)event;
    bool changed = type == XCB_UNMAP_NOTIFY || type == XCB_DESTROY_NOTIFY || type == XCB_REPARENT_NOTIFY ||
                   (type == XCB_PROPERTY_NOTIFY &&
                    (property->atom == windows->list || property->atom == windows->check));
    if (!windows->closing || windows->closed || !changed)
        return;
    windows->look_again = true;
    if (!windows->looking)
        look(windows);
}
