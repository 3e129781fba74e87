#include "broker/methods-policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/admission.h"
#include "broker/broker.h"
#include "broker/reload.h"
#include "common/text.h"

static const struct {
    Lodge__Lsm__DrainMode told;
    enum policy_drain mode;
} drain_modes[] = {
    {LODGE__LSM__DRAIN_MODE__OFF, POLICY_DRAIN_OFF},
    {LODGE__LSM__DRAIN_MODE__RECONNECTS, POLICY_DRAIN_RECONNECTS},
    {LODGE__LSM__DRAIN_MODE__UNTIL_RESTART, POLICY_DRAIN_UNTIL_RESTART},
};
#define DRAIN_MODES (sizeof(drain_modes) / sizeof(drain_modes[0]))

/* Returns false when the request has been answered. */
static bool set_drain(struct peer *peer, uint64_t serial, Lodge__Lsm__DrainMode wanted)
{
    size_t i = 0;
    while (i < DRAIN_MODES && drain_modes[i].told != wanted)
        i++;
    if (i == DRAIN_MODES) {
        peer_refuse(peer, serial, REASON_BAD_REQUEST, "There is no such drain mode.");
        return false;
    }
    if (drain_modes[i].mode == peer->broker->drain.mode)
        return true;
    int failed = limits_set_drain(peer->broker, drain_modes[i].mode, peer->uid);
    if (failed)
        peer_refuse(peer, serial, REASON_INTERNAL, strerror(-failed));
    return failed == 0;
}

void policy_call_drain(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    Lodge__Lsm__DrainMode wanted = request->drain->mode;
    Lodge__Lsm__Drain drain = LODGE__LSM__DRAIN__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    (void)descriptor;
    if (wanted != LODGE__LSM__DRAIN_MODE__UNCHANGED && !set_drain(peer, request->serial, wanted))
        return;
    for (size_t i = 0; i < DRAIN_MODES; i++) {
        if (drain_modes[i].mode == peer->broker->drain.mode)
            drain.mode = drain_modes[i].told;
    }
    answer.result_case = LODGE__LSM__ANSWER__RESULT_DRAIN;
    answer.drain = &drain;
    peer_answer(peer, request->serial, &answer, -1);
}

#define SETTING_ROOM (CONF_TEXT_MAX + 64)

/* "KEY = VALUE" of each that is marked; returns how many. */
static size_t list_settings(const struct conf *conf, const bool *marked, char (*texts)[SETTING_ROOM],
                            char **pointers)
{
    char value[CONF_TEXT_MAX + 1];
    size_t count = 0;
    for (size_t i = 0; i < CONF_KEY_COUNT; i++) {
        if (!marked[i])
            continue;
        snprintf(texts[count], SETTING_ROOM, "%s = %s", conf_keys[i].key,
                 conf_value(conf, &conf_keys[i], value, sizeof(value)));
        pointers[count] = texts[count];
        count++;
    }
    return count;
}

void policy_call_reload(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    struct reload_outcome outcome;
    char by[32], texts[CONF_KEY_COUNT * 2 + 1][SETTING_ROOM], *pointers[CONF_KEY_COUNT * 2 + 1];
    Lodge__Lsm__Reloaded reloaded = LODGE__LSM__RELOADED__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    (void)descriptor;
    snprintf(by, sizeof(by), "by uid %u", (unsigned)peer->uid);
    reload_run(peer->broker, by, &outcome);
    if (outcome.error[0] != '\0') {
        peer_refuse(peer, request->serial, REASON_BAD_CONFIGURATION, outcome.error);
        return;
    }
    reloaded.changed = pointers;
    reloaded.n_changed = list_settings(&outcome.wanted, outcome.changed, texts, pointers);
    if (outcome.groups)
        pointers[reloaded.n_changed++] = (char *)"the sections [Group ...]";
    reloaded.restart = pointers + reloaded.n_changed;
    reloaded.n_restart =
        list_settings(&outcome.wanted, outcome.restart, texts + reloaded.n_changed, reloaded.restart);
    answer.result_case = LODGE__LSM__ANSWER__RESULT_RELOADED;
    answer.reloaded = &reloaded;
    peer_answer(peer, request->serial, &answer, -1);
}

#define VALUES_MAX (CONF_KEY_COUNT + CONF_GROUPS_MAX * CONF_GROUP_KEY_COUNT)

/* The values with the memory of their texts. */
struct told_policy {
    size_t count;
    Lodge__Lsm__PolicyValue values[VALUES_MAX], *pointers[VALUES_MAX];
    struct {
        char section[48], value[CONF_TEXT_MAX + 1], origin[CONF_TEXT_MAX + 32];
    } texts[VALUES_MAX];
};

static void tell_value(struct told_policy *told, const struct broker *broker, const char *section,
                       const struct conf_key *key, unsigned line)
{
    Lodge__Lsm__PolicyValue *value = &told->values[told->count];
    char *origin = told->texts[told->count].origin;
    lodge__lsm__policy_value__init(value);
    value->section = (char *)section;
    value->key = (char *)key->key;
    value->value = told->texts[told->count].value;
    value->reloadable = key->reloadable;
    value->origin = line != 0 ? origin : (char *)"default";
    if (line != 0)
        snprintf(origin, sizeof(told->texts->origin), "%.255s:%u", broker->conf_path, line);
    told->pointers[told->count++] = value;
}

