#include "common/wire.h"
#include "rdp-front/display-control.h"
#include "tests/check.h"

struct monitor {
    uint32_t flags, left, top, width, height;
};

static uint8_t data[4096];

static size_t write_layout(const struct monitor *monitors, uint32_t count)
{
    struct wire_writer writer = wire_writer_over(data, sizeof(data));
    wire_put_u32(&writer, 2);
    wire_put_u32(&writer, 16 + 40 * count);
    wire_put_u32(&writer, 40);
    wire_put_u32(&writer, count);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t fields[10] = {monitors[i].flags,
                                     monitors[i].left,
                                     monitors[i].top,
                                     monitors[i].width,
                                     monitors[i].height,
                                     300,
                                     200,
                                     0,
                                     100,
                                     100};
        for (size_t at = 0; at < 10; at++)
            wire_put_u32(&writer, fields[at]);
    }
    CHECK(!writer.failed);
    return writer.used;
}

static bool reads(size_t size, struct display_size *size_r)
{
    const char *problem;
    bool taken = display_control_layout(data, size, size_r, &problem);
    CHECK(taken == (problem == NULL));
    return taken;
}

static void test_sizes(void)
{
    static const struct {
        uint32_t width, height, want_width, want_height;
    } cases[] = {{1024, 768, 1024, 768}, {1367, 767, 1366, 767},   {200, 200, 200, 200},
                 {1, 1, 200, 200},       {9000, 9001, 8192, 8192}, {65535, 65535, 8192, 8192},
                 {201, 8192, 200, 8192}, {8193, 8193, 8192, 8192}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct monitor monitor = {1, 0, 0, cases[i].width, cases[i].height};
        struct display_size size;
        CHECK(reads(write_layout(&monitor, 1), &size));
        CHECK(size.width == cases[i].want_width && size.height == cases[i].want_height);
    }
    struct monitor two[2] = {{0, (uint32_t)-800, 0, 800, 600}, {1, 0, 0, 1280, 1024}};
    struct display_size size;
    CHECK(reads(write_layout(two, 2), &size));
    CHECK(size.width == 1280 && size.height == 1024);
}

static void test_refused(void)
{
    static const struct monitor bad[][2] = {
        {{1, 0, 0, 0, 600}, {0}},
        {{1, 0, 0, 800, 0}, {0}},
        {{1, 0, 0, 65536, 600}, {0}},
        {{1, 0, 0, 800, 0xFFFFFFFF}, {0}},
        {{1, 1, 0, 800, 600}, {0}},
        {{1, 0, (uint32_t)-1, 800, 600}, {0}},
        {{0, 0, 0, 800, 600}, {0}},
        {{1, 0, 0, 800, 600}, {1, 0, 0, 800, 600}},
        {{1, 0, 0, 800, 600}, {0, 800, 0, 0, 600}},
    };
    struct display_size size;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK(!reads(write_layout(bad[i], bad[i][1].width + bad[i][1].height > 0 ? 2 : 1), &size));
    struct monitor many[DISPLAY_CONTROL_MOST + 1];
    for (uint32_t i = 0; i <= DISPLAY_CONTROL_MOST; i++)
        many[i] = (struct monitor){i == 0, 0, 0, 800, 600};
    CHECK(reads(write_layout(many, DISPLAY_CONTROL_MOST), &size));
    CHECK(!reads(write_layout(many, DISPLAY_CONTROL_MOST + 1), &size));
    CHECK(!reads(write_layout(many, 0), &size));
}

/* Cut off anywhere, too long, or with a wrong head: refused, and nothing of it is taken. */
static void test_bounds(void)
{
    struct monitor monitor = {1, 0, 0, 800, 600};
    size_t whole = write_layout(&monitor, 1);
    struct display_size size = {7, 7};
    for (size_t cut = 0; cut < whole; cut++)
        CHECK(!reads(cut, &size));
    CHECK(!reads(whole + 1, &size));
    static const size_t head[] = {0, 4, 8, 12};
    for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++) {
        write_layout(&monitor, 1);
        data[head[i]]++;
        CHECK(!reads(whole, &size));
    }
    memset(data, 0xFF, sizeof(data));
    CHECK(!reads(sizeof(data), &size));
    CHECK(size.width == 7 && size.height == 7);
}

static void test_caps(void)
{
    static const uint8_t want[] = {5, 0, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0, 0, 32, 0, 0, 0, 32, 0, 0};
    uint8_t caps[DISPLAY_CONTROL_CAPS_SIZE];
    display_control_caps(caps);
    CHECK(sizeof(want) == sizeof(caps) && memcmp(caps, want, sizeof(caps)) == 0);
}

int main(void)
{
    test_sizes();
    test_refused();
    test_bounds();
    test_caps();
    return 0;
}
