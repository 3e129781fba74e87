/* policy, policy_user, policy_test, reload. */
#include <errno.h>

#include "lib/result.h"

RESULT_FREE(lodge_policy_free, struct lodge_policy)
RESULT_FREE(lodge_policy_user_free, struct lodge_policy_user)
RESULT_FREE(lodge_verdict_free, struct lodge_verdict)
RESULT_FREE(lodge_reloaded_free, struct lodge_reloaded)

static void fill_value(void *entry, const Lodge__Lsm__PolicyValue *from)
{
    *(struct lodge_policy_value *)entry = (struct lodge_policy_value){
        .section = from->section,
        .key = from->key,
        .value = from->value,
        .origin = from->origin,
        .reloadable = from->reloadable,
        .counted = from->counted,
        .in_use = from->in_use,
    };
}

static void fill(void *entry, const Lodge__Lsm__Answer *answer, size_t i)
{
    fill_value(entry, answer->policy->value[i]);
}

static void fill_of_user(void *entry, const Lodge__Lsm__Answer *answer, size_t i)
{
    fill_value(entry, answer->policy_user->value[i]);
}

int lodge_policy(struct lodge *lodge, struct lodge_policy **policy_r, struct lodge_error *error)
{
    Lodge__Lsm__Answer *answer;
    const void *entries;
    int failed = lodge_ask_nothing(lodge, LODGE__LSM__REQUEST__METHOD_POLICY,
                                   LODGE__LSM__ANSWER__RESULT_POLICY, &answer, error);
    if (failed != 0)
        return failed;
    size_t count = answer->policy->n_value;
    struct lodge_policy *policy =
        result_new(answer, sizeof(*policy), count, sizeof(struct lodge_policy_value), fill, &entries, error);
    if (policy == NULL)
        return -ENOMEM;
    *policy = (struct lodge_policy){.count = count, .value = entries};
    *policy_r = policy;
    return 0;
}

int lodge_policy_user(struct lodge *lodge, const char *user, const char *client,
                      struct lodge_policy_user **policy_r, struct lodge_error *error)
{
    Lodge__Lsm__PolicyUserRequest asked = LODGE__LSM__POLICY_USER_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    const void *entries;
    asked.user = (char *)user;
    if (client != NULL)
        asked.client = (char *)client;
    request.method_case = LODGE__LSM__REQUEST__METHOD_POLICY_USER;
    request.policy_user = &asked;
    int failed = lodge_ask(lodge, &request, LODGE__LSM__ANSWER__RESULT_POLICY_USER, &answer, error);
    if (failed != 0)
        return failed;
    const Lodge__Lsm__PolicyUser *from = answer->policy_user;
    struct lodge_policy_user *policy =
        result_new(answer, sizeof(*policy), from->n_value, sizeof(struct lodge_policy_value), fill_of_user,
                   &entries, error);
    if (policy == NULL)
        return -ENOMEM;
    *policy = (struct lodge_policy_user){
        .known = from->known,
        .administrator = from->administrator,
        .refused = from->refused,
        .group_count = from->n_group,
        .group = (const char *const *)from->group,
        .count = from->n_value,
        .value = entries,
    };
    *policy_r = policy;
    return 0;
}

int lodge_policy_test(struct lodge *lodge, const char *user, const char *client, uint64_t at_ms,
                      struct lodge_verdict **verdict_r, struct lodge_error *error)
{
    Lodge__Lsm__PolicyTestRequest test = LODGE__LSM__POLICY_TEST_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    test.user = (char *)user;
    if (client != NULL)
        test.client = (char *)client;
    test.at_ms = at_ms;
    request.method_case = LODGE__LSM__REQUEST__METHOD_POLICY_TEST;
    request.policy_test = &test;
    int failed = lodge_ask(lodge, &request, LODGE__LSM__ANSWER__RESULT_POLICY_VERDICT, &answer, error);
    if (failed != 0)
        return failed;
    const Lodge__Lsm__PolicyVerdict *from = answer->policy_verdict;
    struct lodge_verdict *verdict = result_new_plain(answer, sizeof(*verdict), error);
    if (verdict == NULL)
        return -ENOMEM;
    *verdict = (struct lodge_verdict){
        .verdict = from->verdict,
        .reason = (int)from->reason,
        .session = from->session,
        .known = from->known,
        .administrator = from->administrator,
        .detail = from->detail,
    };
    *verdict_r = verdict;
    return 0;
}

int lodge_reload(struct lodge *lodge, struct lodge_reloaded **reloaded_r, struct lodge_error *error)
{
    Lodge__Lsm__Answer *answer;
    int failed = lodge_ask_nothing(lodge, LODGE__LSM__REQUEST__METHOD_RELOAD,
                                   LODGE__LSM__ANSWER__RESULT_RELOADED, &answer, error);
    if (failed != 0)
        return failed;
    struct lodge_reloaded *reloaded = result_new_plain(answer, sizeof(*reloaded), error);
    if (reloaded == NULL)
        return -ENOMEM;
    *reloaded = (struct lodge_reloaded){
        .changed_count = answer->reloaded->n_changed,
        .changed = (const char *const *)answer->reloaded->changed,
        .restart_count = answer->reloaded->n_restart,
        .restart = (const char *const *)answer->reloaded->restart,
    };
    *reloaded_r = reloaded;
    return 0;
}
