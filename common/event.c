#include "common/event.h"

#include <stddef.h>
#include <string.h>

static const struct row {
    uint32_t id;
    int priority;
    const char *name;
} table[] = {
#define EVENT_ROW(symbol, id, name, priority) {(id), (priority), (name)},
    EVENTS(EVENT_ROW)
#undef EVENT_ROW
};

static const struct row *find(uint32_t id)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (table[i].id == id)
            return &table[i];
    }
    return NULL;
}

const char *event_name(uint32_t id)
{
    const struct row *row = find(id);
    return row != NULL ? row->name : "event";
}

uint32_t event_find(const char *name)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strcmp(table[i].name, name) == 0)
            return table[i].id;
    }
    return 0;
}

int event_priority(uint32_t id)
{
    const struct row *row = find(id);
    return row != NULL ? row->priority : 6;
}

enum log_level event_level(uint32_t id)
{
    int priority = event_priority(id);
    return priority <= 3 ? LOG_LEVEL_ERROR : priority == 4 ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO;
}
