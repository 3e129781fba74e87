#include "rdp-front/screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "rdp-front/screen-state.h"

enum held {
    HELD_LEFT_SHIFT = 1,
    HELD_RIGHT_SHIFT = 2,
    HELD_LEFT_CONTROL = 4,
    HELD_RIGHT_CONTROL = 8,
    HELD_ALT = 16,
    HELD_ALTGR = 32,
    HELD_CAPS = 64,
    HELD_NUM = 128,
};

static const struct {
    uint8_t scancode, extended;
    enum held held;
    enum winstation_lock lock; /* that it toggles; 0: none */
} modifier_keys[] = {
    {0x2a, 0, HELD_LEFT_SHIFT, 0},
    {0x36, 0, HELD_RIGHT_SHIFT, 0},
    {0x1d, 0, HELD_LEFT_CONTROL, 0},
    {0x1d, 1, HELD_RIGHT_CONTROL, 0},
    {0x38, 0, HELD_ALT, 0},
    {0x38, 1, HELD_ALTGR, 0},
    {0x3a, 0, HELD_CAPS, WINSTATION_CAPS},
    {0x45, 0, HELD_NUM, WINSTATION_NUM},
};
#define MODIFIER_KEYS (sizeof modifier_keys / sizeof modifier_keys[0])

static unsigned clamp_size(unsigned size, unsigned most)
{
    return size < WINSTATION_MIN_SIZE ? WINSTATION_MIN_SIZE : size > most ? most : size;
}

struct screen *screen_new(const struct font *font, unsigned width, unsigned height)
{
    struct screen *screen = calloc(1, sizeof *screen);
    if (screen == NULL)
        return NULL;
    screen->font = font;
    screen->keymap = keymap_find(0);
    screen->fields[FOCUS_USER].most = CREDENTIALS_USER_MAX;
    screen->fields[FOCUS_PASSWORD].most = CREDENTIALS_PASSWORD_MAX;
    if (!screen_resize(screen, width, height)) {
        screen_free(screen);
        return NULL;
    }
    return screen;
}

static void screen_wipe_password(struct screen *screen)
{
    struct screen_field *field = &screen->fields[FOCUS_PASSWORD];
    explicit_bzero(field->text, sizeof field->text);
    field->length = field->cursor = 0;
    explicit_bzero(&screen->keys, sizeof screen->keys);
    screen->high_surrogate = 0;
    screen->submitted = false;
}

void screen_free(struct screen *screen)
{
    if (screen == NULL)
        return;
    free(screen->pixels);
    explicit_bzero(screen, sizeof *screen);
    free(screen);
}

bool screen_resize(struct screen *screen, unsigned width, unsigned height)
{
    width = clamp_size(width, WINSTATION_MAX_WIDTH);
    height = clamp_size(height, WINSTATION_MAX_HEIGHT);
    uint8_t *pixels = calloc((size_t)width * height, 4);
    if (pixels == NULL)
        return false;
    free(screen->pixels);
    screen->pixels = pixels;
    screen->width = width;
    screen->height = height;
    screen_draw_all(screen);
    return true;
}

static void text_take(char *to, const char *from)
{
    snprintf(to, SCREEN_TEXT_ROOM, "%s", from != NULL ? from : "");
}

void screen_notice(struct screen *screen, const char *title, const char *sentence, const char *detail)
{
    screen_wipe_password(screen);
    screen->kind = SCREEN_NOTICE;
    text_take(screen->title, title);
    text_take(screen->sentence, sentence);
    text_take(screen->detail, detail);
    screen_draw_all(screen);
}

void screen_question(struct screen *screen, const char *title, const char *sentence, const char *detail,
                     const char *yes, const char *no)
{
    screen_notice(screen, title, sentence, detail);
    screen->kind = SCREEN_QUESTION;
    screen->focus = FOCUS_CANCEL;
    snprintf(screen->choices[0], sizeof screen->choices[0], "%s", yes);
    snprintf(screen->choices[1], sizeof screen->choices[1], "%s", no);
    screen_draw_all(screen);
}

