#include "rdp-front/throttle.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

#define BUCKETS 1024

struct place;
TAILQ_HEAD(places, place);

struct source {
    LIST_ENTRY(source) link; /* throttle.sources */
    uint8_t key[16];
    unsigned connections;
    struct places waiting; /* oldest first */
};
LIST_HEAD(sources, source);

struct place {
    TAILQ_ENTRY(place) by_age;    /* throttle.waiting, while not logged on */
    TAILQ_ENTRY(place) by_source; /* source.waiting, while not logged on */
    LIST_ENTRY(place) by_user;    /* throttle.users */
    struct source *source;
    void *user;
    int64_t deadline_ms;
    bool logged_on;
};
LIST_HEAD(place_list, place);

struct throttle {
    struct throttle_limits limits;
    struct throttle_counts counts;
    struct places waiting; /* oldest first, so the first deadline first */
    struct sources sources[BUCKETS];
    struct place_list users[BUCKETS];
    uint64_t salt;
};

struct throttle *throttle_new(const struct throttle_limits *limits)
{
    struct throttle *throttle = calloc(1, sizeof(*throttle));
    if (throttle == NULL)
        return NULL;
    throttle->limits = *limits;
    TAILQ_INIT(&throttle->waiting);
    if (getrandom(&throttle->salt, sizeof(throttle->salt), GRND_NONBLOCK) < 0)
        throttle->salt = (uint64_t)(uintptr_t)throttle;
    return throttle;
}

/* The part of an address that counts: all of an IPv4 one, the /64 of an IPv6 one. */
static void key_of(const struct in6_addr *address, uint8_t key[16])
{
    memcpy(key, address->s6_addr, 16);
    if (!IN6_IS_ADDR_V4MAPPED(address) && !IN6_IS_ADDR_LOOPBACK(address))
        memset(key + 8, 0, 8);
}

static size_t bucket_of(const struct throttle *throttle, uint64_t high, uint64_t low)
{
    uint64_t hash = throttle->salt;
    hash = (hash ^ high) * 0x9e3779b97f4a7c15u;
    hash = ((hash ^ (hash >> 29)) ^ low) * 0xbf58476d1ce4e5b9u;
    return (hash ^ (hash >> 32)) % BUCKETS;
}

static struct sources *sources_of(struct throttle *throttle, const uint8_t key[16])
{
    uint64_t half[2];
    memcpy(half, key, sizeof(half));
    return &throttle->sources[bucket_of(throttle, half[0], half[1])];
}

static struct place_list *users_of(struct throttle *throttle, const void *user)
{
    return &throttle->users[bucket_of(throttle, 0, (uintptr_t)user)];
}

static struct source *source_find(struct throttle *throttle, const uint8_t key[16])
{
    struct source *source;
    LIST_FOREACH(source, sources_of(throttle, key), link)
    if (memcmp(source->key, key, sizeof(source->key)) == 0)
        return source;
    return NULL;
}

static struct source *source_new(struct throttle *throttle, const uint8_t key[16])
{
    struct source *source = calloc(1, sizeof(*source));
    if (source == NULL)
        return NULL;
    memcpy(source->key, key, sizeof(source->key));
    TAILQ_INIT(&source->waiting);
    LIST_INSERT_HEAD(sources_of(throttle, key), source, link);
    throttle->counts.addresses++;
    return source;
}

static void source_drop_unused(struct throttle *throttle, struct source *source)
{
    if (source->connections > 0)
        return;
    LIST_REMOVE(source, link);
    throttle->counts.addresses--;
    free(source);
}

static void place_stop_waiting(struct throttle *throttle, struct place *place)
{
    if (place->logged_on)
        return;
    place->logged_on = true;
    TAILQ_REMOVE(&throttle->waiting, place, by_age);
    TAILQ_REMOVE(&place->source->waiting, place, by_source);
    throttle->counts.unauthenticated--;
}

/* Takes the place out of every list, and frees it. Returns its user. */
static void *place_leave(struct throttle *throttle, struct place *place)
{
    void *user = place->user;
    struct source *source = place->source;
    place_stop_waiting(throttle, place);
    LIST_REMOVE(place, by_user);
    source->connections--;
    throttle->counts.connections--;
    free(place);
    source_drop_unused(throttle, source);
    return user;
}

