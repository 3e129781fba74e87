/* How many sessions were made from each client address: what MaxSessionsPerAddress asks. The cost does not
 * depend on how many there are. */
#pragma once

#include <stdint.h>

#include "broker/client.h"

#define ADDRESSES_BUCKETS 16384

struct address;
struct addresses {
    struct address *buckets[ADDRESSES_BUCKETS];
    uint64_t seed; /* set once, at random: who chooses addresses does not choose buckets */
};

/* Counts one more for the address of `text` (ADDRESS:PORT). Returns NULL when memory runs out. */
struct address *addresses_hold(struct addresses *addresses, const char *text);
/* Gives one back; NULL is none. */
void addresses_release(struct addresses *addresses, struct address *address);
/* How many there are for the address of `text`. */
unsigned addresses_count(const struct addresses *addresses, const char *text);
