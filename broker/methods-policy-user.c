/* Method policy_user: what holds for one user, and which line of the configuration says so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/broker.h"
#include "broker/methods-policy.h"
#include "broker/peers.h"
#include "common/text.h"

#define NAMES_MAX  (CONF_GROUPS_MAX + 2 * MEMBERSHIP_GROUPS_MAX + 1)
#define VALUES_MAX (CONF_KEY_COUNT + CONF_GROUPS_MAX)

/* The answer with the memory of its texts. */
struct told {
    const struct broker *broker;
    Lodge__Lsm__PolicyUser policy;
    size_t name_count, count;
    char names[NAMES_MAX][CONF_TEXT_MAX + 1], *name_pointers[NAMES_MAX];
    Lodge__Lsm__PolicyValue values[VALUES_MAX], *pointers[VALUES_MAX];
    struct {
        char section[48], value[CONF_TEXT_MAX + 1], origin[CONF_TEXT_MAX + 32];
    } texts[VALUES_MAX];
};

static void tell_name(void *context, const char *name)
{
    struct told *told = context;
    for (size_t i = 0; i < told->name_count; i++) {
        if (strcmp(told->names[i], name) == 0)
            return;
    }
    if (told->name_count == NAMES_MAX)
        return;
    text_copy(told->names[told->name_count], sizeof(told->names[0]), name);
    told->name_pointers[told->name_count] = told->names[told->name_count];
    told->name_count++;
}

/* A value from that section, whose text has been filled in. */
static Lodge__Lsm__PolicyValue *tell_value(struct told *told, const struct conf_key *key, unsigned line)
{
    Lodge__Lsm__PolicyValue *value = &told->values[told->count];
    char *origin = told->texts[told->count].origin;
    lodge__lsm__policy_value__init(value);
    snprintf(origin, sizeof(told->texts->origin), line != 0 ? "%.255s:%u" : "default",
             told->broker->conf_path, line);
    value->section = told->texts[told->count].section;
    value->key = (char *)key->key;
    value->value = told->texts[told->count].value;
    value->origin = origin;
    value->reloadable = key->reloadable;
    told->pointers[told->count++] = value;
    return value;
}

static const struct conf_group *giver(const struct conf *conf, conf_members members,
                                      const struct conf_key *key, size_t *index_r)
{
    for (size_t i = 0; i < CONF_GROUP_KEY_COUNT; i++) {
        if (conf_group_key(i) != key || i == CONF_GROUP_max_sessions)
            continue;
        *index_r = i;
        return conf_group_of(conf, members, i);
    }
    return NULL;
}

/* What is counted against the limit of that key, or nothing. */
static void tell_use(Lodge__Lsm__PolicyValue *value, const struct peer *peer, const struct user *user)
{
    const struct broker *broker = peer->broker;
    const char *address = peer->policy_question.address;
    value->counted = true;
    if (strcmp(value->key, "MaxSessions") == 0)
        value->in_use = broker->sessions.count;
    else if (strcmp(value->key, "MaxSessionsPerUser") == 0)
        value->in_use = user != NULL ? user->sessions : 0;
    else if (strcmp(value->key, "MaxSessionsPerAddress") == 0 && address[0] != '\0')
        value->in_use = addresses_count(&broker->addresses, address);
    else
        value->counted = false;
}

/* MaxSessions of each group, beside the one of the server. */
static void tell_group_limits(struct told *told, conf_members members)
{
    const struct conf *conf = &told->broker->conf;
    for (size_t i = 0; i < conf->group_count; i++) {
        const struct conf_group *group = &conf->groups[i];
        unsigned line = group->lines[CONF_GROUP_max_sessions];
        if ((members & 1U << i) == 0 || line == 0)
            continue;
        conf_group_value(group, CONF_GROUP_max_sessions, told->texts[told->count].value,
                         sizeof(told->texts->value));
        snprintf(told->texts[told->count].section, sizeof(told->texts->section), "Group %s", group->name);
        Lodge__Lsm__PolicyValue *value = tell_value(told, conf_group_key(CONF_GROUP_max_sessions), line);
        value->counted = true;
        value->in_use = told->broker->census.sessions[i];
    }
}

static void tell_values(struct told *told, const struct peer *peer, const struct user *user,
                        conf_members members)
{
    const struct conf *conf = &told->broker->conf;
    for (size_t i = 0; i < CONF_KEY_COUNT; i++) {
        const struct conf_key *key = &conf_keys[i];
        size_t index;
        const struct conf_group *group = giver(conf, members, key, &index);
        char *value = told->texts[told->count].value, *section = told->texts[told->count].section;
        size_t value_size = sizeof(told->texts->value), section_size = sizeof(told->texts->section);
        if (group != NULL) {
            conf_group_value(group, index, value, value_size);
            snprintf(section, section_size, "Group %s", group->name);
            tell_value(told, key, group->lines[index]);
            continue;
        }
        conf_value(conf, key, value, value_size);
        snprintf(section, section_size, "%s", key->section);
        tell_value(told, key, told->broker->conf_lines[i]);
    }
    for (size_t i = 0; i < told->count; i++)
        tell_use(&told->values[i], peer, user);
    tell_group_limits(told, members);
}

static void on_groups(void *context, bool known, uid_t uid, const gid_t *gids, size_t count)
{
    struct peer *peer = context;
    struct broker *broker = peer->broker;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    struct told *told = calloc(1, sizeof(*told));
    peer->policy_question.query = NULL;
    if (told == NULL) {
        peer_refuse(peer, peer->policy_question.serial, REASON_INTERNAL, "");
        return;
    }
    if (!known)
        uid = (uid_t)-1;
    struct membership_verdict verdict = membership_judge(&broker->membership, uid, true, gids, count);
    lodge__lsm__policy_user__init(&told->policy);
    told->broker = broker;
    membership_each_name(&broker->membership, &broker->conf, gids, count, tell_name, told);
    tell_values(told, peer, policy_user_by_session(broker, peer->policy_question.user, !known),
                membership_members(&broker->membership, gids, count));
    told->policy.known = known;
    told->policy.administrator = verdict.administrator;
    told->policy.refused = verdict.refused;
    told->policy.group = told->name_pointers;
    told->policy.n_group = told->name_count;
    told->policy.value = told->pointers;
    told->policy.n_value = told->count;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_POLICY_USER;
    answer.policy_user = &told->policy;
    peer_answer(peer, peer->policy_question.serial, &answer, -1);
    free(told);
}

void policy_call_user(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    (void)descriptor;
    policy_ask(peer, request->serial, request->policy_user->user, request->policy_user->client, on_groups);
}
