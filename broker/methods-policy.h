/* The API's methods about policy and limits: rows of the table in methods.c. */
#pragma once

#include "broker/groups.h"
#include "broker/peers.h"

void policy_call_drain(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void policy_call_reload(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void policy_call_user(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void policy_call_test(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void policy_call_policy(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);

/* For a question about a user, of which a connection may have one at a time: checks both texts, keeps them in
 * peer.policy_question, and asks for the groups of the user, with the peer as the context. Returns false when
 * the request has been answered. */
bool policy_ask(struct peer *peer, uint64_t serial, const char *user, const char *client, groups_fn *done);
/* The record of a user by a session of theirs, NULL: there is none. Lab accounts are not known to the
 * machine.
 */
const struct user *policy_user_by_session(struct broker *broker, const char *name, bool lab);
