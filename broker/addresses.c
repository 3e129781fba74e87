#include "broker/addresses.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM sizeof(((struct client *)0)->address)

struct address {
    struct address *next; /* in its bucket */
    unsigned count;
    char text[ROOM];
};

/* The address without its port. */
static void cut_port(const char *text, char address[ROOM])
{
    const char *colon = strrchr(text, ':');
    size_t length = colon != NULL ? (size_t)(colon - text) : strlen(text);
    snprintf(address, ROOM, "%.*s", (int)(length < ROOM ? length : ROOM - 1), text);
}

static size_t bucket_of(const struct addresses *addresses, const char *address)
{
    uint64_t mixed = addresses->seed ^ UINT64_C(14695981039346656037);
    for (const char *at = address; *at != '\0'; at++)
        mixed = (mixed ^ (uint8_t)*at) * UINT64_C(1099511628211);
    return (size_t)(mixed ^ mixed >> 32) % ADDRESSES_BUCKETS;
}

static struct address *find(const struct addresses *addresses, const char *address)
{
    struct address *at = addresses->buckets[bucket_of(addresses, address)];
    while (at != NULL && strcmp(at->text, address) != 0)
        at = at->next;
    return at;
}

struct address *addresses_hold(struct addresses *addresses, const char *text)
{
    char address[ROOM];
    cut_port(text, address);
    struct address *found = find(addresses, address);
    if (found == NULL) {
        found = calloc(1, sizeof(*found));
        if (found == NULL)
            return NULL;
        struct address **bucket = &addresses->buckets[bucket_of(addresses, address)];
        snprintf(found->text, sizeof(found->text), "%s", address);
        found->next = *bucket;
        *bucket = found;
    }
    found->count++;
    return found;
}

void addresses_release(struct addresses *addresses, struct address *address)
{
    if (address == NULL || --address->count > 0)
        return;
    struct address **at = &addresses->buckets[bucket_of(addresses, address->text)];
    while (*at != address)
        at = &(*at)->next;
    *at = address->next;
    free(address);
}

unsigned addresses_count(const struct addresses *addresses, const char *text)
{
    char address[ROOM];
    cut_port(text, address);
    const struct address *found = find(addresses, address);
    return found != NULL ? found->count : 0;
}
