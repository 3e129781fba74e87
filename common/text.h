/* Text from outside: what may be shown, logged or taken as a name. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* True when the `size` bytes at `text` are valid UTF-8 (RFC 3629) without NUL. */
bool text_is_utf8(const char *text, size_t size);
/* True for valid UTF-8 without control characters (C0, DEL, C1). */
bool text_is_printable(const char *text);
/* Copies `from` into `to` (room for `size` bytes with the NUL), each control or invalid byte as \xNN,
 * shortened with "..." where it does not fit. Returns `to`. */
const char *text_escape(char *to, size_t size, const char *from);
/* Copies `from` whole into `to` of `size` bytes. Returns false, leaving `to` empty, where it does not fit. */
bool text_copy(char *to, size_t size, const char *from);
/* Reads a whole decimal number in [min, max] into *value_r. Returns false, *value_r untouched, for anything
 * else. */
bool text_number(const char *text, long min, long max, long *value_r);
