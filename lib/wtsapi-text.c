#include <string.h>

#include <winpr/string.h>

#include "common/text.h"
#include "lib/wtsapi.h"

size_t wtsapi_text_room(const char *text, bool wide)
{
    char safe[WTSAPI_TEXT_MAX];
    /* In UTF-16 a text has at most as many units as it has bytes in UTF-8. */
    return (strlen(text_escape(safe, sizeof(safe), text)) + 1) * (wide ? sizeof(WCHAR) : 1);
}

void *wtsapi_text_put(char **at_r, const char *text, bool wide)
{
    char *at = *at_r;
    size_t room = wtsapi_text_room(text, wide);
    wtsapi_text_fix(at, wide ? room / sizeof(WCHAR) : room, text, wide);
    *at_r = at + room;
    return at;
}

/* Where the first `size` bytes of UTF-8 would end within a character, its beginning. */
static size_t whole_characters(const char *text, size_t size)
{
    while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
        size--;
    return size;
}

void wtsapi_text_fix(void *array, size_t units, const char *text, bool wide)
{
    char safe[WTSAPI_TEXT_MAX];
    WCHAR *to = array;
    text_escape(safe, sizeof(safe), text);
    if (!wide) {
        if (strlen(safe) >= units)
            safe[whole_characters(safe, units - 1)] = '\0';
        memcpy(array, safe, strlen(safe) + 1);
        return;
    }
    WCHAR whole[WTSAPI_TEXT_MAX] = {0};
    SSIZE_T got = ConvertUtf8ToWChar(safe, whole, WTSAPI_TEXT_MAX);
    size_t count = got > 0 ? (size_t)got : 0;
    if (count >= units)
        count = units - 1;
    if (count > 0 && (whole[count - 1] & 0xfc00) == 0xd800)
        count--; /* the first half of a pair */
    memcpy(to, whole, count * sizeof(WCHAR));
    to[count] = 0;
}
