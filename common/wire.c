#include "common/wire.h"

#include <string.h>

struct wire_writer wire_writer_over(void *data, size_t size)
{
    return (struct wire_writer){.data = data, .size = size};
}

static uint8_t *take(struct wire_writer *writer, size_t count)
{
    if (writer->failed || count > writer->size - writer->used) {
        writer->failed = true;
        return NULL;
    }
    uint8_t *at = writer->data + writer->used;
    writer->used += count;
    return at;
}

static void put(struct wire_writer *writer, uint64_t value, size_t width)
{
    uint8_t *at = take(writer, width);
    for (size_t i = 0; at != NULL && i < width; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

void wire_put_u8(struct wire_writer *writer, uint8_t value)
{
    put(writer, value, 1);
}

void wire_put_u16(struct wire_writer *writer, uint16_t value)
{
    put(writer, value, 2);
}

void wire_put_u32(struct wire_writer *writer, uint32_t value)
{
    put(writer, value, 4);
}

void wire_put_u64(struct wire_writer *writer, uint64_t value)
{
    put(writer, value, 8);
}

void wire_put_bytes(struct wire_writer *writer, const void *bytes, size_t count)
{
    uint8_t *at = take(writer, count);
    if (at != NULL && count > 0)
        memcpy(at, bytes, count);
}

struct wire_reader wire_reader_over(const void *data, size_t size)
{
    return (struct wire_reader){.data = data, .size = size};
}

const uint8_t *wire_get_bytes(struct wire_reader *reader, size_t count)
{
    if (reader->failed || count > reader->size - reader->used) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *at = reader->data + reader->used;
    reader->used += count;
    return at;
}

static uint64_t get(struct wire_reader *reader, size_t width)
{
    const uint8_t *at = wire_get_bytes(reader, width);
    uint64_t value = 0;
    for (size_t i = 0; at != NULL && i < width; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

uint8_t wire_get_u8(struct wire_reader *reader)
{
    return (uint8_t)get(reader, 1);
}

uint16_t wire_get_u16(struct wire_reader *reader)
{
    return (uint16_t)get(reader, 2);
}

uint32_t wire_get_u32(struct wire_reader *reader)
{
    return (uint32_t)get(reader, 4);
}

uint64_t wire_get_u64(struct wire_reader *reader)
{
    return get(reader, 8);
}

bool wire_reader_ended(const struct wire_reader *reader)
{
    return !reader->failed && reader->used == reader->size;
}
