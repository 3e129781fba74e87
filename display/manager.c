#include "display/manager.h"

#include <string.h>

static bool is_local(const char *id, size_t length)
{
    static const char *const transports[] = {"local/", "unix/"};
    for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++) {
        size_t most = strlen(transports[i]);
        if (length > most && memcmp(id, transports[i], most) == 0)
            return true;
    }
    return false;
}

static bool is_printable(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    }
    return true;
}

bool manager_take_ids(const char *ids, size_t length, struct manager *manager_r)
{
    size_t used = 0;
    if (length >= sizeof(manager_r->ids) || !is_printable(ids, length))
        return false;
    for (size_t at = 0, end; at < length; at = end + 1) {
        const char *comma = memchr(ids + at, ',', length - at);
        end = comma != NULL ? (size_t)(comma - ids) : length;
        if (!is_local(ids + at, end - at))
            continue;
        if (used > 0)
            manager_r->ids[used++] = ',';
        memcpy(manager_r->ids + used, ids + at, end - at);
        used += end - at;
    }
    manager_r->ids[used] = '\0';
    return used > 0;
}

/* The value of a variable in the block, which may end in the midst of one; NULL: it is not there. */
static const char *value_of(const char *block, size_t size, const char *name)
{
    size_t length = strlen(name);
    for (size_t at = 0, end; at < size; at = end + 1) {
        end = at + strnlen(block + at, size - at);
        if (end < size && end - at > length && memcmp(block + at, name, length) == 0 &&
            block[at + length] == '=')
            return block + at + length + 1;
    }
    return NULL;
}

/* ":0" and ":0.0" are screens of one display. */
static bool is_display(const char *value, const char *display)
{
    size_t length = strlen(display);
    return value != NULL && strncmp(value, display, length) == 0 &&
           (value[length] == '\0' || value[length] == '.');
}

bool manager_take_environment(const char *block, size_t size, const char *display, const char *cookies,
                              struct manager *manager_r)
{
    const char *its_cookies = value_of(block, size, "XAUTHORITY");
    const char *ids = value_of(block, size, "SESSION_MANAGER");
    const char *authority = value_of(block, size, "ICEAUTHORITY");
    struct manager manager = {.authority = ""};
    bool same =
        its_cookies == NULL || cookies == NULL ? its_cookies == cookies : strcmp(its_cookies, cookies) == 0;
    if (ids == NULL || !same || !is_display(value_of(block, size, "DISPLAY"), display) ||
        !manager_take_ids(ids, strlen(ids), &manager))
        return false;
    if (authority != NULL && strlen(authority) < sizeof(manager.authority))
        memcpy(manager.authority, authority, strlen(authority) + 1);
    *manager_r = manager;
    return true;
}