void screen_logon(struct screen *screen, const char *host, const char *user, const char *message,
                  uint32_t keyboard_layout)
{
    screen_wipe_password(screen);
    screen->kind = SCREEN_LOGON;
    text_take(screen->host, host);
    text_take(screen->message, message);
    struct screen_field *field = &screen->fields[FOCUS_USER];
    memset(field->text, 0, sizeof field->text);
    field->length = 0;
    if (user != NULL && strlen(user) <= field->most && text_is_printable(user)) {
        field->length = strlen(user);
        memcpy(field->text, user, field->length);
    }
    field->cursor = field->length;
    screen->focus = field->length > 0 ? FOCUS_PASSWORD : FOCUS_USER;
    screen->keymap = keymap_find(keyboard_layout);
    screen_draw_all(screen);
}

size_t screen_character_after(const struct screen_field *field, size_t at)
{
    size_t next = at;
    if (next < field->length)
        next++;
    while (next < field->length && ((unsigned char)field->text[next] & 0xc0) == 0x80)
        next++;
    return next - at;
}

size_t screen_character_before(const struct screen_field *field, size_t at)
{
    size_t begin = at;
    if (begin > 0)
        begin--;
    while (begin > 0 && ((unsigned char)field->text[begin] & 0xc0) == 0x80)
        begin--;
    return at - begin;
}

/* Writes a code point as UTF-8. Returns the bytes, 0 for what no text holds: controls, surrogates, beyond. */
static size_t utf8_put(uint32_t character, char bytes_r[4])
{
    if (character < 0x20 || (character >= 0x7f && character < 0xa0) || character > 0x10ffff ||
        (character >= 0xd800 && character <= 0xdfff))
        return 0;
    size_t length = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = length; i-- > 1; character >>= 6)
        bytes_r[i] = (char)(0x80 | (character & 0x3f));
    bytes_r[0] = (char)(leads[length] | character);
    return length;
}

static void field_insert(struct screen_field *field, uint32_t character)
{
    char bytes[4];
    size_t length = utf8_put(character, bytes);
    if (length == 0 || field->length + length > field->most)
        return;
    memmove(field->text + field->cursor + length, field->text + field->cursor, field->length - field->cursor);
    memcpy(field->text + field->cursor, bytes, length);
    field->length += length;
    field->cursor += length;
    explicit_bzero(bytes, sizeof bytes);
}

/* Removes `length` bytes at `at`; what they were is overwritten. */
static void field_remove(struct screen_field *field, size_t at, size_t length)
{
    memmove(field->text + at, field->text + at + length, field->length - at - length);
    field->length -= length;
    explicit_bzero(field->text + field->length, length);
    if (field->cursor > at)
        field->cursor = field->cursor >= at + length ? field->cursor - length : at;
}

static struct screen_field *focused_field(struct screen *screen)
{
    return screen->focus > FOCUS_PASSWORD ? NULL : &screen->fields[screen->focus];
}

/* Enter: on to the password where that is what is missing, else the name and password are handed over. */
static void screen_enter(struct screen *screen)
{
    if (screen->fields[FOCUS_USER].length == 0) {
        screen->focus = FOCUS_USER;
    } else if (screen->focus == FOCUS_USER && screen->fields[FOCUS_PASSWORD].length == 0) {
        screen->focus = FOCUS_PASSWORD;
    } else {
        screen->submitted = true;
    }
}

/* The button that has the focus. */
static void screen_press(struct screen *screen)
{
    if (screen->kind == SCREEN_QUESTION)
        screen->submitted = true;
    else
        screen_enter(screen);
}

static void screen_type(struct screen *screen, uint32_t character)
{
    struct screen_field *field = focused_field(screen);
    if (field != NULL && character != 0)
        field_insert(field, character);
    else if (field == NULL && character == ' ')
        screen_press(screen);
}

