#include "common/text.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The length of the UTF-8 sequence at `at`, 0 when it is not one. */
static size_t sequence(const uint8_t *at, size_t left, uint32_t *point_r)
{
    static const struct {
        uint8_t mask, lead;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 0x1}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (size_t extra = 0; extra < 4; extra++) {
        if ((at[0] & forms[extra].mask) != forms[extra].lead)
            continue;
        if (extra + 1 > left)
            return 0;
        uint32_t point = at[0] & (uint8_t)~forms[extra].mask;
        for (size_t i = 1; i <= extra; i++) {
            if ((at[i] & 0xc0) != 0x80)
                return 0;
            point = point << 6 | (at[i] & 0x3f);
        }
        if (point < forms[extra].least || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
            return 0;
        *point_r = point;
        return extra + 1;
    }
    return 0;
}

bool text_is_utf8(const char *text, size_t size)
{
    uint32_t point;
    for (size_t i = 0, step; i < size; i += step) {
        step = sequence((const uint8_t *)text + i, size - i, &point);
        if (step == 0)
            return false;
    }
    return true;
}

static bool is_control(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0);
}

bool text_is_printable(const char *text)
{
    size_t size = strlen(text);
    uint32_t point;
    for (size_t i = 0, step; i < size; i += step) {
        step = sequence((const uint8_t *)text + i, size - i, &point);
        if (step == 0 || is_control(point))
            return false;
    }
    return true;
}

const char *text_escape(char *to, size_t size, const char *from)
{
    static const char cut[] = "...";
    size_t left = strlen(from), used = 0, mark = 0;
    uint32_t point;
    if (size < sizeof(cut)) {
        if (size > 0)
            to[0] = '\0';
        return to;
    }
    for (size_t step; left > 0; from += step, left -= step) {
        char piece[8];
        step = sequence((const uint8_t *)from, left, &point);
        if (step == 0 || is_control(point)) {
            step = 1;
            snprintf(piece, sizeof(piece), "\\x%02x", (unsigned)(uint8_t)from[0]);
        } else {
            memcpy(piece, from, step);
            piece[step] = '\0';
        }
        size_t length = strlen(piece);
        if (used + length + 1 > size) {
            memcpy(to + mark, cut, sizeof(cut));
            return to;
        }
        memcpy(to + used, piece, length);
        used += length;
        if (used + sizeof(cut) <= size)
            mark = used;
    }
    to[used] = '\0';
    return to;
}

bool text_copy(char *to, size_t size, const char *from)
{
    size_t length = strlen(from);
    if (length >= size) {
        if (size > 0)
            to[0] = '\0';
        return false;
    }
    memcpy(to, from, length + 1);
    return true;
}

bool text_number(const char *text, long min, long max, long *value_r)
{
    char *end;
    if ((text[0] < '0' || text[0] > '9') && text[0] != '-')
        return false;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno != 0 || *end != '\0' || end == text || value < min || value > max)
        return false;
    *value_r = value;
    return true;
}
