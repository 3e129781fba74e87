/* Windows' keyboard layouts to those of XKB. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A layout that has no Latin letters comes with "us" as a second group. */
struct layout {
    uint32_t windows; /* an input locale: a language in the low 16 bits, a variant above them */
    const char *layout, *variant;
};

/* The XKB layout for an input locale as RDP clients send it: the very one, else its language's, else that of
 * the language wherever it is spoken. NULL for 0 and what is not known. */
const struct layout *layout_find(uint32_t windows);
/* The table itself, for tests: its row `index`, or NULL after the last. */
const struct layout *layout_at(size_t index);
