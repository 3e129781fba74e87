#include "sessionmgr/ids.h"

#include <string.h>

void ids_init(struct ids *ids, uint16_t next)
{
    memset(ids, 0, sizeof(*ids));
    ids->next = next == 0 ? 1 : next;
}

static bool is_used(const struct ids *ids, uint16_t id)
{
    return (ids->used[id / 64] >> (id % 64) & 1) != 0;
}

bool ids_take_this(struct ids *ids, uint16_t id)
{
    if (id == 0 || is_used(ids, id))
        return false;
    ids->used[id / 64] |= UINT64_C(1) << (id % 64);
    return true;
}

uint16_t ids_take(struct ids *ids)
{
    for (unsigned tries = 0; tries < UINT16_MAX; tries++) {
        uint16_t id = ids->next;
        ids->next = id == UINT16_MAX ? 1 : (uint16_t)(id + 1);
        if (ids_take_this(ids, id))
            return id;
    }
    return 0;
}

void ids_give_back(struct ids *ids, uint16_t id)
{
    ids->used[id / 64] &= ~(UINT64_C(1) << (id % 64));
}
