#include "display/unicode.h"

#include "tests/check.h"

int main(void)
{
    struct utf16 utf16 = {0};
    uint32_t point = 0;
    CHECK(utf16_join(&utf16, 'a', &point) && point == 'a');
    CHECK(!utf16_join(&utf16, 0xD83D, &point));
    CHECK(utf16_join(&utf16, 0xDE00, &point) && point == 0x1F600);
    CHECK(!utf16_join(&utf16, 0xDE00, &point)); /* a second half alone */
    CHECK(!utf16_join(&utf16, 0xD800, &point));
    CHECK(!utf16_join(&utf16, 0xDBFF, &point)); /* the newer first half counts */
    CHECK(utf16_join(&utf16, 0xDFFF, &point) && point == 0x10FFFF);
    CHECK(!utf16_join(&utf16, 0xD800, &point));
    CHECK(utf16_join(&utf16, 'b', &point) && point == 'b');
    CHECK(!utf16_join(&utf16, 0xDC00, &point));
    CHECK(unicode_keysym('A') == 'A' && unicode_keysym(0xE9) == 0xE9);
    CHECK(unicode_keysym(0x20AC) == 0x010020AC && unicode_keysym(0x1F600) == 0x0101F600);
    CHECK(unicode_keysym('\n') == 0xFF0D && unicode_keysym('\b') == 0xFF08 && unicode_keysym(0x7F) == 0xFFFF);
    CHECK(unicode_keysym(0) == 0 && unicode_keysym(7) == 0 && unicode_keysym(0x85) == 0);
    CHECK(unicode_keysym(0x110000) == 0);
    return 0;
}
