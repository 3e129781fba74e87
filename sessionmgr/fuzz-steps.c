#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sessionmgr/steps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct steps steps;
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (steps_parse(&steps, text))
        steps_are_degraded(&steps);
    free(text);
    return 0;
}
