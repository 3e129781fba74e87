/* Inside liblodge: a connection, and asking it. */
#pragma once

#include <errno.h>

#include "lib/client.h"
#include "lib/lodge.h"

struct lodge {
    struct client client; /* fd -1: of no more use */
    /* what comes, one after another, are answers with this result; RESULT__NOT_SET: it is asked */
    Lodge__Lsm__Answer__ResultCase stream;
};

/* Fills *error. `detail` NULL: nothing to add. */
void lodge_fill_error(struct lodge_error *error, int code, const char *detail);
/* Fills *error where it is not NULL, and returns `code`. `detail` NULL: nothing to add. */
static inline int lodge_failed(struct lodge_error *error, int code, const char *detail)
{
    if (error != NULL)
        lodge_fill_error(error, code, detail);
    return code;
}

/* Whether anything may be asked: 0, -ENOTCONN or -EBUSY, with *error filled. */
int lodge_may_ask(const struct lodge *lodge, struct lodge_error *error);
/* Takes what came for a request: `failed` (0: *answer), whose result shall be `want`. As lodge_ask, which it
 * ends. */
int lodge_take(struct lodge *lodge, int failed, Lodge__Lsm__Answer *answer,
               Lodge__Lsm__Answer__ResultCase want, Lodge__Lsm__Answer **answer_r, struct lodge_error *error);

/* Asks, and takes an answer with the result `want` only. Returns 0 with *answer_r the caller's to free with
 * lodge__lsm__answer__free_unpacked, or as the functions of lodge.h do. */
int lodge_ask(struct lodge *lodge, Lodge__Lsm__Request *request, Lodge__Lsm__Answer__ResultCase want,
              Lodge__Lsm__Answer **answer_r, struct lodge_error *error);
/* The same for what has no result. */
int lodge_ask_plainly(struct lodge *lodge, Lodge__Lsm__Request *request, struct lodge_error *error);
/* As lodge_ask, by a method whose request is Nothing. */
int lodge_ask_nothing(struct lodge *lodge, Lodge__Lsm__Request__MethodCase method,
                      Lodge__Lsm__Answer__ResultCase want, Lodge__Lsm__Answer **answer_r,
                      struct lodge_error *error);
/* The same by a method whose request is a SessionRequest. */
int lodge_ask_of_session(struct lodge *lodge, Lodge__Lsm__Request__MethodCase method, uint32_t session,
                         Lodge__Lsm__Answer__ResultCase want, Lodge__Lsm__Answer **answer_r,
                         struct lodge_error *error);
/* As lodge_ask, for what takes its time: `more_ms` beyond what answers take; LODGE_FOR_EVER: however long. */
#define LODGE_FOR_EVER (-1)
int lodge_ask_slowly(struct lodge *lodge, Lodge__Lsm__Request *request, int64_t more_ms,
                     Lodge__Lsm__Answer__ResultCase want, Lodge__Lsm__Answer **answer_r,
                     struct lodge_error *error);
/* Waits up to `timeout_ms` (below 0: for ever) for the next answer of a connection whose stream is this.
 * -EAGAIN: none came. */
int lodge_take_next(struct lodge *lodge, Lodge__Lsm__Answer__ResultCase stream, int timeout_ms,
                    Lodge__Lsm__Answer **answer_r, struct lodge_error *error);
/* `answer` is not what a server says: frees it, closes the connection, fills *error. Returns -EPROTO. */
static inline int lodge_wrong(struct lodge *lodge, Lodge__Lsm__Answer *answer, const char *detail,
                              struct lodge_error *error)
{
    lodge__lsm__answer__free_unpacked(answer, NULL);
    client_close(&lodge->client);
    return lodge_failed(error, -EPROTO, detail);
}
