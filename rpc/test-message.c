/* Both protocols: every message survives the wire, and every way of breaking one is refused. */
#include "rpc/message.h"

#include <errno.h>
#include <unistd.h>

#include "common/packet.h"
#include "rpc/credentials.h"
#include "rpc/sm.h"
#include "rpc/winstation.h"
#include "tests/check.h"

static union {
    union sm_body sm;
    union winstation_body winstation;
    uint8_t bytes[65536];
} body, got;

static void fill(const struct message_type *type)
{
    memset(&body, 0x5a, type->body_size);
    for (size_t i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        uint8_t *at = body.bytes + field->offset;
        if (field->kind == FIELD_TEXT)
            snprintf((char *)at, field->room, "J\xc3\xbcrgen");
        if (field->kind == FIELD_BYTES)
            memcpy(at - 2, &(uint16_t){(uint16_t)field->room}, 2);
        if (field->kind == FIELD_RECTANGLES)
            ((struct rectangles *)(void *)at)->count = MESSAGE_MAX_RECTANGLES;
    }
}

static void check_type(const struct protocol *protocol, const struct message_type *type)
{
    static uint8_t data[PACKET_MAX_BYTES], again[PACKET_MAX_BYTES];
    const struct message_type *found = NULL;
    const char *problem = NULL;
    fill(type);
    int size = message_encode(protocol, type->number, &body, data, sizeof(data));
    CHECK(size > 4);
    CHECK(message_decode(protocol, type->senders, data, (size_t)size, type->descriptors_least, &got,
                         sizeof(got), &found, &problem) == 0);
    CHECK(found == type);
    CHECK(message_encode(protocol, type->number, &got, again, sizeof(again)) == size);
    CHECK(memcmp(data, again, (size_t)size) == 0);
    for (int cut = 0; cut < size; cut++)
        CHECK(message_decode(protocol, type->senders, data, (size_t)cut, type->descriptors_least, &got,
                             sizeof(got), &found, &problem) == -EPROTO);
    CHECK(message_decode(protocol, type->senders, data, (size_t)size + 1, type->descriptors_least, &got,
                         sizeof(got), &found, &problem) == -EPROTO);
    CHECK(message_decode(protocol, ~type->senders, data, (size_t)size, type->descriptors_least, &got,
                         sizeof(got), &found, &problem) == -EPROTO);
    CHECK(message_decode(protocol, type->senders, data, (size_t)size, type->descriptors_most + 1u, &got,
                         sizeof(got), &found, &problem) == -EPROTO);
    CHECK(message_encode(protocol, type->number, &body, data, (size_t)size - 1) == -EMSGSIZE);
    data[0]++;
    CHECK(message_decode(protocol, type->senders, data, (size_t)size, type->descriptors_least, &got,
                         sizeof(got), &found, &problem) == -EPROTONOSUPPORT);
}

static void is_refused(const struct protocol *protocol, const struct message_type *type, const uint8_t *data,
                       int size)
{
    const struct message_type *found = NULL;
    const char *problem = NULL;
    CHECK(message_decode(protocol, type->senders, data, (size_t)size, type->descriptors_least, &got,
                         sizeof(got), &found, &problem) == -EPROTO);
    CHECK(problem != NULL && found == NULL);
}

static size_t wire_size(const struct field *field, const uint8_t *at)
{
    static const size_t sizes[] = {[FIELD_U8] = 1, [FIELD_U16] = 2, [FIELD_U32] = 4, [FIELD_U64] = 8};
    if (field->kind <= FIELD_U64)
        return sizes[field->kind];
    size_t count = (size_t)(at[0] | at[1] << 8);
    return 2 + count * (field->kind == FIELD_RECTANGLES ? 8 : 1);
}

/* Each field that has a length: one that is longer than the packet or the room, and text that is none. */
static void check_fields(const struct protocol *protocol, const struct message_type *type)
{
    static uint8_t data[PACKET_MAX_BYTES], broken[PACKET_MAX_BYTES];
    fill(type);
    int size = message_encode(protocol, type->number, &body, data, sizeof(data));
    size_t at = 4;
    CHECK(size > 4);
    for (size_t i = 0; i < type->field_count; at += wire_size(&type->fields[i], data + at), i++) {
        const struct field *field = &type->fields[i];
        if (field->kind <= FIELD_U64)
            continue;
        memcpy(broken, data, (size_t)size);
        memset(broken + at, 0xff, 2);
        is_refused(protocol, type, broken, size);
        is_refused(protocol, type, broken,
                   sizeof(broken)); /* as long as it says, and a byte more than there is room */
        if (field->kind != FIELD_TEXT)
            continue;
        memcpy(broken, data, (size_t)size);
        broken[at + 2] = 0xff;
        is_refused(protocol, type, broken, size);
        broken[at + 2] = 0;
        is_refused(protocol, type, broken, size);
    }
    CHECK(at == (size_t)size);
}

