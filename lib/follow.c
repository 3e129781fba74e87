/* wait, message, subscribe: what takes its time. */
#include <errno.h>

#include "lib/result.h"
#include "lib/stream.h"

#define DAY_MS    86400000
#define MINUTE_MS 60000

_Static_assert((int)LODGE_NOTICE_SHADOW_STOP == (int)LODGE__LSM__NOTICE_KIND__NOTICE_SHADOW_STOP &&
                   (int)LODGE_NOTICE_TERMINATE == (int)LODGE__LSM__NOTICE_KIND__NOTICE_TERMINATE,
               "the kinds of lodge.h are those of the protocol");

int lodge_wait(struct lodge *lodge, uint32_t session, const char *user, int state, uint32_t timeout_ms,
               uint32_t *session_r, struct lodge_error *error)
{
    Lodge__Lsm__WaitRequest wait = LODGE__LSM__WAIT_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    if (timeout_ms > DAY_MS)
        return lodge_failed(error, -EINVAL, "The time to wait is more than a day.");
    wait.session = session;
    if (session == 0 && user != NULL)
        wait.user = (char *)user;
    wait.gone = state == LODGE_GONE;
    wait.state = wait.gone ? LODGE__LSM__STATE__ACTIVE : (Lodge__Lsm__State)state;
    wait.deadline_ms = timeout_ms > 0 ? timeout_ms : MINUTE_MS;
    request.method_case = LODGE__LSM__REQUEST__METHOD_WAIT;
    request.wait = &wait;
    int failed = lodge_ask_slowly(lodge, &request, wait.deadline_ms, LODGE__LSM__ANSWER__RESULT_WAITED,
                                  &answer, error);
    if (failed != 0)
        return failed;
    if (session_r != NULL)
        *session_r = answer->waited->session;
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return 0;
}

int lodge_message(struct lodge *lodge, uint32_t session, const char *title, const char *text, uint32_t style,
                  uint32_t timeout_s, bool wait, uint32_t *response_r, struct lodge_error *error)
{
    Lodge__Lsm__MessageRequest message = LODGE__LSM__MESSAGE_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    message.session = session;
    message.title = (char *)title;
    message.text = (char *)text;
    message.style = style;
    message.timeout_s = timeout_s;
    message.wait = wait;
    request.method_case = LODGE__LSM__REQUEST__METHOD_MESSAGE;
    request.message = &message;
    int64_t more_ms = !wait ? 0 : timeout_s == 0 ? LODGE_FOR_EVER : (int64_t)timeout_s * 1000;
    int failed =
        lodge_ask_slowly(lodge, &request, more_ms, LODGE__LSM__ANSWER__RESULT_MESSAGE, &answer, error);
    if (failed != 0)
        return failed;
    if (response_r != NULL)
        *response_r = answer->message->response;
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return 0;
}

RESULT_FREE(lodge_notices_free, struct lodge_notices)

static void fill(void *entry, const Lodge__Lsm__Answer *answer, size_t i)
{
    const Lodge__Lsm__Notice *from = answer->notices->notice[i];
    *(struct lodge_notice *)entry = (struct lodge_notice){
        .sequence = from->sequence,
        .time_ms = from->time_ms,
        .kind = (enum lodge_kind)from->kind,
        .session = from->session,
        .state = (enum lodge_state)from->state,
        .user = from->user,
        .address = from->address,
        .reason = from->reason,
        .detail = from->detail,
    };
}

int lodge_subscribe(struct lodge *lodge, struct lodge_error *error)
{
    Lodge__Lsm__Answer *answer;
    int failed = lodge_ask_nothing(lodge, LODGE__LSM__REQUEST__METHOD_SUBSCRIBE,
                                   LODGE__LSM__ANSWER__RESULT_NOTICES, &answer, error);
    if (failed != 0)
        return failed;
    lodge__lsm__answer__free_unpacked(answer, NULL);
    lodge->stream = LODGE__LSM__ANSWER__RESULT_NOTICES;
    return 0;
}

int lodge_take_next(struct lodge *lodge, Lodge__Lsm__Answer__ResultCase stream, int timeout_ms,
                    Lodge__Lsm__Answer **answer_r, struct lodge_error *error)
{
    Lodge__Lsm__Answer *answer = NULL;
    int refused = lodge->client.fd < 0 ? -ENOTCONN : lodge->stream != stream ? -EINVAL : 0;
    if (refused != 0) {
        lodge_failed(error, refused, refused == -EINVAL ? "The connection is no such subscription." : NULL);
        return refused;
    }
    int failed = stream_next(&lodge->client, timeout_ms, &answer);
    if (failed == -ETIMEDOUT) {
        lodge_failed(error, -EAGAIN, NULL);
        return -EAGAIN;
    }
    return lodge_take(lodge, failed, answer, stream, answer_r, error);
}

int lodge_next(struct lodge *lodge, int timeout_ms, struct lodge_notices **notices_r,
               struct lodge_error *error)
{
    Lodge__Lsm__Answer *answer;
    const void *entries;
    int failed = lodge_take_next(lodge, LODGE__LSM__ANSWER__RESULT_NOTICES, timeout_ms, &answer, error);
    if (failed != 0)
        return failed;
    size_t count = answer->notices->n_notice;
    struct lodge_notices *notices =
        result_new(answer, sizeof(*notices), count, sizeof(struct lodge_notice), fill, &entries, error);
    if (notices == NULL)
        return -ENOMEM;
    *notices = (struct lodge_notices){.count = count, .notice = entries, .lost = answer->notices->lost};
    *notices_r = notices;
    return 0;
}

int lodge_descriptor(const struct lodge *lodge)
{
    return lodge->client.fd;
}
