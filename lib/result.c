#include "lib/result.h"

#include <errno.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct result {
    Lodge__Lsm__Answer *answer;
    max_align_t given[]; /* the public struct, the entries, the pointers to them */
};

static size_t aligned(size_t size)
{
    size_t unit = alignof(max_align_t);
    return (size + unit - 1) / unit * unit;
}

void *result_new(Lodge__Lsm__Answer *answer, size_t size, size_t count, size_t entry_size, result_fill *fill,
                 const void **entries_r, struct lodge_error *error)
{
    /* the answer was a packet of 64 KiB, or some hundred: no overflow */
    size_t head = aligned(size), entries = aligned(count * entry_size);
    struct result *result = calloc(1, sizeof(*result) + head + entries + (count + 1) * sizeof(void *));
    if (result == NULL) {
        lodge__lsm__answer__free_unpacked(answer, NULL);
        lodge_failed(error, -ENOMEM, NULL);
        return NULL;
    }
    result->answer = answer;
    char *entry = (char *)result->given + head;
    const void **pointers = (const void **)(void *)(entry + entries);
    for (size_t i = 0; i < count; i++, entry += entry_size) {
        fill(entry, answer, i);
        pointers[i] = entry;
    }
    *entries_r = pointers;
    return result->given;
}

void *result_new_plain(Lodge__Lsm__Answer *answer, size_t size, struct lodge_error *error)
{
    const void *none;
    return result_new(answer, size, 0, 0, NULL, &none, error);
}

void result_free(void *given)
{
    if (given == NULL)
        return;
    struct result *result = (struct result *)(void *)((char *)given - offsetof(struct result, given));
    lodge__lsm__answer__free_unpacked(result->answer, NULL);
    free(result);
}
