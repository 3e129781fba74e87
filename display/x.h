/* The connection to the X server. Nothing waits for it once it is open: replies go to the handler that was
 * named with the request. The connection is impervious to server grabs, so a program that grabs the server
 * freezes neither frames nor input. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <xcb/xcb.h>

struct x_pending;

#define X_UNSENT_BYTES 16384

struct x {
    xcb_connection_t *connection;
    xcb_window_t root;
    uint16_t width, height; /* of the root when the connection was opened */
    uint16_t max_width, max_height;
    uint8_t depth;
    uint8_t damage_event, fixes_event, randr_event, xkb_event; /* first event of each extension */
    uint8_t first_keycode, key_count;
    bool shm;          /* takes descriptors */
    uint8_t shm_error; /* BadSeg of MIT-SHM */
    bool unsent;       /* the last x_flush sent nothing */
    struct x_pending *first_pending, **last_pending;
};

/* `reply` or `error` is set, and freed by the caller; both are NULL when the connection broke. */
typedef void x_handler(void *context, uint64_t argument, void *reply, const xcb_generic_error_t *error);

/* Connects to $DISPLAY, checks its pixels and extensions, and makes it impervious. Blocking. Returns false
 * with a sentence in *problem_r. */
bool x_open(struct x *x_r, const char **problem_r);
void x_close(struct x *x);
/* Has the reply of the request `sequence` given to `handler`. */
void x_expect(struct x *x, unsigned sequence, x_handler *handler, void *context, uint64_t argument);
/* Gives every reply that has come to its handler. Returns true when there was one. */
bool x_take_replies(struct x *x);
/* Sends what has been requested, if the server reads; returns false, nothing sent, while it does not. Then
 * libxcb keeps up to X_UNSENT_BYTES (16 KiB) of requests, and would block for more. */
bool x_flush(struct x *x);
/* Interns one name, blocking: for start-up. XCB_ATOM_NONE when that fails. */
xcb_atom_t x_atom(struct x *x, const char *name);
