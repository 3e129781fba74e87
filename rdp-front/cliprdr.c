#include "rdp-front/cliprdr.h"

#include <string.h>

#include "common/wire.h"

#define FORMATS_MOST     1024 /* in one list */
#define PADDING_MOST     4    /* zeros that old clients add behind a message */
#define SHORT_NAME_BYTES 32
#define NAME_ROOM        64 /* of what is compared; longer names are none of ours */
#define GENERAL          1  /* the one set of capabilities */
#define GENERAL_BYTES    12
#define VERSION_2        2
#define LONG_NAMES       2

/* One row a format that is told or understood. `own`: the number by which the client asks for the session's,
 * 0: it is not told. A name NULL: the number alone says it. */
static const struct format {
    uint32_t format, own;
    const char *name;
} formats[] = {
    {CLIPBOARD_TEXT, 13, NULL},
    {CLIPBOARD_HTML, 0xC0F1, "HTML Format"},
    {CLIPBOARD_RTF, 0xC0F2, "Rich Text Format"},
    {CLIPBOARD_PNG, 0xC0F3, "PNG"},
    {CLIPBOARD_PNG, 0, "image/png"},
    {CLIPBOARD_DIB, 8, NULL},
    {CLIPBOARD_DIBV5, 17, NULL},
    {CLIPBOARD_SECRET, 0xC0F4, "ExcludeClipboardContentFromMonitorProcessing"},
    {CLIPBOARD_SECRET, 0, "Clipboard Viewer Ignore"},
    {CLIPBOARD_SECRET, 0xC0F5, "CanIncludeInClipboardHistory"},
    {CLIPBOARD_SECRET, 0xC0F6, "CanUploadToCloudClipboard"},
};
#define FORMAT_ROWS (sizeof(formats) / sizeof(formats[0]))
/* The rows from here on say something by the data behind them, which is asked for from nobody. */
#define UNDERSTOOD_ROWS (FORMAT_ROWS - 2)

const char *cliprdr_read(const uint8_t *data, size_t size, struct cliprdr_message *message_r)
{
    struct wire_reader reader = wire_reader_over(data, size);
    struct cliprdr_message message = {.type = wire_get_u16(&reader), .flags = wire_get_u16(&reader)};
    message.size = wire_get_u32(&reader);
    message.data = wire_get_bytes(&reader, message.size);
    if (reader.failed || size - reader.used > PADDING_MOST)
        return "a clipboard message with a wrong length";
    if (message.type == 0 || message.type >= CLIPRDR_TYPES)
        return "a clipboard message of an unknown type";
    *message_r = message;
    return NULL;
}

const char *cliprdr_read_capabilities(const struct cliprdr_message *message, bool *long_names_r)
{
    struct wire_reader reader = wire_reader_over(message->data, message->size);
    unsigned count = wire_get_u16(&reader);
    bool long_names = false;
    wire_get_u16(&reader);
    for (unsigned i = 0; i < count && !reader.failed; i++) {
        uint16_t type = wire_get_u16(&reader), length = wire_get_u16(&reader);
        if (length < 4 || (type == GENERAL && length != GENERAL_BYTES))
            return "a set of clipboard capabilities with a wrong length";
        const uint8_t *set = wire_get_bytes(&reader, length - 4U);
        if (type != GENERAL || set == NULL)
            continue;
        struct wire_reader general = wire_reader_over(set, length - 4U);
        wire_get_u32(&general);
        long_names = (wire_get_u32(&general) & LONG_NAMES) != 0;
    }
    if (!wire_reader_ended(&reader))
        return "clipboard capabilities with a wrong length";
    *long_names_r = long_names;
    return NULL;
}

/* Reads characters of `unit` bytes up to and with a NUL, of at most `most` bytes (0: to the message's end),
 * as ASCII; others become '?'. Returns false when there is no NUL, and none is due. */
static bool read_name(struct wire_reader *reader, unsigned unit, size_t most, char *name_r)
{
    size_t used = 0, start = reader->used;
    bool ended = false;
    while (!reader->failed && !ended && (most == 0 || reader->used - start < most)) {
        unsigned letter = unit == 2 ? wire_get_u16(reader) : wire_get_u8(reader);
        ended = letter == 0;
        if (used + 1 < NAME_ROOM)
            name_r[used++] = (char)(letter < 0x80 ? letter : '?');
    }
    name_r[used] = '\0';
    if (!reader->failed && most > 0)
        wire_get_bytes(reader, most - (reader->used - start));
    return !reader->failed && (ended || most > 0);
}

/* A short name holds no more than it has room for. */
static bool named(const char *have, const char *want, size_t limit)
{
    return limit > 0 ? strncmp(have, want, limit) == 0 : strcmp(have, want) == 0;
}

