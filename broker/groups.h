/* The groups of a user, asked of the machine's user database by a thread of its own: a directory server that
 * answers slowly keeps logons waiting, never the broker. Asked once at each logon where the configuration
 * names groups. All functions are for the thread of the loop. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct event_base;
struct groups;
struct groups_query;

/* Returns NULL when memory or threads run out. */
struct groups *groups_start(struct event_base *base);
/* Drops what is asked, waits for the one answer that is under way, and clears *groups. */
void groups_stop(struct groups **groups);
/* Receives the uid and the gids of the user, on the loop; they are the callee's until it returns, and the
 * query is gone then. `known` is false, with none, when the database does not know the user or cannot be
 * asked. */
typedef void groups_fn(void *context, bool known, uid_t uid, const gid_t *gids, size_t count);
/* Returns NULL when memory runs out. */
struct groups_query *groups_ask(struct groups *groups, const char *user, groups_fn *done, void *context);
/* Forgets a query: its function is not called. */
void groups_cancel(struct groups_query *query);
