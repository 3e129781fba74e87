#include "display/message-style.h"
#include "display/message-text.h"
#include "tests/check.h"

static void test_styles(void)
{
    static const struct {
        uint32_t style;
        uint8_t ids[MESSAGE_MAX_BUTTONS + 1];
        uint8_t escape;
        size_t first;
        enum message_icon icon;
    } cases[] = {
        {0, {1}, 1, 0, MESSAGE_NO_ICON},           {1, {1, 2}, 2, 0, MESSAGE_NO_ICON},
        {0x102, {3, 4, 5}, 0, 1, MESSAGE_NO_ICON}, {0x223, {6, 7, 2}, 2, 2, MESSAGE_QUESTION},
        {0x214, {6, 7}, 0, 0, MESSAGE_ERROR}, /* there is no third button */
        {0x35, {4, 2}, 2, 0, MESSAGE_WARNING},     {0x46, {1}, 1, 0, MESSAGE_INFORMATION},
        {0xFFFFFFFF, {1}, 1, 0, MESSAGE_NO_ICON},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct message_buttons *buttons = message_buttons_of(cases[i].style);
        CHECK(buttons->count == strlen((const char *)cases[i].ids));
        for (size_t at = 0; at < buttons->count; at++) {
            CHECK(buttons->at[at].id == cases[i].ids[at]);
            CHECK(strchr(buttons->at[at].label, buttons->at[at].mnemonic - 'a' + 'A') != NULL);
        }
        CHECK(buttons->escape == cases[i].escape && message_default_of(cases[i].style) == cases[i].first);
        CHECK(message_icon_of(cases[i].style) == cases[i].icon);
    }
}

/* A program that ends in any way but by an answer has given none. */
static void test_statuses(void)
{
    unsigned answers = 0;
    for (int status = 0; status < 256; status++) {
        uint32_t response = message_response_of(status);
        answers += response != 0;
        CHECK(response == 0 || message_status_of(response) == status);
    }
    CHECK(answers == 8);
    CHECK(message_response_of(0) == 0 && message_response_of(1) == 0 && message_response_of(127) == 0);
    CHECK(message_response_of(message_status_of(MESSAGE_TIMEOUT)) == 32000);
    CHECK(message_status_of(8) == 0 && message_status_of(0) == 0);
}

static const char *clean(const char *text, size_t size)
{
    static char room[64];
    memset(room, 'x', sizeof(room));
    message_clean(room, size, text);
    return room;
}

static void test_clean(void)
{
    CHECK_TEXT(clean("a\r\nb\rc\nd", 64), "a\nb\nc\nd");
    CHECK_TEXT(clean("a\tb\x1b[0m\x07\x7f", 64), "a    b?[0m??");
    CHECK_TEXT(clean("\xc2\x9b"
                     "1\xc2\xa0\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
                     64),
               "?1\xc2\xa0\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    CHECK_TEXT(clean("\xff\xc3", 64), "??");
    CHECK_TEXT(clean("abc\xc3\xa9", 6), "abc\xc3\xa9");
    CHECK_TEXT(clean("abc\xc3\xa9", 5), "abc"); /* no half characters */
    CHECK_TEXT(clean("a\tb", 4), "a");
    CHECK_TEXT(clean("", 1), "");
}

static unsigned each_ten(const void *context, const char *text, size_t bytes)
{
    unsigned width = 0;
    (void)context;
    for (size_t i = 0; i < bytes; i++)
        width += ((unsigned char)text[i] & 0xC0) != 0x80 ? 10 : 0;
    return width;
}

static const char *wrap(const char *text, unsigned width)
{
    static char all[256];
    struct message_line lines[16];
    size_t count = message_wrap(text, width, each_ten, NULL, lines, 16);
    CHECK(count <= 16);
    all[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        CHECK(each_ten(NULL, text + lines[i].at, lines[i].bytes) <= (width < 10 ? 10 : width));
        snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%.*s", i ? "|" : "", (int)lines[i].bytes,
                 text + lines[i].at);
    }
    return all;
}

static void test_wrap(void)
{
    CHECK_TEXT(wrap("", 100), "");
    CHECK_TEXT(wrap("one two three", 1000), "one two three");
    CHECK_TEXT(wrap("one two three", 80), "one two|three");
    CHECK_TEXT(wrap("one two three", 70), "one two|three");
    CHECK_TEXT(wrap("one two three", 60), "one|two|three");
    CHECK_TEXT(wrap("abcdefgh ij", 30), "abc|def|gh|ij");
    CHECK_TEXT(wrap("a\n\nb\n", 50), "a||b");
    CHECK_TEXT(wrap("\xc3\xa9\xc3\xa9\xc3\xa9", 20), "\xc3\xa9\xc3\xa9|\xc3\xa9");
    CHECK_TEXT(wrap("ab", 1), "a|b"); /* never an endless line */
    struct message_line lines[2];
    CHECK(message_wrap("a\nb\nc\nd", 50, each_ten, NULL, lines, 2) == 4 && lines[1].at == 2);
}

int main(void)
{
    test_styles();
    test_statuses();
    test_clean();
    test_wrap();
    return 0;
}
