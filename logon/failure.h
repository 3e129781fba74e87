/* Why something could not be done, as a sentence for the administrator. */
#pragma once

#include <stdbool.h>

#include "rpc/sm.h"

struct failure {
    char text[SM_DETAIL_ROOM];
};

/* Writes the text, followed by what the errno value `error` means unless that is 0. Always returns false. */
__attribute__((format(printf, 3, 4))) bool failure_set(struct failure *failure, int error, const char *format,
                                                       ...);
