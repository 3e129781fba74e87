#include "display/keyboard.h"

#include "tests/check.h"

#define FIRST   8
#define PER_KEY 4
#define COUNT   (256 - FIRST)

static uint32_t map[COUNT][PER_KEY];

static void set(uint8_t keycode, uint32_t plain, uint32_t shifted)
{
    map[keycode - FIRST][0] = plain;
    map[keycode - FIRST][1] = shifted;
}

/* A keyboard where only the keys from 240 on are free, and of them only those above `last_used`. */
static void load(struct keyboard *keyboard, uint8_t last_used)
{
    for (unsigned keycode = FIRST; keycode <= last_used; keycode++)
        map[keycode - FIRST][2] = 0x1234;
    set(38, 'a', 'A');
    set(10, '1', '!');
    set(50, 0xFFE1, 0);
    set(77, 0xFF7F, 0);
    keyboard_load(keyboard, FIRST, COUNT, &map[0][0], PER_KEY);
}

static void test_keys(struct keyboard *keyboard)
{
    struct keyboard_stroke stroke;
    load(keyboard, 240);
    CHECK(keyboard_stroke_for(keyboard, 'a', true, &stroke));
    CHECK(stroke.keycode == 38 && !stroke.shift && stroke.caps_matters && !stroke.lend);
    CHECK(keyboard_stroke_for(keyboard, 'A', true, &stroke));
    CHECK(stroke.keycode == 38 && stroke.shift && stroke.caps_matters && !stroke.lend);
    CHECK(keyboard_stroke_for(keyboard, '!', true, &stroke));
    CHECK(stroke.keycode == 10 && stroke.shift && !stroke.caps_matters);
    CHECK(!keyboard_stroke_for(keyboard, 0, true, &stroke));
    CHECK(keyboard_stroke_for(keyboard, 'a', false, &stroke) && stroke.lend && stroke.keycode > 240);
}

/* The loan that was used longest ago is the next to go. */
static void test_loans(struct keyboard *keyboard)
{
    struct keyboard_stroke stroke, first;
    *keyboard = (struct keyboard){0};
    load(keyboard, 240);
    CHECK(keyboard->spare_count == KEYBOARD_SPARES);
    CHECK(keyboard_stroke_for(keyboard, 0x01000100, true, &first) && first.lend && first.keycode > 240);
    for (uint32_t i = 1; i < KEYBOARD_SPARES; i++)
        CHECK(keyboard_stroke_for(keyboard, 0x01000100 + i, true, &stroke) && stroke.lend &&
              stroke.keycode != first.keycode);
    CHECK(keyboard_stroke_for(keyboard, 0x01000100, true, &stroke) && !stroke.lend &&
          stroke.keycode == first.keycode);
    CHECK(keyboard_stroke_for(keyboard, 0x01000200, true, &stroke) && stroke.lend &&
          stroke.keycode != first.keycode);
    CHECK(keyboard_stroke_for(keyboard, 0x01000101, true, &stroke) && stroke.lend);
}

static void test_reload(struct keyboard *keyboard)
{
    struct keyboard_stroke stroke;
    *keyboard = (struct keyboard){0};
    load(keyboard, 240);
    CHECK(keyboard_stroke_for(keyboard, 0x010020AC, true, &stroke) && stroke.lend);
    set(stroke.keycode, 0x010020AC, 0x010020AC);
    uint8_t lent = stroke.keycode;
    load(keyboard, 240); /* the loan is in the new mapping */
    CHECK(keyboard_stroke_for(keyboard, 0x010020AC, true, &stroke) && !stroke.lend && stroke.keycode == lent);
    set(lent, 0, 0);
    load(keyboard, 240); /* another layout: it is gone */
    CHECK(keyboard_stroke_for(keyboard, 0x010020AC, true, &stroke) && stroke.lend);
    load(keyboard, 255);
    CHECK(!keyboard_stroke_for(keyboard, 0x010020AC, true, &stroke));
    keyboard_load(keyboard, 3, COUNT, &map[0][0], PER_KEY); /* no such keyboard */
    CHECK(!keyboard_stroke_for(keyboard, 'a', true, &stroke));
}

static void test_modifiers(struct keyboard *keyboard)
{
    uint8_t keycodes[8][2] = {{50}, {0}, {0}, {0}, {77}};
    load(keyboard, 240);
    CHECK(keyboard_modifier_of(keyboard, 0xFF7F, &keycodes[0][0], 2) == 16);
    CHECK(keyboard_modifier_of(keyboard, 0xFFE1, &keycodes[0][0], 2) == 1);
    CHECK(keyboard_modifier_of(keyboard, 0xFF14, &keycodes[0][0], 2) == 0);
}

int main(void)
{
    static struct keyboard keyboard;
    test_keys(&keyboard);
    test_loans(&keyboard);
    test_reload(&keyboard);
    test_modifiers(&keyboard);
    return 0;
}
