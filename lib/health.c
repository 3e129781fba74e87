#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "lib/ask.h"

_Static_assert((int)LODGE_HEALTH_WARNING == (int)LODGE__LSM__HEALTH_STATE__HEALTH_WARNING &&
                   (int)LODGE_HEALTH_FAILED == (int)LODGE__LSM__HEALTH_STATE__HEALTH_FAILED,
               "the states of lodge.h are those of the protocol");

/* What lodge_health gives, in one piece but for the answer. */
struct report {
    struct lodge_health health;
    Lodge__Lsm__Answer *answer;
    const struct lodge_check **pointers;
    struct lodge_check entries[];
};

void lodge_health_free(struct lodge_health *health)
{
    if (health == NULL)
        return;
    struct report *report = (struct report *)((char *)health - offsetof(struct report, health));
    lodge__lsm__answer__free_unpacked(report->answer, NULL);
    free(report->pointers);
    free(report);
}

static void report_fill(struct report *report, const Lodge__Lsm__Health *from)
{
    for (size_t i = 0; i < from->n_check; i++) {
        report->entries[i] = (struct lodge_check){
            .name = from->check[i]->name,
            .state = (enum lodge_health_state)from->check[i]->state,
            .text = from->check[i]->text,
            .advice = from->check[i]->advice,
        };
        report->pointers[i] = &report->entries[i];
    }
    report->health = (struct lodge_health){
        .state = (enum lodge_health_state)from->state, .count = from->n_check, .check = report->pointers};
}

int lodge_health(struct lodge *lodge, struct lodge_health **health_r, struct lodge_error *error)
{
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    request.method_case = LODGE__LSM__REQUEST__METHOD_HEALTH;
    request.health = &nothing;
    int failed = lodge_ask(lodge, &request, LODGE__LSM__ANSWER__RESULT_HEALTH, &answer, error);
    if (failed != 0)
        return failed;
    size_t count = answer->health->n_check;
    struct report *report = malloc(sizeof(*report) + count * sizeof(report->entries[0]));
    const struct lodge_check **pointers = calloc(count + 1, sizeof(*pointers));
    if (report == NULL || pointers == NULL) {
        free(report);
        free(pointers);
        lodge__lsm__answer__free_unpacked(answer, NULL);
        return lodge_failed(error, -ENOMEM, NULL);
    }
    report->answer = answer;
    report->pointers = pointers;
    report_fill(report, answer->health);
    *health_r = &report->health;
    return 0;
}
