#include "rdp-front/screen.h"

#include "rdp-front/screen-state.h"
#include "tests/check.h"

#define DOWN     WINSTATION_KEY_DOWN
#define EXTENDED WINSTATION_KEY_EXTENDED

static struct font *font;

static struct screen *logon_new(const char *user, uint32_t layout)
{
    struct screen *screen = screen_new(font, 800, 600);
    CHECK(screen != NULL);
    screen_logon(screen, "host.example", user, NULL, layout);
    return screen;
}

static void press(struct screen *screen, unsigned scancode)
{
    screen_key(screen, DOWN, scancode);
    screen_key(screen, 0, scancode);
}

/* Letters by their places on a US keyboard. */
static void type(struct screen *screen, const char *letters)
{
    static const char rows[] = "qwertyuiop\0\0\0\0asdfghjkl\0\0\0\0\0zxcvbnm";
    for (; *letters != '\0'; letters++)
        press(screen, (unsigned)((const char *)memchr(rows, *letters, sizeof rows - 1) - rows) + 0x10);
}

static bool has_damage(struct screen *screen)
{
    struct rectangles damage;
    screen_damage(screen, &damage);
    for (unsigned i = 0; i < damage.count; i++) {
        CHECK(damage.at[i].width > 0 && damage.at[i].height > 0);
        CHECK(damage.at[i].x + damage.at[i].width <= (int)screen_width(screen));
        CHECK(damage.at[i].y + damage.at[i].height <= (int)screen_height(screen));
    }
    return damage.count > 0;
}

static bool holds_bytes(const void *memory, size_t size, const char *bytes)
{
    return memmem(memory, size, bytes, strlen(bytes)) != NULL;
}

static void test_typing_and_taking(void)
{
    struct screen *screen = logon_new(NULL, 0x409);
    struct credentials credentials;
    CHECK(has_damage(screen) && !has_damage(screen));
    CHECK(!screen_take(screen, &credentials));
    press(screen, 0x1c); /* Enter without a name: stays */
    CHECK(!screen_take(screen, &credentials) && screen->focus == FOCUS_USER);
    type(screen, "alicee");
    press(screen, 0x0e);
    CHECK(has_damage(screen));
    press(screen, 0x1c); /* on to the password */
    CHECK(!screen_take(screen, &credentials) && screen->focus == FOCUS_PASSWORD);
    screen_key(screen, DOWN, 0x2a);
    type(screen, "s");
    screen_key(screen, 0, 0x2a);
    type(screen, "ecret");
    press(screen, 0x1c);
    CHECK(holds_bytes(screen, sizeof *screen, "Secret"));
    type(screen, "x"); /* nothing more once it is submitted */
    CHECK(screen_take(screen, &credentials));
    CHECK_TEXT(credentials.user, "alice");
    CHECK_TEXT(credentials.password, "Secret");
    CHECK(!holds_bytes(screen, sizeof *screen, "ecret"));
    CHECK(!screen_take(screen, &credentials));
    credentials_wipe(&credentials);
    screen_free(screen);
}

static void test_editing(void)
{
    struct screen *screen = logon_new("bob", 0x409);
    struct credentials credentials;
    CHECK(screen->focus == FOCUS_PASSWORD);
    type(screen, "abcd");
    screen_key(screen, DOWN | EXTENDED, 0x4b); /* left */
    screen_key(screen, DOWN | EXTENDED, 0x4b);
    press(screen, 0x0e); /* backspace: acd */
    type(screen, "x");   /* axcd */
    screen_key(screen, DOWN | EXTENDED, 0x53);
    screen_key(screen, DOWN | EXTENDED, 0x4f); /* end: axd */
    type(screen, "e");
    screen_key(screen, DOWN | EXTENDED, 0x47);
    press(screen, 0x0e); /* nothing before it */
    screen_key(screen, DOWN, 0x1d);
    type(screen, "z"); /* Ctrl+Z writes nothing */
    screen_key(screen, 0, 0x1d);
    press(screen, 0x0f); /* to OK */
    CHECK(screen->focus == FOCUS_OK);
    press(screen, 0x39);
    CHECK(screen_take(screen, &credentials));
    CHECK_TEXT(credentials.user, "bob");
    CHECK_TEXT(credentials.password, "axde");
    screen_logon(screen, "h", "carol", "No.", 0x409);
    type(screen, "abc");
    press(screen, 0x01); /* Escape empties the field */
    CHECK(screen->fields[FOCUS_PASSWORD].length == 0);
    screen_key(screen, DOWN, 0x2a);
    press(screen, 0x0f); /* Shift+Tab: back */
    CHECK(screen->focus == FOCUS_USER);
    screen_free(screen);
}