static void screen_edit(struct screen *screen, enum keymap_action action)
{
    struct screen_field *field = focused_field(screen);
    if (field == NULL)
        return;
    size_t before = screen_character_before(field, field->cursor);
    size_t after = screen_character_after(field, field->cursor);
    if (action == KEYMAP_BACKSPACE)
        field_remove(field, field->cursor - before, before);
    else if (action == KEYMAP_DELETE)
        field_remove(field, field->cursor, after);
    else if (action == KEYMAP_LEFT)
        field->cursor -= before;
    else if (action == KEYMAP_RIGHT)
        field->cursor += after;
    else if (action == KEYMAP_HOME)
        field->cursor = 0;
    else if (action == KEYMAP_END)
        field->cursor = field->length;
    else if (action == KEYMAP_ESCAPE)
        field_remove(field, 0, field->length);
}

/* Escape is the answer that changes nothing. */
static void question_act(struct screen *screen, enum keymap_action action)
{
    if (action == KEYMAP_TAB || action == KEYMAP_LEFT || action == KEYMAP_RIGHT)
        screen->focus = screen->focus == FOCUS_OK ? FOCUS_CANCEL : FOCUS_OK;
    else if (action == KEYMAP_ESCAPE)
        screen->focus = FOCUS_CANCEL;
    screen->submitted = action == KEYMAP_ENTER || action == KEYMAP_ESCAPE;
}

static void screen_act(struct screen *screen, enum keymap_action action, bool shift)
{
    if (screen->kind == SCREEN_QUESTION)
        question_act(screen, action);
    else if (action == KEYMAP_TAB)
        screen->focus = (screen->focus + (shift ? FOCUS_CANCEL - 1 : 1)) % FOCUS_CANCEL;
    else if (action == KEYMAP_ENTER)
        screen_enter(screen);
    else
        screen_edit(screen, action);
}

/* True when the key was a modifier: what is held, and the locks, follow it. */
static bool screen_modifier(struct screen *screen, bool down, bool extended, unsigned scancode)
{
    for (size_t i = 0; i < MODIFIER_KEYS; i++) {
        if (modifier_keys[i].scancode != scancode || modifier_keys[i].extended != extended)
            continue;
        bool was_held = screen->held & modifier_keys[i].held;
        if (down && !was_held)
            screen->locks ^= modifier_keys[i].lock;
        screen->held = down ? screen->held | modifier_keys[i].held : screen->held & ~modifier_keys[i].held;
        return true;
    }
    return false;
}

static unsigned screen_modifiers(const struct screen *screen)
{
    bool control = screen->held & (HELD_LEFT_CONTROL | HELD_RIGHT_CONTROL);
    bool altgr = (screen->held & HELD_ALTGR) || (control && (screen->held & HELD_ALT));
    return (screen->held & (HELD_LEFT_SHIFT | HELD_RIGHT_SHIFT) ? KEYMAP_SHIFT : 0) |
           (altgr ? KEYMAP_ALTGR : 0) | (screen->locks & WINSTATION_CAPS ? KEYMAP_CAPS : 0) |
           (screen->locks & WINSTATION_NUM ? KEYMAP_NUM : 0);
}

static bool screen_takes_input(const struct screen *screen)
{
    return (screen->kind == SCREEN_LOGON || screen->kind == SCREEN_QUESTION) && !screen->submitted;
}

void screen_key(struct screen *screen, unsigned flags, unsigned scancode)
{
    bool down = flags & WINSTATION_KEY_DOWN, extended = flags & WINSTATION_KEY_EXTENDED;
    if (flags & WINSTATION_KEY_EXTENDED1)
        return;
    if (screen_modifier(screen, down, extended, scancode)) {
        screen_draw_panel(screen);
        return;
    }
    unsigned modifiers = screen_modifiers(screen);
    bool control = screen->held & (HELD_LEFT_CONTROL | HELD_RIGHT_CONTROL | HELD_ALT);
    if (!down || !screen_takes_input(screen) || (control && !(modifiers & KEYMAP_ALTGR)))
        return;
    uint32_t characters[KEYMAP_CHARACTERS];
    enum keymap_action action =
        keymap_press(screen->keymap, &screen->keys, scancode, extended, modifiers, characters);
    if (action == KEYMAP_CHARACTER)
        for (size_t i = 0; i < KEYMAP_CHARACTERS; i++)
            screen_type(screen, characters[i]);
    else
        screen_act(screen, action, modifiers & KEYMAP_SHIFT);
    explicit_bzero(characters, sizeof characters);
    screen_draw_panel(screen);
}

