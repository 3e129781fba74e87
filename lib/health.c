#include <errno.h>

#include "lib/result.h"

_Static_assert((int)LODGE_HEALTH_WARNING == (int)LODGE__LSM__HEALTH_STATE__HEALTH_WARNING &&
                   (int)LODGE_HEALTH_FAILED == (int)LODGE__LSM__HEALTH_STATE__HEALTH_FAILED,
               "the states of lodge.h are those of the protocol");

RESULT_FREE(lodge_health_free, struct lodge_health)

static void fill(void *entry, const Lodge__Lsm__Answer *answer, size_t i)
{
    const Lodge__Lsm__Check *from = answer->health->check[i];
    *(struct lodge_check *)entry = (struct lodge_check){
        .name = from->name,
        .state = (enum lodge_health_state)from->state,
        .text = from->text,
        .advice = from->advice,
    };
}

int lodge_health(struct lodge *lodge, struct lodge_health **health_r, struct lodge_error *error)
{
    Lodge__Lsm__Answer *answer;
    const void *entries;
    int failed = lodge_ask_nothing(lodge, LODGE__LSM__REQUEST__METHOD_HEALTH,
                                   LODGE__LSM__ANSWER__RESULT_HEALTH, &answer, error);
    if (failed != 0)
        return failed;
    size_t count = answer->health->n_check;
    struct lodge_health *health =
        result_new(answer, sizeof(*health), count, sizeof(struct lodge_check), fill, &entries, error);
    if (health == NULL)
        return -ENOMEM;
    *health = (struct lodge_health){
        .state = (enum lodge_health_state)answer->health->state, .count = count, .check = entries};
    *health_r = health;
    return 0;
}
