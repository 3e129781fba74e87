#include "broker/membership.h"

#include <grp.h>
#include <stdio.h>
#include <string.h>

static bool find_list(struct membership_list *list, const char *key, const char *names, char *error,
                      size_t error_size)
{
    char copy[CONF_TEXT_MAX + 1], *rest = NULL;
    snprintf(copy, sizeof(copy), "%s", names);
    for (char *name = strtok_r(copy, " ,", &rest); name != NULL; name = strtok_r(NULL, " ,", &rest)) {
        const struct group *group = getgrnam(name);
        if (group == NULL) {
            snprintf(error, error_size, "%s names \"%s\", but there is no such group", key, name);
            return false;
        }
        if (list->count == MEMBERSHIP_GROUPS_MAX) {
            snprintf(error, error_size, "%s names more than %d groups", key, MEMBERSHIP_GROUPS_MAX);
            return false;
        }
        list->gids[list->count++] = group->gr_gid;
    }
    return true;
}

bool membership_find(struct membership *membership_r, const struct conf *conf, char *error, size_t error_size)
{
    struct membership membership = {.admin = (gid_t)-1,
                                    .prefers = conf->reserved_seats > 0 || conf->logon_hours[0] != '\0'};
    if (!find_list(&membership.allowed, "AllowedGroups", conf->allowed_groups, error, error_size) ||
        !find_list(&membership.denied, "DeniedGroups", conf->denied_groups, error, error_size))
        return false;
    if (conf->admin_group[0] != '\0') {
        const struct group *group = getgrnam(conf->admin_group);
        if (group == NULL) {
            snprintf(error, error_size, "AdminGroup names \"%s\", but there is no such group",
                     conf->admin_group);
            return false;
        }
        membership.admin = group->gr_gid;
    }
    for (size_t i = 0; i < conf->group_count; i++) {
        const struct group *group = getgrnam(conf->groups[i].name);
        if (group == NULL) {
            snprintf(error, error_size, "a section is [Group %s], but there is no such group",
                     conf->groups[i].name);
            return false;
        }
        membership.sections[membership.section_count++] = group->gr_gid;
        membership.prefers |= conf->groups[i].lines[CONF_GROUP_logon_hours] != 0;
    }
    *membership_r = membership;
    return true;
}

bool membership_matters(const struct membership *membership)
{
    return membership->section_count > 0 || membership->allowed.count > 0 || membership->denied.count > 0 ||
           (membership->prefers && membership->admin != (gid_t)-1);
}

static bool has(const gid_t *gids, size_t count, gid_t gid)
{
    for (size_t i = 0; i < count; i++) {
        if (gids[i] == gid)
            return true;
    }
    return false;
}

static bool is_in(const struct membership_list *list, const gid_t *gids, size_t count)
{
    for (size_t i = 0; i < list->count; i++) {
        if (has(gids, count, list->gids[i]))
            return true;
    }
    return false;
}

struct membership_verdict membership_judge(const struct membership *membership, uid_t uid, bool known,
                                           const gid_t *gids, size_t count)
{
    struct membership_verdict verdict = {.administrator = uid == 0};
    if (uid == 0)
        return verdict;
    verdict.administrator = membership->admin != (gid_t)-1 && has(gids, count, membership->admin);
    verdict.refused = (membership->allowed.count > 0 && !is_in(&membership->allowed, gids, count)) ||
                      (membership->denied.count > 0 && (!known || is_in(&membership->denied, gids, count)));
    return verdict;
}

conf_members membership_members(const struct membership *membership, const gid_t *gids, size_t count)
{
    conf_members members = 0;
    for (size_t i = 0; i < membership->section_count; i++)
        members |= (conf_members)(has(gids, count, membership->sections[i]) ? 1U << i : 0);
    return members;
}

static void each_listed(const struct membership_list *list, const char *names, const gid_t *gids,
                        size_t count, void (*found)(void *context, const char *name), void *context)
{
    char copy[CONF_TEXT_MAX + 1], *rest = NULL;
    size_t at = 0;
    snprintf(copy, sizeof(copy), "%s", names);
    for (char *name = strtok_r(copy, " ,", &rest); name != NULL && at < list->count;
         name = strtok_r(NULL, " ,", &rest)) {
        if (has(gids, count, list->gids[at++]))
            found(context, name);
    }
}

void membership_each_name(const struct membership *membership, const struct conf *conf, const gid_t *gids,
                          size_t count, void (*found)(void *context, const char *name), void *context)
{
    for (size_t i = 0; i < membership->section_count; i++) {
        if (has(gids, count, membership->sections[i]))
            found(context, conf->groups[i].name);
    }
    each_listed(&membership->allowed, conf->allowed_groups, gids, count, found, context);
    each_listed(&membership->denied, conf->denied_groups, gids, count, found, context);
    if (membership->admin != (gid_t)-1 && has(gids, count, membership->admin))
        found(context, conf->admin_group);
}
