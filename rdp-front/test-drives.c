/* The worker's part of drives between two played ends: what is sent to either is kept, and looked at. */
#include "common/wire.h"
#include "rdp-front/drives-state.h"
#include "rdp-front/drives.h"
#include "tests/check.h"

#define KEPT 4096

struct sent {
    size_t count;
    size_t size[KEPT];
    uint8_t *data[KEPT];
};

static struct sent to_client, to_session;
static struct drives *drives;

static void keep(struct sent *sent, const void *data, size_t size)
{
    CHECK(sent->count < KEPT && size <= REDIRECT_PACKET_MAX);
    sent->data[sent->count] = malloc(size + 1);
    CHECK(sent->data[sent->count] != NULL);
    memcpy(sent->data[sent->count], data, size);
    sent->size[sent->count++] = size;
}

void redirect_to_client(struct redirect *redirect, unsigned channel, const void *data, size_t size)
{
    CHECK(redirect == NULL && channel == 0);
    keep(&to_client, data, size);
}

void redirect_to_session(struct redirect *redirect, const void *data, size_t size)
{
    CHECK(redirect == NULL);
    keep(&to_session, data, size);
}

static void drop(struct sent *sent)
{
    while (sent->count > 0)
        free(sent->data[--sent->count]);
}

static void drop_all(void)
{
    drop(&to_client);
    drop(&to_session);
}

/* The whole of `bytes` is read: a copy of that size, so that a byte more is found by the sanitizers. */
static const char *from_client(const void *bytes, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    CHECK(copy != NULL);
    memcpy(copy, bytes, size);
    const char *problem = drives_part.from_client(drives, 0, copy, size);
    free(copy);
    return problem;
}

