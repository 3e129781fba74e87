/* Inside liblodge: a connection, and asking it. */
#pragma once

#include "lib/client.h"
#include "lib/lodge.h"

struct lodge {
    struct client client; /* fd -1: of no more use */
    bool subscribed;      /* what comes are notices */
};

/* Fills *error where it is not NULL, and returns `code`. `detail` NULL: nothing to add. */
int lodge_failed(struct lodge_error *error, int code, const char *detail);

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
