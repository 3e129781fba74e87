/* What is made of the client's formats, and of the session's. */
#include "common/wire.h"
#include "redirect/clipboard-formats.h"
#include "redirect/clipboard-image.h"
#include "redirect/clipboard-text.h"
#include "tests/check.h"

static struct clipboard_data made;

/* Converts from a place that ends where the data does, so that a sanitizer sees what is read beyond. */
static bool make(clipboard_converter *convert, const void *data, size_t size)
{
    uint8_t *exact = malloc(size + (size == 0));
    CHECK(exact != NULL);
    memcpy(exact, data, size);
    clipboard_data_wipe(&made);
    bool good = convert(exact, size, &made);
    CHECK(good == (made.bytes != NULL));
    free(exact);
    return good;
}

#define MAKES(convert, from, to)                                                            \
    do {                                                                                    \
        CHECK(make(convert, from, sizeof(from) - 1));                                       \
        CHECK(made.total == sizeof(to) - 1 && memcmp(made.bytes, to, sizeof(to) - 1) == 0); \
    } while (0)

static void test_text(void)
{
    MAKES(clipboard_text_from_client, "a\0\r\0\n\0b\0\0\0", "a\nb");
    MAKES(clipboard_text_from_client, "a\0\r\0b\0\r\0", "a\rb\r");
    MAKES(clipboard_text_from_client, "\r\0\r\0\n\0", "\r\n");
    MAKES(clipboard_text_from_client, "a\0\0\0z\0", "a"); /* what lies behind the NUL is nobody's */
    MAKES(clipboard_text_from_client, "a\0b", "a");       /* half a character */
    MAKES(clipboard_text_from_client, "", "");
    MAKES(clipboard_text_from_client, "\x3D\xD8\x00\xDE", "\xF0\x9F\x98\x80");
    MAKES(clipboard_text_from_client, "\x3D\xD8", "\xEF\xBF\xBD");
    MAKES(clipboard_text_from_client, "\x3D\xD8x\0", "\xEF\xBF\xBDx");
    MAKES(clipboard_text_from_client, "\x00\xDE\x3D\xD8", "\xEF\xBF\xBD\xEF\xBF\xBD");
    MAKES(clipboard_latin_from_client, "\xFC\0\xAC\x20\r\0\n\0", "\xFC?\n");

    MAKES(clipboard_text_to_client, "a\nb", "a\0\r\0\n\0b\0\0\0");
    MAKES(clipboard_text_to_client, "a\r\nb\r", "a\0\r\0\n\0b\0\r\0\0\0");
    MAKES(clipboard_text_to_client, "\n\n", "\r\0\n\0\r\0\n\0\0\0");
    MAKES(clipboard_text_to_client, "a\0b", "a\0b\0\0\0");
    MAKES(clipboard_text_to_client, "\xF0\x9F\x98\x80\xC3\xBC", "\x3D\xD8\x00\xDE\xFC\0\0\0");
    /* cut off, too long, a surrogate, beyond the last character: each of them, and what follows stays */
    MAKES(clipboard_text_to_client, "\xF0\x9F\x98", "\xFD\xFF\xFD\xFF\xFD\xFF\0\0");
    MAKES(clipboard_text_to_client, "\xC0\x80x", "\xFD\xFF\xFD\xFFx\0\0\0");
    MAKES(clipboard_text_to_client, "\xED\xA0\x80", "\xFD\xFF\xFD\xFF\xFD\xFF\0\0");
    MAKES(clipboard_text_to_client, "\xF4\x90\x80\x80", "\xFD\xFF\xFD\xFF\xFD\xFF\xFD\xFF\0\0");
    MAKES(clipboard_text_to_client, "\xE2\x82x", "\xFD\xFF\xFD\xFFx\0\0\0");
    MAKES(clipboard_latin_to_client, "\xFC\n", "\xFC\0\r\0\n\0\0\0");
    MAKES(clipboard_plain_copy, "{\\rtf}\0\0", "{\\rtf}");
}

static void test_too_long(void)
{
    size_t size = CLIPBOARD_MOST / 2 - 1; /* with its NUL just what may be */
    uint8_t *text = malloc(size + 1);
    CHECK(text != NULL);
    memset(text, 'x', size + 1);
    CHECK(make(clipboard_text_to_client, text, size) && made.total == CLIPBOARD_MOST);
    CHECK(!make(clipboard_text_to_client, text, size + 1));
    memset(text, '\n', size);
    CHECK(!make(clipboard_text_to_client, text, size));
    free(text);
}

