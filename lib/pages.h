/* Inside liblodge: the answers that a result is made of, which own its texts. */
#pragma once

#include "lib/ask.h"

struct pages {
    Lodge__Lsm__Answer **answers;
    size_t count;
};

/* Takes `answer`, which is freed when there is no memory for it. Returns 0 or -ENOMEM. */
int pages_add(struct pages *pages, Lodge__Lsm__Answer *answer);
void pages_free(struct pages *pages);
