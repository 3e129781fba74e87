#include "rpc/message.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/packet.h"
#include "common/text.h"
#include "common/wire.h"

static const struct message_type *find(const struct protocol *protocol, unsigned number)
{
    for (size_t i = 0; i < protocol->type_count; i++) {
        if (protocol->types[i].number == number)
            return &protocol->types[i];
    }
    return NULL;
}

static void put_counted(struct wire_writer *writer, const void *bytes, size_t count)
{
    wire_put_u16(writer, (uint16_t)count);
    wire_put_bytes(writer, bytes, count);
}

static uint16_t count_before(const void *bytes)
{
    uint16_t count;
    memcpy(&count, (const uint8_t *)bytes - sizeof(count), sizeof(count));
    return count;
}

static void put_rectangles(struct wire_writer *writer, const struct rectangles *rectangles)
{
    if (rectangles->count > MESSAGE_MAX_RECTANGLES) {
        writer->failed = true;
        return;
    }
    wire_put_u16(writer, rectangles->count);
    for (size_t i = 0; i < rectangles->count; i++) {
        wire_put_u16(writer, rectangles->at[i].x);
        wire_put_u16(writer, rectangles->at[i].y);
        wire_put_u16(writer, rectangles->at[i].width);
        wire_put_u16(writer, rectangles->at[i].height);
    }
}

static void put_field(struct wire_writer *writer, const struct field *field, const void *value)
{
    size_t length;
    switch (field->kind) {
    case FIELD_U8:
        wire_put_u8(writer, *(const uint8_t *)value);
        break;
    case FIELD_U16:
        wire_put_u16(writer, *(const uint16_t *)value);
        break;
    case FIELD_U32:
        wire_put_u32(writer, *(const uint32_t *)value);
        break;
    case FIELD_U64:
        wire_put_u64(writer, *(const uint64_t *)value);
        break;
    case FIELD_TEXT:
        length = strnlen(value, field->room);
        writer->failed |= length == field->room || !text_is_utf8(value, length);
        put_counted(writer, value, length);
        break;
    case FIELD_BYTES:
        length = count_before(value);
        if (length > field->room)
            writer->failed = true;
        else
            put_counted(writer, value, length);
        break;
    case FIELD_RECTANGLES:
        put_rectangles(writer, value);
        break;
    }
}

int message_encode(const struct protocol *protocol, unsigned number, const void *body, uint8_t *data,
                   size_t size)
{
    const struct message_type *type = find(protocol, number);
    if (type == NULL)
        return -EMSGSIZE;
    struct wire_writer writer = wire_writer_over(data, size);
    wire_put_u16(&writer, protocol->version);
    wire_put_u16(&writer, type->number);
    for (size_t i = 0; i < type->field_count; i++)
        put_field(&writer, &type->fields[i], (const uint8_t *)body + type->fields[i].offset);
    return writer.failed ? -EMSGSIZE : (int)writer.used;
}

int message_send(int fd, const struct protocol *protocol, unsigned number, const void *body, int descriptor)
{
    uint8_t data[PACKET_MAX_BYTES];
    int size = message_encode(protocol, number, body, data, sizeof(data));
    if (size < 0)
        return size;
    return packet_send(fd, data, (size_t)size, &descriptor, descriptor >= 0 ? 1 : 0);
}

static bool get_text(struct wire_reader *reader, const struct field *field, char *text)
{
    size_t length = wire_get_u16(reader);
    const uint8_t *at = wire_get_bytes(reader, length);
    if (at == NULL || length >= field->room || !text_is_utf8((const char *)at, length))
        return false;
    memcpy(text, at, length);
    text[length] = '\0';
    return true;
}

static bool get_bytes(struct wire_reader *reader, const struct field *field, uint8_t *bytes)
{
    uint16_t length = wire_get_u16(reader);
    const uint8_t *at = wire_get_bytes(reader, length);
    if (at == NULL || length > field->room)
        return false;
    memcpy(bytes - sizeof(length), &length, sizeof(length));
    memcpy(bytes, at, length);
    return true;
}

