#include "redirect/clipboard-text.h"

#include <stdio.h>
#include <string.h>

#define REPLACEMENT 0xFFFD

/* Where characters go: counted only while `to` is NULL. */
struct sink {
    uint8_t *to;
    size_t used;
};

static void put(struct sink *sink, unsigned byte)
{
    if (sink->to != NULL)
        sink->to[sink->used] = (uint8_t)byte;
    sink->used++;
}

static void put_text(struct sink *sink, const char *text)
{
    while (*text != '\0')
        put(sink, (uint8_t)*text++);
}

static void put_bytes(struct sink *sink, const uint8_t *bytes, size_t size)
{
    if (sink->to != NULL && size > 0)
        memcpy(sink->to + sink->used, bytes, size);
    sink->used += size;
}

static void put_utf8(struct sink *sink, uint32_t letter)
{
    if (letter < 0x80) {
        put(sink, letter);
    } else if (letter < 0x800) {
        put(sink, 0xC0 | letter >> 6);
        put(sink, 0x80 | (letter & 0x3F));
    } else {
        if (letter < 0x10000) {
            put(sink, 0xE0 | letter >> 12);
        } else {
            put(sink, 0xF0 | letter >> 18);
            put(sink, 0x80 | (letter >> 12 & 0x3F));
        }
        put(sink, 0x80 | (letter >> 6 & 0x3F));
        put(sink, 0x80 | (letter & 0x3F));
    }
}

static void put_latin(struct sink *sink, uint32_t letter)
{
    put(sink, letter < 0x100 ? letter : '?');
}

static void put_unit(struct sink *sink, unsigned unit)
{
    put(sink, unit & 0xFF);
    put(sink, unit >> 8);
}

static void put_utf16(struct sink *sink, uint32_t letter)
{
    if (letter < 0x10000) {
        put_unit(sink, letter);
        return;
    }
    put_unit(sink, 0xD800 | (letter - 0x10000) >> 10);
    put_unit(sink, 0xDC00 | (letter & 0x3FF));
}

/* The character at *at, which moves behind it; `size` is greater than *at. */
typedef uint32_t next_letter(const uint8_t *from, size_t size, size_t *at);
typedef void put_letter(struct sink *sink, uint32_t letter);

static uint32_t unit_at(const uint8_t *from, size_t at, bool big)
{
    return big ? (uint32_t)(from[at] << 8 | from[at + 1]) : (uint32_t)(from[at] | from[at + 1] << 8);
}

static uint32_t next_of_units(const uint8_t *from, size_t size, size_t *at, bool big)
{
    if (size - *at < 2) { /* half a unit: the end */
        *at = size;
        return 0;
    }
    uint32_t unit = unit_at(from, *at, big);
    *at += 2;
    if (unit < 0xD800 || unit > 0xDFFF)
        return unit;
    uint32_t low = unit < 0xDC00 && size - *at >= 2 ? unit_at(from, *at, big) : 0;
    if (low < 0xDC00 || low > 0xDFFF)
        return REPLACEMENT;
    *at += 2;
    return 0x10000 + ((unit & 0x3FF) << 10) + (low & 0x3FF);
}

static uint32_t next_utf16(const uint8_t *from, size_t size, size_t *at)
{
    return next_of_units(from, size, at, false);
}

static uint32_t next_utf16_big(const uint8_t *from, size_t size, size_t *at)
{
    return next_of_units(from, size, at, true);
}

static uint32_t next_utf8(const uint8_t *from, size_t size, size_t *at)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    uint32_t first = from[(*at)++];
    if (first < 0x80)
        return first;
    unsigned more = first >= 0xF0 && first < 0xF5   ? 3
                    : first >= 0xE0 && first < 0xF0 ? 2
                                                    : first >= 0xC2 && first < 0xE0;
    uint32_t letter = first & (0x3FU >> more);
    size_t end = *at;
    for (unsigned i = 0; i < more; i++, end++) {
        if (end >= size || (from[end] & 0xC0) != 0x80)
            return REPLACEMENT;
        letter = letter << 6 | (from[end] & 0x3F);
    }
    if (more == 0 || letter < least[more] || letter > 0x10FFFF || (letter >= 0xD800 && letter <= 0xDFFF))
        return REPLACEMENT;
    *at = end;
    return letter;
}

static uint32_t next_latin(const uint8_t *from, size_t size, size_t *at)
{
    (void)size;
    return from[(*at)++];
}

/* Up to a NUL; lines get their LF alone. */
static void to_session(struct sink *sink, const uint8_t *from, size_t size, next_letter *next,
                       put_letter *put_one)
{
    bool after_return = false;
    for (size_t at = 0; at < size;) {
        uint32_t letter = next(from, size, &at);
        if (letter == 0)
            break;
        if (after_return && letter != '\n')
            put_one(sink, '\r');
        after_return = letter == '\r';
        if (!after_return)
            put_one(sink, letter);
    }
    if (after_return)
        put_one(sink, '\r');
}

/* Lines get CR LF; a NUL ends it all. */
static void to_client(struct sink *sink, const uint8_t *from, size_t size, next_letter *next)
{
    uint32_t before = 0;
    for (size_t at = 0; at < size;) {
        uint32_t letter = next(from, size, &at);
        if (letter == 0)
            continue;
        if (letter == '\n' && before != '\r')
            put_unit(sink, '\r');
        put_utf16(sink, letter);
        before = letter;
    }
    put_unit(sink, 0);
}

