/* User names as people and their clients write them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* True for what may be a user's name at all: not empty, no longer than a name may be, UTF-8 without control
 * characters, none of / : and white space in it, not starting with - or +, and neither . nor ... */
bool name_is_acceptable(const char *name);

/* Reduces what the person typed to the name of an account, into name_r of `size` bytes: it stays what it is
 * where `exists` says so, else DOMAIN\ in front is left out, and @DOMAIN behind where the rest exists. False,
 * name_r empty, where what comes out is no acceptable name. */
bool name_reduce(const char *typed, bool (*exists)(void *context, const char *name), void *context,
                 char *name_r, size_t size);
