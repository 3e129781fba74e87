#include "broker/methods-events.h"

#include <stdlib.h>

#include "broker/broker.h"
#include "common/text.h"

#define PAGE_MAX    100
#define PAGE_BYTES  60000 /* of a packet's 65536 */
#define WAIT_MOST_S 3600

/* What a connection has asked for. It waits for the database, or, with `waits`, for new events. */
struct event_query {
    TAILQ_ENTRY(event_query) link; /* of broker.event_waits, while it waits for new events */
    struct peer *peer;
    uint64_t serial;
    uint64_t log; /* that the asker knows; 0: none */
    struct db_event_filter filter;
    struct db_query *query;
    struct event *deadline; /* NULL: it does not wait for new ones */
    uint64_t written;       /* of the database, when there were none */
    bool waits, late;
};

static void end(struct event_query *query)
{
    struct peer *peer = query->peer;
    if (query->query != NULL)
        db_query_cancel(peer->broker->db, query->query);
    if (query->waits)
        TAILQ_REMOVE(&peer->broker->event_waits, query, link);
    if (query->deadline != NULL)
        event_free(query->deadline);
    free(query);
    peer->events = NULL;
}

static void tell(const struct db_event *event, Lodge__Lsm__Event *told)
{
    lodge__lsm__event__init(told);
    told->serial = event->serial;
    told->time_ms = (uint64_t)event->time_ms;
    told->id = event->id;
    told->session = event->session;
    told->user = (char *)event->user;
    told->address = (char *)event->address;
    told->reason = (char *)event->reason;
    told->detail = (char *)event->detail;
}

/* Puts as many events as a packet takes into the answer: the last of those that were asked for as the last
 * ones, else the first. */
static void answer(struct event_query *query, const struct db_events *found)
{
    struct peer *peer = query->peer;
    uint64_t serial = query->serial;
    bool newest = query->filter.newest;
    Lodge__Lsm__Event told[PAGE_MAX], *pointers[PAGE_MAX];
    Lodge__Lsm__Events page = LODGE__LSM__EVENTS__INIT;
    Lodge__Lsm__Answer to = LODGE__LSM__ANSWER__INIT;
    size_t bytes = 0, fits = 0;
    for (; fits < found->count && bytes < PAGE_BYTES; fits++) {
        tell(&found->events[newest ? found->count - 1 - fits : fits], &told[fits]);
        bytes += lodge__lsm__event__get_packed_size(&told[fits]) + 8;
    }
    for (size_t i = 0; i < fits; i++)
        pointers[i] = &told[newest ? fits - 1 - i : i];
    page.event = pointers;
    page.n_event = fits;
    bool cut = found->more || fits < found->count;
    page.more = !newest && cut;
    page.earlier = newest && cut;
    page.log = found->log;
    to.result_case = LODGE__LSM__ANSWER__RESULT_EVENTS;
    to.events = &page;
    end(query);
    peer_answer(peer, serial, &to, -1);
}

static void refuse(struct event_query *query, enum reason reason, const char *detail)
{
    struct peer *peer = query->peer;
    uint64_t serial = query->serial;
    end(query);
    peer_refuse(peer, serial, reason, detail);
}

static void take_events(void *context, const struct db_events *found);

static void look(struct event_query *query)
{
    struct broker *broker = query->peer->broker;
    query->query = db_events_query(broker->db, &query->filter, take_events, query);
    if (query->query == NULL)
        refuse(query, REASON_BUSY, "");
}

static void take_events(void *context, const struct db_events *found)
{
    struct event_query *query = context;
    struct broker *broker = query->peer->broker;
    query->query = NULL;
    bool another = query->log != 0 && query->log != found->log;
    if (!found->ok) {
        refuse(query, REASON_INTERNAL, "The event log cannot be read at the moment.");
    } else if (found->count > 0 || query->deadline == NULL || query->late || another) {
        answer(query, found);
    } else {
        query->written = found->written;
        query->waits = true;
        TAILQ_INSERT_TAIL(&broker->event_waits, query, link);
    }
}

static void stop_waiting(struct event_query *query)
{
    TAILQ_REMOVE(&query->peer->broker->event_waits, query, link);
    query->waits = false;
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
    struct event_query *query = context;
    (void)fd, (void)what;
    query->late = true;
    if (!query->waits)
        return; /* the answer that is under way is the last */
    stop_waiting(query);
    look(query);
}

void events_look(struct broker *broker)
{
    if (TAILQ_EMPTY(&broker->event_waits))
        return;
    uint64_t written = db_events_written(broker->db);
    struct event_query *query = TAILQ_FIRST(&broker->event_waits);
    while (query != NULL) {
        struct event_query *next = TAILQ_NEXT(query, link);
        if (query->written != written) {
            stop_waiting(query);
            look(query);
        }
        query = next;
    }
}

void events_peer_gone(struct peer *peer)
{
    if (peer->events != NULL)
        end(peer->events);
}

/* Returns what is wrong with the request, or NULL. */
static const char *take_filter(const Lodge__Lsm__EventsRequest *asked, struct db_event_filter *filter_r)
{
    struct db_event_filter filter = {.after = asked->after,
                                     .before = asked->before,
                                     .since_ms = (int64_t)asked->since_ms,
                                     .until_ms = (int64_t)asked->until_ms,
                                     .id = asked->id,
                                     .session = asked->session,
                                     .limit = asked->limit,
                                     .newest = asked->after == 0 && !asked->first};
    if (asked->since_ms > INT64_MAX || asked->until_ms > INT64_MAX)
        return "There is no such time.";
    if (asked->session > UINT16_MAX)
        return "There is no session of this number.";
    if (!text_is_printable(asked->user) || !text_copy(filter.user, sizeof(filter.user), asked->user))
        return "No user has this name.";
    if (asked->wait_s > WAIT_MOST_S || (asked->wait_s > 0 && (filter.newest || filter.before != 0)))
        return "Waiting is for up to an hour, for the events after one.";
    if (filter.limit == 0 || filter.limit > PAGE_MAX)
        filter.limit = PAGE_MAX;
    *filter_r = filter;
    return NULL;
}

static bool set_deadline(struct event_query *query, uint32_t wait_s)
{
    if (wait_s == 0)
        return true;
    query->deadline = evtimer_new(query->peer->broker->base, on_deadline, query);
    return query->deadline != NULL && evtimer_add(query->deadline, &(struct timeval){.tv_sec = wait_s}) == 0;
}

void events_call(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    (void)descriptor;
    struct db_event_filter filter;
    const char *wrong = take_filter(request->events, &filter);
    if (wrong != NULL || peer->events != NULL) {
        peer_refuse(peer, request->serial, wrong != NULL ? REASON_BAD_REQUEST : REASON_WRONG_STATE,
                    wrong != NULL ? wrong : "Another request for events is under way.");
        return;
    }
    struct event_query *query = calloc(1, sizeof(*query));
    if (query == NULL) {
        peer_refuse(peer, request->serial, REASON_BUSY, "");
        return;
    }
    query->peer = peer;
    query->serial = request->serial;
    query->log = request->events->log;
    query->filter = filter;
    peer->events = query;
    if (set_deadline(query, request->events->wait_s))
        look(query);
    else
        refuse(query, REASON_BUSY, "");
}