void screen_text(struct screen *screen, bool down, uint16_t unit)
{
    static const struct {
        uint16_t unit;
        enum keymap_action action;
    } controls[] = {{'\b', KEYMAP_BACKSPACE}, {'\t', KEYMAP_TAB},    {'\r', KEYMAP_ENTER},
                    {'\n', KEYMAP_ENTER},     {0x1b, KEYMAP_ESCAPE}, {0x7f, KEYMAP_DELETE}};
    if (!down || !screen_takes_input(screen))
        return;
    uint16_t high = screen->high_surrogate;
    screen->high_surrogate = 0;
    for (size_t i = 0; i < sizeof controls / sizeof controls[0]; i++)
        if (controls[i].unit == unit)
            screen_act(screen, controls[i].action, false);
    if (unit >= 0xd800 && unit <= 0xdbff)
        screen->high_surrogate = unit;
    else if (unit >= 0xdc00 && unit <= 0xdfff && high != 0)
        screen_type(screen, 0x10000u + ((uint32_t)(high - 0xd800) << 10) + (unit - 0xdc00u));
    else if (unit >= 0x20)
        screen_type(screen, unit);
    screen_draw_panel(screen);
}

void screen_mouse(struct screen *screen, unsigned x, unsigned y, unsigned buttons)
{
    bool pressed = (buttons & WINSTATION_LEFT) && !(screen->buttons & WINSTATION_LEFT);
    screen->buttons = buttons;
    if (!pressed || !screen_takes_input(screen) || x >= screen->width || y >= screen->height)
        return;
    for (enum screen_focus which = FOCUS_USER; which < FOCUS_COUNT; which++) {
        const struct screen_box *box = &screen->boxes[which];
        if ((int)x < box->x || (int)x >= box->x + box->width || (int)y < box->y ||
            (int)y >= box->y + box->height)
            continue;
        screen->focus = which;
        if (which >= FOCUS_OK)
            screen_press(screen);
        screen_draw_panel(screen);
        return;
    }
}

void screen_locks(struct screen *screen, unsigned locks)
{
    screen->locks = locks;
    screen->held = 0;
    screen_draw_panel(screen);
}

bool screen_take(struct screen *screen, struct credentials *credentials_r)
{
    if (screen->kind != SCREEN_LOGON || !screen->submitted)
        return false;
    const struct screen_field *user = &screen->fields[FOCUS_USER];
    const struct screen_field *password = &screen->fields[FOCUS_PASSWORD];
    memset(credentials_r, 0, sizeof *credentials_r);
    memcpy(credentials_r->user, user->text, user->length);
    memcpy(credentials_r->password, password->text, password->length);
    screen_wipe_password(screen);
    screen_draw_panel(screen);
    return true;
}

bool screen_answer(struct screen *screen, bool *yes_r)
{
    if (screen->kind != SCREEN_QUESTION || !screen->submitted)
        return false;
    screen->submitted = false;
    *yes_r = screen->focus == FOCUS_OK;
    return true;
}

void screen_damage(struct screen *screen, struct rectangles *damage_r)
{
    *damage_r = screen->damage;
    screen->damage.count = 0;
}

const uint8_t *screen_pixels(const struct screen *screen)
{
    return screen->pixels;
}

size_t screen_stride(const struct screen *screen)
{
    return (size_t)screen->width * 4;
}

unsigned screen_width(const struct screen *screen)
{
    return screen->width;
}

unsigned screen_height(const struct screen *screen)
{
    return screen->height;
}