static void take_format(struct cliprdr_list *list, uint32_t id, const char *name, size_t limit)
{
    for (size_t i = 0; i < UNDERSTOOD_ROWS; i++) {
        const struct format *format = &formats[i];
        if (format->name == NULL ? id != format->own : !named(name, format->name, limit))
            continue;
        if (format->format != CLIPBOARD_SECRET && (list->offer & format->format) == 0)
            list->ids[__builtin_ctz(format->format)] = id;
        list->offer |= format->format;
    }
    list->any = true;
}

const char *cliprdr_read_list(const struct cliprdr_message *message, bool long_names,
                              struct cliprdr_list *list_r)
{
    struct wire_reader reader = wire_reader_over(message->data, message->size);
    struct cliprdr_list list = {0};
    unsigned unit = !long_names && (message->flags & CLIPRDR_ASCII_NAMES) ? 1 : 2;
    size_t most = long_names ? 0 : SHORT_NAME_BYTES;
    char name[NAME_ROOM];
    for (unsigned count = 0; reader.used < reader.size; count++) {
        uint32_t id = wire_get_u32(&reader);
        if (count == FORMATS_MOST)
            return "a list of too many clipboard formats";
        if (!read_name(&reader, unit, most, name))
            return "a list of clipboard formats with a wrong length";
        take_format(&list, id, name, most > 0 ? most / unit - 1 : 0);
    }
    if (list.offer == CLIPBOARD_SECRET)
        list.offer = 0;
    *list_r = list;
    return NULL;
}

static const char *read_u32(const struct cliprdr_message *message, uint32_t *value_r, bool whole)
{
    struct wire_reader reader = wire_reader_over(message->data, message->size);
    uint32_t value = wire_get_u32(&reader);
    if (reader.failed || (whole && !wire_reader_ended(&reader)))
        return "a request of the clipboard with a wrong length";
    *value_r = value;
    return NULL;
}

const char *cliprdr_read_request(const struct cliprdr_message *message, uint32_t *id_r)
{
    return read_u32(message, id_r, true);
}

const char *cliprdr_read_stream(const struct cliprdr_message *message, uint32_t *stream_r)
{
    return read_u32(message, stream_r, false);
}

void cliprdr_write_head(uint8_t *to, uint16_t type, uint16_t flags, size_t size)
{
    struct wire_writer writer = wire_writer_over(to, CLIPRDR_HEAD);
    wire_put_u16(&writer, type);
    wire_put_u16(&writer, flags);
    wire_put_u32(&writer, (uint32_t)size);
}

size_t cliprdr_write_capabilities(uint8_t *to, size_t room)
{
    struct wire_writer writer = wire_writer_over(to, room);
    wire_put_bytes(&writer, (uint8_t[CLIPRDR_HEAD]){0}, CLIPRDR_HEAD);
    wire_put_u16(&writer, 1);
    wire_put_u16(&writer, 0);
    wire_put_u16(&writer, GENERAL);
    wire_put_u16(&writer, GENERAL_BYTES);
    wire_put_u32(&writer, VERSION_2);
    wire_put_u32(&writer, LONG_NAMES);
    cliprdr_write_head(to, CLIPRDR_CAPABILITIES, 0, writer.used - CLIPRDR_HEAD);
    return writer.used;
}

static void write_name(struct wire_writer *writer, const char *name, bool long_names)
{
    size_t letters = name != NULL ? strlen(name) : 0;
    size_t most = SHORT_NAME_BYTES / 2 - 1;
    if (!long_names && letters > most)
        letters = most;
    for (size_t i = 0; i < letters; i++)
        wire_put_u16(writer, (uint8_t)name[i]);
    for (size_t i = letters; i < (long_names ? letters + 1 : most + 1); i++)
        wire_put_u16(writer, 0);
}

size_t cliprdr_write_list(uint8_t *to, size_t room, uint32_t offer, bool long_names)
{
    struct wire_writer writer = wire_writer_over(to, room);
    wire_put_bytes(&writer, (uint8_t[CLIPRDR_HEAD]){0}, CLIPRDR_HEAD);
    for (size_t i = 0; i < FORMAT_ROWS; i++) {
        if ((offer & formats[i].format) == 0 || formats[i].own == 0)
            continue;
        wire_put_u32(&writer, formats[i].own);
        write_name(&writer, formats[i].name, long_names);
    }
    cliprdr_write_head(to, CLIPRDR_LIST, 0, writer.used - CLIPRDR_HEAD);
    return writer.used;
}

uint32_t cliprdr_format_of(uint32_t id)
{
    for (size_t i = 0; i < FORMAT_ROWS; i++) {
        if (id == formats[i].own && id != 0)
            return formats[i].format;
    }
    return 0;
}