static void test_html(void)
{
#define BODY "<html><body><!--StartFragment--><b>x</b><!--EndFragment--></body></html>"
#define SAYS "<meta http-equiv=\"content-type\" content=\"text/html; charset=utf-8\">"
#define START                                                                                               \
    "Version:1.0\r\nStartHTML:0000000105\r\nEndHTML:0000000177\r\nStartFragment:0000000137\r\nEndFragment:" \
    "0000000145\r\n"
#define NO_HTML \
    "Version:0.9\r\nStartHTML:-1\r\nEndHTML:-1\r\nStartFragment:0000000089\r\nEndFragment:0000000097\r\n"
    MAKES(clipboard_html_from_client, START BODY "\0", SAYS BODY);
    MAKES(clipboard_html_from_client, NO_HTML "<b>x</b>", SAYS "<b>x</b>");
    CHECK(make(clipboard_html_to_client, "<b>x</b>", 8));
    uint8_t there[1024];
    size_t size = made.total;
    CHECK(size < sizeof(there));
    memcpy(there, made.bytes, size);
    CHECK(make(clipboard_html_from_client, there, size));
    CHECK(memmem(made.bytes, made.total, "<!--StartFragment--><b>x</b><!--EndFragment-->", 46) != NULL);
    /* what is cut behind the fragment leaves that whole */
    for (size_t cut = 0; cut + sizeof("<!--EndFragment-->\r\n</body></html>") < size; cut++)
        CHECK(!make(clipboard_html_from_client, there, cut));
    static const char *const bad[] = {"",
                                      "<b>no head</b>",
                                      "StartHTML:5\r\nEndHTML:4\r\nxxxxxxxxxxxxxxxxxxxxxx",
                                      "StartHTML:0\r\nEndHTML:999999999999999999999\r\n",
                                      "StartHTML:\r\nEndHTML:\r\n",
                                      "StartFragment:9\r\nEndFragment:8\r\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK(!make(clipboard_html_from_client, bad[i], strlen(bad[i])));
    CHECK(make(clipboard_html_to_client, "\xFE\xFF\0<\0b\0>", 8));
    CHECK(memmem(made.bytes, made.total, "--><b><!--", 10) != NULL);
}

/* --- images --- */

#define WIDTH  3
#define HEIGHT 2

/* A bitmap of that depth with every byte of its pixels `fill`. Returns its size. */
static size_t put_dib(uint8_t *to, size_t room, uint32_t head, int32_t height, unsigned depth,
                      uint32_t compression, uint32_t colours, uint8_t fill)
{
    struct wire_writer writer = wire_writer_over(to, room);
    size_t stride = ((size_t)WIDTH * depth + 31) / 32 * 4;
    wire_put_u32(&writer, head);
    wire_put_u32(&writer, WIDTH);
    wire_put_u32(&writer, (uint32_t)height);
    wire_put_u16(&writer, 1);
    wire_put_u16(&writer, (uint16_t)depth);
    wire_put_u32(&writer, compression);
    for (int i = 0; i < 3; i++)
        wire_put_u32(&writer, 0);
    wire_put_u32(&writer, colours);
    wire_put_u32(&writer, 0);
    if (compression == 3) {
        wire_put_u32(&writer, 0xFF);
        wire_put_u32(&writer, 0xFF00);
        wire_put_u32(&writer, 0xFF0000);
    }
    while (writer.used < head && !writer.failed)
        wire_put_u8(&writer, 0);
    for (uint32_t i = 0; i < colours * 4; i++)
        wire_put_u8(&writer, (uint8_t)(i * 3));
    for (size_t i = 0; i < stride * HEIGHT; i++)
        wire_put_u8(&writer, fill);
    CHECK(!writer.failed);
    return writer.used;
}

static const struct {
    uint32_t head;
    int32_t height;
    unsigned depth;
    uint32_t compression, colours;
} kinds[] = {{40, HEIGHT, 24, 0, 0},  {40, -HEIGHT, 24, 0, 0}, {40, HEIGHT, 32, 0, 0}, {40, HEIGHT, 32, 3, 0},
             {40, HEIGHT, 16, 0, 0},  {40, HEIGHT, 8, 0, 256}, {40, HEIGHT, 4, 0, 16}, {40, HEIGHT, 1, 0, 2},
             {124, HEIGHT, 32, 3, 0}, {108, HEIGHT, 24, 0, 0}};

static void test_images(void)
{
    uint8_t dib[2048], png[4096];
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t size = put_dib(dib, sizeof(dib), kinds[i].head, kinds[i].height, kinds[i].depth,
                              kinds[i].compression, kinds[i].colours, 0x55);
        CHECK(make(clipboard_png_from_dib, dib, size));
        size_t png_size = made.total;
        CHECK(png_size < sizeof(png));
        memcpy(png, made.bytes, png_size);
        CHECK(make(clipboard_dib_from_png, png, png_size));
        struct wire_reader reader = wire_reader_over(made.bytes, made.total);
        CHECK(wire_get_u32(&reader) == 40 && wire_get_u32(&reader) == WIDTH &&
              wire_get_u32(&reader) == HEIGHT);
        if (kinds[i].depth == 24)
            CHECK(made.bytes[40] == 0x55 && made.bytes[41] == 0x55 && made.bytes[42] == 0x55);
        CHECK(make(clipboard_bmp_from_png, png, png_size) && memcmp(made.bytes, "BM", 2) == 0);
        CHECK(make(clipboard_bmp_from_dib, dib, size));
        uint8_t bmp[2062];
        size_t bmp_size = made.total;
        memcpy(bmp, made.bytes, bmp_size);
        CHECK(make(clipboard_dib_from_bmp, bmp, bmp_size));
        CHECK(made.total == size && memcmp(made.bytes, dib, size) == 0);
        for (size_t cut = 0; cut < size; cut++) {
            CHECK(!make(clipboard_png_from_dib, dib, cut));
            CHECK(!make(clipboard_bmp_from_dib, dib, cut));
        }
        for (size_t cut = 0; cut < bmp_size; cut++)
            CHECK(!make(clipboard_dib_from_bmp, bmp, cut));
        for (size_t cut = 0; cut + 12 < png_size; cut++) /* libpng does not need the last chunk */
            CHECK(!make(clipboard_dib_from_png, png, cut));
    }
}

