#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "display/testbed.h"
#include "tests/check.h"

static xcb_atom_t atom(xcb_connection_t *c, const char *name)
{
    xcb_intern_atom_reply_t *reply =
        xcb_intern_atom_reply(c, xcb_intern_atom(c, 0, (uint16_t)strlen(name), name), NULL);
    CHECK(reply != NULL);
    xcb_atom_t value = reply->atom;
    free(reply);
    return value;
}

void program_start(struct program *program, const struct bed *bed)
{
    program->connection = xcb_connect(bed->display, NULL);
    xcb_connection_t *c = program->connection;
    CHECK(!xcb_connection_has_error(c));
    const xcb_screen_t *screen = xcb_setup_roots_iterator(xcb_get_setup(c)).data;
    program->root = screen->root;
    program->window = xcb_generate_id(c);
    program->gc = xcb_generate_id(c);
    uint32_t events = XCB_EVENT_MASK_KEY_PRESS | XCB_EVENT_MASK_KEY_RELEASE | XCB_EVENT_MASK_BUTTON_PRESS |
                      XCB_EVENT_MASK_BUTTON_RELEASE | XCB_EVENT_MASK_EXPOSURE |
                      XCB_EVENT_MASK_POINTER_MOTION | XCB_EVENT_MASK_FOCUS_CHANGE;
    xcb_create_window(c, XCB_COPY_FROM_PARENT, program->window, screen->root, 100, 100, 300, 200, 0,
                      XCB_WINDOW_CLASS_INPUT_OUTPUT, XCB_COPY_FROM_PARENT,
                      XCB_CW_BACK_PIXEL | XCB_CW_EVENT_MASK, (uint32_t[]){0x202020, events});
    xcb_create_gc(c, program->gc, program->window, 0, NULL);
    program->delete_window = atom(c, "WM_DELETE_WINDOW");
    xcb_change_property(c, XCB_PROP_MODE_REPLACE, program->window, atom(c, "WM_PROTOCOLS"), XCB_ATOM_ATOM, 32,
                        1, &program->delete_window);
    xcb_generic_event_t *shown = NULL;
    double end = bed_now() + WAIT_MS;
    while (shown == NULL) { /* openbox forgets what is mapped while it starts: asked again, it maps it */
        CHECK(bed_now() < end);
        xcb_map_window(c, program->window);
        xcb_flush(c);
        shown = program_wait(program, XCB_EXPOSE, 500);
    }
    free(shown);
    xcb_set_input_focus(c, XCB_INPUT_FOCUS_PARENT, program->window, XCB_CURRENT_TIME);
    xcb_flush(c);
    free(program_wait(program, XCB_FOCUS_IN, WAIT_MS));
}

void program_end(struct program *program)
{
    xcb_disconnect(program->connection);
}

void program_fill(struct program *program, uint32_t colour, int16_t x, int16_t y, uint16_t width,
                  uint16_t height)
{
    xcb_change_gc(program->connection, program->gc, XCB_GC_FOREGROUND, &colour);
    xcb_poly_fill_rectangle(program->connection, program->window, program->gc, 1,
                            &(xcb_rectangle_t){x, y, width, height});
    xcb_flush(program->connection);
}

xcb_generic_event_t *program_wait(struct program *program, uint8_t type, int wait_ms)
{
    double end = bed_now() + wait_ms;
    for (;;) {
        xcb_generic_event_t *event = xcb_poll_for_event(program->connection);
        if (event != NULL && (event->response_type & 0x7F) == type)
            return event;
        if (event != NULL) {
            free(event);
            continue;
        }
        double left = end - bed_now();
        CHECK(!xcb_connection_has_error(program->connection));
        if (left <= 0)
            return NULL;
        struct pollfd wait = {.fd = xcb_get_file_descriptor(program->connection), .events = POLLIN};
        poll(&wait, 1, (int)left + 1);
    }
}

uint32_t program_key(struct program *program)
{
    xcb_key_press_event_t *press = (xcb_key_press_event_t *)program_wait(program, XCB_KEY_PRESS, WAIT_MS);
    CHECK(press != NULL);
    xcb_connection_t *c = program->connection;
    xcb_get_keyboard_mapping_reply_t *map =
        xcb_get_keyboard_mapping_reply(c, xcb_get_keyboard_mapping(c, press->detail, 1), NULL);
    CHECK(map != NULL && map->keysyms_per_keycode >= 2);
    const xcb_keysym_t *keysyms = xcb_get_keyboard_mapping_keysyms(map);
    bool letter = keysyms[0] >= 'a' && keysyms[0] <= 'z';
    bool shift = (press->state & XCB_MOD_MASK_SHIFT) != 0;
    if (letter && (press->state & XCB_MOD_MASK_LOCK) != 0)
        shift = !shift;
    uint32_t keysym = keysyms[shift ? 1 : 0];
    free(map);
    free(press);
    return keysym;
}