static void tell_policy(struct told_policy *told, const struct broker *broker)
{
    const struct conf *conf = &broker->conf;
    for (size_t i = 0; i < CONF_KEY_COUNT; i++) {
        conf_value(conf, &conf_keys[i], told->texts[told->count].value, sizeof(told->texts->value));
        tell_value(told, broker, conf_keys[i].section, &conf_keys[i], broker->conf_lines[i]);
    }
    for (size_t i = 0; i < conf->group_count; i++) {
        const struct conf_group *group = &conf->groups[i];
        for (size_t key = 0; key < CONF_GROUP_KEY_COUNT; key++) {
            if (group->lines[key] == 0)
                continue;
            char *section = told->texts[told->count].section;
            snprintf(section, sizeof(told->texts->section), "Group %s", group->name);
            conf_group_value(group, key, told->texts[told->count].value, sizeof(told->texts->value));
            tell_value(told, broker, section, conf_group_key(key), group->lines[key]);
        }
    }
}

void policy_call_policy(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    Lodge__Lsm__Policy policy = LODGE__LSM__POLICY__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    struct told_policy *told = calloc(1, sizeof(*told));
    (void)descriptor;
    if (told == NULL) {
        peer_refuse(peer, request->serial, REASON_INTERNAL, "");
        return;
    }
    tell_policy(told, peer->broker);
    policy.value = told->pointers;
    policy.n_value = told->count;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_POLICY;
    answer.policy = &policy;
    peer_answer(peer, request->serial, &answer, -1);
    free(told);
}

#define TIME_MOST_MS INT64_C(253402300800000) /* the year 10000 */

static const char *const verdicts[] = {
    [POLICY_NEW] = "new", [POLICY_RECONNECT] = "reconnect", [POLICY_TAKE_OVER] = "take-over",
    [POLICY_ASK] = "ask", [POLICY_WAIT] = "wait",           [POLICY_REFUSE] = "refuse",
};

const struct user *policy_user_by_session(struct broker *broker, const char *name, bool lab)
{
    for (struct session *at = session_next(broker, 0); at != NULL; at = session_next(broker, at->id)) {
        if (at->lab == lab && strcmp(at->name, name) == 0)
            return at->user;
    }
    return NULL;
}

static void answer_test(void *context, bool known, uid_t uid, const gid_t *gids, size_t count)
{
    struct peer *peer = context;
    struct broker *broker = peer->broker;
    char detail[128];
    Lodge__Lsm__PolicyVerdict told = LODGE__LSM__POLICY_VERDICT__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    peer->policy_question.query = NULL;
    const struct user *user = policy_user_by_session(broker, peer->policy_question.user, !known);
    struct admission_question question = {.user = user,
                                          .uid = known ? uid : (uid_t)-1,
                                          .known = true, /* of a lab account: that there are none */
                                          .gids = gids,
                                          .gid_count = count,
                                          .address = peer->policy_question.address,
                                          .at_ms = peer->policy_question.at_ms};
    struct policy_decision decision = admission_would_be(broker, &question, detail, sizeof(detail));
    told.verdict = (char *)verdicts[decision.verdict];
    told.reason = decision.reason;
    told.session = decision.session;
    told.detail = detail;
    told.known = known;
    told.administrator = membership_judge(&broker->membership, question.uid, true, gids, count).administrator;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_POLICY_VERDICT;
    answer.policy_verdict = &told;
    peer_answer(peer, peer->policy_question.serial, &answer, -1);
}

bool policy_ask(struct peer *peer, uint64_t serial, const char *user, const char *client, groups_fn *done)
{
    if (peer->policy_question.query != NULL) {
        peer_refuse(peer, serial, REASON_WRONG_STATE, "Another question about a user is under way.");
        return false;
    }
    bool fits = text_copy(peer->policy_question.user, sizeof(peer->policy_question.user), user) &&
                text_copy(peer->policy_question.address, sizeof(peer->policy_question.address), client);
    if (!fits || user[0] == '\0' || !text_is_printable(user)) {
        peer_refuse(peer, serial, REASON_BAD_REQUEST, "The user or the address makes no sense.");
        return false;
    }
    peer->policy_question.serial = serial;
    peer->policy_question.query = groups_ask(peer->broker->groups, user, done, peer);
    if (peer->policy_question.query == NULL)
        peer_refuse(peer, serial, REASON_INTERNAL, "");
    return peer->policy_question.query != NULL;
}

void policy_call_test(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    const Lodge__Lsm__PolicyTestRequest *test = request->policy_test;
    (void)descriptor;
    if (policy_ask(peer, request->serial, test->user, test->client, answer_test))
        peer->policy_question.at_ms = test->at_ms <= TIME_MOST_MS ? (int64_t)test->at_ms : TIME_MOST_MS;
}
