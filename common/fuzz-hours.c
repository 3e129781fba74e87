/* What is taken is sane. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/hours.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hours hours;
    char text[256];
    if (size >= sizeof(text))
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (!hours_parse(&hours, text))
        return 0;
    for (unsigned i = 0; i < hours.count; i++) {
        bool sane = hours.rules[i].days > 0 && hours.rules[i].days < 128 &&
                    hours.rules[i].from < HOURS_DAY_MIN && hours.rules[i].to <= HOURS_DAY_MIN &&
                    hours.rules[i].from != hours.rules[i].to;
        if (!sane)
            abort();
    }
    return 0;
}
