#include <errno.h>

#include "lib/result.h"

#define WAIT_MOST_S 3600

RESULT_FREE(lodge_events_free, struct lodge_events)

static void fill(void *entry, const Lodge__Lsm__Answer *answer, size_t i)
{
    const Lodge__Lsm__Event *from = answer->events->event[i];
    *(struct lodge_event *)entry = (struct lodge_event){
        .serial = from->serial,
        .time_ms = from->time_ms,
        .id = from->id,
        .session = from->session,
        .user = from->user,
        .address = from->address,
        .reason = from->reason,
        .detail = from->detail,
    };
}

static void take_query(Lodge__Lsm__EventsRequest *events, const struct lodge_event_query *query)
{
    events->after = query->after;
    events->before = query->before;
    events->first = query->first;
    events->since_ms = query->since_ms;
    events->until_ms = query->until_ms;
    events->id = query->id;
    events->session = query->session;
    events->limit = query->limit;
    events->wait_s = query->wait_s;
    events->log = query->log;
    if (query->user != NULL)
        events->user = (char *)query->user;
}

int lodge_events_query(struct lodge *lodge, const struct lodge_event_query *query,
                       struct lodge_events **events_r, struct lodge_error *error)
{
    Lodge__Lsm__EventsRequest events = LODGE__LSM__EVENTS_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    const void *entries;
    if (query->wait_s > WAIT_MOST_S)
        return lodge_failed(error, -EINVAL, "The time to wait is more than an hour.");
    take_query(&events, query);
    request.method_case = LODGE__LSM__REQUEST__METHOD_EVENTS;
    request.events = &events;
    int failed = lodge_ask_slowly(lodge, &request, (int64_t)query->wait_s * 1000,
                                  LODGE__LSM__ANSWER__RESULT_EVENTS, &answer, error);
    if (failed != 0)
        return failed;
    const Lodge__Lsm__Events *page = answer->events;
    struct lodge_events *given =
        result_new(answer, sizeof(*given), page->n_event, sizeof(struct lodge_event), fill, &entries, error);
    if (given == NULL)
        return -ENOMEM;
    *given = (struct lodge_events){.count = page->n_event,
                                   .event = entries,
                                   .more = page->more,
                                   .earlier = page->earlier,
                                   .log = page->log};
    *events_r = given;
    return 0;
}

int lodge_events(struct lodge *lodge, uint64_t after, uint32_t limit, struct lodge_events **events_r,
                 struct lodge_error *error)
{
    struct lodge_event_query query = {.after = after, .limit = limit};
    return lodge_events_query(lodge, &query, events_r, error);
}