static bool get_rectangles(struct wire_reader *reader, struct rectangles *rectangles)
{
    rectangles->count = wire_get_u16(reader);
    if (rectangles->count > MESSAGE_MAX_RECTANGLES)
        return false;
    for (size_t i = 0; i < rectangles->count; i++) {
        struct rectangle *at = &rectangles->at[i];
        at->x = wire_get_u16(reader);
        at->y = wire_get_u16(reader);
        at->width = wire_get_u16(reader);
        at->height = wire_get_u16(reader);
    }
    return !reader->failed;
}

static bool get_field(struct wire_reader *reader, const struct field *field, void *value)
{
    switch (field->kind) {
    case FIELD_U8:
        *(uint8_t *)value = wire_get_u8(reader);
        return !reader->failed;
    case FIELD_U16:
        *(uint16_t *)value = wire_get_u16(reader);
        return !reader->failed;
    case FIELD_U32:
        *(uint32_t *)value = wire_get_u32(reader);
        return !reader->failed;
    case FIELD_U64:
        *(uint64_t *)value = wire_get_u64(reader);
        return !reader->failed;
    case FIELD_TEXT:
        return get_text(reader, field, value);
    case FIELD_BYTES:
        return get_bytes(reader, field, value);
    case FIELD_RECTANGLES:
        return get_rectangles(reader, value);
    }
    return false;
}

static int broken(const char **problem_r, const char *problem)
{
    *problem_r = problem;
    return -EPROTO;
}

int message_decode(const struct protocol *protocol, uint32_t sender, const uint8_t *data, size_t size,
                   size_t descriptor_count, void *body, size_t body_room, const struct message_type **type_r,
                   const char **problem_r)
{
    struct wire_reader reader = wire_reader_over(data, size);
    uint16_t version = wire_get_u16(&reader), number = wire_get_u16(&reader);
    if (reader.failed)
        return broken(problem_r, "the header is cut short");
    if (version != protocol->version) {
        *problem_r = "the other end speaks another version";
        return -EPROTONOSUPPORT;
    }
    const struct message_type *type = find(protocol, number);
    if (type == NULL)
        return -EAGAIN;
    if ((type->senders & sender) == 0)
        return broken(problem_r, "this peer may not send this message");
    if (descriptor_count < type->descriptors_least || descriptor_count > type->descriptors_most)
        return broken(problem_r, "the number of descriptors is wrong");
    if (type->body_size > body_room)
        return broken(problem_r, "the message is larger than any that is expected here");
    memset(body, 0, type->body_size);
    for (size_t i = 0; i < type->field_count; i++) {
        if (!get_field(&reader, &type->fields[i], (uint8_t *)body + type->fields[i].offset))
            return broken(problem_r, "a field is cut short, too long or no text");
    }
    if (!wire_reader_ended(&reader))
        return broken(problem_r, "there are bytes after the last field");
    *type_r = type;
    return 0;
}

int message_receive(int fd, const struct protocol *protocol, uint32_t sender, void *body, size_t body_room,
                    struct message *message_r, const char **problem_r)
{
    uint8_t data[PACKET_MAX_BYTES];
    int descriptor = -1;
    size_t count = MESSAGE_MAX_DESCRIPTORS;
    ssize_t size = packet_receive(fd, data, sizeof(data), &descriptor, &count);
    if (size <= 0) {
        *problem_r = size == -EMSGSIZE ? "the packet is too large or has too many descriptors" : "";
        return (int)size;
    }
    const struct message_type *type;
    int failed =
        message_decode(protocol, sender, data, (size_t)size, count, body, body_room, &type, problem_r);
    if (failed) {
        close_descriptor(&descriptor);
        return failed;
    }
    *message_r = (struct message){.number = type->number, .descriptor = descriptor, .type = type};
    return 1;
}
