#include "display/message-box.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <xcb/xcb.h>

#include "common/clock.h"
#include "display/message-picture.h"

#define STRIP_BYTES    (128 * 1024) /* of pixels in one request */
#define RAISE_EVERY_MS 1000
#define KEYS           256

enum keysym {
    KEYSYM_ISO_LEFT_TAB = 0xFE20,
    KEYSYM_TAB = 0xFF09,
    KEYSYM_RETURN = 0xFF0D,
    KEYSYM_ESCAPE = 0xFF1B,
    KEYSYM_LEFT = 0xFF51,
    KEYSYM_UP = 0xFF52,
    KEYSYM_RIGHT = 0xFF53,
    KEYSYM_DOWN = 0xFF54,
    KEYSYM_KP_ENTER = 0xFF8D,
};

struct box {
    const struct message_words *words;
    const struct message_buttons *buttons;
    struct font *font;
    struct picture *picture;
    struct picture_state state;
    xcb_connection_t *connection;
    const xcb_screen_t *screen;
    uint16_t screen_width, screen_height;
    xcb_window_t window, before; /* what had the keyboard before */
    xcb_gcontext_t gc;
    xcb_atom_t own; /* the property that message boxes have */
    uint32_t keysyms[KEYS];
    int64_t ends;        /* 0: never */
    int64_t raised;      /* when it was put above the others last */
    bool covered, stale; /* to be raised; to be drawn anew */
    unsigned answer;     /* 0: none yet */
};

static xcb_atom_t atom(struct box *box, const char *name)
{
    xcb_intern_atom_cookie_t cookie = xcb_intern_atom(box->connection, 0, (uint16_t)strlen(name), name);
    xcb_intern_atom_reply_t *reply = xcb_intern_atom_reply(box->connection, cookie, NULL);
    xcb_atom_t value = reply == NULL ? (xcb_atom_t)XCB_ATOM_NONE : reply->atom;
    free(reply);
    return value;
}

/* The unshifted symbol of each key. */
static void load_keys(struct box *box)
{
    const xcb_setup_t *setup = xcb_get_setup(box->connection);
    uint8_t first = setup->min_keycode, count = (uint8_t)(setup->max_keycode - first + 1);
    xcb_get_keyboard_mapping_cookie_t cookie = xcb_get_keyboard_mapping(box->connection, first, count);
    xcb_get_keyboard_mapping_reply_t *reply = xcb_get_keyboard_mapping_reply(box->connection, cookie, NULL);
    memset(box->keysyms, 0, sizeof(box->keysyms));
    if (reply == NULL)
        return;
    const xcb_keysym_t *keysyms = xcb_get_keyboard_mapping_keysyms(reply);
    size_t each = reply->keysyms_per_keycode, all = (size_t)xcb_get_keyboard_mapping_keysyms_length(reply);
    for (size_t i = 0; i < count && each > 0 && i * each < all; i++)
        box->keysyms[first + i] = keysyms[i * each];
    free(reply);
}

/* Sends the picture, in parts that fit into requests. */
static void show(const struct box *box)
{
    const struct font_target *target = picture_target(box->picture);
    unsigned rows = (unsigned)(STRIP_BYTES / target->stride);
    for (unsigned y = 0; y < target->height; y += rows) {
        unsigned count = target->height - y < rows ? target->height - y : rows;
        xcb_put_image(box->connection, XCB_IMAGE_FORMAT_Z_PIXMAP, box->window, box->gc,
                      (uint16_t)target->width, (uint16_t)count, 0, (int16_t)y, 0, box->screen->root_depth,
                      (uint32_t)(count * target->stride), target->pixels + y * target->stride);
    }
}

static void place(const struct box *box, int32_t place_r[4])
{
    const struct font_target *target = picture_target(box->picture);
    int x = ((int)box->screen_width - (int)target->width) / 2;
    int y = ((int)box->screen_height - (int)target->height) / 2;
    place_r[0] = x > 0 ? x : 0;
    place_r[1] = y > 0 ? y : 0;
    place_r[2] = (int32_t)target->width;
    place_r[3] = (int32_t)target->height;
}

