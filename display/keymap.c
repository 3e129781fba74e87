#include "display/keymap.h"

#include <linux/input-event-codes.h>
#include <stddef.h>

#include "rpc/winstation.h"

/* X key codes are those of the kernel and 8. */
#define X_OFFSET 8

/* The main block (0x01 to 0x53, 0x56 to 0x58) has the same numbers in the kernel; this is the rest. */
static const uint8_t plain[128] = {
    [0x54] = KEY_SYSRQ,
    [0x56] = KEY_102ND,
    [0x57] = KEY_F11,
    [0x58] = KEY_F12,
    [0x59] = KEY_KPEQUAL,
    [0x64] = KEY_F13,
    [0x65] = KEY_F14,
    [0x66] = KEY_F15,
    [0x67] = KEY_F16,
    [0x68] = KEY_F17,
    [0x69] = KEY_F18,
    [0x6A] = KEY_F19,
    [0x6B] = KEY_F20,
    [0x6C] = KEY_F21,
    [0x6D] = KEY_F22,
    [0x6E] = KEY_F23,
    [0x70] = KEY_KATAKANAHIRAGANA,
    [0x71] = KEY_HANJA,
    [0x72] = KEY_HANGEUL,
    [0x73] = KEY_RO,
    [0x76] = KEY_F24,
    [0x77] = KEY_HIRAGANA,
    [0x78] = KEY_KATAKANA,
    [0x79] = KEY_HENKAN,
    [0x7B] = KEY_MUHENKAN,
    [0x7D] = KEY_YEN,
    [0x7E] = KEY_KPCOMMA,
};

static const uint8_t extended[128] = {
    [0x10] = KEY_PREVIOUSSONG, [0x19] = KEY_NEXTSONG,  [0x1C] = KEY_KPENTER,   [0x1D] = KEY_RIGHTCTRL,
    [0x20] = KEY_MUTE,         [0x21] = KEY_CALC,      [0x22] = KEY_PLAYPAUSE, [0x24] = KEY_STOPCD,
    [0x2E] = KEY_VOLUMEDOWN,   [0x30] = KEY_VOLUMEUP,  [0x32] = KEY_HOMEPAGE,  [0x35] = KEY_KPSLASH,
    [0x37] = KEY_SYSRQ,        [0x38] = KEY_RIGHTALT,  [0x45] = KEY_NUMLOCK,   [0x46] = KEY_PAUSE,
    [0x47] = KEY_HOME,         [0x48] = KEY_UP,        [0x49] = KEY_PAGEUP,    [0x4B] = KEY_LEFT,
    [0x4D] = KEY_RIGHT,        [0x4F] = KEY_END,       [0x50] = KEY_DOWN,      [0x51] = KEY_PAGEDOWN,
    [0x52] = KEY_INSERT,       [0x53] = KEY_DELETE,    [0x5B] = KEY_LEFTMETA,  [0x5C] = KEY_RIGHTMETA,
    [0x5D] = KEY_COMPOSE,      [0x5E] = KEY_POWER,     [0x5F] = KEY_SLEEP,     [0x63] = KEY_WAKEUP,
    [0x65] = KEY_SEARCH,       [0x66] = KEY_BOOKMARKS, [0x67] = KEY_REFRESH,   [0x68] = KEY_STOP,
    [0x69] = KEY_FORWARD,      [0x6A] = KEY_BACK,      [0x6B] = KEY_COMPUTER,  [0x6C] = KEY_MAIL,
    [0x6D] = KEY_MEDIA,
};

/* Pause is Ctrl after the prefix E1, then NumLock without one, and both again when it goes up. */
#define PAUSE_FIRST  0x1D
#define PAUSE_SECOND 0x45

uint8_t keymap_keycode(struct keymap_state *state, uint8_t flags, uint8_t scancode)
{
    bool second = state->after_pause && scancode == PAUSE_SECOND && (flags & WINSTATION_KEY_EXTENDED) == 0;
    state->after_pause = false;
    if (second || scancode == 0 || scancode >= 0x80)
        return 0;
    uint8_t key;
    if (flags & WINSTATION_KEY_EXTENDED1) {
        state->after_pause = scancode == PAUSE_FIRST;
        key = scancode == PAUSE_FIRST ? KEY_PAUSE : 0;
    } else if (flags & WINSTATION_KEY_EXTENDED) {
        key = extended[scancode];
    } else {
        key = scancode <= KEY_KPDOT ? scancode : plain[scancode];
    }
    return key == 0 ? 0 : (uint8_t)(key + X_OFFSET);
}
