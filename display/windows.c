#include "display/windows.h"

#include <stdbool.h>
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
                                  .delete_window = x_atom(x, "WM_DELETE_WINDOW")};
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

static void ask_property(struct windows *windows, xcb_window_t window, xcb_atom_t property, xcb_atom_t type,
                         x_handler *handler, uint64_t argument)
{
    xcb_get_property_cookie_t cookie =
        xcb_get_property(windows->x->connection, 0, window, property, type, 0, MAX_WINDOWS);
    x_expect(windows->x, cookie.sequence, handler, windows, argument);
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

static void protocols_came(void *context, uint64_t window, void *data, const xcb_generic_error_t *error)
{
    struct windows *windows = context;
    const uint32_t *atoms;
    size_t count = values_of(data, &atoms);
    (void)error;
    for (size_t i = 0; i < count; i++) {
        if (atoms[i] == windows->delete_window)
            send(windows, (xcb_window_t)window, 0, (xcb_window_t)window, windows->protocols,
                 windows->delete_window, XCB_CURRENT_TIME);
    }
}

static void ask_tree(struct windows *windows, xcb_window_t window, unsigned depth);

static void tree_came(void *context, uint64_t depth, void *data, const xcb_generic_error_t *error)
{
    struct windows *windows = context;
    const xcb_query_tree_reply_t *reply = data;
    (void)error;
    if (reply == NULL)
        return;
    const xcb_window_t *children = xcb_query_tree_children(reply);
    int count = xcb_query_tree_children_length(reply);
    for (int i = 0; i < count && windows->budget > 0; i++, windows->budget--) {
        ask_property(windows, children[i], windows->protocols, XCB_ATOM_ATOM, protocols_came, children[i]);
        if (depth < MAX_DEPTH)
            ask_tree(windows, children[i], (unsigned)depth + 1);
    }
}

static void ask_tree(struct windows *windows, xcb_window_t window, unsigned depth)
{
    xcb_query_tree_cookie_t cookie = xcb_query_tree(windows->x->connection, window);
    x_expect(windows->x, cookie.sequence, tree_came, windows, depth);
}

static void list_came(void *context, uint64_t unused, void *data, const xcb_generic_error_t *error)
{
    struct windows *windows = context;
    const uint32_t *list;
    size_t count = values_of(data, &list);
    (void)unused, (void)error;
    for (size_t i = 0; i < count; i++)
        send(windows, windows->x->root,
             XCB_EVENT_MASK_SUBSTRUCTURE_REDIRECT | XCB_EVENT_MASK_SUBSTRUCTURE_NOTIFY, list[i],
             windows->close, XCB_CURRENT_TIME, SOURCE_PAGER);
}

/* A window manager that runs names a window that names itself; what is left of a dead one does not. */
static void check_came(void *context, uint64_t named, void *data, const xcb_generic_error_t *error)
{
    struct windows *windows = context;
    const uint32_t *window;
    bool any = values_of(data, &window) == 1;
    (void)error;
    if (any && named == 0)
        ask_property(windows, window[0], windows->check, XCB_ATOM_WINDOW, check_came, window[0]);
    else if (any && window[0] == named)
        ask_property(windows, windows->x->root, windows->list, XCB_ATOM_WINDOW, list_came, 0);
    else
        ask_tree(windows, windows->x->root, 1);
}

void windows_close_all(struct windows *windows)
{
    windows->budget = MAX_WINDOWS;
    ask_property(windows, windows->x->root, windows->check, XCB_ATOM_WINDOW, check_came, 0);
}
