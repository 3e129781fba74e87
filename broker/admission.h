/* What policy says to whom, as things stand. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/reason.h"
#include "policy/policy.h"

struct broker;
struct standing;
struct user;

/* Whether anybody may come in at all. On a server for load tests only virtual users may. */
enum reason admission_may_arrive(const struct broker *broker, bool virtual);
/* What comes of a logon of `user` (NULL: one of whom there is nothing) from `address`; wants_it: they have
 * been asked whether to take their session over, and do. */
struct policy_decision admission_decide(const struct broker *broker, const struct user *user,
                                        const struct standing *standing, const char *address, bool wants_it,
                                        int64_t at_ms);
/* What the person is told beyond the reason, in a buffer of the caller's of `size` bytes. Returns it. */
const char *admission_explain(const struct standing *standing, enum reason reason, int64_t at_ms,
                              char *detail, size_t size);

/* A logon that is only thought of. */
struct admission_question {
    const struct user *user; /* whose sessions count; NULL: there is nothing of theirs */
    uid_t uid;
    bool known; /* the gids are all that the user has */
    const gid_t *gids;
    size_t gid_count;
    const char *address; /* of the client, ADDRESS:PORT; empty: none */
    int64_t at_ms;       /* since 1970: by the logon hours of that time; 0: of now */
};
/* What would come of it now, as far as policy goes; in `detail` what the person would be told beyond the
 * reason. Nothing is done. */
struct policy_decision admission_would_be(struct broker *broker, const struct admission_question *question,
                                          char *detail, size_t detail_size);
