/* Inside liblodge: a connection, and asking it. */
#pragma once

#include "lib/client.h"
#include "lib/lodge.h"

struct lodge {
    struct client client; /* fd -1: of no more use */
};

/* Fills *error where it is not NULL, and returns `code`. `detail` NULL: nothing to add. */
int lodge_failed(struct lodge_error *error, int code, const char *detail);

/* Asks, and takes an answer with the result `want` only. Returns 0 with *answer_r the caller's to free with
 * lodge__lsm__answer__free_unpacked, or as the functions of lodge.h do. */
int lodge_ask(struct lodge *lodge, Lodge__Lsm__Request *request, Lodge__Lsm__Answer__ResultCase want,
              Lodge__Lsm__Answer **answer_r, struct lodge_error *error);
