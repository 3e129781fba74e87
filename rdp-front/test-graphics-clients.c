/* Real clients on a real X server, shown a known picture by the graphics library: what they display is
 * compared with it, for each way that frames can go. Prints what was measured. */
#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>

#include "common/clock.h"
#include "rdp-front/test-graphics-display.h"
#include "rdp-front/test-graphics-server.h"
#include "tests/check.h"

#define PATIENCE_MS 30000
#define WIDTH       640
#define HEIGHT      480
#define ARGUMENTS   24

/* A client, how it is started, and the way that its frames must go. */
struct client_case {
    const char *program;
    const char *options[3];
    const char *codec;
    unsigned tolerance; /* for nearly every channel of nearly every pixel */
    bool pipeline;      /* that the server offers it */
};

/* xfreerdp3 cannot be told to do without the pipeline, so there the server does. */
static const struct client_case cases[] = {
    {"xfreerdp3", {NULL}, "gfx-progressive", 40, true},
    {"xfreerdp3", {"/gfx:RFX"}, "gfx-progressive", 40, true},
    {"xfreerdp3", {"/gfx:progressive"}, "gfx-progressive", 40, true},
    {"xfreerdp3", {"/gfx:thin-client,RFX,mask:0xfffffffc"}, "gfx-rfx", 40, true},
    {"xfreerdp3", {"/rfx"}, "surface-rfx", 40, false},
    {"xfreerdp3", {"/gfx:RFX:off", "/bpp:32"}, "bitmap", 0, false},
    {"xfreerdp3", {"/gfx:RFX:off", "/bpp:16"}, "bitmap", 8, false},
    {"xfreerdp", {"/gfx:RFX"}, "gfx-progressive", 40, true},
    {"xfreerdp", {"/rfx"}, "surface-rfx", 40, true},
    {"xfreerdp", {"/bpp:32"}, "bitmap", 0, true},
    {"xfreerdp", {"/bpp:24"}, "bitmap", 0, true},
    {"xfreerdp", {"/bpp:16"}, "bitmap", 8, true},
    {"xfreerdp3", {"/gfx:RFX:off", "/bpp:24"}, "bitmap", 0, false},
};

struct picture {
    unsigned width, height;
    uint8_t pixels[DISPLAY_WIDTH * DISPLAY_HEIGHT * 4];
};

static struct picture picture;
static struct test_display display;
static struct test_server server;

/* Smooth colours with hard-edged blocks in them; `seed` makes another picture. */
static void picture_make(unsigned width, unsigned height, unsigned seed)
{
    picture.width = width;
    picture.height = height;
    for (unsigned y = 0; y < height; y++)
        for (unsigned x = 0; x < width; x++) {
            bool block = (x / 48 + y / 40 + seed) % 5 == 0;
            uint32_t colour =
                block ? 0x2040a0 * (seed % 3 + 1) : (x / 4) << 16 | (y / 3 + seed % 64) << 8 | 90;
            memcpy(picture.pixels + ((size_t)y * width + x) * 4, &colour, 4);
        }
}

/* Counts the channels that differ by more than the tolerance: codecs ring at hard edges, so a few may. */
static bool picture_is_shown(const struct client_case *client, bool say)
{
    size_t channels = (size_t)picture.width * picture.height * 4, wrong = 0;
    display_capture(&display, picture.width, picture.height);
    for (size_t i = 0; i < channels; i++) {
        int difference = picture.pixels[i] - display.pixels[i];
        wrong += i % 4 != 3 && abs(difference) > (int)client->tolerance;
    }
    for (size_t i = 0; say && i < channels; i += channels / 16 & ~3u)
        fprintf(stderr, "at %zu: %02x%02x%02x, want %02x%02x%02x\n", i / 4, display.pixels[i + 2],
                display.pixels[i + 1], display.pixels[i], picture.pixels[i + 2], picture.pixels[i + 1],
                picture.pixels[i]);
    if (say)
        fprintf(stderr, "%zu of %zu channels differ\n", wrong, channels);
    return wrong <= (client->tolerance > 8 ? channels / 200 : 0);
}

static void expect_picture(const struct client_case *client)
{
    int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
    while (!picture_is_shown(client, false)) {
        bool late = clock_monotonic_ms() > deadline;
        if (late)
            picture_is_shown(client, true);
        CHECK(!late);
        for (int i = 0; i < 10; i++)
            CHECK(server_step(&server, 10));
    }
}

