#include "display/input.h"

#include <stdlib.h>
#include <string.h>
#include <xcb/xkb.h>
#include <xcb/xtest.h>

#include "common/clock.h"
#include "common/log.h"

#define LAYOUT_WAIT_MS 1000
#define LAYOUT_DEFAULT 0x409 /* where the X server does not say what it has */
/* Clients repeat a key that is held; the X server's own repeat must not come on top of that. */
#define REPEAT_DELAY_MS     UINT16_MAX
#define REPEAT_EVERY_MS     40

#define KEYSYM_SCROLL_LOCK  0xFF14
#define KEYSYM_NUM_LOCK     0xFF7F

#define KEYCODE_LEFT_SHIFT  50
#define KEYCODE_RIGHT_SHIFT 62

static void fake(struct input *input, uint8_t type, uint8_t detail, uint16_t x, uint16_t y)
{
    xcb_test_fake_input(input->x->connection, type, detail, XCB_CURRENT_TIME, XCB_NONE, (int16_t)x,
                        (int16_t)y, 0);
}

static void quiet_repeat(struct input *input)
{
    static const uint8_t no_keys[32];
    xcb_xkb_set_controls(input->x->connection, XCB_XKB_ID_USE_CORE_KBD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                         XCB_XKB_BOOL_CTRL_REPEAT_KEYS, REPEAT_DELAY_MS, REPEAT_EVERY_MS, 0, 0, 0, 0, 0, 0, 0,
                         0, 0, 0, 0, 0, no_keys);
}

static void ask_keyboard(struct input *input);
static void send_queued(struct input *input);

static void modifiers_came(void *context, uint64_t unused, void *data, const xcb_generic_error_t *error)
{
    struct input *input = context;
    const xcb_get_modifier_mapping_reply_t *reply = data;
    (void)unused, (void)error;
    input->asking_keyboard = false;
    if (reply != NULL) {
        const xcb_keycode_t *keycodes = xcb_get_modifier_mapping_keycodes(reply);
        size_t each = reply->keycodes_per_modifier;
        input->num_mask = keyboard_modifier_of(&input->keyboard, KEYSYM_NUM_LOCK, keycodes, each);
        input->scroll_mask = keyboard_modifier_of(&input->keyboard, KEYSYM_SCROLL_LOCK, keycodes, each);
        memset(input->modifiers, 0, sizeof(input->modifiers));
        for (size_t i = 0; i < 8 * each; i++)
            input->modifiers[keycodes[i] / 8] |= (uint8_t)(1u << keycodes[i] % 8);
    }
    if (input->ask_keyboard_again)
        ask_keyboard(input);
    else if (input->waiting && input->layout.child_fd == -1)
        send_queued(input);
}

static void mapping_came(void *context, uint64_t unused, void *data, const xcb_generic_error_t *error)
{
    struct input *input = context;
    const xcb_get_keyboard_mapping_reply_t *reply = data;
    (void)unused, (void)error;
    size_t each = reply == NULL ? 0 : reply->keysyms_per_keycode;
    if (each == 0)
        return;
    size_t keysyms = (size_t)xcb_get_keyboard_mapping_keysyms_length(reply);
    keyboard_load(&input->keyboard, input->x->first_keycode, keysyms / each,
                  xcb_get_keyboard_mapping_keysyms(reply), each);
}

static void ask_keyboard(struct input *input)
{
    input->ask_keyboard_again = input->asking_keyboard;
    if (input->asking_keyboard)
        return;
    input->asking_keyboard = true;
    struct x *x = input->x;
    xcb_get_keyboard_mapping_cookie_t mapping =
        xcb_get_keyboard_mapping(x->connection, x->first_keycode, x->key_count);
    xcb_get_modifier_mapping_cookie_t modifiers = xcb_get_modifier_mapping(x->connection);
    x_expect(x, mapping.sequence, mapping_came, input, 0);
    x_expect(x, modifiers.sequence, modifiers_came, input, 0);
}

static void release_left_keys(struct input *input)
{
    xcb_connection_t *c = input->x->connection;
    xcb_query_keymap_reply_t *reply = xcb_query_keymap_reply(c, xcb_query_keymap(c), NULL);
    for (unsigned keycode = KEYBOARD_FIRST; reply != NULL && keycode < 256; keycode++) {
        if (reply->keys[keycode / 8] & (1u << keycode % 8))
            fake(input, XCB_KEY_RELEASE, (uint8_t)keycode, 0, 0);
    }
    free(reply);
}

void input_init(struct input *input_r, struct x *x, struct pointer *pointer)
{
    memset(input_r, 0, sizeof(*input_r));
    input_r->x = x;
    input_r->pointer = pointer;
    layout_switch_init(&input_r->layout, x);
    release_left_keys(input_r);
    quiet_repeat(input_r);
    xcb_xkb_select_events(x->connection, XCB_XKB_ID_USE_CORE_KBD, XCB_XKB_EVENT_TYPE_STATE_NOTIFY, 0,
                          XCB_XKB_EVENT_TYPE_STATE_NOTIFY, 0, 0, NULL);
    ask_keyboard(input_r);
    if (input_r->layout.current[0] == '\0')
        input_set_layout(input_r, LAYOUT_DEFAULT);
}

