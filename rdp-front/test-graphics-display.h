/* The client's side: an X server of its own, a client program on it, and what is to be seen there. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <xcb/xcb.h>

#define DISPLAY_WIDTH  1280
#define DISPLAY_HEIGHT 800

struct test_display {
    pid_t server;
    char name[16]; /* ":95" */
    xcb_connection_t *connection;
    xcb_window_t root;
    uint8_t pixels[DISPLAY_WIDTH * DISPLAY_HEIGHT * 4]; /* of the last capture, B G R x, rows without gaps */
};

/* True when `program` can be found. */
bool program_exists(const char *program);
/* Starts a program, its output discarded unless LODGE_TEST_VERBOSE is set. */
pid_t program_start(const char *display, const char *const arguments[]);
/* Ends it, by SIGKILL, and waits for its end. */
void program_end(pid_t pid);

/* Starts Xvfb on the first free of the displays :95 to :98. Fails the test where it cannot. */
void display_open(struct test_display *display);
void display_close(struct test_display *display);
/* Takes the upper left part of the screen into display->pixels. */
void display_capture(struct test_display *display, unsigned width, unsigned height);
/* The colour at a place, 0xRRGGBB. */
uint32_t display_pixel(struct test_display *display, unsigned x, unsigned y);
void display_move_pointer(struct test_display *display, unsigned x, unsigned y);
/* The pointer that is shown: sizes, and the colour in the middle as 0xAARRGGBB. */
bool display_pointer(struct test_display *display, unsigned *width_r, unsigned *height_r, uint32_t *middle_r);
