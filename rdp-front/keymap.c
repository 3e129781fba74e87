#include "rdp-front/keymap.h"

#include <stddef.h>
#include <uchar.h>

/* The keys that carry characters, in the order of the rows below: the number row from the key left of 1
 * (13 keys), the row of Q (12), the row of A (11) with the key at its end (1), the key right of the left
 * shift (1), the row of Z (10). */
#define KEYS 48
static const uint8_t key_scancodes[KEYS] = {
    0x29, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x10, 0x11, 0x12,
    0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1e, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x24,
    0x25, 0x26, 0x27, 0x28, 0x2b, 0x56, 0x2c, 0x2d, 0x2e, 0x2f, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35,
};

enum level { LEVEL_PLAIN, LEVEL_SHIFT, LEVEL_ALTGR, LEVEL_SHIFT_ALTGR, LEVELS };

/* A space is a key without a character; a combining accent (U+03xx) is a dead key. */
struct keymap {
    const char *name;
    uint16_t layouts[4]; /* Windows layout ids, the language's own first; 0: none */
    char32_t keys[LEVELS][KEYS + 1];
};

#define GRAVE      0x300
#define ACUTE      0x301
#define CIRCUMFLEX 0x302
#define TILDE      0x303
#define DIAERESIS  0x308

/* clang-format off */
static const struct keymap keymaps[] = {
    {"us", {0x0409},
     {U"`1234567890-=" U"qwertyuiop[]" U"asdfghjkl;'" U"\\" U"\\" U"zxcvbnm,./",
      U"~!@#$%^&*()_+" U"QWERTYUIOP{}" U"ASDFGHJKL:\"" U"|" U"|" U"ZXCVBNM<>?"}},
    {"uk", {0x0809, 0x1809},
     {U"`1234567890-=" U"qwertyuiop[]" U"asdfghjkl;'" U"#" U"\\" U"zxcvbnm,./",
      U"¬!\"£$%^&*()_+" U"QWERTYUIOP{}" U"ASDFGHJKL:@" U"~" U"|" U"ZXCVBNM<>?",
      U"¦   €        " U"  é   úíó   " U"á          " U" " U" " U"          ",
      U"             " U"  É   ÚÍÓ   " U"Á          " U" " U" " U"          "}},
    {"de", {0x0407},
     {U"\u0302" U"1234567890ß\u0301" U"qwertzuiopü+" U"asdfghjklöä" U"#" U"<" U"yxcvbnm,.-",
      U"°!\"§$%&/()=?\u0300" U"QWERTZUIOPÜ*" U"ASDFGHJKLÖÄ" U"'" U">" U"YXCVBNM;:_",
      U"  ²³   {[]}\\ " U"@ €        ~" U"           " U" " U"|" U"      µ   "}},
    {"fr", {0x040c},
     {U"²&é\"'(-è_çà)=" U"azertyuiop\u0302$" U"qsdfghjklmù" U"*" U"<" U"wxcvbn,;:!",
      U" 1234567890°+" U"AZERTYUIOP\u0308£" U"QSDFGHJKLM%" U"µ" U">" U"WXCVBN?./§",
      U"  \u0303#{[|\u0300\\^@]}" U"  €        ¤" U"           " U" " U" " U"          "}},
    {"es", {0x040a, 0x0c0a},
     {U"º1234567890'¡" U"qwertyuiop\u0300+" U"asdfghjklñ\u0301" U"ç" U"<" U"zxcvbnm,.-",
      U"ª!\"·$%&/()=?¿" U"QWERTYUIOP\u0302*" U"ASDFGHJKLÑ\u0308" U"Ç" U">" U"ZXCVBNM;:_",
      U"\\|@#\u0303€¬      " U"  €       []" U"          {" U"}" U" " U"          "}},
    {"it", {0x0410},
     {U"\\1234567890'ì" U"qwertyuiopè+" U"asdfghjklòà" U"ù" U"<" U"zxcvbnm,.-",
      U"|!\"£$%&/()=?^" U"QWERTYUIOPé*" U"ASDFGHJKLç°" U"§" U">" U"ZXCVBNM;:_",
      U"     €       " U"  €       []" U"         @#" U" " U" " U"          ",
      U"             " U"          {}" U"           " U" " U" " U"          "}},
    {"ch-de", {0x0807, 0x0810},
     {U"§1234567890'\u0302" U"qwertzuiopü\u0308" U"asdfghjklöä" U"$" U"<" U"yxcvbnm,.-",
      U"°+\"*ç%&/()=?\u0300" U"QWERTZUIOPè!" U"ASDFGHJKLéà" U"£" U">" U"YXCVBNM;:_",
      U" ¦@#  ¬|¢  \u0301\u0303" U"  €       []" U"          {" U"}" U"\\" U"          "}},
    {"ch-fr", {0x100c},
     {U"§1234567890'\u0302" U"qwertzuiopè\u0308" U"asdfghjkléà" U"$" U"<" U"yxcvbnm,.-",
      U"°+\"*ç%&/()=?\u0300" U"QWERTZUIOPü!" U"ASDFGHJKLöä" U"£" U">" U"YXCVBNM;:_",
      U" ¦@#  ¬|¢  \u0301\u0303" U"  €       []" U"          {" U"}" U"\\" U"          "}},
};
/* clang-format on */