void input_set_layout(struct input *input, uint32_t keyboard_layout)
{
    const struct layout *layout = layout_find(keyboard_layout);
    quiet_repeat(input); /* again: desktops set a rate of their own when they start */
    if (layout == NULL && keyboard_layout != 0)
        log_info(NULL, "keyboard layout %08x is not known, the layout stays", keyboard_layout);
    if (layout_switch_want(&input->layout, layout) && !input->waiting) {
        input->waiting = true;
        input->wait_end = clock_monotonic_ms() + LAYOUT_WAIT_MS;
    }
}

void input_layout_child_ended(struct input *input)
{
    if (layout_switch_child_ended(&input->layout))
        return;
    quiet_repeat(input);
    ask_keyboard(input);
}

static bool has_key(const uint8_t keys[32], uint8_t keycode)
{
    return (keys[keycode / 8] & (1u << keycode % 8)) != 0;
}

static void set_key(struct input *input, struct input_source *source, uint8_t keycode, bool down)
{
    uint8_t bit = (uint8_t)(1u << keycode % 8);
    bool held = has_key(source->held, keycode);
    if (!down && !held)
        return;
    if (down && held) { /* a repeat: the X server takes no second press; modifiers do not repeat */
        if (has_key(input->modifiers, keycode))
            return;
        fake(input, XCB_KEY_RELEASE, keycode, 0, 0);
    }
    if (down)
        source->held[keycode / 8] |= bit;
    else
        source->held[keycode / 8] &= (uint8_t)~bit;
    fake(input, down ? XCB_KEY_PRESS : XCB_KEY_RELEASE, keycode, 0, 0);
}

static void release_keys(struct input *input, struct input_source *source)
{
    for (unsigned keycode = KEYBOARD_FIRST; keycode < 256; keycode++)
        set_key(input, source, (uint8_t)keycode, false);
}

static void do_key(struct input *input, struct input_source *source, uint8_t flags, uint16_t scancode)
{
    uint8_t keycode = keymap_keycode(&source->keymap, flags, (uint8_t)scancode);
    if (keycode != 0)
        set_key(input, source, keycode, (flags & WINSTATION_KEY_DOWN) != 0);
}

static void lend_key(struct input *input, uint8_t keycode, uint32_t keysym)
{
    const xcb_keysym_t both[2] = {keysym, keysym};
    xcb_change_keyboard_mapping(input->x->connection, 1, keycode, 2, both);
}

static void tap(struct input *input, uint8_t keycode)
{
    fake(input, XCB_KEY_PRESS, keycode, 0, 0);
    fake(input, XCB_KEY_RELEASE, keycode, 0, 0);
}

static void type_keysym(struct input *input, const struct input_source *source, uint32_t keysym)
{
    bool shifted = has_key(source->held, KEYCODE_LEFT_SHIFT) || has_key(source->held, KEYCODE_RIGHT_SHIFT);
    struct keyboard_stroke stroke;
    if (!keyboard_stroke_for(&input->keyboard, keysym, !shifted && input->group == 0, &stroke))
        return;
    if (stroke.lend)
        lend_key(input, stroke.keycode, keysym);
    bool caps = stroke.caps_matters && (input->locked_mods & XCB_MOD_MASK_LOCK) != 0;
    bool shift = stroke.shift != caps;
    if (shift)
        fake(input, XCB_KEY_PRESS, KEYCODE_LEFT_SHIFT, 0, 0);
    tap(input, stroke.keycode);
    if (shift)
        fake(input, XCB_KEY_RELEASE, KEYCODE_LEFT_SHIFT, 0, 0);
}

/* The character is typed when it goes down; there is nothing left to do when it goes up. */
static void do_text(struct input *input, struct input_source *source, uint8_t down, uint16_t unit)
{
    uint32_t point;
    if (down && utf16_join(&source->utf16, unit, &point))
        type_keysym(input, source, unicode_keysym(point));
}

static void do_locks(struct input *input, struct input_source *source, uint8_t unused, uint16_t locks)
{
    (void)unused;
    release_keys(input, source);
    uint8_t on = 0, all = XCB_MOD_MASK_LOCK | input->num_mask | input->scroll_mask;
    if (locks & WINSTATION_CAPS)
        on |= XCB_MOD_MASK_LOCK;
    if (locks & WINSTATION_NUM)
        on |= input->num_mask;
    if (locks & WINSTATION_SCROLL)
        on |= input->scroll_mask;
    xcb_xkb_latch_lock_state(input->x->connection, XCB_XKB_ID_USE_CORE_KBD, all, on, 0, 0, 0, 0, 0);
    input->locked_mods = (uint8_t)((input->locked_mods & ~all) | on);
}

