#include "rdp-front/font.h"
#include "tests/check.h"

#define SIDE 200

static uint8_t pixels[SIDE * SIDE * 4];
static const struct font_target target = {pixels, SIDE, SIDE, SIDE * 4};

static size_t drawn(void)
{
    size_t count = 0;
    for (size_t i = 0; i < sizeof pixels; i++)
        count += pixels[i] != 0;
    return count;
}

static int draw(const struct font *font, enum font_size size, int x, int y, const char *text)
{
    memset(pixels, 0, sizeof pixels);
    return font_draw(font, size, &target, x, y, 0xffffff, text, strlen(text));
}

static void test_sizes_and_widths(const struct font *font)
{
    CHECK(font_line_height(font, FONT_SMALL) < font_line_height(font, FONT_NORMAL));
    CHECK(font_line_height(font, FONT_NORMAL) < font_line_height(font, FONT_TITLE));
    CHECK(font_ascent(font, FONT_TITLE) < font_line_height(font, FONT_TITLE));
    unsigned one = font_text_width(font, FONT_NORMAL, "W", 1);
    CHECK(one > 0 && font_text_width(font, FONT_NORMAL, "WWW", 3) == 3 * one);
    CHECK(font_text_width(font, FONT_NORMAL, "i", 1) < one);
    CHECK(font_text_width(font, FONT_NORMAL, "", 0) == 0);
    CHECK(draw(font, FONT_NORMAL, 10, 10, "WWW") == 10 + (int)(3 * one));
    CHECK(drawn() > 100);
}

static void test_characters(const struct font *font)
{
    static uint8_t question[sizeof pixels];
    draw(font, FONT_TITLE, 10, 10, "?");
    memcpy(question, pixels, sizeof pixels);
    /* Outside of the atlas, and broken UTF-8: drawn as a question mark. */
    static const char *const unknown[] = {"\xe4\xb8\xad", "\xff", "\xc3", "\xf0\x9f\x98\x80", "\x01"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        draw(font, FONT_TITLE, 10, 10, unknown[i]);
        CHECK(memcmp(question, pixels, sizeof pixels) == 0);
    }
    static const char *const known[] = {"A", "é", "ß", "Ł", "ſ", "•", "…", "€", "“", "ÿ"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        draw(font, FONT_TITLE, 10, 10, known[i]);
        CHECK(drawn() > 0 && memcmp(question, pixels, sizeof pixels) != 0);
    }
}

static void test_clipping(const struct font *font)
{
    static const int places[] = {-1000, -7, 0, SIDE - 3, SIDE, 100000};
    for (size_t x = 0; x < sizeof places / sizeof places[0]; x++)
        for (size_t y = 0; y < sizeof places / sizeof places[0]; y++)
            draw(font, FONT_TITLE, places[x], places[y], "Wg\xc3\x84|");
    draw(font, FONT_TITLE, 100000, 0, "W");
    CHECK(drawn() == 0);
    draw(font, FONT_TITLE, -7, -7, "W");
    CHECK(drawn() > 0);
}

int main(void)
{
    char error[256] = "";
    struct font *font = font_load(error, sizeof error);
    if (font == NULL)
        fprintf(stderr, "%s\n", error);
    CHECK(font != NULL);
    test_sizes_and_widths(font);
    test_characters(font);
    test_clipping(font);
    font_free(font);
    font_free(NULL);
    return 0;
}