static const struct {
    char32_t accent, spacing; /* what it is alone */
    char32_t pairs[32];       /* a letter and what it becomes */
} accents[] = {
    {GRAVE, '`', U"aàeèiìoòuùAÀEÈIÌOÒUÙ"},        {ACUTE, U'´', U"aáeéiíoóuúyýAÁEÉIÍOÓUÚYÝ"},
    {CIRCUMFLEX, '^', U"aâeêiîoôuûAÂEÊIÎOÔUÛ"},   {TILDE, '~', U"aãnñoõAÃNÑOÕ"},
    {DIAERESIS, U'¨', U"aäeëiïoöuüyÿAÄEËIÏOÖUÜ"},
};

static const struct {
    uint8_t scancode;
    uint8_t extended; /* 0, 1, or 2: both */
    enum keymap_action action;
} action_keys[] = {
    {0x01, 0, KEYMAP_ESCAPE}, {0x0e, 0, KEYMAP_BACKSPACE}, {0x0f, 0, KEYMAP_TAB},
    {0x1c, 2, KEYMAP_ENTER},  {0x53, 1, KEYMAP_DELETE},    {0x4b, 1, KEYMAP_LEFT},
    {0x4d, 1, KEYMAP_RIGHT},  {0x47, 1, KEYMAP_HOME},      {0x4f, 1, KEYMAP_END},
};