static bool make_for_session(const uint8_t *from, size_t size, next_letter *next, put_letter *put_one,
                             struct clipboard_data *to_r)
{
    struct sink sink = {0};
    to_session(&sink, from, size, next, put_one);
    if (!clipboard_data_begin(to_r, sink.used))
        return false;
    sink = (struct sink){to_r->bytes, 0};
    to_session(&sink, from, size, next, put_one);
    return true;
}

bool clipboard_text_from_client(const uint8_t *from, size_t size, struct clipboard_data *to_r)
{
    return make_for_session(from, size, next_utf16, put_utf8, to_r);
}

bool clipboard_latin_from_client(const uint8_t *from, size_t size, struct clipboard_data *to_r)
{
    return make_for_session(from, size, next_utf16, put_latin, to_r);
}

static bool make_for_client(const uint8_t *from, size_t size, next_letter *next, struct clipboard_data *to_r)
{
    struct sink sink = {0};
    to_client(&sink, from, size, next);
    if (!clipboard_data_begin(to_r, sink.used))
        return false;
    sink = (struct sink){to_r->bytes, 0};
    to_client(&sink, from, size, next);
    return true;
}

bool clipboard_text_to_client(const uint8_t *from, size_t size, struct clipboard_data *to_r)
{
    return make_for_client(from, size, next_utf8, to_r);
}

bool clipboard_latin_to_client(const uint8_t *from, size_t size, struct clipboard_data *to_r)
{
    return make_for_client(from, size, next_latin, to_r);
}

bool clipboard_plain_copy(const uint8_t *from, size_t size, struct clipboard_data *to_r)
{
    while (size > 0 && from[size - 1] == 0)
        size--;
    if (!clipboard_data_begin(to_r, size))
        return false;
    if (size > 0)
        memcpy(to_r->bytes, from, size);
    return true;
}

/* --- HTML --- */

#define HEAD_MOST 1024 /* where the head's words, and those of a character set, are looked for */
#define CHARSET   "<meta http-equiv=\"content-type\" content=\"text/html; charset=utf-8\">"
#define BEFORE    "<html><body>\r\n<!--StartFragment-->"
#define AFTER     "<!--EndFragment-->\r\n</body></html>"
#define HEAD_FORMAT \
    "Version:0.9\r\nStartHTML:%010zu\r\nEndHTML:%010zu\r\nStartFragment:%010zu\r\nEndFragment:%010zu\r\n"

/* The number behind `word` in the head; false: there is none in [0, size]. */
static bool head_number(const uint8_t *from, size_t size, const char *word, size_t *number_r)
{
    size_t head = size < HEAD_MOST ? size : HEAD_MOST;
    const uint8_t *at = memmem(from, head, word, strlen(word));
    if (at == NULL)
        return false;
    size_t number = 0, digits = 0;
    for (at += strlen(word); at < from + head && *at >= '0' && *at <= '9' && digits < 12; at++, digits++)
        number = number * 10 + (size_t)(*at - '0');
    if (digits == 0 || number > size)
        return false;
    *number_r = number;
    return true;
}

static bool says_charset(const uint8_t *from, size_t size)
{
    char head[HEAD_MOST + 1];
    size_t used = size < HEAD_MOST ? size : HEAD_MOST;
    for (size_t i = 0; i < used; i++)
        head[i] = from[i] != 0 ? (char)from[i] : ' ';
    head[used] = '\0';
    bool says = strcasestr(head, "charset") != NULL;
    explicit_bzero(head, sizeof(head));
    return says;
}

bool clipboard_html_from_client(const uint8_t *from, size_t size, struct clipboard_data *to_r)
{
    size_t start, end;
    if (!(head_number(from, size, "StartHTML:", &start) && head_number(from, size, "EndHTML:", &end) &&
          start < end) &&
        !(head_number(from, size, "StartFragment:", &start) &&
          head_number(from, size, "EndFragment:", &end) && start <= end))
        return false;
    size_t length = end - start;
    while (length > 0 && from[start + length - 1] == 0)
        length--;
    const char *charset = says_charset(from + start, length) ? "" : CHARSET;
    if (!clipboard_data_begin(to_r, strlen(charset) + length))
        return false;
    struct sink sink = {to_r->bytes, 0};
    put_text(&sink, charset);
    put_bytes(&sink, from + start, length);
    return true;
}

static bool wrap_html(const uint8_t *from, size_t size, struct clipboard_data *to_r)
{
    char head[160];
    size_t html =
        (size_t)snprintf(head, sizeof(head), HEAD_FORMAT, (size_t)0, (size_t)0, (size_t)0, (size_t)0);
    size_t fragment = html + strlen(BEFORE), end = fragment + size, all = end + strlen(AFTER);
    snprintf(head, sizeof(head), HEAD_FORMAT, html, all, fragment, end);
    if (!clipboard_data_begin(to_r, all + 1))
        return false;
    struct sink sink = {to_r->bytes, 0};
    put_text(&sink, head);
    put_text(&sink, BEFORE);
    put_bytes(&sink, from, size);
    put_text(&sink, AFTER);
    put(&sink, 0);
    return true;
}

bool clipboard_html_to_client(const uint8_t *from, size_t size, struct clipboard_data *to_r)
{
    bool little = size >= 2 && from[0] == 0xFF && from[1] == 0xFE,
         big = size >= 2 && from[0] == 0xFE && from[1] == 0xFF;
    if (!little && !big) {
        while (size > 0 && from[size - 1] == 0)
            size--;
        return wrap_html(from, size, to_r);
    }
    struct clipboard_data text;
    if (!make_for_session(from + 2, size - 2, little ? next_utf16 : next_utf16_big, put_utf8, &text))
        return false;
    bool done = wrap_html(text.bytes, text.total, to_r);
    clipboard_data_wipe(&text);
    return done;
}
