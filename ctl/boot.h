/* Pictures of a boot. */
#pragma once

#include <stdio.h>

#include "sessionmgr/steps.h"

/* The step's place in time as a bar of at most `cells` cells, in `bar` of 4 bytes a cell. Returns it. */
const char *boot_bar(const struct steps *steps, const struct step *step, char *bar, size_t cells);
/* Writes a picture of all of them. */
void boot_svg(const struct steps *steps, FILE *out);
