/* The API's methods: one table, one row each. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "broker/peers.h"

struct method {
    const char *name;     /* as in lsm.proto; NULL: no such method */
    unsigned roles;       /* who may call it */
    bool with_descriptor; /* the packet carries one; else none */
    /* May take the descriptor (and set it to -1). Answers now or later. */
    void (*call)(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
};

/* By the number in the oneof. */
extern const struct method methods[];
extern const size_t method_count;

/* A session as it is told: the message's client is the one here. */
struct told_session {
    Lodge__Lsm__Session message;
    Lodge__Lsm__Client client;
    Lodge__Lsm__Shadower shadower;
    char terminal[8];
};

/* Fills *told_r, with texts that are those of `session`. */
void methods_tell_session(const struct session *session, struct told_session *told_r);
/* Of the sessions that the peer may know of, by id, the one after `session`, or with NULL the first whose id
 * is above `after`; NULL: there is none. A user's cost is that of their own. */
struct session *methods_next_session(const struct peer *peer, const struct session *session, uint32_t after);
/* When the person's last input was (milliseconds since 1970), where it is `now_real_ms` now, whatever that
 * clock has done meanwhile; 0: not known. */
uint64_t methods_input_ms(const struct session *session, uint64_t now_real_ms);
/* True when this peer may know of the session. */
bool methods_may_see(const struct peer *peer, const struct session *session);
/* The session, or NULL when the request has been answered. Another's session is as good as none. */
struct session *methods_take_session(struct peer *peer, uint64_t serial, uint32_t id);
/* Checks the request against the table and calls its method. A peer that breaks the protocol is dropped. */
void methods_call(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