static void test_layouts_and_locks(void)
{
    struct screen *screen = logon_new("u", 0x407);
    struct credentials credentials;
    press(screen, 0x15);            /* z */
    screen_key(screen, DOWN, 0x1d); /* AltGr as clients send it */
    screen_key(screen, DOWN | EXTENDED, 0x38);
    press(screen, 0x10); /* @ */
    screen_key(screen, EXTENDED, 0x38);
    screen_key(screen, 0, 0x1d);
    press(screen, 0x0c); /* sharp s */
    press(screen, 0x29); /* dead circumflex */
    press(screen, 0x12); /* with e */
    screen_key(screen, DOWN, 0x3a);
    screen_key(screen, DOWN, 0x3a); /* repeats while it is held */
    screen_key(screen, 0, 0x3a);
    CHECK(screen->locks & WINSTATION_CAPS);
    press(screen, 0x1e); /* A */
    screen_locks(screen, 0);
    press(screen, 0x1e); /* a */
    press(screen, 0x1c);
    CHECK(screen_take(screen, &credentials));
    CHECK_TEXT(credentials.password, "z@ßêAa");
    screen_free(screen);
}

static void test_text_units(void)
{
    struct screen *screen = logon_new("u", 0);
    struct credentials credentials;
    static const uint16_t units[] = {'p', 0xe4, 0x20ac, 0xd83d, 0xde00, 0xdc00, 0xd800, 'q', 0x7, 0x85, '\r'};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        screen_text(screen, true, units[i]);
        screen_text(screen, false, units[i]);
    }
    CHECK(screen_take(screen, &credentials));
    CHECK_TEXT(credentials.password, "pä€😀q");
    screen_free(screen);
}

static void test_full_fields(void)
{
    struct screen *screen = logon_new("", 0);
    struct credentials credentials;
    for (int i = 0; i < 2000; i++)
        screen_text(screen, true, 0x20ac);
    screen_text(screen, true, '\t');
    for (int i = 0; i < 2000; i++)
        screen_text(screen, true, 'x');
    screen_text(screen, true, '\r');
    CHECK(screen_take(screen, &credentials));
    CHECK(strlen(credentials.user) == CREDENTIALS_USER_MAX / 3 * 3);
    CHECK(strlen(credentials.password) == CREDENTIALS_PASSWORD_MAX);
    static char longer[4000];
    memset(longer, 'y', sizeof longer - 1);
    screen_logon(screen, longer, longer, longer, 0); /* a name that is too long is not taken */
    CHECK(screen->fields[FOCUS_USER].length == 0 && screen->focus == FOCUS_USER);
    screen_logon(screen, "h", "a\x1b[2J", NULL, 0);
    CHECK(screen->fields[FOCUS_USER].length == 0);
    screen_free(screen);
}

static void click(struct screen *screen, enum screen_focus which)
{
    struct screen_box box = screen->boxes[which];
    unsigned x = (unsigned)(box.x + box.width / 2), y = (unsigned)(box.y + box.height / 2);
    screen_mouse(screen, x, y, WINSTATION_LEFT);
    screen_mouse(screen, x, y, 0);
}

static void test_mouse(void)
{
    struct screen *screen = logon_new("dora", 0x409);
    struct credentials credentials;
    click(screen, FOCUS_USER);
    CHECK(screen->focus == FOCUS_USER);
    click(screen, FOCUS_PASSWORD);
    type(screen, "pw");
    screen_mouse(screen, 1, 1, WINSTATION_LEFT); /* beside everything */
    screen_mouse(screen, 1, 1, 0);
    screen_mouse(screen, UINT32_MAX, UINT32_MAX, WINSTATION_LEFT);
    screen_mouse(screen, 0, 0, 0);
    CHECK(!screen_take(screen, &credentials));
    click(screen, FOCUS_OK);
    CHECK(screen_take(screen, &credentials));
    CHECK_TEXT(credentials.password, "pw");
    screen_free(screen);
}

