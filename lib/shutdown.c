/* shutdown, shutdown_abort, shutdown_status. */
#include <errno.h>

#include "lib/result.h"

_Static_assert((int)LODGE_SHUTDOWN_HALT == (int)LODGE__LSM__SHUTDOWN_ACTION__HALT &&
                   (int)LODGE_SHUTDOWN_REBOOT == (int)LODGE__LSM__SHUTDOWN_ACTION__REBOOT,
               "the actions of lodge.h are those of the protocol");

RESULT_FREE(lodge_shutdown_free, struct lodge_shutdown)

/* Takes `answer`. shutdown_r NULL: nobody wants it. */
static int give(Lodge__Lsm__Answer *answer, struct lodge_shutdown **shutdown_r, struct lodge_error *error)
{
    const Lodge__Lsm__Shutdown *from = answer->shutdown;
    if (shutdown_r == NULL) {
        lodge__lsm__answer__free_unpacked(answer, NULL);
        return 0;
    }
    struct lodge_shutdown *shutdown = result_new_plain(answer, sizeof(*shutdown), error);
    if (shutdown == NULL)
        return -ENOMEM;
    *shutdown = (struct lodge_shutdown){
        .phase = from->phase,
        .action = (enum lodge_shutdown_action)from->action,
        .force = from->force,
        .at_ms = from->at_ms,
        .left_ms = from->left_ms,
        .uid = from->uid,
        .reason = from->reason,
        .message = from->message,
        .sessions = from->sessions,
        .phase_ms = from->phase_ms,
        .waits_for = from->waits_for,
    };
    *shutdown_r = shutdown;
    return 0;
}

int lodge_shutdown(struct lodge *lodge, const struct lodge_shutdown_order *order,
                   struct lodge_shutdown **shutdown_r, struct lodge_error *error)
{
    Lodge__Lsm__ShutdownRequest asked = LODGE__LSM__SHUTDOWN_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    asked.action = (Lodge__Lsm__ShutdownAction)order->action;
    asked.in_s = order->in_s;
    asked.now = order->in_s == 0;
    asked.force = order->force;
    if (order->message != NULL)
        asked.message = (char *)order->message;
    if (order->reason != NULL)
        asked.reason = (char *)order->reason;
    request.method_case = LODGE__LSM__REQUEST__METHOD_SHUTDOWN;
    request.shutdown = &asked;
    int failed = lodge_ask(lodge, &request, LODGE__LSM__ANSWER__RESULT_SHUTDOWN, &answer, error);
    return failed == 0 ? give(answer, shutdown_r, error) : failed;
}

int lodge_shutdown_abort(struct lodge *lodge, struct lodge_shutdown **shutdown_r, struct lodge_error *error)
{
    Lodge__Lsm__Answer *answer;
    int failed = lodge_ask_nothing(lodge, LODGE__LSM__REQUEST__METHOD_SHUTDOWN_ABORT,
                                   LODGE__LSM__ANSWER__RESULT_SHUTDOWN, &answer, error);
    return failed == 0 ? give(answer, shutdown_r, error) : failed;
}

static int ask_status(struct lodge *lodge, bool follow, Lodge__Lsm__Answer **answer_r,
                      struct lodge_error *error)
{
    Lodge__Lsm__ShutdownStatusRequest status = LODGE__LSM__SHUTDOWN_STATUS_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    status.follow = follow;
    request.method_case = LODGE__LSM__REQUEST__METHOD_SHUTDOWN_STATUS;
    request.shutdown_status = &status;
    return lodge_ask(lodge, &request, LODGE__LSM__ANSWER__RESULT_SHUTDOWN, answer_r, error);
}

int lodge_shutdown_status(struct lodge *lodge, struct lodge_shutdown **shutdown_r, struct lodge_error *error)
{
    Lodge__Lsm__Answer *answer;
    int failed = ask_status(lodge, false, &answer, error);
    return failed == 0 ? give(answer, shutdown_r, error) : failed;
}

int lodge_shutdown_follow(struct lodge *lodge, struct lodge_shutdown **shutdown_r, struct lodge_error *error)
{
    Lodge__Lsm__Answer *answer;
    int failed = ask_status(lodge, true, &answer, error);
    if (failed != 0)
        return failed;
    lodge->stream = LODGE__LSM__ANSWER__RESULT_SHUTDOWN;
    return give(answer, shutdown_r, error);
}

int lodge_shutdown_next(struct lodge *lodge, int timeout_ms, struct lodge_shutdown **shutdown_r,
                        struct lodge_error *error)
{
    Lodge__Lsm__Answer *answer;
    int failed = lodge_take_next(lodge, LODGE__LSM__ANSWER__RESULT_SHUTDOWN, timeout_ms, &answer, error);
    return failed == 0 ? give(answer, shutdown_r, error) : failed;
}
