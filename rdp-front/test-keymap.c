#include "rdp-front/keymap.h"
#include "tests/check.h"

#define N KEYMAP_NUM

/* A key with modifiers, and what it writes on a layout (0: nothing). */
static const struct {
    uint32_t layout;
    unsigned scancode, modifiers;
    uint32_t want;
} keys[] = {
    {0x409, 0x1e, 0, 'a'},
    {0x409, 0x1e, KEYMAP_SHIFT, 'A'},
    {0x409, 0x1e, KEYMAP_CAPS, 'A'},
    {0x409, 0x1e, KEYMAP_CAPS | KEYMAP_SHIFT, 'a'},
    {0x409, 0x02, KEYMAP_CAPS, '1'},
    {0x409, 0x03, KEYMAP_SHIFT, '@'},
    {0x409, 0x35, 0, '/'},
    {0x409, 0x10, KEYMAP_ALTGR, 0},
    {0x409, 0x39, 0, ' '},
    {0x809, 0x03, KEYMAP_SHIFT, '"'},
    {0x809, 0x28, KEYMAP_SHIFT, '@'},
    {0x809, 0x05, KEYMAP_ALTGR, 0x20ac},
    {0x809, 0x12, KEYMAP_ALTGR | KEYMAP_SHIFT, 0xc9},
    {0x407, 0x15, 0, 'z'},
    {0x407, 0x2c, 0, 'y'},
    {0x407, 0x10, KEYMAP_ALTGR, '@'},
    {0x407, 0x0c, KEYMAP_ALTGR, '\\'},
    {0x407, 0x0b, KEYMAP_ALTGR, '}'},
    {0x407, 0x1b, KEYMAP_ALTGR, '~'},
    {0x407, 0x1a, KEYMAP_SHIFT, 0xdc},
    {0x407, 0x1a, KEYMAP_CAPS, 0xdc},
    {0x407, 0x0c, 0, 0xdf},
    {0x407, 0x56, KEYMAP_ALTGR, '|'},
    {0x407, 0x35, KEYMAP_SHIFT, '_'},
    {0x40c, 0x10, 0, 'a'},
    {0x40c, 0x02, KEYMAP_SHIFT, '1'},
    {0x40c, 0x0b, KEYMAP_ALTGR, '@'},
    {0x40c, 0x27, 0, 'm'},
    {0x40c, 0x35, 0, '!'},
    {0x40c, 0x03, KEYMAP_CAPS, 0xc9},
    {0x40c, 0x29, KEYMAP_SHIFT, 0},
    {0x40a, 0x03, KEYMAP_ALTGR, '@'},
    {0xc0a, 0x27, 0, 0xf1},
    {0x40a, 0x2b, KEYMAP_ALTGR, '}'},
    {0x410, 0x27, KEYMAP_ALTGR, '@'},
    {0x410, 0x1a, KEYMAP_ALTGR | KEYMAP_SHIFT, '{'},
    {0x410, 0x1a, KEYMAP_SHIFT, 0xe9},
    {0x807, 0x03, KEYMAP_ALTGR, '@'},
    {0x807, 0x27, 0, 0xf6},
    {0x807, 0x27, KEYMAP_SHIFT, 0xe9},
    {0x807, 0x27, KEYMAP_CAPS, 0xd6},
    {0x100c, 0x27, 0, 0xe9},
    {0x100c, 0x56, KEYMAP_ALTGR, '\\'},
    {0x409, 0x47, N, '7'},
    {0x409, 0x53, N, '.'},
    {0x409, 0x37, 0, '*'},
    {0x409, 0x4c, 0, 0},
    {0x409, 0x7f, 0, 0},
    {0x409, 0xffff, 0, 0},
};

static void test_keys(void)
{
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct keymap_state state = {0};
        uint32_t characters[KEYMAP_CHARACTERS];
        enum keymap_action action = keymap_press(keymap_find(keys[i].layout), &state, keys[i].scancode, false,
                                                 keys[i].modifiers, characters);
        if (characters[0] != keys[i].want)
            fprintf(stderr, "row %zu: layout %x key %x gave %x\n", i, keys[i].layout, keys[i].scancode,
                    characters[0]);
        CHECK(characters[0] == keys[i].want);
        CHECK((action == KEYMAP_CHARACTER) == (keys[i].want != 0));
        CHECK(characters[1] == 0);
    }
}