static bool draw_new(struct box *box)
{
    picture_free(box->picture);
    box->picture = picture_new(box->font, box->words, box->screen_width, box->screen_height);
    if (box->picture != NULL)
        picture_draw(box->picture, &box->state);
    return box->picture != NULL;
}

static void create_window(struct box *box)
{
    xcb_connection_t *c = box->connection;
    int32_t at[4];
    uint32_t events = XCB_EVENT_MASK_EXPOSURE | XCB_EVENT_MASK_KEY_PRESS | XCB_EVENT_MASK_BUTTON_PRESS |
                      XCB_EVENT_MASK_BUTTON_RELEASE | XCB_EVENT_MASK_FOCUS_CHANGE |
                      XCB_EVENT_MASK_VISIBILITY_CHANGE;
    place(box, at);
    box->window = xcb_generate_id(c);
    box->gc = xcb_generate_id(c);
    /* not the window manager's: it would give the keyboard to it, and put full-screen windows above it */
    xcb_create_window(c, XCB_COPY_FROM_PARENT, box->window, box->screen->root, (int16_t)at[0], (int16_t)at[1],
                      (uint16_t)at[2], (uint16_t)at[3], 0, XCB_WINDOW_CLASS_INPUT_OUTPUT,
                      XCB_COPY_FROM_PARENT, XCB_CW_OVERRIDE_REDIRECT | XCB_CW_EVENT_MASK,
                      (uint32_t[]){1, events});
    xcb_create_gc(c, box->gc, box->window, 0, NULL);
    xcb_change_property(c, XCB_PROP_MODE_REPLACE, box->window, box->own, XCB_ATOM_CARDINAL, 32, 1,
                        &box->words->style);
    xcb_change_property(c, XCB_PROP_MODE_REPLACE, box->window, atom(box, "_NET_WM_NAME"),
                        atom(box, "UTF8_STRING"), 8, (uint32_t)strlen(box->words->title), box->words->title);
    xcb_change_window_attributes(c, box->screen->root, XCB_CW_EVENT_MASK,
                                 (uint32_t[]){XCB_EVENT_MASK_STRUCTURE_NOTIFY});
    xcb_map_window(c, box->window);
}

/* True when a window that is seen, and is no message box, is above this one. */
static bool is_covered(const struct box *box)
{
    xcb_connection_t *c = box->connection;
    xcb_query_tree_reply_t *tree = xcb_query_tree_reply(c, xcb_query_tree(c, box->screen->root), NULL);
    const xcb_window_t *children = tree == NULL ? NULL : xcb_query_tree_children(tree);
    bool covered = false;
    for (int i = tree == NULL ? 0 : xcb_query_tree_children_length(tree); i-- > 0 && !covered;) {
        if (children[i] == box->window)
            break;
        xcb_get_window_attributes_cookie_t attributes = xcb_get_window_attributes(c, children[i]);
        xcb_get_property_cookie_t mark =
            xcb_get_property(c, 0, children[i], box->own, XCB_ATOM_CARDINAL, 0, 1);
        xcb_get_window_attributes_reply_t *seen = xcb_get_window_attributes_reply(c, attributes, NULL);
        xcb_get_property_reply_t *marked = xcb_get_property_reply(c, mark, NULL);
        covered = seen != NULL && seen->map_state == XCB_MAP_STATE_VIEWABLE && marked != NULL &&
                  marked->type == XCB_ATOM_NONE;
        free(seen);
        free(marked);
    }
    free(tree);
    return covered;
}

/* Not at once each time: another window may want to be on top too. */
static void raise_when_due(struct box *box, int64_t now)
{
    if (!box->covered || now - box->raised < RAISE_EVERY_MS)
        return;
    box->covered = false;
    box->raised = now;
    if (is_covered(box))
        xcb_configure_window(box->connection, box->window, XCB_CONFIG_WINDOW_STACK_MODE,
                             (uint32_t[]){XCB_STACK_MODE_ABOVE});
}

static void choose(struct box *box, size_t index)
{
    if (index < box->buttons->count)
        box->answer = box->buttons->at[index].id;
}

