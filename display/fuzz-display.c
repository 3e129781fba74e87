/* What comes from viewers, the X server and programs of the session, through the display agent's tables. The
 * first byte picks one. */
#include <assert.h>
#include <string.h>

#include "common/wire.h"
#include "display/keyboard.h"
#include "display/keymap.h"
#include "display/layout.h"
#include "display/manager.h"
#include "display/region.h"
#include "display/rules.h"
#include "display/shape.h"
#include "display/unicode.h"
#include "display/wheel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_region(struct wire_reader *reader)
{
    struct region region = {0};
    struct band bands[REGION_MAX_BANDS];
    while (!wire_reader_ended(reader) && !reader->failed) {
        struct box box = {wire_get_u16(reader), wire_get_u16(reader), wire_get_u16(reader),
                          wire_get_u16(reader)};
        region_add(&region, box);
        bool covered = box.x1 >= box.x2 || box.y1 >= box.y2;
        for (size_t i = 0; i < region.count; i++) {
            const struct box *at = &region.at[i];
            assert(at->x1 < at->x2 && at->y1 < at->y2);
            covered =
                covered || (at->x1 <= box.x1 && at->y1 <= box.y1 && at->x2 >= box.x2 && at->y2 >= box.y2);
        }
        assert(covered && region.count <= REGION_MAX);
    }
    size_t count = region_bands(&region, bands);
    assert(count <= REGION_MAX_BANDS && (count > 0) == (region.count > 0));
    for (size_t i = 1; i < count; i++)
        assert(bands[i - 1].y1 < bands[i - 1].y2 && bands[i - 1].y2 < bands[i].y1);
    region_clip(&region, 640, 480);
}

static void fuzz_keys(struct wire_reader *reader)
{
    struct keymap_state keymap = {0};
    struct utf16 utf16 = {0};
    struct wheel wheel = {0};
    while (!wire_reader_ended(reader) && !reader->failed) {
        uint32_t point = 0;
        uint8_t flags = wire_get_u8(reader), scancode = wire_get_u8(reader);
        uint8_t keycode = keymap_keycode(&keymap, flags, scancode);
        assert(keycode == 0 || keycode > 8);
        if (utf16_join(&utf16, wire_get_u16(reader), &point))
            assert(point <= 0x10FFFF);
        unicode_keysym(point);
        int clicks = wheel_turn(&wheel, (int16_t)wire_get_u16(reader));
        assert(clicks >= -WHEEL_MAX_CLICKS && clicks <= WHEEL_MAX_CLICKS);
        layout_find(wire_get_u32(reader));
    }
}

static void fuzz_keyboard(struct wire_reader *reader)
{
    static struct keyboard keyboard;
    static uint32_t keysyms[256 * 4];
    memset(&keyboard, 0, sizeof(keyboard));
    size_t per_key = wire_get_u8(reader) % 5, count = wire_get_u8(reader);
    uint8_t first = wire_get_u8(reader), keycodes[16];
    for (size_t i = 0; i < 256 * 4; i++)
        keysyms[i] = wire_get_u8(reader);
    keyboard_load(&keyboard, first, count, keysyms, per_key);
    struct keyboard_stroke stroke;
    for (uint32_t keysym = 0; keysym < 20; keysym++)
        if (keyboard_stroke_for(&keyboard, keysym, keysym % 2, &stroke))
            assert(stroke.keycode >= KEYBOARD_FIRST);
    for (size_t i = 0; i < sizeof(keycodes); i++)
        keycodes[i] = (uint8_t)keysyms[i];
    keyboard_modifier_of(&keyboard, 7, keycodes, 2);
    keyboard_load(&keyboard, first, count, keysyms, per_key);
}

static void fuzz_shape(struct wire_reader *reader)
{
    static struct winstation_pointer shape;
    static uint32_t pixels[256 * 256];
    uint16_t width = wire_get_u8(reader), height = wire_get_u8(reader);
    uint16_t hot_x = wire_get_u16(reader), hot_y = wire_get_u16(reader);
    for (size_t i = 0; i < 64; i++)
        pixels[i * 1021] = wire_get_u32(reader);
    shape_make(&shape, pixels, width, height, hot_x, hot_y);
    assert(shape.width <= WINSTATION_POINTER_SIDE && shape.height <= WINSTATION_POINTER_SIDE);
    assert(shape.pixels_count == shape.width * shape.height * 4);
    assert(shape.width == 0 || (shape.hot_x < shape.width && shape.hot_y < shape.height));
}

static void fuzz_rules(struct wire_reader *reader)
{
    char layout[64];
    size_t size = reader->size - reader->used;
    rules_layout((const char *)wire_get_bytes(reader, size), size, layout, sizeof(layout));
    assert(strlen(layout) < sizeof(layout));
}

static void fuzz_manager(struct wire_reader *reader)
{
    static struct manager manager;
    size_t size = reader->size - reader->used;
    const char *block = (const char *)wire_get_bytes(reader, size);
    if (manager_take_environment(block, size, ":0", NULL, &manager) ||
        manager_take_ids(block, size, &manager))
        assert(strncmp(manager.ids, "local/", 6) == 0 || strncmp(manager.ids, "unix/", 5) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const parts[])(struct wire_reader *) = {fuzz_region, fuzz_keys,  fuzz_keyboard,
                                                          fuzz_shape,  fuzz_rules, fuzz_manager};
    if (size < 2)
        return 0;
    struct wire_reader reader = wire_reader_over(data + 1, size - 1);
    parts[data[0] % (sizeof(parts) / sizeof(parts[0]))](&reader);
    return 0;
}
