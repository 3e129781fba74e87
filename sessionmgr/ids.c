#include "sessionmgr/ids.h"

#include <string.h>

#define WORDS 1024

void ids_init(struct ids *ids, uint16_t next)
{
    memset(ids, 0, sizeof(*ids));
    ids->next = next == 0 ? 1 : next;
    ids->used[0] = 1; /* 0 is none */
}

bool ids_take_this(struct ids *ids, uint16_t id)
{
    uint64_t *word = &ids->used[id / 64], bit = UINT64_C(1) << (id % 64);
    if ((*word & bit) != 0)
        return false;
    *word |= bit;
    if (*word == UINT64_MAX)
        ids->full[id / 64 / 64] |= UINT64_C(1) << (id / 64 % 64);
    return true;
}

/* The first bit of `bits` that is 0, from `from` on; 64 where there is none. */
static unsigned first_clear(uint64_t bits, unsigned from)
{
    uint64_t clear = from < 64 ? ~bits & UINT64_MAX << from : 0;
    return clear != 0 ? (unsigned)__builtin_ctzll(clear) : 64;
}

/* The first of the words from `from` on, and around again, that has room; WORDS where none has. */
static unsigned word_with_room(const struct ids *ids, unsigned from)
{
    for (unsigned i = 0; i <= WORDS / 64; i++) {
        unsigned group = (from / 64 + i) % (WORDS / 64);
        unsigned word = first_clear(ids->full[group], i == 0 ? from % 64 : 0);
        if (word < 64)
            return group * 64 + word;
    }
    return WORDS;
}

uint16_t ids_take(struct ids *ids)
{
    unsigned word = ids->next / 64, bit = first_clear(ids->used[word], ids->next % 64);
    if (bit == 64) {
        word = word_with_room(ids, (word + 1) % WORDS);
        if (word == WORDS)
            return 0;
        bit = first_clear(ids->used[word], 0);
    }
    uint16_t id = (uint16_t)(word * 64 + bit);
    ids->next = id == UINT16_MAX ? 1 : (uint16_t)(id + 1);
    ids_take_this(ids, id);
    return id;
}

void ids_give_back(struct ids *ids, uint16_t id)
{
    ids->used[id / 64] &= ~(UINT64_C(1) << (id % 64));
    ids->full[id / 64 / 64] &= ~(UINT64_C(1) << (id / 64 % 64));
}
