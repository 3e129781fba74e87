#include "common/redirect.h"

#include "tests/check.h"

static void is_said(uint32_t bits, const char *expected)
{
    char text[REDIRECT_TEXT_ROOM];
    CHECK_TEXT(redirect_text(bits, text, sizeof(text)), expected);
}

static void test_words(void)
{
    is_said(0, "nothing");
    is_said(REDIRECT_CLIPBOARD_IN, "clipboard in");
    is_said(REDIRECT_CLIPBOARD_OUT | REDIRECT_DRIVES, "clipboard out, drives");
    is_said(REDIRECT_ALL, "clipboard, drives, audio playback, audio capture");
    is_said(1u << 20, "nothing");
}

static void test_room(void)
{
    char text[12];
    redirect_text(REDIRECT_ALL, text, sizeof(text));
    CHECK(strlen(text) < sizeof(text));
}

static void test_kinds(void)
{
    uint32_t seen = 0;
    for (size_t i = 0; i < REDIRECT_KINDS; i++) {
        CHECK(redirect_kinds[i].bits != 0 && (redirect_kinds[i].bits & seen) == 0);
        seen |= redirect_kinds[i].bits;
    }
    CHECK(seen == REDIRECT_ALL);
}

int main(void)
{
    test_words();
    test_room();
    test_kinds();
    return 0;
}
