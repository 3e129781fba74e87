/* The licences. */
#include <errno.h>

#include "lib/result.h"

RESULT_FREE(lodge_licence_pool_free, struct lodge_licence_pool)
RESULT_FREE(lodge_licences_free, struct lodge_licences)
RESULT_FREE(lodge_licence_report_free, struct lodge_licence_report)

int lodge_licence_pool(struct lodge *lodge, struct lodge_licence_pool **pool_r, struct lodge_error *error)
{
    Lodge__Lsm__Answer *answer;
    int failed = lodge_ask_nothing(lodge, LODGE__LSM__REQUEST__METHOD_LICENCE_POOL,
                                   LODGE__LSM__ANSWER__RESULT_LICENCE_POOL, &answer, error);
    if (failed != 0)
        return failed;
    const Lodge__Lsm__LicencePool *from = answer->licence_pool;
    struct lodge_licence_pool *pool = result_new_plain(answer, sizeof(*pool), error);
    if (pool == NULL)
        return -ENOMEM;
    *pool = (struct lodge_licence_pool){
        .mode = from->mode,
        .size = from->size,
        .in_use = from->in_use,
        .temporary = from->temporary,
        .revoked = from->revoked,
        .revocable = from->revocable,
        .grace_end_ms = from->grace_end_ms,
        .in_grace = from->in_grace,
        .available = from->available,
    };
    *pool_r = pool;
    return 0;
}

static void fill_licence(void *entry, const Lodge__Lsm__Answer *answer, size_t i)
{
    const Lodge__Lsm__Licence *from = answer->licences->licence[i];
    *(struct lodge_licence *)entry = (struct lodge_licence){
        .serial = from->serial,
        .holder = from->holder,
        .kind = from->kind,
        .state = from->state,
        .issued_ms = from->issued_ms,
        .expires_ms = from->expires_ms,
        .used_ms = from->used_ms,
        .revoked_ms = from->revoked_ms,
        .sessions = from->sessions,
    };
}

/* The serials are above `after` and ascend, and where there are more, the page is not empty. */
static bool page_is_right(const Lodge__Lsm__Licences *page, uint64_t after)
{
    for (size_t i = 0; i < page->n_licence; i++) {
        if (page->licence[i]->serial <= after)
            return false;
        after = page->licence[i]->serial;
    }
    return page->n_licence > 0 || !page->more;
}

int lodge_licences(struct lodge *lodge, uint64_t after, uint32_t limit, struct lodge_licences **licences_r,
                   struct lodge_error *error)
{
    Lodge__Lsm__LicenceListRequest list = LODGE__LSM__LICENCE_LIST_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    const void *entries;
    list.after = after;
    list.limit = limit;
    request.method_case = LODGE__LSM__REQUEST__METHOD_LICENCE_LIST;
    request.licence_list = &list;
    int failed = lodge_ask(lodge, &request, LODGE__LSM__ANSWER__RESULT_LICENCES, &answer, error);
    if (failed != 0)
        return failed;
    const Lodge__Lsm__Licences *page = answer->licences;
    if (!page_is_right(page, after))
        return lodge_wrong(lodge, answer, "the licences are not in the order of their numbers", error);
    struct lodge_licences *licences = result_new(answer, sizeof(*licences), page->n_licence,
                                                 sizeof(struct lodge_licence), fill_licence, &entries, error);
    if (licences == NULL)
        return -ENOMEM;
    *licences = (struct lodge_licences){.count = page->n_licence, .licence = entries, .more = page->more};
    *licences_r = licences;
    return 0;
}

static int ask_of_holder(struct lodge *lodge, Lodge__Lsm__Request__MethodCase method, const char *holder,
                         struct lodge_error *error)
{
    Lodge__Lsm__LicenceRequest which = LODGE__LSM__LICENCE_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    which.holder = (char *)holder;
    request.method_case = method;
    request.licence_issue = &which; /* both have it in the same place of the union */
    return lodge_ask_plainly(lodge, &request, error);
}

int lodge_licence_issue(struct lodge *lodge, const char *holder, struct lodge_error *error)
{
    return ask_of_holder(lodge, LODGE__LSM__REQUEST__METHOD_LICENCE_ISSUE, holder, error);
}

int lodge_licence_revoke(struct lodge *lodge, const char *holder, struct lodge_error *error)
{
    return ask_of_holder(lodge, LODGE__LSM__REQUEST__METHOD_LICENCE_REVOKE, holder, error);
}

static void fill_day(void *entry, const Lodge__Lsm__Answer *answer, size_t i)
{
    const Lodge__Lsm__LicenceDay *from = answer->licence_report->day[i];
    *(struct lodge_licence_day *)entry = (struct lodge_licence_day){
        .time_ms = from->time_ms,
        .pool = from->pool,
        .peak = from->peak,
        .issued = from->issued,
        .warned = from->warned,
        .refused = from->refused,
    };
}

int lodge_licence_report(struct lodge *lodge, uint32_t days, struct lodge_licence_report **report_r,
                         struct lodge_error *error)
{
    Lodge__Lsm__LicenceReportRequest asked = LODGE__LSM__LICENCE_REPORT_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    const void *entries;
    asked.days = days;
    request.method_case = LODGE__LSM__REQUEST__METHOD_LICENCE_REPORT;
    request.licence_report = &asked;
    int failed = lodge_ask(lodge, &request, LODGE__LSM__ANSWER__RESULT_LICENCE_REPORT, &answer, error);
    if (failed != 0)
        return failed;
    size_t count = answer->licence_report->n_day;
    struct lodge_licence_report *report = result_new(
        answer, sizeof(*report), count, sizeof(struct lodge_licence_day), fill_day, &entries, error);
    if (report == NULL)
        return -ENOMEM;
    *report = (struct lodge_licence_report){.count = count, .day = entries};
    *report_r = report;
    return 0;
}
