#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "lib/ask.h"

struct entry {
    struct lodge_use use;
    struct lodge_traffic traffic;
};

/* What lodge_usage gives. It has no texts, so the answer is not kept. */
struct page {
    struct lodge_usage usage;
    const struct lodge_use **pointers;
    struct entry entries[];
};

void lodge_usage_free(struct lodge_usage *usage)
{
    if (usage == NULL)
        return;
    struct page *page = (struct page *)((char *)usage - offsetof(struct page, usage));
    free(page->pointers);
    free(page);
}

static void entry_fill(struct entry *entry, const Lodge__Lsm__Use *from)
{
    entry->use = (struct lodge_use){
        .session = from->session, .cpu_ms = from->cpu_ms, .memory = from->memory, .tasks = from->tasks};
    if (from->traffic == NULL)
        return;
    entry->traffic = (struct lodge_traffic){
        .sent = from->traffic->sent,
        .received = from->traffic->received,
        .frames = from->traffic->frames,
        .pixels = from->traffic->pixels,
        .coded = from->traffic->coded,
        .rtt_us = from->traffic->rtt_us,
    };
    entry->use.traffic = &entry->traffic;
}

/* NULL without memory. */
static struct page *page_new(const Lodge__Lsm__Usage *from)
{
    struct page *page = malloc(sizeof(*page) + from->n_use * sizeof(page->entries[0]));
    const struct lodge_use **pointers = calloc(from->n_use + 1, sizeof(*pointers));
    if (page == NULL || pointers == NULL) {
        free(page);
        free(pointers);
        return NULL;
    }
    for (size_t i = 0; i < from->n_use; i++) {
        entry_fill(&page->entries[i], from->use[i]);
        pointers[i] = &page->entries[i].use;
    }
    page->pointers = pointers;
    page->usage = (struct lodge_usage){
        .count = from->n_use, .use = pointers, .more = from->more, .now_ms = from->now_ms};
    return page;
}

/* It is the one that was asked for, or a page as those of lodge_list are. */
static bool page_is_right(const Lodge__Lsm__Usage *page, uint32_t session, uint32_t after)
{
    if (session != 0)
        return page->n_use == 1 && page->use[0]->session == session;
    for (size_t i = 0; i < page->n_use; i++) {
        if (page->use[i]->session <= after)
            return false;
        after = page->use[i]->session;
    }
    return page->n_use > 0 || !page->more;
}

int lodge_usage(struct lodge *lodge, uint32_t session, uint32_t after, uint32_t limit,
                struct lodge_usage **usage_r, struct lodge_error *error)
{
    Lodge__Lsm__UsageRequest usage = LODGE__LSM__USAGE_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    usage.session = session;
    usage.after = after;
    usage.limit = limit;
    request.method_case = LODGE__LSM__REQUEST__METHOD_USAGE;
    request.usage = &usage;
    int failed = lodge_ask(lodge, &request, LODGE__LSM__ANSWER__RESULT_USAGE, &answer, error);
    if (failed != 0)
        return failed;
    if (!page_is_right(answer->usage, session, after)) {
        lodge__lsm__answer__free_unpacked(answer, NULL);
        client_close(&lodge->client);
        return lodge_failed(error, -EPROTO, "it is not what the sessions use that were asked for");
    }
    struct page *page = page_new(answer->usage);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    if (page == NULL)
        return lodge_failed(error, -ENOMEM, NULL);
    *usage_r = &page->usage;
    return 0;
}