static void test_find(void)
{
    CHECK_TEXT(keymap_name(keymap_find(0x409)), "us");
    CHECK_TEXT(keymap_name(keymap_find(0xc09)), "us"); /* Australia: the language's first */
    CHECK_TEXT(keymap_name(keymap_find(0x809)), "uk");
    CHECK_TEXT(keymap_name(keymap_find(0xc07)), "de"); /* Austria */
    CHECK_TEXT(keymap_name(keymap_find(0x10407)), "de");
    CHECK_TEXT(keymap_name(keymap_find(0x807)), "ch-de");
    CHECK_TEXT(keymap_name(keymap_find(0x100c)), "ch-fr");
    CHECK_TEXT(keymap_name(keymap_find(0x80c)), "fr");
    CHECK_TEXT(keymap_name(keymap_find(0x411)), "us"); /* not known */
    CHECK_TEXT(keymap_name(keymap_find(0)), "us");
    CHECK_TEXT(keymap_name(keymap_find(UINT32_MAX)), "us");
}

static void press_two(uint32_t layout, unsigned first, unsigned second, uint32_t want, uint32_t want_next)
{
    struct keymap_state state = {0};
    uint32_t characters[KEYMAP_CHARACTERS];
    const struct keymap *keymap = keymap_find(layout);
    CHECK(keymap_press(keymap, &state, first, false, 0, characters) == KEYMAP_NOTHING);
    CHECK(characters[0] == 0);
    CHECK(keymap_press(keymap, &state, second, false, 0, characters) == KEYMAP_CHARACTER);
    CHECK(characters[0] == want && characters[1] == want_next);
    CHECK(state.dead == 0);
}

static void test_dead_keys(void)
{
    press_two(0x407, 0x29, 0x12, 0xea, 0);   /* ^ e */
    press_two(0x407, 0x29, 0x39, '^', 0);    /* ^ space */
    press_two(0x407, 0x29, 0x29, '^', 0);    /* ^ ^ */
    press_two(0x407, 0x0d, 0x1e, 0xe1, 0);   /* acute a */
    press_two(0x407, 0x0d, 0x10, 0xb4, 'q'); /* acute q */
    press_two(0x40c, 0x1a, 0x16, 0xfb, 0);   /* ^ u */
    press_two(0x40a, 0x1a, 0x18, 0xf2, 0);   /* grave o */
    press_two(0x807, 0x1b, 0x18, 0xf6, 0);   /* diaeresis o */
}

static void test_actions(void)
{
    static const struct {
        unsigned scancode;
        bool extended;
        enum keymap_action want;
    } rows[] = {
        {0x0f, false, KEYMAP_TAB},    {0x0e, false, KEYMAP_BACKSPACE}, {0x1c, false, KEYMAP_ENTER},
        {0x1c, true, KEYMAP_ENTER},   {0x01, false, KEYMAP_ESCAPE},    {0x53, true, KEYMAP_DELETE},
        {0x53, false, KEYMAP_DELETE}, {0x4b, true, KEYMAP_LEFT},       {0x4d, true, KEYMAP_RIGHT},
        {0x47, true, KEYMAP_HOME},    {0x4f, true, KEYMAP_END},        {0x1d, false, KEYMAP_NOTHING},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct keymap_state state = {0};
        uint32_t characters[KEYMAP_CHARACTERS];
        CHECK(keymap_press(keymap_find(0x409), &state, rows[i].scancode, rows[i].extended, 0, characters) ==
              rows[i].want);
    }
    struct keymap_state state = {0};
    uint32_t characters[KEYMAP_CHARACTERS];
    CHECK(keymap_press(keymap_find(0x409), &state, 0x35, true, 0, characters) == KEYMAP_CHARACTER);
    CHECK(characters[0] == '/');
}

/* A row of a map that is too short would leave keys without a character. */
static void test_every_letter_key_writes(void)
{
    static const uint32_t layouts[] = {0x409, 0x809, 0x407, 0x40c, 0x40a, 0x410, 0x807, 0x100c};
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        for (unsigned scancode = 0x02; scancode <= 0x35; scancode++) {
            if (scancode == 0x0e || scancode == 0x0f || scancode == 0x1c || scancode == 0x1d ||
                scancode == 0x2a)
                continue;
            struct keymap_state state = {0};
            uint32_t characters[KEYMAP_CHARACTERS];
            keymap_press(keymap_find(layouts[i]), &state, scancode, false, 0, characters);
            CHECK(characters[0] != 0 || state.dead != 0);
        }
    }
}

int main(void)
{
    test_keys();
    test_find();
    test_dead_keys();
    test_actions();
    test_every_letter_key_writes();
    return 0;
}
