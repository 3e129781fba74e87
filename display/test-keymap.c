#include "display/keymap.h"

#include "rpc/winstation.h"
#include "tests/check.h"

#define E0 WINSTATION_KEY_EXTENDED
#define E1 WINSTATION_KEY_EXTENDED1

static void test_keys(void)
{
    static const struct {
        uint8_t flags, scancode, keycode;
    } keys[] = {
        {0, 0x01, 9},    {0, 0x1E, 38},   {0, 0x39, 65},   {0, 0x45, 77},   {0, 0x56, 94},   {0, 0x58, 96},
        {0, 0x73, 97},   {0, 0x7D, 132},  {0, 0x7E, 129},  {0, 0x79, 100},  {0, 0x7B, 102},  {0, 0x70, 101},
        {E0, 0x1C, 104}, {E0, 0x1D, 105}, {E0, 0x35, 106}, {E0, 0x37, 107}, {E0, 0x38, 108}, {E0, 0x47, 110},
        {E0, 0x48, 111}, {E0, 0x53, 119}, {E0, 0x5B, 133}, {E0, 0x5C, 134}, {E0, 0x5D, 135}, {E0, 0x20, 121},
        {E0, 0x2E, 122}, {E0, 0x30, 123}, {E0, 0x46, 127}, {E1, 0x1D, 127}, {0, 0x72, 130},  {0, 0x64, 191},
        {0, 0x00, 0},    {0, 0x80, 0},    {0, 0xFF, 0},    {E0, 0x2A, 0},   {E1, 0x33, 0},   {E0, 0xFF, 0},
    };
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct keymap_state state = {0};
        CHECK(keymap_keycode(&state, keys[i].flags | WINSTATION_KEY_DOWN, keys[i].scancode) ==
              keys[i].keycode);
    }
}

/* Pause swallows the NumLock that follows it, and only that one. */
static void test_pause(void)
{
    struct keymap_state state = {0};
    CHECK(keymap_keycode(&state, E1 | WINSTATION_KEY_DOWN, 0x1D) == 127);
    CHECK(keymap_keycode(&state, WINSTATION_KEY_DOWN, 0x45) == 0);
    CHECK(keymap_keycode(&state, WINSTATION_KEY_DOWN, 0x45) == 77);
    CHECK(keymap_keycode(&state, E1, 0x1D) == 127);
    CHECK(keymap_keycode(&state, 0, 0x1E) == 38);
    CHECK(keymap_keycode(&state, 0, 0x45) == 77);
}

int main(void)
{
    test_keys();
    test_pause();
    return 0;
}
