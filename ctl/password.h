/* Passwords from a terminal or from standard input, never from an argument. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "rpc/credentials.h"

#define PASSWORD_ROOM (CREDENTIALS_PASSWORD_MAX + 1)

/* Asks twice on the terminal, without echo, for the new password of `name`. A signal that ends or stops the
 * program finds the terminal as it was. Returns NULL with `password` (PASSWORD_ROOM bytes) filled, the
 * caller's to wipe; or, with `password` wiped, a sentence that says what was wrong. */
const char *password_ask(const char *name, char *password);

/* Reads a whole descriptor, which holds one line. Returns as password_ask. */
const char *password_read(int fd, char *password);
