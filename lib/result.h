/* Inside liblodge: what a function gives away is one piece of memory, with the answer that its texts are of.
 */
#pragma once

#include "lib/ask.h"

/* Fills entry `i` of what `answer` lists; its memory is zero before. The public struct is first in it. */
typedef void result_fill(void *entry, const Lodge__Lsm__Answer *answer, size_t i);

/* Makes a result of `size` bytes (zero) and `count` entries of `entry_size`, filled by `fill` (NULL: of
 * none); *entries_r is the array of pointers to them, for the result's own member. Takes `answer`, which is
 * freed where there is no memory: then it fills *error and returns NULL. */
void *result_new(Lodge__Lsm__Answer *answer, size_t size, size_t count, size_t entry_size, result_fill *fill,
                 const void **entries_r, struct lodge_error *error);
/* One without entries. */
void *result_new_plain(Lodge__Lsm__Answer *answer, size_t size, struct lodge_error *error);
/* NULL is fine. */
void result_free(void *result);

/* Defines the function of lodge.h that frees results of a type. */
#define RESULT_FREE(name, type) \
    void name(type *result)     \
    {                           \
        result_free(result);    \
    }