/* The number pad: what it writes with Num Lock, and what it does without. */
static const struct {
    uint8_t scancode;
    char character;
    enum keymap_action action; /* KEYMAP_CHARACTER: writes in any case */
} pad_keys[] = {
    {0x37, '*', KEYMAP_CHARACTER}, {0x4a, '-', KEYMAP_CHARACTER}, {0x4e, '+', KEYMAP_CHARACTER},
    {0x47, '7', KEYMAP_HOME},      {0x48, '8', KEYMAP_NOTHING},   {0x49, '9', KEYMAP_NOTHING},
    {0x4b, '4', KEYMAP_LEFT},      {0x4c, '5', KEYMAP_NOTHING},   {0x4d, '6', KEYMAP_RIGHT},
    {0x4f, '1', KEYMAP_END},       {0x50, '2', KEYMAP_NOTHING},   {0x51, '3', KEYMAP_NOTHING},
    {0x52, '0', KEYMAP_NOTHING},   {0x53, '.', KEYMAP_DELETE},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const struct keymap *keymap_find(uint32_t layout)
{
    uint16_t id = (uint16_t)layout;
    const struct keymap *language = NULL;
    for (size_t i = 0; i < COUNT(keymaps); i++) {
        for (size_t k = 0; k < COUNT(keymaps[i].layouts) && keymaps[i].layouts[k] != 0; k++)
            if (keymaps[i].layouts[k] == id)
                return &keymaps[i];
        if (language == NULL && (keymaps[i].layouts[0] & 0x3ff) == (id & 0x3ff))
            language = &keymaps[i];
    }
    return language != NULL ? language : &keymaps[0];
}

const char *keymap_name(const struct keymap *keymap)
{
    return keymap->name;
}

/* Upper case within Latin-1; other characters are their own. */
static char32_t letter_upper(char32_t character)
{
    bool lower = (character >= 'a' && character <= 'z') ||
                 (character >= 0xe0 && character <= 0xfe && character != 0xf7);
    return lower ? character - 0x20 : character;
}

static char32_t key_character(const struct keymap *keymap, size_t key, unsigned modifiers)
{
    bool shift = modifiers & KEYMAP_SHIFT;
    char32_t plain = keymap->keys[LEVEL_PLAIN][key], shifted = keymap->keys[LEVEL_SHIFT][key];
    if (modifiers & KEYMAP_ALTGR) {
        char32_t both = keymap->keys[LEVEL_SHIFT_ALTGR][key];
        return shift && both != 0 && both != ' ' ? both : keymap->keys[LEVEL_ALTGR][key];
    }
    if (!(modifiers & KEYMAP_CAPS) || letter_upper(plain) == plain)
        return shift ? shifted : plain;
    /* Caps Lock is about letters alone: it turns the shift around where both levels are the same letter. */
    if (!shift)
        return letter_upper(plain);
    return shifted == letter_upper(plain) ? plain : shifted;
}

/* The character with the dead key that waits, which is used up. */
static void compose(struct keymap_state *state, char32_t character, uint32_t characters_r[KEYMAP_CHARACTERS])
{
    char32_t dead = state->dead;
    state->dead = 0;
    characters_r[0] = character;
    for (size_t i = 0; i < COUNT(accents); i++) {
        if (accents[i].accent != dead)
            continue;
        const char32_t *pair = accents[i].pairs;
        while (*pair != 0 && *pair != character)
            pair += 2;
        characters_r[0] = *pair != 0 ? pair[1] : accents[i].spacing;
        if (*pair == 0 && character != ' ')
            characters_r[1] = character;
    }
}

static bool is_dead(char32_t character)
{
    return character >= GRAVE && character <= 0x36f;
}

static enum keymap_action press_character(struct keymap_state *state, char32_t character,
                                          uint32_t characters_r[KEYMAP_CHARACTERS])
{
    if (is_dead(character) && state->dead == 0) {
        state->dead = character;
        return KEYMAP_NOTHING;
    }
    /* A dead key twice, or two of them: the first stands for itself. */
    compose(state, is_dead(character) ? ' ' : character, characters_r);
    return KEYMAP_CHARACTER;
}

static bool press_pad(struct keymap_state *state, unsigned scancode, unsigned modifiers,
                      enum keymap_action *action_r, uint32_t characters_r[KEYMAP_CHARACTERS])
{
    for (size_t i = 0; i < COUNT(pad_keys); i++) {
        if (pad_keys[i].scancode != scancode)
            continue;
        bool writes = pad_keys[i].action == KEYMAP_CHARACTER || (modifiers & KEYMAP_NUM);
        *action_r = writes ? press_character(state, (char32_t)pad_keys[i].character, characters_r)
                           : pad_keys[i].action;
        return true;
    }
    return false;
}

enum keymap_action keymap_press(const struct keymap *keymap, struct keymap_state *state, unsigned scancode,
                                bool extended, unsigned modifiers, uint32_t characters_r[KEYMAP_CHARACTERS])
{
    enum keymap_action action = KEYMAP_NOTHING;
    characters_r[0] = characters_r[1] = 0;
    for (size_t i = 0; i < COUNT(action_keys); i++)
        if (action_keys[i].scancode == scancode &&
            (action_keys[i].extended == 2 || action_keys[i].extended == extended)) {
            state->dead = 0;
            return action_keys[i].action;
        }
    if (extended)
        return scancode == 0x35 ? press_character(state, '/', characters_r) : KEYMAP_NOTHING;
    if (scancode == 0x39)
        return press_character(state, ' ', characters_r);
    if (press_pad(state, scancode, modifiers, &action, characters_r))
        return action;
    for (size_t key = 0; key < KEYS; key++) {
        if (key_scancodes[key] != scancode)
            continue;
        char32_t character = key_character(keymap, key, modifiers);
        return character == 0 || character == ' ' ? KEYMAP_NOTHING
                                                  : press_character(state, character, characters_r);
    }
    return KEYMAP_NOTHING;
}
