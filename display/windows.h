/* Asks every window to close, as a desktop does at its session's end. */
#pragma once

#include <stdint.h>

#include "display/x.h"

struct windows {
    struct x *x;
    xcb_atom_t check, list, close, protocols, delete_window;
    unsigned budget; /* windows that may still be looked at */
};

/* Interns what it needs, blocking: for start-up. */
void windows_init(struct windows *windows_r, struct x *x);
/* Through the window manager where one runs, else each window that takes WM_DELETE_WINDOW itself. */
void windows_close_all(struct windows *windows);