static void damage(unsigned x, unsigned y, unsigned width, unsigned height)
{
    struct rectangles rectangles = {.count = 1,
                                    .at = {{(uint16_t)x, (uint16_t)y, (uint16_t)width, (uint16_t)height}}};
    graphics_damage(server.graphics, &rectangles);
}

static void show_picture(void)
{
    CHECK(graphics_set_screen(server.graphics, picture.pixels, picture.width, picture.height,
                              (size_t)picture.width * 4));
}

static pid_t client_start(const struct client_case *client)
{
    char target[64], size[32];
    snprintf(target, sizeof target, "/v:127.0.0.1:%d", server.port);
    snprintf(size, sizeof size, "/size:%dx%d", WIDTH, HEIGHT);
    const char *arguments[ARGUMENTS] = {
        client->program, target,     size,         "/u:test",      "/p:test",
        "/cert:ignore",  "/sec:tls", "-clipboard", "-decorations", "/log-level:ERROR"};
    size_t count = 10;
    for (size_t i = 0; i < 3 && client->options[i] != NULL; i++)
        arguments[count++] = client->options[i];
    return program_start(display.name, arguments);
}

/* Waits for the first pixel, and tells how long after activation it came. */
static void expect_first_pixel(void)
{
    int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
    uint32_t want = 0;
    while (server.activations == 0) {
        CHECK(clock_monotonic_ms() < deadline && server_step(&server, 10));
    }
    memcpy(&want, picture.pixels + ((size_t)100 * WIDTH + 100) * 4, 3);
    while (display_pixel(&display, 100, 100) == 0) {
        CHECK(clock_monotonic_ms() < deadline && server_step(&server, 1));
    }
    printf("  first pixel %" PRId64 " ms after activation\n", clock_monotonic_ms() - server.activated_ms);
}

static void expect_codec(const struct client_case *client)
{
    int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
    while (strcmp(graphics_codec(server.graphics), client->codec) != 0) {
        if (clock_monotonic_ms() > deadline)
            fprintf(stderr, "the way is %s\n", graphics_codec(server.graphics));
        CHECK(clock_monotonic_ms() < deadline && server_step(&server, 10));
    }
}

/* A frame more is out, and everything that was damaged is encoded. */
static void expect_frame_done(unsigned done_before)
{
    int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
    while (server.frames_done == done_before)
        CHECK(clock_monotonic_ms() < deadline && server_step(&server, 10));
}

static void test_one_tile(const struct client_case *client)
{
    struct graphics_counters before, after;
    graphics_counters(server.graphics, &before);
    for (unsigned y = 140; y < 156; y++)
        memset(picture.pixels + ((size_t)y * WIDTH + 140) * 4, 0xe0, 9 * 4); /* a letter's size */
    unsigned done = server.frames_done;
    damage(0, 130, WIDTH, 30); /* a band as wide as the screen, as it often comes */
    expect_frame_done(done);
    expect_picture(client);
    graphics_counters(server.graphics, &after);
    CHECK(after.tiles - before.tiles == 1 && after.frames - before.frames == 1);
    printf("  a letter: %" PRIu64 " bytes, %" PRIu64 " us\n", after.bytes - before.bytes,
           after.encode_us - before.encode_us);
    damage(0, 0, WIDTH, HEIGHT); /* nothing changed: nothing is sent */
    done = server.frames_done;
    expect_frame_done(done);
    graphics_counters(server.graphics, &before);
    CHECK(before.frames == after.frames && before.bytes == after.bytes);
}

static void test_full_frame(const struct client_case *client)
{
    struct graphics_counters before, after;
    graphics_counters(server.graphics, &before);
    picture_make(WIDTH, HEIGHT, 7);
    unsigned done = server.frames_done;
    damage(0, 0, 65535, 65535);
    expect_frame_done(done);
    graphics_counters(server.graphics, &after);
    printf("  %dx%d: %" PRIu64 " kB, %" PRIu64 " us\n", WIDTH, HEIGHT, (after.bytes - before.bytes) / 1024,
           after.encode_us - before.encode_us);
    expect_picture(client);
}

