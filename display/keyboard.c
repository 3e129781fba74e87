#include "display/keyboard.h"

static bool key_is_empty(const uint32_t *keysyms, size_t per_key)
{
    for (size_t i = 0; i < per_key; i++) {
        if (keysyms[i] != 0)
            return false;
    }
    return true;
}

static struct keyboard_spare *loan_of(struct keyboard *keyboard, uint8_t keycode)
{
    for (size_t i = 0; i < keyboard->spare_count; i++) {
        if (keyboard->spares[i].keycode == keycode)
            return &keyboard->spares[i];
    }
    return NULL;
}

/* The spare keys of a mapping: loans that are still in it, then keys without a meaning, from the last one
 * down: the first are those that some keyboard has after all. */
static void find_spares(struct keyboard *keyboard, const uint32_t *keysyms, size_t per_key, size_t first,
                        size_t count)
{
    struct keyboard old = {.spare_count = keyboard->spare_count};
    for (size_t i = 0; i < old.spare_count; i++)
        old.spares[i] = keyboard->spares[i];
    keyboard->spare_count = 0;
    for (size_t i = count; i-- > 0 && keyboard->spare_count < KEYBOARD_SPARES;) {
        uint8_t keycode = (uint8_t)(first + i);
        const struct keyboard_spare *loan = loan_of(&old, keycode);
        struct keyboard_spare spare = {.keycode = keycode};
        if (loan != NULL && loan->keysym != 0 && loan->keysym == keysyms[i * per_key])
            spare = *loan;
        else if (!key_is_empty(keysyms + i * per_key, per_key))
            continue;
        keyboard->spares[keyboard->spare_count++] = spare;
    }
}

void keyboard_load(struct keyboard *keyboard, uint8_t first, size_t count, const uint32_t *keysyms,
                   size_t per_key)
{
    for (size_t i = 0; i < KEYBOARD_KEYS; i++)
        keyboard->keysyms[i][0] = keyboard->keysyms[i][1] = 0;
    if (first < KEYBOARD_FIRST || per_key == 0)
        return;
    if (count > (size_t)(256 - first))
        count = (size_t)(256 - first);
    for (size_t i = 0; i < count; i++) {
        uint32_t *key = keyboard->keysyms[first - KEYBOARD_FIRST + i];
        key[0] = keysyms[i * per_key];
        key[1] = per_key > 1 ? keysyms[i * per_key + 1] : 0;
    }
    find_spares(keyboard, keysyms, per_key, first, count);
}

/* Letters of Latin-1, whose two cases differ by 0x20: those that CapsLock changes. */
static bool is_letter_pair(uint32_t lower, uint32_t upper)
{
    bool letter = (lower >= 'a' && lower <= 'z') || (lower >= 0xE0 && lower <= 0xFE && lower != 0xF7);
    return letter && upper + 0x20 == lower;
}

static bool stroke_by_key(const struct keyboard *keyboard, uint32_t keysym, struct keyboard_stroke *stroke_r)
{
    for (size_t i = 0; i < KEYBOARD_KEYS; i++) {
        const uint32_t *key = keyboard->keysyms[i];
        if (key[0] != keysym && key[1] != keysym)
            continue;
        *stroke_r = (struct keyboard_stroke){.keycode = (uint8_t)(KEYBOARD_FIRST + i),
                                             .shift = key[0] != keysym,
                                             .caps_matters = is_letter_pair(key[0], key[1])};
        return true;
    }
    return false;
}

static bool stroke_by_loan(struct keyboard *keyboard, uint32_t keysym, struct keyboard_stroke *stroke_r)
{
    struct keyboard_spare *best = NULL;
    for (size_t i = 0; i < keyboard->spare_count; i++) {
        struct keyboard_spare *spare = &keyboard->spares[i];
        if (spare->keysym == keysym) {
            best = spare;
            break;
        }
        if (best == NULL || spare->used < best->used)
            best = spare;
    }
    if (best == NULL)
        return false;
    *stroke_r = (struct keyboard_stroke){.keycode = best->keycode, .lend = best->keysym != keysym};
    best->keysym = keysym;
    best->used = ++keyboard->clock;
    return true;
}

bool keyboard_stroke_for(struct keyboard *keyboard, uint32_t keysym, bool keys_too,
                         struct keyboard_stroke *stroke_r)
{
    if (keysym == 0)
        return false;
    return (keys_too && stroke_by_key(keyboard, keysym, stroke_r)) ||
           stroke_by_loan(keyboard, keysym, stroke_r);
}

uint8_t keyboard_modifier_of(const struct keyboard *keyboard, uint32_t keysym, const uint8_t *keycodes,
                             size_t per_modifier)
{
    for (size_t i = 0; i < 8 * per_modifier; i++) {
        uint8_t keycode = keycodes[i];
        if (keycode >= KEYBOARD_FIRST && (keyboard->keysyms[keycode - KEYBOARD_FIRST][0] == keysym ||
                                          keyboard->keysyms[keycode - KEYBOARD_FIRST][1] == keysym))
            return (uint8_t)(1u << (i / per_modifier));
    }
    return 0;
}
