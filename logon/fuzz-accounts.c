/* Whatever the account file holds: it is read, written, and means the same when it is read again. */
#include <stdint.h>
#include <stdlib.h>

#include "logon/accounts-file.h"
#include "logon/accounts-line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void complain(void *context, const char *complaint)
{
    size_t *count = context;
    *count += complaint[0] != '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct accounts_file file = {.lines = NULL};
    size_t complaints = 0;
    if (!accounts_file_parse(&file, "fuzz", (const char *)data, size, complain, &complaints))
        return 0;
    for (size_t i = 0; i < file.count; i++) {
        struct account again;
        char line[ACCOUNT_LINE_MAX + 1];
        if (!file.lines[i].is_account)
            continue;
        account_line_format(&file.lines[i].account, line);
        if (account_line_parse(line, __builtin_strlen(line), &again) != NULL)
            abort();
        if (accounts_file_find(&file, again.name) != &file.lines[i].account)
            abort();
    }
    accounts_file_free(&file);
    return 0;
}
