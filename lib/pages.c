#include "lib/pages.h"

#include <errno.h>
#include <stdlib.h>

int pages_add(struct pages *pages, Lodge__Lsm__Answer *answer)
{
    Lodge__Lsm__Answer **more = reallocarray(pages->answers, pages->count + 1, sizeof(Lodge__Lsm__Answer *));
    if (more == NULL) {
        lodge__lsm__answer__free_unpacked(answer, NULL);
        return -ENOMEM;
    }
    pages->answers = more;
    pages->answers[pages->count++] = answer;
    return 0;
}

void pages_free(struct pages *pages)
{
    for (size_t i = 0; i < pages->count; i++)
        lodge__lsm__answer__free_unpacked(pages->answers[i], NULL);
    free(pages->answers);
    *pages = (struct pages){0};
}
