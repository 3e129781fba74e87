/* The help texts, from the table of commands. */
#pragma once

#include <stdio.h>

#include "ctl/commands.h"

/* "show ID [--json]" in `text` of `size` bytes. Returns `text`. */
const char *ctl_synopsis(const struct ctl_command *command, char *text, size_t size);
/* All of the help, or that of one command. */
void ctl_help_print(const struct ctl_command *command, FILE *out);
