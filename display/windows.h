/* Asks every window to close, as a desktop does at its session's end, and sees when none is left. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "display/x.h"

/* So many windows are waited for; what is beyond these counts while it is shown. */
#define WINDOWS_ASKED 256

struct windows {
    struct x *x;
    xcb_atom_t check, list, close, protocols, delete_window, type, dock, desktop;
    bool closing; /* the windows have been asked */
    bool closed;  /* none was left that could close; stays until they are asked again */
    /* One look at all windows, and what it has found so far. */
    bool looking, look_again;
    bool ask;          /* the windows that are found are asked to close */
    bool managed;      /* by a window manager */
    unsigned budget;   /* windows that may still be looked at */
    unsigned waiting;  /* replies to come */
    unsigned closable; /* windows that a person could close, and asked ones that are hidden but still there */
    /* Asked to close, and not seen gone: a program may hide its window first and then save. */
    unsigned asked_count;
    xcb_window_t asked[WINDOWS_ASKED];
};

/* Interns what it needs, blocking: for start-up. */
void windows_init(struct windows *windows_r, struct x *x);
/* Through the window manager where one runs, else each window itself; only windows that take
 * WM_DELETE_WINDOW, and no panel. Windows that appear later are counted and not asked: they may be a
 * program's question about what is not saved. `closed` becomes true when no such window is left, and those
 * that were asked exist no more. */
void windows_close_all(struct windows *windows);
/* Takes core events, which tell of windows that went. */
void windows_take_event(struct windows *windows, const xcb_generic_event_t *event);
