#include <errno.h>

#include "common/text.h"
#include "redirect/drives-format.h"
#include "tests/check.h"

static const char *const names[] = {"plain", "Größe", "日本語", "a😀b", "\xF4\x8F\xBF\xBF", "\x7F"};

static void test_utf16(void)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        uint8_t units[64];
        char back[64];
        struct wire_writer writer = wire_writer_over(units, sizeof(units));
        format_utf16_put(&writer, names[i]);
        CHECK(!writer.failed && format_utf8(units, writer.used, back, sizeof(back)));
        CHECK_TEXT(back, names[i]);
        for (size_t room = 0; room <= strlen(names[i]); room++)
            CHECK(!format_utf8(units, writer.used, back, room));
        CHECK(!format_utf8(units, writer.used - 1, back, sizeof(back)));
    }
    static const uint8_t bad[][6] = {{0x3D, 0xD8, 'a', 0, 0, 0}, /* high alone, then a NUL */
                                     {'a', 0, 'a', 0, 0x3D, 0xD8},
                                     {0x00, 0xDE, 'a', 0, 'a', 0},
                                     {'a', 0, 0, 0, 'b', 0}};
    char text[32] = "as it was";
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK(!format_utf8(bad[i], 6, text, sizeof(text)));
}

static void test_names(void)
{
    char longest[FORMAT_NAME_ROOM + 1];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[FORMAT_NAME_ROOM] = '\0';
    CHECK(!format_name_is_known(longest));
    longest[FORMAT_NAME_ROOM - 1] = '\0';
    CHECK(format_name_is_known(longest) && format_name_may_be_new(longest));
    static const char *const never[] = {"",      ".",    "..",  "a\\b", "a/b",
                                        "..\\x", "\x01", "a\n", "\xC3", "\xED\xA0\x80"};
    static const char *const not_new[] = {"a:b",   "*",    "what?",    "<",     "a|b",
                                          "\"",    "dot.", "space ",   "con",   "NUL",
                                          "nul.x", "COM1", "lpt9.txt", "...x.", "PRN.a.b"};
    static const char *const both[] = {"...x",  " a",      "console", "com0", "com10",
                                       "nul-x", ".hidden", "a.b",     "~",    "%"};
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        CHECK(!format_name_is_known(never[i]) && !format_name_may_be_new(never[i]));
    for (size_t i = 0; i < sizeof(not_new) / sizeof(not_new[0]); i++)
        CHECK(format_name_is_known(not_new[i]) && !format_name_may_be_new(not_new[i]));
    for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++)
        CHECK(format_name_is_known(both[i]) && format_name_may_be_new(both[i]));
}

static void check_drive(const char *dos_name, const char *data, size_t size, const char *want)
{
    char name[FORMAT_NAME_ROOM], dos[8] = {0};
    memcpy(dos, dos_name, strlen(dos_name));
    format_drive_name((const uint8_t *)dos, (const uint8_t *)data, size, name);
    CHECK_TEXT(name, want);
}

static void test_drive_names(void)
{
    check_drive("C:", NULL, 0, "C");
    check_drive("share", "share\0", 6, "share");
    check_drive("share", "longer name\0", 12, "longer name");
    check_drive("D:", "G\0r\0\xF6\0\xDF\0e\0\0\0", 12, "Größe");
    check_drive("12345678", NULL, 0, "12345678");
    check_drive("..", "..\0", 3, "Drive");
    check_drive("", NULL, 0, "Drive");
    check_drive("x", "a/b\\c\0", 6, "a_b_c");
    check_drive("x", "\xFF\xFF\0", 3, "x");
    check_drive("x", "\x00\xD8\0\0", 4, "x");
    check_drive(":", NULL, 0, ":");
}

