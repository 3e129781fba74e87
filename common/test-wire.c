#include "common/wire.h"

#include "tests/check.h"

static void what_is_written_is_read(void)
{
    uint8_t data[32];
    struct wire_writer writer = wire_writer_over(data, sizeof(data));
    wire_put_u8(&writer, 0xab);
    wire_put_u16(&writer, 0x1234);
    wire_put_u32(&writer, 0xdeadbeef);
    wire_put_u64(&writer, 0x0102030405060708);
    wire_put_bytes(&writer, "xyz", 3);
    CHECK(!writer.failed && writer.used == 18);
    CHECK(data[1] == 0x34 && data[2] == 0x12);

    struct wire_reader reader = wire_reader_over(data, writer.used);
    CHECK(wire_get_u8(&reader) == 0xab);
    CHECK(wire_get_u16(&reader) == 0x1234);
    CHECK(wire_get_u32(&reader) == 0xdeadbeef);
    CHECK(wire_get_u64(&reader) == 0x0102030405060708);
    CHECK(!wire_reader_ended(&reader));
    CHECK(memcmp(wire_get_bytes(&reader, 3), "xyz", 3) == 0);
    CHECK(wire_reader_ended(&reader));
}

static void a_bound_fails_for_good(void)
{
    uint8_t data[3] = {1, 2, 3};
    struct wire_reader reader = wire_reader_over(data, sizeof(data));
    CHECK(wire_get_u32(&reader) == 0);
    CHECK(reader.failed);
    CHECK(wire_get_u8(&reader) == 0);
    CHECK(!wire_reader_ended(&reader));

    struct wire_writer writer = wire_writer_over(data, sizeof(data));
    wire_put_u64(&writer, UINT64_MAX);
    wire_put_u8(&writer, 9);
    CHECK(writer.failed && writer.used == 0 && data[0] == 1);
}

static void a_huge_count_does_not_wrap(void)
{
    uint8_t data[4] = {0};
    struct wire_reader reader = wire_reader_over(data, sizeof(data));
    CHECK(wire_get_u8(&reader) == 0);
    CHECK(wire_get_bytes(&reader, SIZE_MAX) == NULL);
}

int main(void)
{
    what_is_written_is_read();
    a_bound_fails_for_good();
    a_huge_count_does_not_wrap();
    return 0;
}
