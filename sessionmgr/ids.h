/* Session IDs: 1 to 65535, each in use once at most, handed out in rising order and around again. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct ids {
    uint64_t used[1024];
    uint64_t full[16]; /* bits: of `used`, those that have no room */
    uint16_t next;
};

/* Nothing is in use; `next` (0 counts as 1) is tried first. */
void ids_init(struct ids *ids, uint16_t next);
/* Takes the next ID that is free, at the same cost however many are in use. Returns it, or 0 when all are. */
uint16_t ids_take(struct ids *ids);
/* Takes this one. Returns false when it is 0 or in use. */
bool ids_take_this(struct ids *ids, uint16_t id);
void ids_give_back(struct ids *ids, uint16_t id);
