/* Keys, text, locks and mouse of a viewer, as programs get them. */
#include <stdio.h>
#include <stdlib.h>

#include "display/testbed.h"
#include "tests/check.h"

static void test_keys(struct view *view, struct program *program)
{
    view_mouse(view, 150, 150, 0, 0, 0);
    static const struct {
        uint8_t scancode, flags;
        uint32_t keysym;
    } keys[] = {{0x1E, 0, 'a'},
                {0x15, 0, 'y'},
                {0x4B, WINSTATION_KEY_EXTENDED, 0xFF51},
                {0x4B, 0, 0xFF96},
                {0x5B, WINSTATION_KEY_EXTENDED, 0xFFEB},
                {0x37, WINSTATION_KEY_EXTENDED, 0xFF61},
                {0x3B, 0, 0xFFBE}};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        view_tap(view, keys[i].scancode, keys[i].flags);
        CHECK(program_key(program) == keys[i].keysym);
    }
    view_key(view, 0x1D, WINSTATION_KEY_EXTENDED1 | WINSTATION_KEY_DOWN);
    view_key(view, 0x45, WINSTATION_KEY_DOWN);
    view_key(view, 0x1D, WINSTATION_KEY_EXTENDED1);
    view_key(view, 0x45, 0);
    CHECK(program_key(program) == 0xFF13); /* Pause, and no NumLock after it */
    view_tap(view, 0x1E, 0);
    CHECK(program_key(program) == 'a');
    view_key(view, 0x2A, WINSTATION_KEY_DOWN);
    CHECK(program_key(program) == 0xFFE1);
    view_tap(view, 0x1E, 0);
    CHECK(program_key(program) == 'A');
    view_key(view, 0x2A, 0);
}

/* The client repeats: the server must not, or a slow line would type more than the person did. */
static void test_repeat(struct view *view, struct program *program)
{
    view_key(view, 0x2D, WINSTATION_KEY_DOWN);
    CHECK(program_key(program) == 'x');
    CHECK(program_wait(program, XCB_KEY_PRESS, 1200) == NULL);
    view_key(view, 0x2D, WINSTATION_KEY_DOWN);
    CHECK(program_key(program) == 'x');
    view_key(view, 0x2D, 0);
    free(program_wait(program, XCB_KEY_RELEASE, WAIT_MS));
}

static void test_text(struct view *view, struct program *program)
{
    static const uint32_t points[] = {'q', 'Q', '!', 0xE9, 0x20AC, 0x1F600, 0x416, 0x4E2D, 0xE9};
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        view_text(view, points[i]);
        uint32_t keysym = program_key(program);
        while (keysym == 0xFFE1) /* Shift, for a character of a key */
            keysym = program_key(program);
        CHECK(keysym == (points[i] < 0x100 ? points[i] : 0x01000000 + points[i]));
    }
    for (uint32_t point = 0x3042; point < 0x3042 + 20; point++) { /* more than there are spare keys */
        view_text(view, point);
        CHECK(program_key(program) == 0x01000000 + point);
    }
}

/* The broker learns when the person last did something: not of locks, and not more often than each second. */
static void test_input_time(struct bed *bed, struct view *view, struct program *program)
{
    union winstation_body body;
    struct message message;
    bed_connect_broker(bed);
    broker_expect(bed, WINSTATION_VIEWER, &body);
    broker_expect(bed, WINSTATION_INPUT, &body); /* of the tests before this one */
    uint64_t first = body.input.monotonic_ms;
    CHECK(first > 0 && (double)first <= bed_now());
    broker_expect(bed, WINSTATION_SYNCED, &body);
    view_send(view, WINSTATION_LOCKS, &(struct winstation_locks){0});
    CHECK(!broker_take(bed, &message, &body, 1300));
    double began = bed_now();
    view_tap(view, 0x2D, 0);
    CHECK(program_key(program) == 'x');
    broker_expect(bed, WINSTATION_INPUT, &body); /* at once */
    uint64_t told = body.input.monotonic_ms;
    CHECK((double)told >= began - 1 && (double)told <= bed_now() && bed_now() - began < 1000);
    bed_pass_ms((double)told);
    view_mouse(view, 10, 10, 0, 0, 0);
    view_mouse(view, 12, 10, 0, 0, 0);
    began = bed_now();
    broker_expect(bed, WINSTATION_INPUT, &body);
    CHECK(bed_now() - began > 500 && body.input.monotonic_ms >= told);
    CHECK(!broker_take(bed, &message, &body, 1300));
}