static void expect_pointer(unsigned width, unsigned height, uint32_t middle)
{
    int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
    unsigned got_width = 0, got_height = 0;
    uint32_t got = 0;
    while (!display_pointer(&display, &got_width, &got_height, &got) || got_width != width ||
           got_height != height || got != middle) {
        if (clock_monotonic_ms() > deadline)
            fprintf(stderr, "the pointer is %ux%u %08x\n", got_width, got_height, got);
        CHECK(clock_monotonic_ms() < deadline && server_step(&server, 10));
    }
}

static void test_pointer(void)
{
    static struct winstation_pointer shape;
    static const struct {
        unsigned side;
        uint32_t colour;
    } shapes[] = {{24, 0xff20c040}, {32, 0xff4020c0}, {24, 0xff20c040}, {48, 0xffc04020}};
    display_move_pointer(&display, 60, 60);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        unsigned side = shapes[i].side;
        shape = (struct winstation_pointer){.hot_x = 3, .hot_y = 4};
        shape.width = shape.height = (uint16_t)side;
        shape.pixels_count = (uint16_t)(side * side * 4);
        for (unsigned pixel = 0; pixel < side * side; pixel++)
            memcpy(shape.pixels + (size_t)pixel * 4, &shapes[i].colour, 4);
        graphics_pointer(server.graphics, &shape);
        expect_pointer(side, side, shapes[i].colour);
    }
}

/* A client that stops: few frames go out meanwhile, and afterwards it shows the newest picture. */
static void test_slow_client(const struct client_case *client, pid_t pid)
{
    struct graphics_counters before, after;
    CHECK(kill(pid, SIGSTOP) == 0);
    graphics_counters(server.graphics, &before);
    for (unsigned seed = 10; seed < 60; seed++) {
        picture_make(WIDTH, HEIGHT, seed);
        damage(0, 0, WIDTH, HEIGHT);
        CHECK(server_step(&server, 20));
    }
    graphics_counters(server.graphics, &after);
    printf("  stopped: %" PRIu64 " of 50 frames sent\n", after.frames - before.frames);
    CHECK(after.frames - before.frames <=
          4); /* two may be under way, and two answers were before it stopped */
    CHECK(kill(pid, SIGCONT) == 0);
    expect_picture(client);
}

/* While the client wants nothing, nothing is sent or said to be done; then the newest picture comes. */
static void test_suppressed(const struct client_case *client)
{
    struct graphics_counters before, after;
    unsigned done = server.frames_done;
    graphics_counters(server.graphics, &before);
    graphics_suppress(server.graphics, true);
    picture_make(WIDTH, HEIGHT, 70);
    damage(0, 0, WIDTH, HEIGHT);
    for (int i = 0; i < 10; i++)
        CHECK(server_step(&server, 10));
    graphics_counters(server.graphics, &after);
    CHECK(after.frames == before.frames && server.frames_done == done);
    graphics_suppress(server.graphics, false);
    expect_frame_done(done);
    expect_picture(client);
}

static void test_resize(const struct client_case *client)
{
    static const unsigned sizes[][2] = {{803, 602}, {WIDTH, HEIGHT}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        picture_make(sizes[i][0], sizes[i][1], 3);
        show_picture();
        expect_picture(client);
    }
}

static void test_client(const struct client_case *client)
{
    printf("%s %s %s %s\n", client->program, client->options[0] != NULL ? client->options[0] : "",
           client->options[1] != NULL ? client->options[1] : "",
           client->options[2] != NULL ? client->options[2] : "");
    fflush(stdout);
    picture_make(WIDTH, HEIGHT, 1);
    pid_t pid = client_start(client);
    CHECK(server_accept(&server, client->pipeline));
    show_picture();
    expect_first_pixel();
    expect_codec(client);
    expect_picture(client);
    test_one_tile(client);
    test_full_frame(client);
    test_pointer();
    test_slow_client(client, pid);
    test_suppressed(client);
    test_resize(client);
    CHECK_TEXT(graphics_codec(server.graphics), client->codec);
    program_end(pid);
    server_drop(&server);
}

int main(int argc, char **argv)
{
    if (!program_exists("Xvfb") || !program_exists("xfreerdp3"))
        return 77;
    setvbuf(stdout, NULL, _IOLBF, 0);
    CHECK(graphics_warm_up());
    display_open(&display);
    server_open(&server);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool chosen = argc < 2 || i == (size_t)strtoul(argv[1], NULL, 10);
        if (chosen && program_exists(cases[i].program))
            test_client(&cases[i]);
    }
    server_close(&server);
    display_close(&display);
    return 0;
}
