/* wait, message, subscribe: what takes its time. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "lib/ask.h"
#include "lib/stream.h"

#define DAY_MS    86400000
#define MINUTE_MS 60000

_Static_assert((int)LODGE_NOTICE_LICENCE == (int)LODGE__LSM__NOTICE_KIND__NOTICE_LICENCE &&
                   (int)LODGE_NOTICE_TERMINATE == (int)LODGE__LSM__NOTICE_KIND__NOTICE_TERMINATE,
               "the kinds of lodge.h are those of the protocol");

int lodge_wait(struct lodge *lodge, uint32_t session, const char *user, int state, uint32_t timeout_ms,
               uint32_t *session_r, struct lodge_error *error)
{
    Lodge__Lsm__WaitRequest wait = LODGE__LSM__WAIT_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer = NULL;
    int failed = lodge_may_ask(lodge, error);
    if (failed != 0)
        return failed;
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
    failed = stream_send(&lodge->client, &request);
    if (failed == 0)
        failed = stream_next(&lodge->client, (int64_t)wait.deadline_ms + CLIENT_ANSWER_MS, &answer);
    failed = lodge_take(lodge, failed, answer, LODGE__LSM__ANSWER__RESULT_WAITED, &answer, error);
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
    Lodge__Lsm__Answer *answer = NULL;
    int failed = lodge_may_ask(lodge, error);
    if (failed != 0)
        return failed;
    message.session = session;
    message.title = (char *)title;
    message.text = (char *)text;
    message.style = style;
    message.timeout_s = timeout_s;
    message.wait = wait;
    request.method_case = LODGE__LSM__REQUEST__METHOD_MESSAGE;
    request.message = &message;
    int64_t patience = (wait ? (int64_t)timeout_s * 1000 : 0) + CLIENT_ANSWER_MS;
    failed = stream_send(&lodge->client, &request);
    if (failed == 0)
        failed = stream_next(&lodge->client, wait && timeout_s == 0 ? STREAM_FOR_EVER : patience, &answer);
    failed = lodge_take(lodge, failed, answer, LODGE__LSM__ANSWER__RESULT_MESSAGE, &answer, error);
    if (failed != 0)
        return failed;
    if (response_r != NULL)
        *response_r = answer->message->response;
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return 0;
}

/* What lodge_next gives. */
struct batch {
    struct lodge_notices notices;
    Lodge__Lsm__Answer *answer;
    const struct lodge_notice **pointers;
    struct lodge_notice entries[];
};

void lodge_notices_free(struct lodge_notices *notices)
{
    if (notices == NULL)
        return;
    struct batch *batch = (struct batch *)((char *)notices - offsetof(struct batch, notices));
    lodge__lsm__answer__free_unpacked(batch->answer, NULL);
    free(batch->pointers);
    free(batch);
}

static void batch_fill(struct batch *batch, const Lodge__Lsm__Notices *from)
{
    for (size_t i = 0; i < from->n_notice; i++) {
        const Lodge__Lsm__Notice *notice = from->notice[i];
        batch->entries[i] = (struct lodge_notice){
            .sequence = notice->sequence,
            .time_ms = notice->time_ms,
            .kind = (enum lodge_kind)notice->kind,
            .session = notice->session,
            .state = (enum lodge_state)notice->state,
            .user = notice->user,
            .address = notice->address,
            .reason = notice->reason,
            .detail = notice->detail,
        };
        batch->pointers[i] = &batch->entries[i];
    }
    batch->notices =
        (struct lodge_notices){.count = from->n_notice, .notice = batch->pointers, .lost = from->lost};
}

/* Takes `answer`. NULL without memory. */
static struct batch *batch_new(Lodge__Lsm__Answer *answer)
{
    size_t count = answer->notices->n_notice;
    struct batch *batch = malloc(sizeof(*batch) + count * sizeof(batch->entries[0]));
    const struct lodge_notice **pointers = calloc(count + 1, sizeof(*pointers));
    if (batch == NULL || pointers == NULL) {
        free(batch);
        free(pointers);
        lodge__lsm__answer__free_unpacked(answer, NULL);
        return NULL;
    }
    batch->answer = answer;
    batch->pointers = pointers;
    batch_fill(batch, answer->notices);
    return batch;
}

int lodge_subscribe(struct lodge *lodge, struct lodge_error *error)
{
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    request.method_case = LODGE__LSM__REQUEST__METHOD_SUBSCRIBE;
    request.subscribe = &nothing;
    int failed = lodge_ask(lodge, &request, LODGE__LSM__ANSWER__RESULT_NOTICES, &answer, error);
    if (failed != 0)
        return failed;
    lodge__lsm__answer__free_unpacked(answer, NULL);
    lodge->subscribed = true;
    return 0;
}

int lodge_next(struct lodge *lodge, int timeout_ms, struct lodge_notices **notices_r,
               struct lodge_error *error)
{
    Lodge__Lsm__Answer *answer = NULL;
    if (lodge->client.fd < 0)
        return lodge_failed(error, -ENOTCONN, NULL);
    if (!lodge->subscribed)
        return lodge_failed(error, -EINVAL, "The connection is no subscription.");
    int failed = stream_next(&lodge->client, timeout_ms, &answer);
    if (failed == -ETIMEDOUT)
        return lodge_failed(error, -EAGAIN, NULL);
    failed = lodge_take(lodge, failed, answer, LODGE__LSM__ANSWER__RESULT_NOTICES, &answer, error);
    if (failed != 0)
        return failed;
    struct batch *batch = batch_new(answer);
    if (batch == NULL)
        return lodge_failed(error, -ENOMEM, NULL);
    *notices_r = &batch->notices;
    return 0;
}

int lodge_descriptor(const struct lodge *lodge)
{
    return lodge->client.fd;
}
