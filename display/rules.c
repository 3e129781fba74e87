#include "display/rules.h"

#include <stdio.h>
#include <string.h>

enum { RULES, MODEL, LAYOUT, VARIANT, PARTS };

void rules_layout(const char *names, size_t names_size, char *layout, size_t size)
{
    const char *parts[PARTS];
    size_t at = 0;
    layout[0] = '\0';
    for (size_t i = 0; i < PARTS; i++) {
        size_t length = strnlen(names + at, names_size - at);
        if (at + length == names_size)
            return;
        parts[i] = names + at;
        at += length + 1;
    }
    if (strcmp(parts[RULES], RULES_EVDEV) != 0 || parts[LAYOUT][0] == '\0')
        return;
    int needed = snprintf(layout, size, "%s/%s", parts[LAYOUT], parts[VARIANT]);
    if (needed < 0 || (size_t)needed >= size)
        layout[0] = '\0';
}