void view_click_window(struct view *view, struct program *program, xcb_window_t window, int x, int y)
{
    xcb_get_geometry_reply_t *at =
        xcb_get_geometry_reply(program->connection, xcb_get_geometry(program->connection, window), NULL);
    CHECK(at != NULL);
    x += at->x + (x < 0 ? at->width : 0);
    y += at->y + (y < 0 ? at->height : 0);
    free(at);
    view_mouse(view, (uint16_t)x, (uint16_t)y, WINSTATION_LEFT, 0, 0);
    view_mouse(view, (uint16_t)x, (uint16_t)y, 0, 0, 0);
}

/* True for a window that is seen and has that property. */
static bool is_marked(struct program *program, xcb_window_t window, xcb_atom_t property)
{
    xcb_connection_t *c = program->connection;
    xcb_get_window_attributes_reply_t *seen =
        xcb_get_window_attributes_reply(c, xcb_get_window_attributes(c, window), NULL);
    xcb_get_property_reply_t *mark =
        xcb_get_property_reply(c, xcb_get_property(c, 0, window, property, XCB_ATOM_ANY, 0, 1), NULL);
    bool marked = seen != NULL && seen->map_state == XCB_MAP_STATE_VIEWABLE && mark != NULL &&
                  mark->type != XCB_ATOM_NONE;
    free(seen);
    free(mark);
    return marked;
}

xcb_window_t program_wait_box(struct program *program, const xcb_window_t *known, size_t count)
{
    xcb_connection_t *c = program->connection;
    xcb_atom_t mark = atom(c, "_LODGE_MESSAGE");
    double end = bed_now() + WAIT_MS;
    for (;; poll(NULL, 0, 20)) {
        CHECK(bed_now() < end);
        xcb_query_tree_reply_t *tree = xcb_query_tree_reply(c, xcb_query_tree(c, program->root), NULL);
        CHECK(tree != NULL);
        xcb_window_t found = XCB_NONE, *children = xcb_query_tree_children(tree);
        for (int i = xcb_query_tree_children_length(tree); i-- > 0 && found == XCB_NONE;) {
            bool old = false;
            for (size_t at = 0; at < count; at++)
                old = old || known[at] == children[i];
            if (!is_marked(program, children[i], mark))
                break; /* something else is above */
            if (!old)
                found = children[i];
        }
        free(tree);
        if (found != XCB_NONE)
            return found;
    }
}

void program_wait_focus(struct program *program, xcb_window_t window)
{
    xcb_connection_t *c = program->connection;
    double end = bed_now() + WAIT_MS;
    for (xcb_window_t focus = XCB_NONE; focus != window; poll(NULL, 0, 20)) {
        xcb_get_input_focus_reply_t *reply = xcb_get_input_focus_reply(c, xcb_get_input_focus(c), NULL);
        CHECK(reply != NULL && bed_now() < end);
        focus = reply->focus;
        free(reply);
    }
}

/* True when a property of windows on the root has `wanted` in it, or anything where that is 0. */
static bool root_lists(xcb_connection_t *c, xcb_window_t root, const char *property, xcb_window_t wanted)
{
    xcb_get_property_reply_t *reply = xcb_get_property_reply(
        c, xcb_get_property(c, 0, root, atom(c, property), XCB_ATOM_WINDOW, 0, 64), NULL);
    CHECK(reply != NULL);
    const xcb_window_t *windows = xcb_get_property_value(reply);
    bool found = false;
    for (int i = 0; i < xcb_get_property_value_length(reply) / 4; i++)
        found = found || wanted == 0 || windows[i] == wanted;
    free(reply);
    return found;
}

/* Waits for a change of the root's properties until the property lists what is wanted. */
static void wait_listed(struct program *program, const char *property, xcb_window_t wanted)
{
    xcb_change_window_attributes(program->connection, program->root, XCB_CW_EVENT_MASK,
                                 (uint32_t[]){XCB_EVENT_MASK_PROPERTY_CHANGE});
    while (!root_lists(program->connection, program->root, property, wanted)) {
        xcb_generic_event_t *change = program_wait(program, XCB_PROPERTY_NOTIFY, WAIT_MS);
        CHECK(change != NULL);
        free(change);
    }
}

void program_wait_for_manager(const struct bed *bed)
{
    struct program watcher = {.connection = xcb_connect(bed->display, NULL)};
    watcher.root = xcb_setup_roots_iterator(xcb_get_setup(watcher.connection)).data->root;
    wait_listed(&watcher, "_NET_SUPPORTING_WM_CHECK", 0);
    xcb_disconnect(watcher.connection);
}

void program_wait_listed(struct program *program)
{
    wait_listed(program, "_NET_CLIENT_LIST", program->window);
}
