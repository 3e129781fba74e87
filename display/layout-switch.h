/* Changes of the keyboard layout, by a setxkbmap child that nothing waits for. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "display/layout.h"
#include "display/x.h"

struct layout_switch {
    char current[64]; /* layout/variant, empty when not known, or with other key codes */
    int child_fd;     /* pidfd of the child, -1: none runs */
    const struct layout *running, *wanted;
};

/* Reads what the X server's layout is, blocking: for start-up. */
void layout_switch_init(struct layout_switch *change_r, struct x *x);
/* Wants `layout`. Returns true when a child runs now, so that keys should wait. */
bool layout_switch_want(struct layout_switch *change, const struct layout *layout);
/* The child has ended (child_fd is readable): takes it, and starts the next when another layout is wanted by
 * now. Returns true while a child runs. */
bool layout_switch_child_ended(struct layout_switch *change);
