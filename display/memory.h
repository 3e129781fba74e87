/* Frame memory: a sealed memfd that the X server writes and viewers map for reading. */
#pragma once

#include "display/screen.h"

/* Makes memory for a width x height screen and has the X server attach it (`copying` false) or maps it here.
 * Returns 0 or a negative errno with *memory_r as memory_none. */
int memory_make(struct memory *memory_r, struct x *x, uint16_t width, uint16_t height, bool copying);
/* Once the X server has attached it: from now on nobody can map it for writing. */
void memory_seal(struct memory *memory);
void memory_free(struct memory *memory, struct x *x);

extern const struct memory memory_none;
