/* Message boxes, in front of a real X server: who gets the keyboard, and how each answer is given. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "display/message-style.h"
#include "display/messages.h"
#include "display/testbed.h"
#include "tests/check.h"

#define ESCAPE 0x01
#define TAB    0x0F
#define Y      0x15
#define ENTER  0x1C
#define X      0x2D
#define RIGHT  0x4D

static void send(struct bed *bed, uint64_t serial, uint32_t style, uint32_t timeout_s, const char *text)
{
    struct winstation_message message = {.serial = serial, .style = style, .timeout_s = timeout_s};
    snprintf(message.title, sizeof(message.title), "Maintenance");
    snprintf(message.text, sizeof(message.text), "%s", text);
    CHECK(message_send(bed->broker_fd, &winstation_protocol, WINSTATION_MESSAGE, &message, -1) == 0);
}

static void expect(struct bed *bed, uint64_t serial, uint32_t response)
{
    union winstation_body body;
    broker_expect(bed, WINSTATION_MESSAGE_ANSWER, &body);
    CHECK(body.message_answer.serial == serial);
    CHECK(body.message_answer.response == response);
}

/* No answer comes for a while; the time of input is no answer. */
static void expect_none(struct bed *bed)
{
    struct message message;
    union winstation_body body;
    for (double end = bed_now() + 500; bed_now() < end;)
        CHECK(!broker_take(bed, &message, &body, 100) || message.number == WINSTATION_INPUT);
}

/* It is seen in the middle, above all, and what is typed goes on to where it went. */
static void test_shown(struct bed *bed, struct view *view, struct program *program)
{
    double began = bed_now();
    send(bed, 1, 0x43, 0, "The server goes down.\nSave what you do \x1b[31mnow\x07.");
    xcb_window_t box = program_wait_box(program, NULL, 0);
    double shown = bed_now() - began;
    xcb_get_geometry_reply_t *at =
        xcb_get_geometry_reply(program->connection, xcb_get_geometry(program->connection, box), NULL);
    CHECK(at != NULL);
    CHECK(abs(2 * at->x + at->width - view->width) <= 1 && abs(2 * at->y + at->height - view->height) <= 1);
    VIEW_UNTIL(view, view_pixel(view, (unsigned)at->x + 2, (unsigned)at->y + 2) == 0x66707b);
    printf("  a message: window after %.1f ms, seen after %.1f ms\n", shown, bed_now() - began);
    free(at);
    view_tap(view, X, 0);
    CHECK(program_key(program) == 'x');
    view_tap(view, ENTER, 0);
    CHECK(program_key(program) == 0xFF0D);
    expect_none(bed);
    view_click_window(view, program, box, 20, 10); /* its title: now it has the keyboard */
    program_wait_focus(program, box);
    view_tap(view, TAB, 0);
    view_tap(view, ENTER, 0);
    expect(bed, 1, MESSAGE_NO);
    program_wait_focus(program, program->window);
}

/* One way to answer each. */
static void test_answers(struct bed *bed, struct view *view, struct program *program)
{
    static const struct {
        uint32_t style;
        uint8_t keys[4];
        bool extended;
        uint32_t response;
    } cases[] = {
        {0x00, {ENTER}, false, MESSAGE_OK},
        {0x10, {ESCAPE}, false, MESSAGE_OK},
        {0x01, {ESCAPE}, false, MESSAGE_CANCEL},
        {0x24, {ESCAPE, Y}, false, MESSAGE_YES},
        {0x104, {ENTER}, false, MESSAGE_NO},
        {0x32, {TAB, TAB, ENTER}, false, MESSAGE_IGNORE},
        {0x02, {TAB, TAB, TAB, ENTER}, false, MESSAGE_ABORT},
        {0x05, {RIGHT}, true, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        send(bed, 10 + i, cases[i].style, 0, "?");
        xcb_window_t box = program_wait_box(program, NULL, 0);
        view_click_window(view, program, box, 20, 10);
        program_wait_focus(program, box);
        for (size_t key = 0; key < 4 && cases[i].keys[key] != 0; key++)
            view_tap(view, cases[i].keys[key], cases[i].extended ? WINSTATION_KEY_EXTENDED : 0);
        if (cases[i].response == 0) { /* an arrow alone answers nothing, and chose the second button */
            expect_none(bed);
            view_tap(view, ENTER, 0);
        }
        expect(bed, 10 + i, cases[i].response == 0 ? (uint32_t)MESSAGE_CANCEL : cases[i].response);
    }
    send(bed, 30, 0x05, 0, "With the mouse");
    xcb_window_t box = program_wait_box(program, NULL, 0);
    view_click_window(view, program, box, -10, -10); /* beside the buttons */
    program_wait_focus(program, box);
    view_click_window(view, program, box, -30, -30);
    expect(bed, 30, MESSAGE_CANCEL);
    program_wait_focus(program, program->window);
}

/* A window that comes later and covers everything is put below it. */
static void test_above(struct bed *bed, struct program *program)
{
    xcb_connection_t *c = program->connection;
    send(bed, 40, 0, 5, "Above all");
    program_wait_box(program, NULL, 0);
    xcb_window_t cover = xcb_generate_id(c);
    xcb_create_window(c, XCB_COPY_FROM_PARENT, cover, program->root, 0, 0, 4000, 4000, 0,
                      XCB_WINDOW_CLASS_INPUT_OUTPUT, XCB_COPY_FROM_PARENT,
                      XCB_CW_BACK_PIXEL | XCB_CW_OVERRIDE_REDIRECT, (uint32_t[]){0x123456, 1});
    xcb_map_window(c, cover);
    program_wait_box(program, NULL, 0);
    xcb_destroy_window(c, cover);
    expect(bed, 40, MESSAGE_TIMEOUT);
}

/* Not more than so many at a time; each ends in its time. */
static void test_many(struct bed *bed, struct program *program)
{
    xcb_window_t boxes[MESSAGES_MOST];
    char text[2048];
    union winstation_body body;
    memset(text, 'W', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    for (size_t i = 0; i < MESSAGES_MOST; i++)
        send(bed, 50 + i, 0x36, 2, text);
    send(bed, 99, 0, 2, "Too many");
    expect(bed, 99, 0);
    for (size_t i = 0; i < MESSAGES_MOST; i++)
        boxes[i] = program_wait_box(program, boxes, i);
    bool seen[MESSAGES_MOST] = {false};
    for (size_t i = 0; i < MESSAGES_MOST; i++) {
        broker_expect(bed, WINSTATION_MESSAGE_ANSWER, &body);
        size_t at = (size_t)(body.message_answer.serial - 50);
        CHECK(at < MESSAGES_MOST && !seen[at] && body.message_answer.response == MESSAGE_TIMEOUT);
        seen[at] = true;
    }
}

void test_messages(struct bed *bed, struct view *view, struct program *program)
{
    xcb_set_input_focus(program->connection, XCB_INPUT_FOCUS_PARENT, program->window, XCB_CURRENT_TIME);
    program_wait_focus(program, program->window);
    test_shown(bed, view, program);
    test_answers(bed, view, program);
    test_above(bed, program);
    test_many(bed, program);
}
