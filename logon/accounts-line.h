/* One line of the account file, as text and as an account. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "logon/accounts.h"

#define ACCOUNT_LINE_MAX 1023

/* Reads one line without its newline. Returns NULL and fills *account_r, or returns what is wrong (a string
 * constant) and leaves *account_r untouched. */
const char *account_line_parse(const char *line, size_t size, struct account *account_r);
/* Writes the line without a newline into `line` of ACCOUNT_LINE_MAX + 1 bytes. */
void account_line_format(const struct account *account, char *line);
/* True for a full name that fits and has no control character, colon or comma. */
bool account_full_name_valid(const char *name);