static void choose_letter(struct box *box, uint32_t keysym)
{
    uint32_t letter = keysym >= 'A' && keysym <= 'Z' ? keysym - 'A' + 'a' : keysym;
    for (size_t i = 0; i < box->buttons->count; i++) {
        if ((uint32_t)box->buttons->at[i].mnemonic == letter)
            choose(box, i);
    }
}

static void take_key(struct box *box, const xcb_key_press_event_t *event)
{
    size_t count = box->buttons->count, at = box->state.selected;
    uint32_t keysym = box->keysyms[event->detail];
    bool back = keysym == KEYSYM_LEFT || keysym == KEYSYM_UP || keysym == KEYSYM_ISO_LEFT_TAB ||
                (keysym == KEYSYM_TAB && (event->state & XCB_MOD_MASK_SHIFT) != 0);
    if (back)
        box->state.selected = (at + count - 1) % count;
    else if (keysym == KEYSYM_RIGHT || keysym == KEYSYM_DOWN || keysym == KEYSYM_TAB)
        box->state.selected = (at + 1) % count;
    else if (keysym == KEYSYM_RETURN || keysym == KEYSYM_KP_ENTER || keysym == ' ')
        choose(box, at);
    else if (keysym == KEYSYM_ESCAPE)
        box->answer = box->buttons->escape;
    else if ((event->state & XCB_MOD_MASK_CONTROL) == 0)
        choose_letter(box, keysym);
    box->stale = true;
}

/* A click anywhere on it gives it the keyboard. */
static void take_focus(struct box *box, xcb_timestamp_t time)
{
    xcb_get_input_focus_reply_t *reply =
        xcb_get_input_focus_reply(box->connection, xcb_get_input_focus(box->connection), NULL);
    if (reply != NULL && reply->focus != box->window)
        box->before = reply->focus;
    free(reply);
    xcb_set_input_focus(box->connection, XCB_INPUT_FOCUS_POINTER_ROOT, box->window, time);
}

static void take_button(struct box *box, const xcb_button_press_event_t *event, bool down)
{
    size_t at = picture_button_at(box->picture, event->event_x, event->event_y);
    if (event->detail != 1)
        return;
    if (down)
        take_focus(box, event->time);
    if (down && at < box->buttons->count)
        box->state.selected = at;
    else if (!down && box->state.pressed && at == box->state.selected)
        choose(box, at);
    box->state.pressed = down && at < box->buttons->count;
    box->stale = true;
}

static void take_screen_size(struct box *box, const xcb_configure_notify_event_t *event)
{
    int32_t at[4];
    if (event->window != box->screen->root)
        return;
    box->screen_width = event->width;
    box->screen_height = event->height;
    if (!draw_new(box))
        return;
    place(box, at);
    xcb_configure_window(
        box->connection, box->window,
        XCB_CONFIG_WINDOW_X | XCB_CONFIG_WINDOW_Y | XCB_CONFIG_WINDOW_WIDTH | XCB_CONFIG_WINDOW_HEIGHT, at);
    box->stale = true;
}

static void take_event(struct box *box, const xcb_generic_event_t *event)
{
    switch (event->response_type & 0x7F) {
    case XCB_EXPOSE:
        box->stale = true;
        break;
    case XCB_KEY_PRESS:
        take_key(box, (const xcb_key_press_event_t *)event);
        break;
    case XCB_BUTTON_PRESS:
        take_button(box, (const xcb_button_press_event_t *)event, true);
        break;
    case XCB_BUTTON_RELEASE:
        take_button(box, (const xcb_button_press_event_t *)event, false);
        break;
    case XCB_FOCUS_IN:
    case XCB_FOCUS_OUT:
        box->state.focused = (event->response_type & 0x7F) == XCB_FOCUS_IN;
        box->stale = true;
        break;
    case XCB_VISIBILITY_NOTIFY:
        box->covered = ((const xcb_visibility_notify_event_t *)event)->state != XCB_VISIBILITY_UNOBSCURED;
        break;
    case XCB_MAPPING_NOTIFY:
        load_keys(box);
        break;
    case XCB_CONFIGURE_NOTIFY:
        take_screen_size(box, (const xcb_configure_notify_event_t *)event);
        break;
    }
}

