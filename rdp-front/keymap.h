/* From scancodes of set 1 to characters, for the logon screen alone: sessions have the X server's layouts. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct keymap;

/* Bits of what is down or on. */
enum keymap_modifier { KEYMAP_SHIFT = 1, KEYMAP_ALTGR = 2, KEYMAP_CAPS = 4, KEYMAP_NUM = 8 };

/* What a key does. */
enum keymap_action {
    KEYMAP_NOTHING,
    KEYMAP_CHARACTER,
    KEYMAP_TAB,
    KEYMAP_BACKSPACE,
    KEYMAP_ENTER,
    KEYMAP_ESCAPE,
    KEYMAP_DELETE,
    KEYMAP_LEFT,
    KEYMAP_RIGHT,
    KEYMAP_HOME,
    KEYMAP_END,
};

/* A dead key that waits for its letter. */
struct keymap_state {
    uint32_t dead;
};

/* The map for a Windows layout id (0x407); the sublanguage counts where a map of its own is there (0x807 is
 * Swiss), else the language; US for what is unknown. Static: nothing to free. */
const struct keymap *keymap_find(uint32_t layout);
const char *keymap_name(const struct keymap *keymap);

/* A key went down. Returns what it does; with KEYMAP_CHARACTER, characters_r holds its code points (a dead
 * key that fits no letter comes along with it), unused places 0. A dead key returns KEYMAP_NOTHING, and
 * changes the next letter. */
#define KEYMAP_CHARACTERS 2
enum keymap_action keymap_press(const struct keymap *keymap, struct keymap_state *state, unsigned scancode,
                                bool extended, unsigned modifiers, uint32_t characters_r[KEYMAP_CHARACTERS]);
