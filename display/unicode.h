/* UTF-16 code units, as they come one by one, to X keysyms. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct utf16 {
    uint16_t high; /* a first surrogate that waits for its second, or 0 */
};

/* Takes the next unit. Returns true with a whole code point in *point_r; false when another unit is needed
 * or this one makes no sense (a second surrogate alone; a first one that nothing fits is forgotten). */
bool utf16_join(struct utf16 *utf16, uint16_t unit, uint32_t *point_r);
/* The keysym of a code point; 0 for what no key types (most control characters). */
uint32_t unicode_keysym(uint32_t point);
