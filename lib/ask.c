#include "lib/ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/reason.h"
#include "common/text.h"
#include "lib/stream.h"

_Static_assert((int)LODGE_REASON_NO_SESSION == (int)REASON_NO_SESSION &&
                   (int)LODGE_REASON_FORBIDDEN == (int)REASON_FORBIDDEN &&
                   (int)LODGE_REASON_BAD_REQUEST == (int)REASON_BAD_REQUEST &&
                   (int)LODGE_REASON_TIMED_OUT == (int)REASON_TIMED_OUT &&
                   (int)LODGE_REASON_WRONG_STATE == (int)REASON_WRONG_STATE &&
                   (int)LODGE_REASON_NO_LICENCE == (int)REASON_NO_LICENCE &&
                   (int)LODGE_REASON_BAD_CONFIGURATION == (int)REASON_BAD_CONFIGURATION &&
                   (int)LODGE_REASON_NO_PROCESS == (int)REASON_NO_PROCESS &&
                   (int)LODGE_REASON_NO_SUBSYSTEM == (int)REASON_NO_SUBSYSTEM &&
                   (int)LODGE_REASON_UPGRADE_REFUSED == (int)REASON_UPGRADE_REFUSED &&
                   (int)LODGE_REASON_SHADOW_REFUSED == (int)REASON_SHADOW_REFUSED,
               "the numbers of lodge.h are those of the table");
_Static_assert((int)LODGE_INIT == (int)LODGE__LSM__STATE__INIT &&
                   (int)LODGE_DISCONNECTED == (int)LODGE__LSM__STATE__DISCONNECTED,
               "the states of lodge.h are those of the protocol");

const char *lodge_reason_name(int reason)
{
    return reason_name((uint32_t)reason);
}

const char *lodge_reason_sentence(int reason)
{
    return reason_sentence((uint32_t)reason);
}

/* What a negative errno means here. */
static const char *sentence_of(int problem, char *room, size_t size)
{
    switch (problem) {
    case ENOENT:
    case ECONNREFUSED:
        return "No server is there.";
    case ETIMEDOUT:
    case EAGAIN:
        return "The server does not answer.";
    case EPIPE:
    case ECONNRESET:
        return "The server closed the connection without an answer.";
    case EPROTO:
        return "The server's answer cannot be understood.";
    case ENOTCONN:
        return "The connection failed before.";
    case EBUSY:
        return "The connection is a subscription.";
    default:
        return strerror_r(problem, room, size);
    }
}

void lodge_fill_error(struct lodge_error *error, int code, const char *detail)
{
    char room[128], text[sizeof(error->text)];
    const char *sentence =
        code > 0 ? reason_sentence((uint32_t)code) : sentence_of(-code, room, sizeof(room));
    bool more = detail != NULL && detail[0] != '\0';
    if (code == -EINVAL && more) { /* which says all of it */
        sentence = detail;
        more = false;
    }
    if (snprintf(text, sizeof(text), "%s%s%s%s", sentence, more ? " (" : "", more ? detail : "",
                 more ? ")" : "") >= (int)sizeof(text))
        memcpy(text + sizeof(text) - 4, "...", 4);
    error->code = code;
    text_escape(error->text, sizeof(error->text), text);
}

/* A newer server may have further reasons. What can be no reason counts as an internal error. */
static int reason_of(const Lodge__Lsm__Answer *answer)
{
    return answer->reason <= UINT16_MAX ? (int)answer->reason : (int)REASON_INTERNAL;
}

int lodge_may_ask(const struct lodge *lodge, struct lodge_error *error)
{
    if (lodge->client.fd < 0)
        return lodge_failed(error, -ENOTCONN, NULL);
    return lodge->stream != LODGE__LSM__ANSWER__RESULT__NOT_SET ? lodge_failed(error, -EBUSY, NULL) : 0;
}

int lodge_take(struct lodge *lodge, int failed, Lodge__Lsm__Answer *answer,
               Lodge__Lsm__Answer__ResultCase want, Lodge__Lsm__Answer **answer_r, struct lodge_error *error)
{
    if (failed == 0 && answer->reason == REASON_NONE && answer->result_case != want)
        failed = -EPROTO;
    if (failed != 0) {
        client_close(&lodge->client);
        lodge_failed(error, failed, NULL);
    } else if (answer->reason != REASON_NONE) {
        failed = lodge_failed(error, reason_of(answer), answer->detail);
    }
    if (failed == 0)
        *answer_r = answer;
    else if (answer != NULL)
        lodge__lsm__answer__free_unpacked(answer, NULL);
    return failed;
}

int lodge_ask(struct lodge *lodge, Lodge__Lsm__Request *request, Lodge__Lsm__Answer__ResultCase want,
              Lodge__Lsm__Answer **answer_r, struct lodge_error *error)
{
    Lodge__Lsm__Answer *answer = NULL;
    int failed = lodge_may_ask(lodge, error);
    if (failed != 0)
        return failed;
    failed = client_call(&lodge->client, request, &answer);
    return lodge_take(lodge, failed, answer, want, answer_r, error);
}

int lodge_ask_slowly(struct lodge *lodge, Lodge__Lsm__Request *request, int64_t more_ms,
                     Lodge__Lsm__Answer__ResultCase want, Lodge__Lsm__Answer **answer_r,
                     struct lodge_error *error)
{
    Lodge__Lsm__Answer *answer = NULL;
    int failed = lodge_may_ask(lodge, error);
    if (failed != 0)
        return failed;
    failed = stream_send(&lodge->client, request);
    if (failed == 0)
        failed =
            stream_next(&lodge->client, more_ms < 0 ? STREAM_FOR_EVER : more_ms + CLIENT_ANSWER_MS, &answer);
    return lodge_take(lodge, failed, answer, want, answer_r, error);
}

int lodge_ask_plainly(struct lodge *lodge, Lodge__Lsm__Request *request, struct lodge_error *error)
{
    Lodge__Lsm__Answer *answer;
    int failed = lodge_ask(lodge, request, LODGE__LSM__ANSWER__RESULT__NOT_SET, &answer, error);
    if (failed == 0)
        lodge__lsm__answer__free_unpacked(answer, NULL);
    return failed;
}

int lodge_ask_nothing(struct lodge *lodge, Lodge__Lsm__Request__MethodCase method,
                      Lodge__Lsm__Answer__ResultCase want, Lodge__Lsm__Answer **answer_r,
                      struct lodge_error *error)
{
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = method;
    request.ping = &nothing; /* all methods of this kind have it in the same place of the union */
    return lodge_ask(lodge, &request, want, answer_r, error);
}

int lodge_ask_of_session(struct lodge *lodge, Lodge__Lsm__Request__MethodCase method, uint32_t session,
                         Lodge__Lsm__Answer__ResultCase want, Lodge__Lsm__Answer **answer_r,
                         struct lodge_error *error)
{
    Lodge__Lsm__SessionRequest which = LODGE__LSM__SESSION_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    which.session = session;
    request.method_case = method;
    request.show = &which; /* likewise */
    return lodge_ask(lodge, &request, want, answer_r, error);
}