static void test_times(void)
{
    static const struct {
        uint64_t filetime;
        int64_t seconds;
        long nanoseconds;
    } cases[] = {{116444736000000000ULL, 0, 0},
                 {116444736000000001ULL, 0, 100},
                 {131999999990000000ULL, 1555526399, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct timespec time = format_time(cases[i].filetime);
        CHECK(time.tv_sec == cases[i].seconds && time.tv_nsec == cases[i].nanoseconds);
        CHECK(format_filetime(time) == cases[i].filetime);
    }
    CHECK(format_time(0).tv_sec == 0 && format_time(UINT64_MAX).tv_sec == 0);
    CHECK(format_time(INT64_MAX).tv_nsec < 1000000000);
    CHECK(format_filetime((struct timespec){.tv_sec = INT64_MIN}) == 1);
    CHECK(format_filetime((struct timespec){.tv_sec = INT64_MAX}) == 1);
}

static void test_errors(void)
{
    CHECK(format_errno(0) == 0 && format_errno(0x40000000) == 0);
    CHECK(format_errno(0xC0000022) == EACCES && format_errno(0xC000000F) == ENOENT);
    CHECK(format_errno(0xC0000101) == ENOTEMPTY && format_errno(0xC000007F) == ENOSPC);
    CHECK(format_errno(0xDEADBEEF) == EIO && format_errno(0xFFFFFFFF) == EIO);
}

static void test_stat(void)
{
    struct stat stat = {0};
    struct format_attributes attributes = {.size = UINT64_MAX, .allocated = 513, .attributes = 1};
    format_stat(&attributes, &stat);
    CHECK(stat.st_mode == (S_IFREG | 0444) && stat.st_size == INT64_MAX && stat.st_blocks == 2);
    attributes.attributes = FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_READONLY;
    format_stat(&attributes, &stat);
    CHECK(stat.st_mode == (S_IFDIR | 0755) && stat.st_nlink == 2);
}

/* Each answer, cut anywhere: refused, and never read beyond its end. */
static void check_cuts(const uint8_t *body, size_t whole, bool (*read)(const uint8_t *body, size_t size))
{
    for (size_t size = 0; size <= whole; size++) {
        uint8_t *copy = malloc(size > 0 ? size : 1);
        CHECK(copy != NULL);
        memcpy(copy, body, size);
        CHECK(read(copy, size) == (size == whole));
        free(copy);
    }
}

static bool read_basic(const uint8_t *body, size_t size)
{
    struct format_attributes attributes;
    return format_read_basic(body, size, &attributes);
}

static bool read_standard(const uint8_t *body, size_t size)
{
    struct format_attributes attributes;
    return format_read_standard(body, size, &attributes);
}

static bool read_volume(const uint8_t *body, size_t size)
{
    struct statvfs volume;
    return format_read_volume(body, size, &volume);
}

static bool read_data(const uint8_t *body, size_t size)
{
    const uint8_t *data;
    size_t length;
    return format_read_data(body, size, 16, &data, &length);
}

static bool read_entry(const uint8_t *body, size_t size)
{
    struct format_attributes attributes;
    const uint8_t *name;
    size_t bytes;
    return format_read_entry(body, size, &attributes, &name, &bytes);
}

static size_t put_entry(uint8_t *body, size_t room, bool reserved, uint32_t next)
{
    struct wire_writer writer = wire_writer_over(body, room);
    wire_put_u32(&writer, 93 + reserved + 4);
    wire_put_u32(&writer, next);
    wire_put_u32(&writer, 0);
    for (uint64_t i = 1; i <= 6; i++)
        wire_put_u64(&writer, i);
    wire_put_u32(&writer, FILE_ATTRIBUTE_NORMAL);
    wire_put_u32(&writer, 4);
    wire_put_u32(&writer, 0);
    wire_put_u8(&writer, 0);
    wire_put_bytes(&writer, (uint8_t[25]){0}, 24 + reserved);
    wire_put_bytes(&writer, "a\0b", 4);
    CHECK(!writer.failed);
    return writer.used;
}

static void test_answers(void)
{
    uint8_t body[256] = {36};
    check_cuts(body, 40, read_basic);
    body[0] = 22;
    check_cuts(body, 26, read_standard);
    body[0] = 32;
    check_cuts(body, 36, read_volume);
    body[0] = 16;
    check_cuts(body, 20, read_data);
    body[0] = 17;
    CHECK(!read_data(body, 21)); /* more than was asked for */
    body[0] = 35;
    CHECK(!read_basic(body, 40));
    struct format_attributes attributes;
    const uint8_t *units;
    size_t bytes;
    char name[8];
    for (int reserved = 0; reserved < 2; reserved++) {
        size_t whole = put_entry(body, sizeof(body), reserved != 0, 0);
        check_cuts(body, whole, read_entry);
        CHECK(format_read_entry(body, whole, &attributes, &units, &bytes) && bytes == 4);
        CHECK(attributes.created == 1 && attributes.changed == 4 && attributes.size == 5 &&
              attributes.allocated == 6);
        CHECK(format_utf8(units, bytes, name, sizeof(name)));
        CHECK_TEXT(name, "ab");
    }
    CHECK(!read_entry(body, put_entry(body, sizeof(body), false, 100)));
    body[64] = 0xFF; /* the name's length */
    CHECK(!read_entry(body, 101));
}

int main(void)
{
    test_utf16();
    test_names();
    test_drive_names();
    test_times();
    test_errors();
    test_stat();
    test_answers();
    return 0;
}
