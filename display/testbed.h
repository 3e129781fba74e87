/* What the display tests stand on: an X server, a lodge-display in front of it, and the parts that
 * lodge-init, the broker, the viewers and an X program play. Everything that fails ends the test. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <xcb/xcb.h>

#include "rpc/sm.h"
#include "rpc/winstation.h"

#define WAIT_MS 20000

struct bed {
    pid_t server, agent;
    char display[8];
    char port[64];
    char programs[64]; /* the folder of the agent */
    int listen_fd, channel_fd, broker_fd;
    bool memory_sealed; /* the server takes descriptors */
};

struct view {
    uint64_t id;
    int fd;
    const uint8_t *pixels;
    uint16_t width, height;
    uint32_t stride;
    unsigned screens, damages, pointers, moves;
    uint32_t damaged_area; /* of the last DAMAGE */
    bool everything;       /* the last DAMAGE was of the whole screen */
    bool owes;             /* a DAMAGE has not been answered */
    bool bye;              /* BYE came */
    bool ended;
    struct winstation_pointer pointer;
    struct winstation_pointer_moved moved;
    struct winstation_bye last_words;
};

/* A program of the session with one window, 300 x 200 at 100, 100, that holds the focus. */
struct program {
    xcb_connection_t *connection;
    xcb_window_t window, root;
    xcb_gcontext_t gc;
    xcb_atom_t delete_window;
};

/* Starts `words` (an X server) on `display` and waits until it can be used. */
void bed_start_server(struct bed *bed, const char *display, const char *const *words);
void bed_start_agent(struct bed *bed);
/* Ends the agent with `signal` and takes its exit. */
void bed_end_agent(struct bed *bed, int signal);
void bed_connect_broker(struct bed *bed);
void bed_stop(struct bed *bed);
/* Proportional set size of a process in KiB. */
long bed_pss(pid_t pid);

/* Milliseconds, for measurements. */
double bed_now(void);
/* Waits until it is another millisecond than `since`: two inputs of one millisecond are one to the broker. */
void bed_pass_ms(double since);

/* Takes one message from the agent to the broker, if one comes within `wait_ms`. */
bool broker_take(struct bed *bed, struct message *message_r, union winstation_body *body_r, int wait_ms);
/* The next message from the agent to the broker, which must be `number`; INPUT is skipped, unless wanted. */
void broker_expect(struct bed *bed, unsigned number, union winstation_body *body_r);
void broker_attach(struct bed *bed, struct view *view, uint64_t id, uint16_t width, uint16_t height,
                   uint32_t layout);
/* A viewer that shadows the session. */
void broker_shadow(struct bed *bed, struct view *view, uint64_t id, bool control);
void broker_detach(struct bed *bed, uint64_t id, unsigned reason);
/* CLOSE_WINDOWS, and that there is no session manager has been said: the windows are being asked. */
void init_close_windows(struct bed *bed);
void init_send(struct bed *bed, unsigned number, const void *body);
/* Takes the next message from the agent to lodge-init, if one comes within `wait_ms`. Returns its number, or
 * 0. */
unsigned init_take(struct bed *bed, int wait_ms);

/* Takes one message, if one comes within `wait_ms`. Does not answer DAMAGE. False: none came. */
bool view_take(struct view *view, int wait_ms);
void view_answer(struct view *view);
void view_send(struct view *view, unsigned number, const void *body);
void view_key(struct view *view, uint8_t scancode, uint8_t flags);
/* Down and up. */
void view_tap(struct view *view, uint8_t scancode, uint8_t flags);
void view_text(struct view *view, uint32_t point);
void view_mouse(struct view *view, uint16_t x, uint16_t y, uint8_t buttons, int wheel, int horizontal);
void view_close(struct view *view);
uint32_t view_pixel(const struct view *view, unsigned x, unsigned y);
/* Takes messages and answers them until the condition holds. */
#define VIEW_UNTIL(view, condition)             \
    do {                                        \
        double until_end = bed_now() + WAIT_MS; \
        while (!(condition)) {                  \
            CHECK(bed_now() < until_end);       \
            CHECK(!(view)->ended);              \
            view_take((view), 100);             \
            view_answer(view);                  \
        }                                       \
    } while (0)

void program_start(struct program *program, const struct bed *bed);
void program_end(struct program *program);
void program_fill(struct program *program, uint32_t colour, int16_t x, int16_t y, uint16_t width,
                  uint16_t height);
/* Waits for the next event of the type, skipping others. The caller frees it. NULL: none within wait_ms. */
xcb_generic_event_t *program_wait(struct program *program, uint8_t type, int wait_ms);
/* The keysym of the next key press, by the keyboard mapping and the modifiers of that time. */
uint32_t program_key(struct program *program);
/* Clicks at that place of a window. */
void view_click_window(struct view *view, struct program *program, xcb_window_t window, int x, int y);
/* Waits for a message box that is none of `known` (count of them), and is above every other window. */
xcb_window_t program_wait_box(struct program *program, const xcb_window_t *known, size_t count);
/* Waits until that window has the keyboard. */
void program_wait_focus(struct program *program, xcb_window_t window);
/* Waits until a window manager runs, and until it has taken the program's window in. */
void program_wait_for_manager(const struct bed *bed);
void program_wait_listed(struct program *program);

/* test-input.c: with one viewer that is attached. */
void test_input(struct bed *bed, struct view *view, struct program *program);
/* test-shadowing.c: with one viewer that is attached, of a screen of 1024x768. */
void test_shadowing(struct bed *bed, struct view *view, struct program *program);
/* test-messages.c: with one viewer that is attached, and an agent that shows no message. */
void test_messages(struct bed *bed, struct view *view, struct program *program);
