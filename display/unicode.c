#include "display/unicode.h"

#include <stddef.h>

bool utf16_join(struct utf16 *utf16, uint16_t unit, uint32_t *point_r)
{
    uint16_t high = utf16->high;
    utf16->high = 0;
    if (unit >= 0xD800 && unit < 0xDC00) {
        utf16->high = unit;
        return false;
    }
    if (unit >= 0xDC00 && unit < 0xE000) {
        if (high == 0)
            return false;
        *point_r = 0x10000 + ((uint32_t)(high - 0xD800) << 10) + (unit - 0xDC00u);
        return true;
    }
    *point_r = unit;
    return true;
}

static const struct {
    uint32_t point, keysym;
} controls[] = {
    {0x08, 0xFF08}, {0x09, 0xFF09}, {0x0A, 0xFF0D}, {0x0D, 0xFF0D}, {0x1B, 0xFF1B}, {0x7F, 0xFFFF},
};

uint32_t unicode_keysym(uint32_t point)
{
    for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++) {
        if (controls[i].point == point)
            return controls[i].keysym;
    }
    if (point < 0x20 || (point >= 0x7F && point < 0xA0) || point > 0x10FFFF)
        return 0;
    return point < 0x100 ? point : 0x01000000 + point;
}