static void test_locks(struct view *view, struct program *program)
{
    view_send(view, WINSTATION_LOCKS, &(struct winstation_locks){WINSTATION_CAPS});
    view_tap(view, 0x1E, 0);
    CHECK(program_key(program) == 'A');
    view_key(view, 0x1E, WINSTATION_KEY_DOWN);
    CHECK(program_key(program) == 'A');
    view_send(view, WINSTATION_LOCKS, &(struct winstation_locks){0});
    xcb_generic_event_t *release = program_wait(program, XCB_KEY_RELEASE, WAIT_MS);
    CHECK(release != NULL);
    free(release);
    view_tap(view, 0x1E, 0);
    CHECK(program_key(program) == 'a');
    view_send(view, WINSTATION_LOCKS, &(struct winstation_locks){WINSTATION_NUM});
    view_tap(view, 0x1E, 0);
    xcb_key_press_event_t *press = (xcb_key_press_event_t *)program_wait(program, XCB_KEY_PRESS, WAIT_MS);
    CHECK(press != NULL && press->state == XCB_MOD_MASK_2);
    free(press);
    view_send(view, WINSTATION_LOCKS, &(struct winstation_locks){0});
}

static void expect_button(struct program *program, uint8_t type, uint8_t button)
{
    xcb_button_press_event_t *event = (xcb_button_press_event_t *)program_wait(program, type, WAIT_MS);
    CHECK(event != NULL && event->detail == button);
    free(event);
}

static void test_mouse(struct view *view, struct program *program)
{
    static const struct {
        uint8_t bit, button;
    } buttons[] = {{WINSTATION_LEFT, 1},
                   {WINSTATION_RIGHT, 3},
                   {WINSTATION_MIDDLE, 2},
                   {WINSTATION_BACK, 8},
                   {WINSTATION_FORWARD, 9}};
    for (size_t i = 0; i < sizeof(buttons) / sizeof(buttons[0]); i++) {
        view_mouse(view, 200, 180, buttons[i].bit, 0, 0);
        expect_button(program, XCB_BUTTON_PRESS, buttons[i].button);
        view_mouse(view, 200, 180, 0, 0, 0);
        expect_button(program, XCB_BUTTON_RELEASE, buttons[i].button);
    }
    view_mouse(view, 210, 180, 0, 240, 0);
    expect_button(program, XCB_BUTTON_PRESS, 4);
    expect_button(program, XCB_BUTTON_PRESS, 4);
    view_mouse(view, 210, 180, 0, -60, 0);
    CHECK(program_wait(program, XCB_BUTTON_PRESS, 200) == NULL);
    view_mouse(view, 210, 180, 0, -60, 0);
    expect_button(program, XCB_BUTTON_PRESS, 5);
    view_mouse(view, 210, 180, 0, 0, 120);
    expect_button(program, XCB_BUTTON_PRESS, 7);
    view_mouse(view, 60000, 60000, 0, 0, 0);
    xcb_query_pointer_reply_t *at = NULL;
    double end = bed_now() + WAIT_MS;
    do {
        free(at);
        at = xcb_query_pointer_reply(program->connection,
                                     xcb_query_pointer(program->connection, program->root), NULL);
        CHECK(at != NULL && bed_now() < end);
    } while (at->root_x != view->width - 1 || at->root_y != view->height - 1);
    free(at);
    view_mouse(view, 200, 180, 0, 0, 0);
}

void test_input(struct bed *bed, struct view *view, struct program *program)
{
    printf("  - keys\n");
    test_keys(view, program);
    printf("  - repeat\n");
    test_repeat(view, program);
    printf("  - text\n");
    test_text(view, program);
    printf("  - locks\n");
    test_locks(view, program);
    printf("  - input_time\n");
    test_input_time(bed, view, program);
    printf("  - mouse\n");
    test_mouse(view, program);
}