static void test_notice_and_sizes(void)
{
    static const unsigned sizes[][2] = {{0, 0}, {200, 200}, {201, 333}, {1920, 1080}, {800, 200}, {200, 800}};
    static const char sentence[] =
        "This account is locked. Ask your administrator to unlock it, and wait for "
        "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamter.";
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct screen *screen = screen_new(font, sizes[i][0], sizes[i][1]);
        CHECK(screen != NULL && screen_width(screen) >= WINSTATION_MIN_SIZE);
        CHECK(screen_stride(screen) == (size_t)screen_width(screen) * 4);
        screen_notice(screen, "Refused", sentence, "detail");
        CHECK(has_damage(screen));
        struct credentials credentials;
        press(screen, 0x1c);
        CHECK(!screen_take(screen, &credentials));
        screen_logon(screen, "host", "user", sentence, 0x407);
        for (int key = 0; key < 300; key++)
            press(screen, 0x1e);
        screen_notice(screen, NULL, NULL, NULL);
        CHECK(!holds_bytes(screen, sizeof *screen, "aaaa"));
        screen_free(screen);
    }
    screen_free(NULL);
}

static void test_resize_keeps_what_was_typed(void)
{
    struct screen *screen = logon_new("eve", 0x409);
    struct credentials credentials;
    type(screen, "abc");
    CHECK(screen_resize(screen, 1000, 300));
    CHECK(screen_width(screen) == 1000 && screen_height(screen) == 300 && has_damage(screen));
    press(screen, 0x1c);
    CHECK(screen_take(screen, &credentials));
    CHECK_TEXT(credentials.user, "eve");
    CHECK_TEXT(credentials.password, "abc");
    screen_free(screen);
}

/* A picture of the logon screen differs with what is typed, and shows no password. */
static void test_password_is_not_shown(void)
{
    struct screen *one = logon_new("f", 0x409), *other = logon_new("f", 0x409);
    size_t size = screen_stride(one) * screen_height(one);
    CHECK(memcmp(screen_pixels(one), screen_pixels(other), size) == 0);
    type(one, "abc");
    CHECK(memcmp(screen_pixels(one), screen_pixels(other), size) != 0);
    type(other, "xyz");
    CHECK(memcmp(screen_pixels(one), screen_pixels(other), size) == 0);
    screen_free(one);
    screen_free(other);
}

static bool answered(struct screen *screen, bool want)
{
    bool yes = !want;
    return screen_answer(screen, &yes) && yes == want && !screen_answer(screen, &yes);
}

static void ask(struct screen *screen)
{
    screen_question(screen, "host.example", "Somebody is connected from there.", "Since then.", "Take over",
                    "Cancel");
}

static void test_question(void)
{
    struct screen *screen = logon_new("u", 0x409);
    struct credentials credentials;
    bool yes;
    CHECK(!screen_answer(screen, &yes));
    ask(screen);
    CHECK(has_damage(screen) && !screen_answer(screen, &yes) && !screen_take(screen, &credentials));
    press(screen, 0x1c); /* Enter: what changes nothing */
    CHECK(answered(screen, false));
    ask(screen);
    press(screen, 0x0f);
    CHECK(has_damage(screen));
    press(screen, 0x1c);
    press(screen, 0x01); /* nothing more once it is answered */
    CHECK(answered(screen, true));
    ask(screen);
    screen_key(screen, DOWN | EXTENDED, 0x4b); /* left, and the space bar */
    press(screen, 0x39);
    CHECK(answered(screen, true));
    ask(screen);
    press(screen, 0x0f);
    press(screen, 0x01); /* Escape, wherever the focus is */
    CHECK(answered(screen, false));
    for (enum screen_focus which = FOCUS_OK; which <= FOCUS_CANCEL; which++) {
        ask(screen);
        struct screen_box box = screen->boxes[which];
        CHECK(box.width > 0 && box.height > 0);
        screen_mouse(screen, (unsigned)box.x + 3, (unsigned)box.y + 3, WINSTATION_LEFT);
        screen_mouse(screen, (unsigned)box.x + 3, (unsigned)box.y + 3, 0);
        CHECK(answered(screen, which == FOCUS_OK));
    }
    ask(screen);
    CHECK(screen_resize(screen, 200, 200) && !screen_answer(screen, &yes));
    press(screen, 0x1c);
    CHECK(answered(screen, false));
    screen_free(screen);
}

int main(void)
{
    char error[256] = "";
    font = font_load(error, sizeof error);
    CHECK(font != NULL);
    test_typing_and_taking();
    test_question();
    test_editing();
    test_layouts_and_locks();
    test_text_units();
    test_full_fields();
    test_mouse();
    test_notice_and_sizes();
    test_resize_keeps_what_was_typed();
    test_password_is_not_shown();
    font_free(font);
    return 0;
}
