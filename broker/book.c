#include "broker/book.h"

#include <stdlib.h>
#include <string.h>

#define ADD 256

static struct entry *const *bucket_of(const struct book *book, const char *holder)
{
    uint32_t hash = 2166136261u;
    for (const char *at = holder; *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619u;
    return &book->buckets[hash % BOOK_BUCKETS];
}

struct entry *book_find(const struct book *book, const char *holder)
{
    struct entry *entry = *bucket_of(book, holder);
    while (entry != NULL && strcmp(entry->holder, holder) != 0)
        entry = entry->next;
    return entry;
}

size_t book_after(const struct book *book, uint64_t after)
{
    size_t low = 0, high = book->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (book->by_serial[middle]->serial <= after)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct entry *book_find_serial(const struct book *book, uint64_t serial)
{
    size_t at = serial > 0 ? book_after(book, serial - 1) : book->count;
    return at < book->count && book->by_serial[at]->serial == serial ? book->by_serial[at] : NULL;
}

struct entry *book_add(struct book *book, uint64_t serial, const char *holder, int64_t revoked_ms)
{
    if (book->count == BOOK_MAX || strlen(holder) >= BOOK_HOLDER_ROOM)
        return NULL;
    if (book->count == book->room) {
        struct entry **more = reallocarray(book->by_serial, book->room + ADD, sizeof(*more));
        if (more == NULL)
            return NULL;
        book->by_serial = more;
        book->room += ADD;
    }
    struct entry *entry = calloc(1, sizeof(*entry));
    if (entry == NULL)
        return NULL;
    entry->serial = serial;
    entry->revoked_ms = revoked_ms;
    memcpy(entry->holder, holder, strlen(holder) + 1);
    book->by_serial[book->count++] = entry;
    if (serial > book->last_serial)
        book->last_serial = serial;
    if (revoked_ms == 0) {
        struct entry **bucket = (struct entry **)bucket_of(book, holder);
        entry->next = *bucket;
        *bucket = entry;
    }
    return entry;
}

void book_recount(struct book *book, struct entry *entry, int64_t now_ms)
{
    bool counts = entry->revoked_ms == 0 && licence_takes_place(&entry->licence, entry->live > 0, now_ms);
    book->places += counts;
    book->places -= entry->counted;
    entry->counted = counts;
    if (counts && entry->live == 0 && entry->licence.expires_ms < book->look_at_ms)
        book->look_at_ms = entry->licence.expires_ms;
}

void book_revoke(struct book *book, struct entry *entry, int64_t now_ms)
{
    struct entry **at = (struct entry **)bucket_of(book, entry->holder);
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    entry->next = NULL;
    entry->revoked_ms = now_ms;
    book_recount(book, entry, now_ms);
}

void book_look(struct book *book, int64_t now_ms)
{
    bool went_back = now_ms < book->looked_ms;
    book->looked_ms = now_ms;
    if (now_ms < book->look_at_ms && !went_back)
        return;
    book->look_at_ms = INT64_MAX;
    for (size_t i = 0; i < book->count; i++)
        book_recount(book, book->by_serial[i], now_ms);
}

unsigned book_revoked(const struct book *book, int64_t now_ms)
{
    unsigned revoked = 0;
    for (size_t i = 0; i < book->count; i++)
        revoked += book->by_serial[i]->revoked_ms != 0 && book->by_serial[i]->licence.expires_ms > now_ms;
    return revoked;
}

void book_free(struct book *book)
{
    for (size_t i = 0; i < book->count; i++)
        free(book->by_serial[i]);
    free(book->by_serial);
    *book = (struct book){0};
}
