/* Fixed-layout messages over SOCK_SEQPACKET, from tables: what sm.port and the winstation channel are made
 * of. One row names a message's number, who may send it, its fields and how many descriptors come with it;
 * sending, receiving and checking follow from the row. On the wire: version (u16), number (u16), fields in
 * order, little-endian; text and byte fields have a u16 length before them; nothing after the last field. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_MAX_DESCRIPTORS 1
#define MESSAGE_MAX_RECTANGLES  64

struct rectangle {
    uint16_t x, y, width, height;
};

/* A field that has up to MESSAGE_MAX_RECTANGLES rectangles. */
struct rectangles {
    uint16_t count;
    struct rectangle at[MESSAGE_MAX_RECTANGLES];
};

enum field_kind { FIELD_U8, FIELD_U16, FIELD_U32, FIELD_U64, FIELD_TEXT, FIELD_BYTES, FIELD_RECTANGLES };

struct field {
    const char *name;
    enum field_kind kind;
    uint32_t offset;
    uint32_t room; /* TEXT: bytes with the NUL; BYTES: the greatest count */
};

/* How a protocol is written. Its messages are a list of rows
 *     M(SM, sm, HELLO, hello, 1, senders, descriptors_least, descriptors_most)
 * and each message's fields another, of u8 u16 u32 u64 (name); text (name, room with the NUL); bytes (name,
 * room; name_count, a uint16_t, comes before it in the struct); rects (name): #define SM_HELLO_FIELDS(F, S)
 * F(S, u8, role) F(S, text, user, 64) From these follow the enum, the structs (in the header) and the tables
 * (in one .c file). */
#define MESSAGE_MEMBER(S, kind, ...)    MESSAGE_MEMBER_##kind(__VA_ARGS__)
#define MESSAGE_MEMBER_u8(name)         uint8_t name;
#define MESSAGE_MEMBER_u16(name)        uint16_t name;
#define MESSAGE_MEMBER_u32(name)        uint32_t name;
#define MESSAGE_MEMBER_u64(name)        uint64_t name;
#define MESSAGE_MEMBER_text(name, room) char name[room];
#define MESSAGE_MEMBER_bytes(name, room) \
    uint16_t name##_count;               \
    uint8_t name[room];
#define MESSAGE_MEMBER_rects(name)                      struct rectangles name;

#define MESSAGE_FIELD(S, kind, ...)                     MESSAGE_FIELD_##kind(S, __VA_ARGS__)
#define MESSAGE_FIELD_u8(S, name)                       {#name, FIELD_U8, offsetof(S, name), 0},
#define MESSAGE_FIELD_u16(S, name)                      {#name, FIELD_U16, offsetof(S, name), 0},
#define MESSAGE_FIELD_u32(S, name)                      {#name, FIELD_U32, offsetof(S, name), 0},
#define MESSAGE_FIELD_u64(S, name)                      {#name, FIELD_U64, offsetof(S, name), 0},
#define MESSAGE_FIELD_text(S, name, room)               {#name, FIELD_TEXT, offsetof(S, name), room},
#define MESSAGE_FIELD_bytes(S, name, room)              {#name, FIELD_BYTES, offsetof(S, name), room},
#define MESSAGE_FIELD_rects(S, name)                    {#name, FIELD_RECTANGLES, offsetof(S, name), 0},

#define MESSAGE_NUMBER(P, p, SYMBOL, name, number, ...) P##_##SYMBOL = number,
#define MESSAGE_STRUCT(P, p, SYMBOL, name, number, ...) \
    struct p##_##name {                                 \
        P##_##SYMBOL##_FIELDS(MESSAGE_MEMBER, _)        \
    };
#define MESSAGE_UNION(P, p, SYMBOL, name, number, ...) struct p##_##name name;
#define MESSAGE_FIELD_TABLE(P, p, SYMBOL, name, number, ...) \
    static const struct field p##_##name##_fields[] = {      \
        P##_##SYMBOL##_FIELDS(MESSAGE_FIELD, struct p##_##name)};
#define MESSAGE_TYPE(P, p, SYMBOL, name, number, senders, least, most) \
    {#name,                                                            \
     number,                                                           \
     least,                                                            \
     most,                                                             \
     senders,                                                          \
     sizeof(struct p##_##name),                                        \
     p##_##name##_fields,                                              \
     sizeof(p##_##name##_fields) / sizeof(p##_##name##_fields[0])},

struct message_type {
    const char *name;
    uint16_t number;
    uint8_t descriptors_least, descriptors_most;
    uint32_t senders; /* bits of the protocol's roles */
    uint32_t body_size;
    const struct field *fields;
    size_t field_count;
};

struct protocol {
    const char *name;
    uint16_t version;
    const struct message_type *types;
    size_t type_count;
};

/* Encodes `body`, the struct of message `number`. Returns the size, or -EMSGSIZE where a field holds more
 * than it may or `size` is too small. */
int message_encode(const struct protocol *protocol, unsigned number, const void *body, uint8_t *data,
                   size_t size);

/* Sends message `number` with `descriptor` (-1: none; stays the caller's), never blocking.
 * Returns 0 or a negative errno; -EAGAIN when the other end does not read. */
int message_send(int fd, const struct protocol *protocol, unsigned number, const void *body, int descriptor);

/* A message that came. The body is of the struct of its number; `descriptor` is -1 or the receiver's to
 * close. */
struct message {
    unsigned number;
    int descriptor;
    const struct message_type *type;
};

/* Decodes what `sender` (one role bit) sent with `descriptor_count` descriptors into `body` of `body_room`
 * bytes. Everything is checked first: version, number, that this sender may send it, every bound, UTF-8, no
 * byte left over, the number of descriptors. Returns 0 (body and *type_r filled), -EPROTO with what was wrong
 * in *problem_r (a string constant), -EPROTONOSUPPORT for another version, or -EAGAIN for a number that this
 * build does not know: a message of a later build, which is passed over. */
int message_decode(const struct protocol *protocol, uint32_t sender, const uint8_t *data, size_t size,
                   size_t descriptor_count, void *body, size_t body_room, const struct message_type **type_r,
                   const char **problem_r);

/* Receives one message from `sender`, never blocking. Returns 1 with *message_r and the body filled, 0 at the
 * end of the stream, -EAGAIN when nothing is there, another negative errno (as of message_decode) when the
 * peer broke the protocol: close it. Any descriptor of a refused message is closed. -EAGAIN is
 * also returned for a message that is passed over: more may be there. After an upgrade in place the two ends
 * may be of different builds. */
int message_receive(int fd, const struct protocol *protocol, uint32_t sender, void *body, size_t body_room,
                    struct message *message_r, const char **problem_r);
