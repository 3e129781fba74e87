/* The licences that there are, by holder and by serial, and the places of the pool that they take. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/licence.h"

#define BOOK_MAX         65536
#define BOOK_BUCKETS     16384
#define BOOK_HOLDER_ROOM 256

struct peer;

struct entry {
    struct entry *next; /* in its bucket, while in force */
    uint64_t serial;
    char holder[BOOK_HOLDER_ROOM];
    struct licence licence;
    int64_t revoked_ms;     /* 0: in force */
    unsigned live;          /* sessions that came with it and go on */
    bool counted;           /* among book.places */
    bool unclaimed;         /* given to a logon that has not gone on yet */
    unsigned writes;        /* on their way to the disk */
    int64_t written_since;  /* clock_monotonic_ms of the first of these */
    struct licence written; /* as told to the disk last */
    struct peer *asker;     /* is answered when it is written */
};

struct book {
    struct entry *buckets[BOOK_BUCKETS];
    struct entry **by_serial; /* ascending */
    size_t count, room;
    uint64_t last_serial;
    unsigned places;    /* of the pool, taken as of the last look at the clock */
    int64_t look_at_ms; /* when a licence that takes a place is over: book_look is due */
    int64_t looked_ms;  /* at the last book_look: what was over may not be when the clock is set back */
};

/* The licence in force, valid or not, or NULL. */
struct entry *book_find(const struct book *book, const char *holder);
/* By serial, also one that is revoked, or NULL. */
struct entry *book_find_serial(const struct book *book, uint64_t serial);
/* The index of the first with a serial above `after`. */
size_t book_after(const struct book *book, uint64_t after);
/* Adds one whose serial is above all others and whose holder has none in force, or which is revoked. Returns
 * NULL when there are BOOK_MAX or memory runs out. */
struct entry *book_add(struct book *book, uint64_t serial, const char *holder, int64_t revoked_ms);
/* The licence or its use has changed: counts its place. */
void book_recount(struct book *book, struct entry *entry, int64_t now_ms);
void book_revoke(struct book *book, struct entry *entry, int64_t now_ms);
/* Frees the places of what is over, and counts again what is not over any more because the clock went back.
 */
void book_look(struct book *book, int64_t now_ms);
/* Revoked ones that would be valid still. */
unsigned book_revoked(const struct book *book, int64_t now_ms);
void book_free(struct book *book);
