/* Who may connect: a table of the connections there are, with limits in all, per address, and for those that
 * have not logged on. Pure: it opens nothing, closes nothing and has no clock.
 *
 * Idle connections never keep a person out: where a limit is reached and a connection that has not logged on
 * counts towards it, the oldest such one is given up for the newcomer. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct throttle;

struct throttle_limits {
    unsigned connections, per_address, unauthenticated;
    int64_t logon_ms; /* how long a connection may take to log on */
};

enum throttle_verdict { THROTTLE_ADMITTED, THROTTLE_TOO_MANY, THROTTLE_TOO_MANY_OF_ADDRESS };

/* Returns NULL where memory is short. */
struct throttle *throttle_new(const struct throttle_limits *limits);
void throttle_free(struct throttle *throttle);

/* Asks for a place for a connection from `address` (IPv4 as a mapped address; IPv6 counts by its /64), with
 * `user` of the caller's. When admitted, *victim_r is the `user` of a connection that had to leave the table
 * for it, to be closed by the caller, or NULL; else it is untouched. Where memory is short: TOO_MANY. */
enum throttle_verdict throttle_admit(struct throttle *throttle, const struct in6_addr *address,
                                     int64_t now_ms, void *user, void **victim_r);
/* Counts a connection that was there before and has logged on, whatever the limits say. False where memory is
 * short. */
bool throttle_count_in(struct throttle *throttle, const struct in6_addr *address, void *user);
/* The connection of `user` has logged on: no deadline any more. False where it is not in the table. */
bool throttle_logged_on(struct throttle *throttle, const void *user);
/* The connection of `user` has ended. Unknown ones are ignored. */
void throttle_leave(struct throttle *throttle, const void *user);
/* Takes a connection whose time to log on is over out of the table. Returns its `user`, or NULL when there
 * is none (any more). */
void *throttle_take_expired(struct throttle *throttle, int64_t now_ms);
/* When throttle_take_expired is worth calling again, in the clock of now_ms; -1: no connection waits. */
int64_t throttle_next_ms(const struct throttle *throttle);

struct throttle_counts {
    unsigned connections, unauthenticated, addresses;
};
struct throttle_counts throttle_counts(const struct throttle *throttle);
