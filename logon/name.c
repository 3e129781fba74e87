#include "logon/name.h"

#include <string.h>

#include "common/text.h"

#define NAME_MAX_BYTES 255

bool name_is_acceptable(const char *name)
{
    return name[0] != '\0' && strlen(name) <= NAME_MAX_BYTES && text_is_printable(name) &&
           strpbrk(name, "/: ") == NULL && name[0] != '-' && name[0] != '+' && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

bool name_reduce(const char *typed, bool (*exists)(void *context, const char *name), void *context,
                 char *name_r, size_t size)
{
    name_r[0] = '\0';
    if (!name_is_acceptable(typed))
        return false;
    const char *backslash = strrchr(typed, '\\');
    bool whole = (backslash != NULL || strchr(typed, '@') != NULL) && exists(context, typed);
    const char *name = backslash != NULL && !whole ? backslash + 1 : typed;
    if (!name_is_acceptable(name) || !text_copy(name_r, size, name))
        return false;
    const char *at = strchr(name, '@');
    if (at == NULL || at == name || exists(context, name))
        return true;
    name_r[at - name] = '\0';
    if (name_is_acceptable(name_r) && exists(context, name_r))
        return true;
    return text_copy(name_r, size, name);
}
