#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "lib/ask.h"

/* What lodge_events gives, in one piece but for the answer. */
struct log {
    struct lodge_events events;
    Lodge__Lsm__Answer *answer;
    const struct lodge_event **pointers;
    struct lodge_event entries[];
};

void lodge_events_free(struct lodge_events *events)
{
    if (events == NULL)
        return;
    struct log *log = (struct log *)((char *)events - offsetof(struct log, events));
    lodge__lsm__answer__free_unpacked(log->answer, NULL);
    free(log->pointers);
    free(log);
}

static void log_fill(struct log *log, const Lodge__Lsm__Events *page)
{
    for (size_t i = 0; i < page->n_event; i++) {
        const Lodge__Lsm__Event *from = page->event[i];
        log->entries[i] = (struct lodge_event){
            .serial = from->serial,
            .time_ms = from->time_ms,
            .id = from->id,
            .session = from->session,
            .user = from->user,
            .address = from->address,
            .reason = from->reason,
            .detail = from->detail,
        };
        log->pointers[i] = &log->entries[i];
    }
    log->events = (struct lodge_events){.count = page->n_event, .event = log->pointers, .more = page->more};
}

/* Takes `answer`. NULL without memory. */
static struct log *log_new(Lodge__Lsm__Answer *answer)
{
    size_t count = answer->events->n_event;
    struct log *log = malloc(sizeof(*log) + count * sizeof(log->entries[0]));
    const struct lodge_event **pointers = calloc(count + 1, sizeof(*pointers));
    if (log == NULL || pointers == NULL) {
        free(log);
        free(pointers);
        lodge__lsm__answer__free_unpacked(answer, NULL);
        return NULL;
    }
    log->answer = answer;
    log->pointers = pointers;
    log_fill(log, answer->events);
    return log;
}

int lodge_events(struct lodge *lodge, uint64_t after, uint32_t limit, struct lodge_events **events_r,
                 struct lodge_error *error)
{
    Lodge__Lsm__EventsRequest events = LODGE__LSM__EVENTS_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    events.after = after;
    events.limit = limit;
    request.method_case = LODGE__LSM__REQUEST__METHOD_EVENTS;
    request.events = &events;
    int failed = lodge_ask(lodge, &request, LODGE__LSM__ANSWER__RESULT_EVENTS, &answer, error);
    if (failed != 0)
        return failed;
    struct log *log = log_new(answer);
    if (log == NULL)
        return lodge_failed(error, -ENOMEM, NULL);
    *events_r = &log->events;
    return 0;
}
