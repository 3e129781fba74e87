/* Scancodes of a PC keyboard (set 1, as RDP clients send them) to X key codes of an evdev keyboard. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What one keyboard's earlier events mean for its next: Pause arrives as two keys. */
struct keymap_state {
    bool after_pause;
};

/* The X key code of a KEY message, `flags` of enum winstation_key_flag; 0 for a key that does not exist and
 * for the parts of sequences that are no key of their own. */
uint8_t keymap_keycode(struct keymap_state *state, uint8_t flags, uint8_t scancode);