static void do_event(struct input *input, const struct input_event *event)
{
    static const struct {
        uint8_t kind;
        void (*action)(struct input *, struct input_source *, uint8_t, uint16_t);
    } actions[] = {{WINSTATION_KEY, do_key}, {WINSTATION_TEXT, do_text}, {WINSTATION_LOCKS, do_locks}};
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (actions[i].kind == event->kind)
            actions[i].action(input, event->source, event->flags, event->value);
    }
}

static void send_queued(struct input *input)
{
    input->waiting = false;
    for (size_t i = 0; i < input->queued; i++)
        do_event(input, &input->queue[i]);
    input->queued = 0;
}

static void take(struct input *input, struct input_event event)
{
    if (input->waiting && input->queued == INPUT_QUEUE)
        send_queued(input);
    if (input->waiting)
        input->queue[input->queued++] = event;
    else
        do_event(input, &event);
    pointer_look_soon(input->pointer, clock_monotonic_ms());
}

void input_take_key(struct input *input, struct input_source *source, const struct winstation_key *key)
{
    take(input, (struct input_event){source, WINSTATION_KEY, key->flags, key->scancode});
}

void input_take_text(struct input *input, struct input_source *source, const struct winstation_text *text)
{
    take(input, (struct input_event){source, WINSTATION_TEXT, text->down, text->unit});
}

void input_take_locks(struct input *input, struct input_source *source, uint8_t locks)
{
    take(input, (struct input_event){source, WINSTATION_LOCKS, 0, locks});
}

static const struct {
    uint8_t bit, button;
} buttons[] = {{WINSTATION_LEFT, 1},
               {WINSTATION_MIDDLE, 2},
               {WINSTATION_RIGHT, 3},
               {WINSTATION_BACK, 8},
               {WINSTATION_FORWARD, 9}};

static void set_buttons(struct input *input, struct input_source *source, uint8_t down)
{
    uint8_t changed = source->buttons ^ down;
    source->buttons = down;
    for (size_t i = 0; i < sizeof(buttons) / sizeof(buttons[0]); i++) {
        if (changed & buttons[i].bit)
            fake(input, down & buttons[i].bit ? XCB_BUTTON_PRESS : XCB_BUTTON_RELEASE, buttons[i].button, 0,
                 0);
    }
}

/* `more` is the button of positive clicks, `less` that of negative ones. */
static void click_wheel(struct input *input, struct wheel *wheel, uint16_t turn, uint8_t more, uint8_t less)
{
    int clicks = wheel_turn(wheel, (int16_t)turn);
    uint8_t button = clicks > 0 ? more : less;
    for (int i = clicks > 0 ? clicks : -clicks; i > 0; i--) {
        fake(input, XCB_BUTTON_PRESS, button, 0, 0);
        fake(input, XCB_BUTTON_RELEASE, button, 0, 0);
    }
}

void input_take_mouse(struct input *input, struct input_source *source, const struct winstation_mouse *mouse,
                      uint16_t width, uint16_t height)
{
    uint16_t x = mouse->x < width ? mouse->x : (uint16_t)(width - 1);
    uint16_t y = mouse->y < height ? mouse->y : (uint16_t)(height - 1);
    fake(input, XCB_MOTION_NOTIFY, 0, x, y);
    pointer_put(input->pointer, x, y);
    set_buttons(input, source, mouse->buttons);
    click_wheel(input, &source->vertical, mouse->wheel, 4, 5);
    click_wheel(input, &source->horizontal, mouse->horizontal_wheel, 7, 6);
    pointer_look_soon(input->pointer, clock_monotonic_ms());
}

void input_release(struct input *input, struct input_source *source)
{
    size_t kept = 0;
    for (size_t i = 0; i < input->queued; i++) {
        if (input->queue[i].source != source)
            input->queue[kept++] = input->queue[i];
    }
    input->queued = kept;
    release_keys(input, source);
    set_buttons(input, source, 0);
}

void input_take_event(struct input *input, const xcb_generic_event_t *event)
{
    uint8_t type = event->response_type & 0x7F;
    if (type == XCB_MAPPING_NOTIFY) {
        if (((const xcb_mapping_notify_event_t *)event)->request != XCB_MAPPING_POINTER)
            ask_keyboard(input);
        return;
    }
    const xcb_xkb_state_notify_event_t *state = (const xcb_xkb_state_notify_event_t *)event;
    if (type != input->x->xkb_event || state->xkbType != XCB_XKB_STATE_NOTIFY)
        return;
    input->locked_mods = state->lockedMods;
    input->group = state->group;
}

void input_check_time(struct input *input, int64_t now)
{
    if (input->waiting && now >= input->wait_end)
        send_queued(input);
}
