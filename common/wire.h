/* Bounded reading and writing of little-endian fields. A reader or writer that meets its bound is failed for
 * good: every later call returns zeros or writes nothing, so one check at the end covers a whole message. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire_writer {
    uint8_t *data;
    size_t size;
    size_t used;
    bool failed;
};

struct wire_reader {
    const uint8_t *data;
    size_t size;
    size_t used;
    bool failed;
};

/* Starts a writer over `size` bytes at `data`, which the caller keeps. */
struct wire_writer wire_writer_over(void *data, size_t size);
void wire_put_u8(struct wire_writer *writer, uint8_t value);
void wire_put_u16(struct wire_writer *writer, uint16_t value);
void wire_put_u32(struct wire_writer *writer, uint32_t value);
void wire_put_u64(struct wire_writer *writer, uint64_t value);
void wire_put_bytes(struct wire_writer *writer, const void *bytes, size_t count);

/* Starts a reader over `size` bytes at `data`, which the caller keeps. */
struct wire_reader wire_reader_over(const void *data, size_t size);
uint8_t wire_get_u8(struct wire_reader *reader);
uint16_t wire_get_u16(struct wire_reader *reader);
uint32_t wire_get_u32(struct wire_reader *reader);
uint64_t wire_get_u64(struct wire_reader *reader);
/* Returns a pointer to `count` bytes inside the reader's data, or NULL when fewer are left. */
const uint8_t *wire_get_bytes(struct wire_reader *reader, size_t count);
/* True when nothing failed and every byte has been read. */
bool wire_reader_ended(const struct wire_reader *reader);