static void test_bad_images(void)
{
    static const struct {
        size_t at;
        uint32_t value;
    } bad[] = {{0, 39},         {0, 0xFFFFFFFF}, {0, 125},          {4, 0},          {4, 0x7FFFFFFF},
               {4, 0xFFFFFFFF}, {8, 0},          {8, 0x80000000},   {8, 0x7FFFFFFF}, {12, 0x180002},
               {12, 0x180000},  {12, 0x190001},  {12, 0xFFFF0001U}, {12, 0x1},       {16, 1},
               {16, 4},         {16, 5},         {16, 3},           {32, 257},       {32, 0xFFFFFFFF}};
    uint8_t dib[2048];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        size_t size = put_dib(dib, sizeof(dib), 40, HEIGHT, 24, 0, 0, 1);
        struct wire_writer writer = wire_writer_over(dib + bad[i].at, 4);
        wire_put_u32(&writer, bad[i].value);
        CHECK(!make(clipboard_png_from_dib, dib, size));
        CHECK(!make(clipboard_bmp_from_dib, dib, size));
    }
    CHECK(!make(clipboard_dib_from_png, "\x89PNG\r\n\x1A\n", 8));
    CHECK(!make(clipboard_bmp_from_png, "BM", 2));
}

/* Opacity: where none says anything it is not meant; else it is kept. */
static void test_opacity(void)
{
    uint8_t dib[256], png[1024];
    size_t size = put_dib(dib, sizeof(dib), 40, HEIGHT, 32, 0, 0, 0);
    for (int kept = 0; kept <= 1; kept++) {
        dib[43] = kept ? 0x80 : 0;
        CHECK(make(clipboard_png_from_dib, dib, size));
        size_t png_size = made.total;
        memcpy(png, made.bytes, png_size);
        CHECK(make(clipboard_dib_from_png, png, png_size));
        CHECK(made.bytes[14] == (kept ? 32 : 24));
        CHECK(!kept || made.bytes[43] == 0x80);
    }
}

static void test_tables(void)
{
    uint32_t in = 0, out = 0;
    for (size_t i = 0; i < CLIPBOARD_TARGETS; i++) {
        CHECK(clipboard_targets[i].name != NULL && clipboard_targets[i].ways[0].format != 0);
        for (size_t way = 0; way < CLIPBOARD_WAYS_MOST; way++) {
            CHECK((clipboard_targets[i].ways[way].format == 0) ==
                  (clipboard_targets[i].ways[way].convert == NULL));
            in |= clipboard_targets[i].ways[way].format;
        }
    }
    for (size_t i = 0; i < CLIPBOARD_SOURCES; i++) {
        CHECK(clipboard_sources[i].target != NULL && clipboard_sources[i].convert != NULL);
        out |= clipboard_sources[i].format;
    }
    CHECK(in == (1U << CLIPBOARD_FORMATS) - 1 && out == (in & ~(uint32_t)CLIPBOARD_DIBV5));
}

int main(void)
{
    test_text();
    test_too_long();
    test_html();
    test_images();
    test_bad_images();
    test_opacity();
    test_tables();
    clipboard_data_wipe(&made);
    return 0;
}
