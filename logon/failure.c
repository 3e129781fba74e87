#include "logon/failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool failure_set(struct failure *failure, int error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure->text, sizeof(failure->text), format, arguments);
    va_end(arguments);
    size_t used = strlen(failure->text);
    if (error != 0)
        snprintf(failure->text + used, sizeof(failure->text) - used, ": %s", strerror(error));
    return false;
}
