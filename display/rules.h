/* What an X server says its keyboard is, in the property _XKB_RULES_NAMES of its root window. */
#pragma once

#include <stddef.h>

/* The rules whose key codes keymap.c gives. */
#define RULES_EVDEV "evdev"

/* Reads the property's bytes (rules, model, layout, variant, options, each ended by a NUL) into `layout` of
 * `size` bytes as layout/variant. It becomes empty when the property is cut short or holds no layout, does
 * not fit, or the rules are others, so that the key codes are too. */
void rules_layout(const char *names, size_t names_size, char *layout, size_t size);
