#include <errno.h>

#include "lib/result.h"

struct entry {
    struct lodge_use use;
    struct lodge_traffic traffic;
};

RESULT_FREE(lodge_usage_free, struct lodge_usage)

static void fill(void *place, const Lodge__Lsm__Answer *answer, size_t i)
{
    const Lodge__Lsm__Use *from = answer->usage->use[i];
    struct entry *entry = place;
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
    const void *entries;
    usage.session = session;
    usage.after = after;
    usage.limit = limit;
    request.method_case = LODGE__LSM__REQUEST__METHOD_USAGE;
    request.usage = &usage;
    int failed = lodge_ask(lodge, &request, LODGE__LSM__ANSWER__RESULT_USAGE, &answer, error);
    if (failed != 0)
        return failed;
    const Lodge__Lsm__Usage *page = answer->usage;
    if (!page_is_right(page, session, after))
        return lodge_wrong(lodge, answer, "it is not what the sessions use that were asked for", error);
    struct lodge_usage *given =
        result_new(answer, sizeof(*given), page->n_use, sizeof(struct entry), fill, &entries, error);
    if (given == NULL)
        return -ENOMEM;
    *given = (struct lodge_usage){
        .count = page->n_use, .use = entries, .more = page->more, .now_ms = page->now_ms};
    *usage_r = given;
    return 0;
}