static uint32_t number(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint8_t buffer[70000];

static struct wire_writer message(uint16_t pdu)
{
    struct wire_writer writer = wire_writer_over(buffer, sizeof(buffer));
    wire_put_u16(&writer, 0x4472);
    wire_put_u16(&writer, pdu);
    return writer;
}

static size_t make_id(void)
{
    struct wire_writer writer = message(PDU_CLIENT_ID);
    wire_put_u16(&writer, 1);
    wire_put_u16(&writer, 12);
    wire_put_u32(&writer, 77);
    return writer.used;
}

static size_t make_name(void)
{
    struct wire_writer writer = message(PDU_CLIENT_NAME);
    wire_put_u32(&writer, 1);
    wire_put_u32(&writer, 0);
    wire_put_u32(&writer, 4);
    wire_put_u32(&writer, 'x');
    return writer.used;
}

static size_t make_capabilities(void)
{
    struct wire_writer writer = message(PDU_CLIENT_CAPABILITY);
    wire_put_u32(&writer, 2);
    for (int i = 0; i < 2; i++) {
        wire_put_u16(&writer, (uint16_t)(4 + i));
        wire_put_u16(&writer, 12);
        wire_put_u32(&writer, 2);
        wire_put_u32(&writer, 0);
    }
    return writer.used;
}

static void put_device(struct wire_writer *writer, uint32_t type, uint32_t id, const char *data, size_t size)
{
    wire_put_u32(writer, type);
    wire_put_u32(writer, id);
    wire_put_bytes(writer, "DRIVE\0\0\0", 8);
    wire_put_u32(writer, (uint32_t)size);
    wire_put_bytes(writer, data, size);
}

static size_t make_devices(void)
{
    struct wire_writer writer = message(PDU_DEVICES);
    wire_put_u32(&writer, 3);
    put_device(&writer, 8, 5, "share", 6);
    put_device(&writer, 4, 6, "printer", 8);
    put_device(&writer, 8, 7, NULL, 0);
    return writer.used;
}

static size_t make_removal(uint32_t device)
{
    struct wire_writer writer = message(PDU_DEVICES_GONE);
    wire_put_u32(&writer, 1);
    wire_put_u32(&writer, device);
    return writer.used;
}

static size_t make_completion(uint32_t device, uint32_t id, uint32_t status, const void *body, size_t size)
{
    struct wire_writer writer = message(PDU_COMPLETION);
    wire_put_u32(&writer, device);
    wire_put_u32(&writer, id);
    wire_put_u32(&writer, status);
    wire_put_bytes(&writer, body, size);
    CHECK(!writer.failed);
    return writer.used;
}

static void begin(void)
{
    drop_all();
    drives = drives_part.open(NULL, REDIRECT_DRIVES);
    CHECK(drives != NULL && drives_part.client_there(drives, 0) == NULL);
    CHECK(to_client.count == 1 && to_client.size[0] == 12);
}

static void begin_with_drives(void)
{
    begin();
    CHECK(from_client(buffer, make_id()) == NULL && from_client(buffer, make_name()) == NULL);
    CHECK(from_client(buffer, make_capabilities()) == NULL && from_client(buffer, make_devices()) == NULL);
    CHECK(drives_part.session_there(drives) == NULL);
    drop_all();
}

static void end(void)
{
    drives_part.close(drives);
    drop_all();
}

static const char *ask(uint32_t tag, uint32_t device, uint32_t file, uint32_t major, uint32_t minor,
                       size_t at, uint32_t length, size_t trailing)
{
    static uint8_t packet[REDIRECT_PACKET_MAX], body[REDIRECT_PACKET_MAX];
    struct wire_writer writer = wire_writer_over(packet, sizeof(packet)), field;
    memset(body, 0, sizeof(body));
    field = wire_writer_over(body + at, 4);
    wire_put_u32(&field, length);
    wire_put_u8(&writer, DRIVES_REQUEST);
    wire_put_u32(&writer, tag);
    wire_put_u32(&writer, device);
    wire_put_u32(&writer, file);
    wire_put_u32(&writer, major);
    wire_put_u32(&writer, minor);
    wire_put_bytes(&writer, body, DRIVES_BODY_HEAD + trailing);
    CHECK(!writer.failed);
    return drives_part.from_session(drives, packet, writer.used);
}

/* The completion id of the last request that the client has been sent. */
static uint32_t asked_id(void)
{
    CHECK(to_client.count > 0);
    const uint8_t *data = to_client.data[to_client.count - 1];
    CHECK(to_client.size[to_client.count - 1] >= 24 && number(data) == (0x4952u << 16 | 0x4472));
    return number(data + 12);
}

static void open_file(uint32_t device, uint32_t file)
{
    uint8_t body[5] = {0};
    struct wire_writer writer = wire_writer_over(body, sizeof(body));
    wire_put_u32(&writer, file);
    CHECK(ask(1, device, 0, DRIVES_CREATE, 0, 28, 4, 4) == NULL);
    CHECK(from_client(buffer, make_completion(device, asked_id(), 0, body, sizeof(body))) == NULL);
    drop_all();
}

static void test_beginning(void)
{
    begin();
    CHECK(from_client(buffer, make_id()) == NULL && to_client.count == 1);
    CHECK(from_client(buffer, make_name()) == NULL && to_client.count == 3);
    CHECK(number(to_client.data[1]) == (0x5350u << 16 | 0x4472) && to_client.size[1] == 8 + 44 + 8);
    CHECK(number(to_client.data[2] + 8) == 77);
    CHECK(from_client(buffer, make_capabilities()) == NULL && to_client.count == 4);
    CHECK(number(to_client.data[3]) == (0x554Cu << 16 | 0x4472));
    drop_all();
    CHECK(from_client(buffer, make_devices()) == NULL && to_client.count == 3 && to_session.count == 2);
    static const struct {
        uint32_t id, result;
    } wanted[] = {{5, 0}, {6, DRIVES_STATUS_ACCESS_DENIED}, {7, 0}};
    for (size_t i = 0; i < 3; i++)
        CHECK(number(to_client.data[i] + 4) == wanted[i].id &&
              number(to_client.data[i] + 8) == wanted[i].result);
    CHECK(to_session.size[0] == DRIVES_ADD_HEAD + 6 && number(to_session.data[0] + 1) == 5);
    CHECK(memcmp(to_session.data[0] + DRIVES_ADD_HEAD, "share", 6) == 0);
    drop_all();
    CHECK(from_client(buffer, make_devices()) == NULL && to_session.count == 0); /* they are there */
    CHECK(drives_part.session_there(drives) == NULL && to_session.count == 2);
    CHECK(from_client(buffer, make_removal(5)) == NULL && to_session.count == 3);
    CHECK(to_session.size[2] == DRIVES_REMOVE_SIZE && to_session.data[2][0] == DRIVES_REMOVE);
    CHECK(from_client(buffer, make_removal(5)) == NULL && to_session.count == 3);
    end();
}

/* Every message, cut anywhere or one byte too long, is refused; a whole one out of order too. */
static void test_cuts(void)
{
    size_t (*const steps[])(void) = {make_id, make_name, make_capabilities, make_devices};
    for (size_t step = 0; step < 4; step++) {
        size_t whole = steps[step]();
        for (size_t size = 0; size <= whole + 1; size++) {
            begin();
            for (size_t before = 0; before < step; before++)
                CHECK(from_client(buffer, steps[before]()) == NULL);
            steps[step]();
            buffer[whole] = 0;
            drop(&to_session);
            bool taken = from_client(buffer, size) == NULL;
            CHECK(taken == (size == whole));
            CHECK(size == whole || to_session.count == 0);
            end();
        }
    }
    begin();
    CHECK(from_client(buffer, make_name()) != NULL);
    CHECK(from_client(buffer, make_devices()) != NULL);
    CHECK(from_client(buffer, make_completion(5, 0, 0, NULL, 0)) != NULL);
    struct wire_writer other = message(0x1234);
    CHECK(from_client(buffer, other.used) == NULL);
    end();
}

static void test_requests(void)
{
    begin_with_drives();
    CHECK(ask(9, 5, 0, DRIVES_CREATE, 0, 28, 4, 4) == NULL && to_client.count == 1);
    uint32_t id = asked_id();
    static const uint8_t opened[5] = {44, 0, 0, 0, 1};
    CHECK(from_client(buffer, make_completion(5, id + 1, 0, opened, 5)) == NULL && to_session.count == 0);
    CHECK(from_client(buffer, make_completion(7, id, 0, opened, 5)) == NULL && to_session.count == 0);
    CHECK(from_client(buffer, make_completion(5, id, 0, opened, 5)) == NULL && to_session.count == 1);
    CHECK(to_session.data[0][0] == DRIVES_ANSWER && number(to_session.data[0] + 1) == 9);
    CHECK(to_session.size[0] == DRIVES_ANSWER_HEAD + 5 && number(to_session.data[0] + 9) == 44);
    CHECK(from_client(buffer, make_completion(5, id, 0, opened, 5)) == NULL && to_session.count == 1);
    /* The file is that program's on that drive. */
    drop_all();
    CHECK(ask(10, 5, 44, DRIVES_READ, 0, 0, DRIVES_IO_MOST, 0) == NULL && to_client.count == 1);
    CHECK(number(to_client.data[0] + 8) == 44);
    static const struct {
        uint32_t device, file, status;
    } wrong[] = {{5, 45, DRIVES_STATUS_INVALID_FILE},
                 {7, 44, DRIVES_STATUS_INVALID_FILE},
                 {6, 44, DRIVES_STATUS_NO_DEVICE}};
    for (size_t i = 0; i < 3; i++) {
        drop_all();
        CHECK(ask(11, wrong[i].device, wrong[i].file, DRIVES_READ, 0, 0, 1, 0) == NULL);
        CHECK(to_client.count == 0 && to_session.count == 1);
        CHECK(number(to_session.data[0] + 5) == wrong[i].status);
    }
    drop_all();
    CHECK(ask(12, 5, 44, DRIVES_CLOSE, 0, 0, 0, 0) == NULL && to_client.count == 1);
    CHECK(ask(13, 5, 44, DRIVES_CLOSE, 0, 0, 0, 0) == NULL && to_client.count == 1);
    end();
}

/* What is no request that there may be ends the kind. */
static void test_malformed_requests(void)
{
    static const struct {
        uint32_t major, minor, length;
        size_t at, trailing;
    } bad[] = {
        {DRIVES_READ, 0, DRIVES_IO_MOST + 1, 0, 0},
        {DRIVES_READ, 0, 1, 0, 1},
        {DRIVES_WRITE, 0, 8, 0, 7},
        {DRIVES_WRITE, 0, 8, 0, 9},
        {DRIVES_WRITE, 0, 0xFFFFFFFF, 0, 0},
        {DRIVES_CREATE, 0, 4, 28, 5},
        {DRIVES_SET_INFORMATION, 0, 2, 4, 1},
        {DRIVES_DIRECTORY, 2, 0, 5, 0},
        {DRIVES_DIRECTORY, DRIVES_QUERY_DIRECTORY, 3, 5, 2},
        {14, 0, 0, 0, 0},
        {17, 0, 0, 0, 0},
        {1, 0, 0, 0, 0},
    };
    static const uint8_t few[DRIVES_REQUEST_HEAD + DRIVES_BODY_HEAD] = {DRIVES_REQUEST};
    begin_with_drives();
    open_file(5, 3);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK(ask(1, 5, 3, bad[i].major, bad[i].minor, bad[i].at, bad[i].length, bad[i].trailing) != NULL);
    for (size_t size = 0; size < sizeof(few); size++)
        CHECK(drives_part.from_session(drives, few, size) != NULL);
    CHECK(drives_part.from_session(drives, (const uint8_t *)"\5", 1) != NULL);
    CHECK(to_client.count == 0);
    end();
}

/* Answers in another order; and no more than there is room for. */
static void test_many(void)
{
    static uint32_t ids[DRIVES_REQUESTS_MOST];
    begin_with_drives();
    open_file(5, 3);
    for (uint32_t i = 0; i < DRIVES_REQUESTS_MOST; i++) {
        CHECK(ask(i, 5, 3, DRIVES_READ, 0, 0, 1, 0) == NULL && to_session.count == 0);
        ids[i] = asked_id();
    }
    CHECK(ask(5000, 5, 3, DRIVES_READ, 0, 0, 1, 0) == NULL && to_session.count == 1);
    CHECK(number(to_session.data[0] + 1) == 5000 &&
          number(to_session.data[0] + 5) == DRIVES_STATUS_NO_RESOURCES);
    drop_all();
    for (uint32_t i = DRIVES_REQUESTS_MOST; i-- > 0;) {
        CHECK(from_client(buffer, make_completion(5, ids[i], 0, "\0\0\0", 4)) == NULL);
        CHECK(number(to_session.data[to_session.count - 1] + 1) == i);
    }
    CHECK(to_session.count == DRIVES_REQUESTS_MOST);
    CHECK(ask(1, 5, 3, DRIVES_READ, 0, 0, 1, 0) == NULL && asked_id() != ids[0]);
    end();
}

/* A program that goes leaves nothing open, and the next one gets no answer of its. */
static void test_program_gone(void)
{
    static const uint8_t opened[5] = {9, 0, 0, 0, 1};
    begin_with_drives();
    open_file(5, 3);
    open_file(7, 3);
    CHECK(ask(1, 5, 0, DRIVES_CREATE, 0, 28, 4, 4) == NULL);
    uint32_t id = asked_id();
    drop_all();
    drives_part.session_gone(drives);
    CHECK(to_client.count == 2); /* both are closed */
    for (size_t i = 0; i < 2; i++)
        CHECK(number(to_client.data[i] + 8) == 3 && number(to_client.data[i] + 16) == DRIVES_CLOSE);
    CHECK(from_client(buffer, make_completion(5, asked_id(), 0, opened, 5)) == NULL);
    drop_all();
    CHECK(drives_part.session_there(drives) == NULL && to_session.count == 2);
    drop_all();
    CHECK(from_client(buffer, make_completion(5, id, 0, opened, 5)) == NULL);
    CHECK(to_session.count == 0 && to_client.count == 1 && number(to_client.data[0] + 8) == 9);
    CHECK(ask(1, 5, 3, DRIVES_READ, 0, 0, 1, 0) == NULL);
    CHECK(number(to_session.data[0] + 5) == DRIVES_STATUS_INVALID_FILE);
    end();
}

static void test_drive_gone(void)
{
    static const uint8_t opened[5] = {9, 0, 0, 0, 1};
    begin_with_drives();
    open_file(5, 3);
    CHECK(ask(1, 5, 0, DRIVES_CREATE, 0, 28, 4, 4) == NULL);
    uint32_t id = asked_id();
    CHECK(from_client(buffer, make_removal(5)) == NULL);
    drop_all();
    CHECK(from_client(buffer, make_completion(5, id, 0, opened, 5)) == NULL && to_session.count == 0);
    CHECK(ask(1, 5, 3, DRIVES_READ, 0, 0, 1, 0) == NULL);
    CHECK(to_client.count == 0 && number(to_session.data[0] + 5) == DRIVES_STATUS_NO_DEVICE);
    end();
}

static void test_hostile_answers(void)
{
    static uint8_t much[REDIRECT_PACKET_MAX];
    begin_with_drives();
    CHECK(ask(1, 5, 0, DRIVES_CREATE, 0, 28, 4, 4) == NULL);
    CHECK(from_client(buffer, make_completion(5, asked_id(), 0, much, 3)) != NULL);
    open_file(5, 3);
    CHECK(ask(1, 5, 3, DRIVES_READ, 0, 0, 1, 0) == NULL);
    CHECK(from_client(buffer, make_completion(5, asked_id(), 0, much, sizeof(much) - 8)) != NULL);
    CHECK(ask(1, 5, 0, DRIVES_CREATE, 0, 28, 4, 4) == NULL);
    drop(&to_session); /* the number of a file that is open already */
    CHECK(from_client(buffer, make_completion(5, asked_id(), 0, "\3\0\0\0", 5)) == NULL);
    CHECK(number(to_session.data[0] + 5) == DRIVES_STATUS_NO_RESOURCES);
    end();
}

int main(void)
{
    test_beginning();
    test_cuts();
    test_requests();
    test_malformed_requests();
    test_many();
    test_program_gone();
    test_drive_gone();
    test_hostile_answers();
    return 0;
}
