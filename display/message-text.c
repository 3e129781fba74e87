#include "display/message-text.h"

#include <stdbool.h>
#include <string.h>

/* The bytes of the character at `text`, which is UTF-8 with a NUL; 1 where it is not. */
static size_t character(const char *text)
{
    unsigned char first = (unsigned char)text[0];
    size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
    for (size_t i = 1; i < length; i++) {
        if (((unsigned char)text[i] & 0xC0) != 0x80)
            return 1;
    }
    return length;
}

static bool is_control(const char *at, size_t length)
{
    unsigned char first = (unsigned char)at[0], second = length == 2 ? (unsigned char)at[1] : 0;
    return length == 1 ? first < 0x20 || first >= 0x7F : length == 2 && first == 0xC2 && second < 0xA0;
}

void message_clean(char *to, size_t size, const char *from)
{
    size_t used = 0;
    while (*from != '\0') {
        size_t length = character(from), bytes = length;
        const char *shown = from;
        if (from[0] == '\r') {
            shown = "\n";
            length += from[1] == '\n';
        } else if (from[0] == '\t') {
            shown = "    ";
            bytes = 4;
        } else if (from[0] != '\n' && is_control(from, length)) {
            shown = "?";
            bytes = 1;
        }
        if (used + bytes >= size)
            break;
        memcpy(to + used, shown, bytes);
        used += bytes;
        from += length;
    }
    to[used] = '\0';
}

/* The bytes at `text` that fit into one line: up to the last space that fits, or all that fits of a word. */
static size_t fitting(const char *text, unsigned width, message_measure *measure, const void *context)
{
    size_t bytes = 0, space = 0;
    while (text[bytes] != '\0' && text[bytes] != '\n') {
        size_t next = bytes + character(text + bytes);
        if (text[bytes] == ' ')
            space = bytes;
        if (measure(context, text, next) > width && text[bytes] != ' ')
            return space > 0 ? space : bytes > 0 ? bytes : next;
        bytes = next;
    }
    return bytes;
}

size_t message_wrap(const char *text, unsigned width, message_measure *measure, const void *context,
                    struct message_line *lines_r, size_t most)
{
    size_t count = 0, at = 0;
    for (;;) {
        size_t bytes = fitting(text + at, width, measure, context);
        if (count < most)
            lines_r[count] = (struct message_line){at, bytes};
        count++;
        at += bytes;
        if (text[at] == '\n')
            at++;
        else
            while (text[at] == ' ')
                at++;
        if (text[at] == '\0')
            return count;
    }
}
