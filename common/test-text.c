#include "common/text.h"

#include "tests/check.h"

int main(void)
{
    static const struct {
        const char *text;
        bool utf8, printable;
    } cases[] = {
        {"", true, true},
        {"demo", true, true},
        {"J\xc3\xbcrgen \xe2\x82\xac \xf0\x9f\x98\x80", true, true},
        {"a\nb", true, false},
        {"\x7f", true, false},
        {"\xc2\x85", true, false},
        {"\xc0\xaf", false, false},
        {"\xed\xa0\x80", false, false},
        {"\xf4\x90\x80\x80", false, false},
        {"\xe2\x82", false, false},
        {"\xff", false, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK(text_is_utf8(cases[i].text, strlen(cases[i].text)) == cases[i].utf8);
        CHECK(text_is_printable(cases[i].text) == cases[i].printable);
    }
    CHECK(!text_is_utf8("a\0b", 3));

    char out[16];
    CHECK_TEXT(text_escape(out, sizeof(out), "a\033[2J\xff"), "a\\x1b[2J\\xff");
    CHECK_TEXT(text_escape(out, 8, "0123456789"), "0123...");
    CHECK_TEXT(text_escape(out, 8, "0123456"), "0123456");
    CHECK_TEXT(text_escape(out, 2, "01"), "");

    CHECK(text_copy(out, 4, "abc"));
    CHECK(!text_copy(out, 4, "abcd") && out[0] == '\0');

    long value = 7;
    CHECK(text_number("42", 0, 100, &value) && value == 42);
    CHECK(!text_number("", 0, 100, &value) && !text_number(" 1", 0, 100, &value));
    CHECK(!text_number("1x", 0, 100, &value) && !text_number("101", 0, 100, &value));
    CHECK(!text_number("99999999999999999999", 0, 100, &value) && value == 42);
    return 0;
}