static void every_message_of(const struct protocol *protocol)
{
    for (size_t i = 0; i < protocol->type_count; i++) {
        check_type(protocol, &protocol->types[i]);
        check_fields(protocol, &protocol->types[i]);
        for (size_t j = 0; j < i; j++)
            CHECK(protocol->types[i].number != protocol->types[j].number);
    }
}

static void text_must_be_text(void)
{
    struct sm_logon_start start = {.logon = 1, .client = "a\xff"};
    uint8_t data[256];
    CHECK(message_encode(&sm_protocol, SM_LOGON_START, &start, data, sizeof(data)) == -EMSGSIZE);
    memset(start.client, 'x', sizeof(start.client));
    CHECK(message_encode(&sm_protocol, SM_LOGON_START, &start, data, sizeof(data)) == -EMSGSIZE);
}

static void messages_travel_with_descriptors(void)
{
    int pair[2], pipes[2];
    const char *problem;
    struct message message;
    CHECK(packet_pair(pair) == 0 && pipe(pipes) == 0);
    struct sm_logon_start start = {.logon = 77, .client = "10.0.0.1:1"};
    CHECK(message_send(pair[0], &sm_protocol, SM_LOGON_START, &start, pipes[0]) == 0);
    CHECK(message_receive(pair[1], &sm_protocol, SM_BROKER, &got, sizeof(got), &message, &problem) == 1);
    CHECK(message.number == SM_LOGON_START && message.descriptor >= 0 && got.sm.logon_start.logon == 77);
    close(message.descriptor);
    CHECK(message_send(pair[0], &sm_protocol, SM_LOGON_START, &start, -1) == 0);
    CHECK(message_receive(pair[1], &sm_protocol, SM_BROKER, &got, sizeof(got), &message, &problem) ==
          -EPROTO);
    CHECK(message_receive(pair[1], &sm_protocol, SM_BROKER, &got, sizeof(got), &message, &problem) ==
          -EAGAIN);
    /* of a later build: passed over, and what it carries is closed */
    uint8_t later[] = {(uint8_t)sm_protocol.version, 0, 0xff, 0xff, 1, 2, 3};
    CHECK(packet_send(pair[0], later, sizeof(later), &pipes[1], 1) == 0);
    CHECK(message_send(pair[0], &sm_protocol, SM_LOGON_START, &start, pipes[0]) == 0);
    close(pipes[1]);
    CHECK(message_receive(pair[1], &sm_protocol, SM_BROKER, &got, sizeof(got), &message, &problem) ==
          -EAGAIN);
    CHECK(read(pipes[0], later, 1) == 0);
    CHECK(message_receive(pair[1], &sm_protocol, SM_BROKER, &got, sizeof(got), &message, &problem) == 1);
    close(message.descriptor);
    close(pair[0]);
    CHECK(message_receive(pair[1], &sm_protocol, SM_BROKER, &got, sizeof(got), &message, &problem) == 0);
    close(pair[1]);
    close(pipes[0]);
}

static void credentials_pass_through_a_pipe(void)
{
    struct credentials sent = {.user = "demo", .password = "p\xc3\xa4ss word"}, read;
    int fd = credentials_pipe(&sent);
    CHECK(fd >= 0 && credentials_read(fd, &read) == 0);
    CHECK_TEXT(read.user, "demo");
    CHECK_TEXT(read.password, sent.password);
    close(fd);

    int ends[2];
    static const char hostile[] = "\xff\xff demo";
    CHECK(pipe(ends) == 0 && write(ends[1], hostile, sizeof(hostile)) == sizeof(hostile));
    close(ends[1]);
    CHECK(credentials_read(ends[0], &read) == -EPROTO && read.user[0] == '\0');
    close(ends[0]);

    CHECK(pipe(ends) == 0);
    CHECK(credentials_read(ends[0], &read) == -ETIMEDOUT);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    every_message_of(&sm_protocol);
    every_message_of(&winstation_protocol);
    text_must_be_text();
    messages_travel_with_descriptors();
    credentials_pass_through_a_pipe();
    return 0;
}
