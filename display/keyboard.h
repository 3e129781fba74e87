/* What the keys of the X server's keyboard give, and which keys may be lent to characters that no key has. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYBOARD_FIRST  8
#define KEYBOARD_KEYS   248
#define KEYBOARD_SPARES 8

struct keyboard {
    uint32_t keysyms[KEYBOARD_KEYS][2]; /* of the first group, without and with Shift; 0: none */
    struct keyboard_spare {
        uint8_t keycode;
        uint32_t keysym; /* what it is lent to, or 0 */
        uint64_t used;
    } spares[KEYBOARD_SPARES];
    size_t spare_count;
    uint64_t clock;
};

/* How a character is typed. */
struct keyboard_stroke {
    uint8_t keycode;
    bool shift;        /* with Shift */
    bool caps_matters; /* CapsLock changes what Shift does */
    bool lend;         /* the key must first be given the keysym, on both levels */
};

/* Takes a new core keyboard mapping: `per_key` keysyms for each of `count` keys from `first` on. Loans that
 * are still in it stay, others are forgotten. */
void keyboard_load(struct keyboard *keyboard, uint8_t first, size_t count, const uint32_t *keysyms,
                   size_t per_key);
/* Finds how to type `keysym`. With `keys_too` false only lent keys are used (another group is in force).
 * Returns false when there is neither such a key nor one to lend. */
bool keyboard_stroke_for(struct keyboard *keyboard, uint32_t keysym, bool keys_too,
                         struct keyboard_stroke *stroke_r);
/* The modifier (a bit of 1, 2, 4 ... 128) that a key with `keysym` has in a core modifier mapping of 8 times
 * `per_modifier` key codes; 0 where it has none. */
uint8_t keyboard_modifier_of(const struct keyboard *keyboard, uint32_t keysym, const uint8_t *keycodes,
                             size_t per_modifier);
