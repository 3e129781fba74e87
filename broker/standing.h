/* What follows for one user from their groups: who they are to policy, and which sections of the
 * configuration are theirs. */
#pragma once

#include <sys/types.h>

#include "broker/membership.h"
#include "common/hours.h"

struct broker;
struct policy_facts;
struct policy_limits;
struct sm_logon_admit;

struct standing {
    struct membership_verdict verdict;
    conf_members members; /* of the configuration that held when this was found */
    struct hours hours;   /* none for administrators */
};

/* By the groups of the user, as of membership_judge. To be found anew after a reload. */
void standing_find(struct standing *standing_r, const struct broker *broker, uid_t uid, bool known,
                   const gid_t *gids, size_t count);
/* The sections whose MaxSessions counts the user's sessions; those of administrators no limit of a group
 * counts or bounds. */
conf_members standing_counted(const struct standing *standing);
/* Has the facts and limits for a decision be those of this user, at that time (milliseconds since 1970). */
void standing_apply(const struct standing *standing, const struct broker *broker, int64_t at_ms,
                    struct policy_facts *facts, struct policy_limits *limits);
/* What of a client may be redirected (REDIRECT_ bits) for the members of these groups. */
uint32_t standing_redirects(const struct conf *conf, conf_members members);
/* ... and for somebody whose groups cannot be known: what no section forbids. */
uint32_t standing_redirects_of_all(const struct conf *conf);
/* What a session of the user is made with. */
void standing_fill(const struct standing *standing, const struct broker *broker,
                   struct sm_logon_admit *admit_r);