/* Counts down. Returns how long to wait for an event at most. */
static int take_time(struct box *box, int64_t now)
{
    int64_t wait = -1;
    if (box->ends != 0) {
        int64_t left = box->ends > now ? box->ends - now : 0;
        uint32_t left_s = (uint32_t)((left + 999) / 1000);
        if (left == 0)
            box->answer = MESSAGE_TIMEOUT;
        box->stale = box->stale || left_s != box->state.left_s;
        box->state.left_s = left_s;
        wait = (left + 999) % 1000 + 1;
    }
    if (box->covered && (wait < 0 || wait > RAISE_EVERY_MS))
        wait = RAISE_EVERY_MS;
    return (int)wait;
}

static unsigned serve(struct box *box)
{
    struct pollfd wait = {.fd = xcb_get_file_descriptor(box->connection), .events = POLLIN};
    while (box->answer == 0 && !xcb_connection_has_error(box->connection)) {
        int64_t now = clock_monotonic_ms();
        int wait_ms = take_time(box, now);
        raise_when_due(box, now);
        if (box->stale && box->picture != NULL) {
            picture_draw(box->picture, &box->state);
            show(box);
        }
        box->stale = false;
        xcb_flush(box->connection);
        xcb_generic_event_t *event = xcb_poll_for_event(box->connection);
        if (event == NULL && box->answer == 0) {
            poll(&wait, 1, wait_ms);
            event = xcb_poll_for_event(box->connection);
        }
        for (; event != NULL && box->answer == 0; event = xcb_poll_for_event(box->connection)) {
            take_event(box, event);
            free(event);
        }
        free(event);
    }
    return box->answer;
}

/* The keyboard goes back to where it came from. */
static void leave(struct box *box)
{
    if (xcb_connection_has_error(box->connection))
        return;
    if (box->state.focused && box->before != XCB_NONE)
        xcb_set_input_focus(box->connection, XCB_INPUT_FOCUS_POINTER_ROOT, box->before, XCB_CURRENT_TIME);
    xcb_destroy_window(box->connection, box->window);
    /* Waits until it is done: the end of the connection may overtake what is not. */
    free(xcb_get_input_focus_reply(box->connection, xcb_get_input_focus(box->connection), NULL));
}

static const char *open_box(struct box *box)
{
    static char problem[256];
    box->connection = xcb_connect(NULL, NULL);
    if (xcb_connection_has_error(box->connection))
        return "there is no connection to the X server";
    box->screen = xcb_setup_roots_iterator(xcb_get_setup(box->connection)).data;
    xcb_get_geometry_reply_t *size =
        xcb_get_geometry_reply(box->connection, xcb_get_geometry(box->connection, box->screen->root), NULL);
    if (size == NULL)
        return "the X server does not tell its size";
    box->screen_width = size->width; /* now; the connection's set-up has the first one */
    box->screen_height = size->height;
    free(size);
    box->font = font_load(problem, sizeof(problem));
    if (box->font == NULL)
        return problem;
    if (!draw_new(box))
        return "there is no memory for the picture";
    box->own = atom(box, "_LODGE_MESSAGE");
    load_keys(box);
    create_window(box);
    return NULL;
}

unsigned message_box_show(const struct message_words *words, const char **problem_r)
{
    struct box box = {.words = words, .buttons = message_buttons_of(words->style)};
    unsigned answer = 0;
    box.state.selected = message_default_of(words->style);
    if (words->timeout_s != 0)
        box.ends = clock_monotonic_ms() + (int64_t)words->timeout_s * 1000;
    *problem_r = open_box(&box);
    if (*problem_r == NULL) {
        answer = serve(&box);
        leave(&box);
        *problem_r = answer == 0 ? "the X server is gone" : NULL;
    }
    picture_free(box.picture);
    font_free(box.font);
    xcb_disconnect(box.connection);
    return answer;
}
