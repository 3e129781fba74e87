/* What viewers type and point at, on its way into the X server. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "display/keyboard.h"
#include "display/keymap.h"
#include "display/layout-switch.h"
#include "display/pointer.h"
#include "display/unicode.h"
#include "display/wheel.h"
#include "display/x.h"
#include "rpc/winstation.h"

#define INPUT_QUEUE 64

/* One viewer's keys and buttons. Zeroed is all up. */
struct input_source {
    uint8_t held[32]; /* a bit for each key code that this viewer holds down */
    uint8_t buttons;
    struct wheel vertical, horizontal;
    struct utf16 utf16;
    struct keymap_state keymap;
};

struct input_event {
    struct input_source *source;
    uint8_t kind; /* WINSTATION_KEY, _TEXT or _LOCKS */
    uint8_t flags;
    uint16_t value;
};

struct input {
    struct x *x;
    struct pointer *pointer;
    struct keyboard keyboard;
    uint8_t num_mask, scroll_mask; /* modifiers of NumLock and ScrollLock */
    uint8_t modifiers[32];         /* a bit for each key that is a modifier */
    uint8_t locked_mods, group;    /* as the X server told last */
    struct layout_switch layout;
    bool asking_keyboard, ask_keyboard_again;
    bool waiting;     /* for a layout: keys are queued */
    int64_t wait_end; /* ... at most until then */
    size_t queued;
    struct input_event queue[INPUT_QUEUE];
};

/* Prepares the keyboard and lets go of keys that an agent before this one left down. Blocking: for start-up.
 */
void input_init(struct input *input_r, struct x *x, struct pointer *pointer);
/* The layout of a client, as in ATTACH. Keys that come before it is in force wait for it. */
void input_set_layout(struct input *input, uint32_t keyboard_layout);
void input_layout_child_ended(struct input *input);
void input_take_key(struct input *input, struct input_source *source, const struct winstation_key *key);
void input_take_text(struct input *input, struct input_source *source, const struct winstation_text *text);
void input_take_locks(struct input *input, struct input_source *source, uint8_t locks);
/* `width` and `height` are the screen's: a position outside is moved inside. */
void input_take_mouse(struct input *input, struct input_source *source, const struct winstation_mouse *mouse,
                      uint16_t width, uint16_t height);
/* The viewer goes: its keys and buttons go up, and what it has queued is forgotten. */
void input_release(struct input *input, struct input_source *source);
/* Takes core and XKEYBOARD events. */
void input_take_event(struct input *input, const xcb_generic_event_t *event);
/* Sends what is queued when it has waited long enough. */
void input_check_time(struct input *input, int64_t now);
