/* Turns of a wheel to clicks of X's wheel buttons. */
#pragma once

#include <stdint.h>

struct wheel {
    int rest; /* turned but not yet a click, in 1/120 */
};

/* Adds `turn` (1/120 of a click) and returns the whole clicks that are due, at most WHEEL_MAX_CLICKS either
 * way. Turning the other way drops what was left of the old direction. */
int wheel_turn(struct wheel *wheel, int16_t turn);

#define WHEEL_MAX_CLICKS 16