void throttle_free(struct throttle *throttle)
{
    if (throttle == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        while (!LIST_EMPTY(&throttle->users[i]))
            place_leave(throttle, LIST_FIRST(&throttle->users[i]));
    free(throttle);
}

/* Which place has to go for a newcomer of `source`, NULL for none; *verdict_r says when none can. */
static struct place *victim_for(struct throttle *throttle, struct source *source,
                                enum throttle_verdict *verdict_r)
{
    const struct throttle_limits *limits = &throttle->limits;
    struct place *oldest = TAILQ_FIRST(&throttle->waiting);
    if (source->connections >= limits->per_address) {
        oldest = TAILQ_FIRST(&source->waiting);
        *verdict_r = oldest ? THROTTLE_ADMITTED : THROTTLE_TOO_MANY_OF_ADDRESS;
        return oldest;
    }
    *verdict_r = THROTTLE_ADMITTED;
    if (throttle->counts.connections >= limits->connections) {
        *verdict_r = oldest ? THROTTLE_ADMITTED : THROTTLE_TOO_MANY;
        return oldest;
    }
    return throttle->counts.unauthenticated >= limits->unauthenticated ? oldest : NULL;
}

/* The source of an address, made where it is the first of it. NULL without memory. */
static struct source *source_of(struct throttle *throttle, const struct in6_addr *address)
{
    uint8_t key[16];
    key_of(address, key);
    struct source *source = source_find(throttle, key);
    return source != NULL ? source : source_new(throttle, key);
}

static void place_count(struct throttle *throttle, struct place *place)
{
    place->source->connections++;
    throttle->counts.connections++;
    LIST_INSERT_HEAD(users_of(throttle, place->user), place, by_user);
}

bool throttle_count_in(struct throttle *throttle, const struct in6_addr *address, void *user)
{
    struct source *source = source_of(throttle, address);
    struct place *place = source != NULL ? calloc(1, sizeof(*place)) : NULL;
    if (place == NULL) {
        if (source != NULL)
            source_drop_unused(throttle, source);
        return false;
    }
    *place = (struct place){.source = source, .user = user, .logged_on = true};
    place_count(throttle, place);
    return true;
}

enum throttle_verdict throttle_admit(struct throttle *throttle, const struct in6_addr *address,
                                     int64_t now_ms, void *user, void **victim_r)
{
    struct source *source = source_of(throttle, address);
    struct place *place = source ? calloc(1, sizeof(*place)) : NULL;
    enum throttle_verdict verdict = THROTTLE_TOO_MANY;
    struct place *victim = place ? victim_for(throttle, source, &verdict) : NULL;
    if (verdict != THROTTLE_ADMITTED) {
        free(place);
        if (source != NULL)
            source_drop_unused(throttle, source);
        return verdict;
    }
    *place =
        (struct place){.source = source, .user = user, .deadline_ms = now_ms + throttle->limits.logon_ms};
    place_count(throttle, place); /* before the victim goes, which may be the last of this source */
    throttle->counts.unauthenticated++;
    TAILQ_INSERT_TAIL(&throttle->waiting, place, by_age);
    TAILQ_INSERT_TAIL(&source->waiting, place, by_source);
    *victim_r = victim ? place_leave(throttle, victim) : NULL;
    return THROTTLE_ADMITTED;
}

static struct place *place_find(struct throttle *throttle, const void *user)
{
    struct place *place;
    LIST_FOREACH(place, users_of(throttle, user), by_user)
    if (place->user == user)
        return place;
    return NULL;
}

bool throttle_logged_on(struct throttle *throttle, const void *user)
{
    struct place *place = place_find(throttle, user);
    if (place != NULL)
        place_stop_waiting(throttle, place);
    return place != NULL;
}

void throttle_leave(struct throttle *throttle, const void *user)
{
    struct place *place = place_find(throttle, user);
    if (place != NULL)
        place_leave(throttle, place);
}

void *throttle_take_expired(struct throttle *throttle, int64_t now_ms)
{
    struct place *oldest = TAILQ_FIRST(&throttle->waiting);
    return oldest && oldest->deadline_ms <= now_ms ? place_leave(throttle, oldest) : NULL;
}

int64_t throttle_next_ms(const struct throttle *throttle)
{
    const struct place *oldest = TAILQ_FIRST(&throttle->waiting);
    return oldest ? oldest->deadline_ms : -1;
}

struct throttle_counts throttle_counts(const struct throttle *throttle)
{
    return throttle->counts;
}
