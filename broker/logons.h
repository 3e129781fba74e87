/* From a logon request to a session: lodge-logon is asked who it is, policy what is to be done, lodge-smss
 * for a session where a new one is wanted. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/reason.h"
#include "rpc/sm.h"

struct broker;
struct logon;
struct peer;
struct session;
struct user;

/* Begins a logon for `peer`, which has no other request under way, and answers it in the end. Takes over
 * `credentials`. */
void logon_begin(struct broker *broker, struct peer *peer, int credentials);
/* The same for the virtual user of that number (rpc/sm.h): nobody is asked who it is. */
void logon_begin_virtual(struct broker *broker, struct peer *peer, uint32_t user);
/* What the person answers who was asked whether to take their session over; the rest of the logon is answered
 * with this serial. */
void logon_take_over(struct peer *peer, uint64_t serial, bool yes);
/* The peer is gone: what can be undone is; a session that is being created stays, disconnected. */
void logon_abandon(struct logon *logon);

/* What lodge-smss tells. logons_session_made takes the session in and returns it, or NULL when memory runs
 * out. */
void logons_result(struct broker *broker, const struct sm_logon_result *result);
struct session *logons_session_made(struct broker *broker, const struct sm_session_state *told);
void logons_session_failed(struct broker *broker, uint64_t logon, enum reason reason, const char *detail);
/* Everything that exists is known: goes on with what waited for it. */
void logons_smss_is_back(struct broker *broker);
/* Refuses all for which no session is being created. */
void logons_refuse_all(struct broker *broker, enum reason reason);
/* One of the user's sessions has changed: has those that wait for it decided anew, on the loop's next turn.
 */
void logons_wake(struct user *user);
/* Has all that wait decided anew, as logons_wake does. */
void logons_wake_held(struct broker *broker);
/* The configuration has been read anew: what it says of the users is found anew. */
void logons_reloaded(struct broker *broker);
/* It may be known now, of each session, which groups it counts for: has those that waited for that decided
 * anew. */
void logons_census_taken(struct broker *broker);
/* Frees all, without answers. */
void logons_free_all(struct broker *broker);
