/* Who is who by their groups: AllowedGroups, DeniedGroups, AdminGroup. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/conf.h"

#define MEMBERSHIP_GROUPS_MAX 32 /* names in one key */

struct membership_list {
    gid_t gids[MEMBERSHIP_GROUPS_MAX];
    size_t count;
};

/* The gids of the groups that a configuration names. */
struct membership {
    struct membership_list allowed, denied; /* allowed: none is named: everybody is */
    gid_t admin;                            /* (gid_t)-1: none */
    bool prefers; /* seats are kept for administrators, or there are hours that do not hold for them */
    gid_t sections[CONF_GROUPS_MAX]; /* of the sections [Group NAME], as in conf.groups */
    size_t section_count;
};

/* What follows for one user. */
struct membership_verdict {
    bool refused;
    bool administrator;
};

/* Asks the machine's group database. Returns false with the reason in `error` when a key names a group that
 * there is not, or too many. */
bool membership_find(struct membership *membership_r, const struct conf *conf, char *error,
                     size_t error_size);
/* True when a user's groups have to be known for a verdict. */
bool membership_matters(const struct membership *membership);
/* `known`: these are the user's groups; otherwise they are in none that is named, and may be in one that is
 * denied. root is an administrator, and is refused nowhere. */
struct membership_verdict membership_judge(const struct membership *membership, uid_t uid, bool known,
                                           const gid_t *gids, size_t count);
/* The sections [Group NAME] that a user of these groups is in. */
conf_members membership_members(const struct membership *membership, const gid_t *gids, size_t count);
/* Calls `found` with each name of those groups that a key or a section of the configuration names; a name
 * may come twice. */
void membership_each_name(const struct membership *membership, const struct conf *conf, const gid_t *gids,
                          size_t count, void (*found)(void *context, const char *name), void *context);
