/* The list: filtered, in an order of what never changes in a session's life, in pages. A page begins behind
 * the last session of the one before it, whatever has come or gone meanwhile: no session is listed twice, and
 * none that is there throughout is missed. */
#include <string.h>
#include <strings.h>

#include "broker/broker.h"
#include "broker/methods-session.h"
#include "broker/methods.h"

#define PAGE_MAX   100
#define PAGE_BYTES 60000 /* of a packet's 65536 */

struct key {
    uint32_t id;
    const char *user;
    uint64_t logon_ms;
};

static struct key key_of(const struct session *session)
{
    return (struct key){session->id, session->name, session->logon_ms};
}

static int compare(const Lodge__Lsm__ListRequest *list, const struct key *a, const struct key *b)
{
    int order = 0;
    if (list->order == LODGE__LSM__LIST_ORDER__BY_USER)
        order = strcmp(a->user, b->user);
    else if (list->order == LODGE__LSM__LIST_ORDER__BY_LOGON)
        order = (a->logon_ms > b->logon_ms) - (a->logon_ms < b->logon_ms);
    if (order == 0)
        order = (a->id > b->id) - (a->id < b->id);
    return list->descending ? -order : order;
}

static bool is_wanted(const Lodge__Lsm__ListRequest *list, const struct session *session)
{
    return (list->states == 0 || (list->states >> session->state & 1) != 0) &&
           (list->user[0] == '\0' || strcmp(list->user, session->name) == 0) &&
           (list->client[0] == '\0' || strcasecmp(list->client, session->client.name) == 0);
}

/* The first sessions of the order behind the cursor, at most `room`. */
struct page {
    struct session *at[PAGE_MAX + 1];
    size_t count, room;
};

static void insert(struct page *page, const Lodge__Lsm__ListRequest *list, struct session *session)
{
    struct key key = key_of(session);
    size_t low = 0, high = page->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        struct key other = key_of(page->at[middle]);
        if (compare(list, &key, &other) < 0)
            high = middle;
        else
            low = middle + 1;
    }
    if (low == page->room)
        return;
    if (page->count < page->room)
        page->count++;
    memmove(&page->at[low + 1], &page->at[low], (page->count - 1 - low) * sizeof(page->at[0]));
    page->at[low] = session;
}

static void collect(struct peer *peer, const Lodge__Lsm__ListRequest *list, struct page *page)
{
    struct key cursor = {list->after, list->after_user, list->after_logon_ms};
    bool by_id = list->order == LODGE__LSM__LIST_ORDER__BY_ID && !list->descending;
    struct session *session = methods_next_session(peer, NULL, by_id ? list->after : 0);
    for (; session != NULL; session = methods_next_session(peer, session, 0)) {
        struct key key = key_of(session);
        bool behind = list->after == 0 || compare(list, &key, &cursor) > 0;
        if (behind && is_wanted(list, session))
            insert(page, list, session);
        if (by_id && page->count == page->room)
            return;
    }
}

void call_list(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    struct told_session told[PAGE_MAX];
    Lodge__Lsm__Session *pointers[PAGE_MAX];
    Lodge__Lsm__Sessions sessions = LODGE__LSM__SESSIONS__INIT;
    uint32_t limit = request->list->limit;
    size_t bytes = 0;
    (void)descriptor;
    if (limit == 0 || limit > PAGE_MAX)
        limit = PAGE_MAX;
    struct page page = {.room = limit + 1}; /* one more, to know whether there is */
    collect(peer, request->list, &page);
    while (sessions.n_session < page.count && sessions.n_session < limit && bytes <= PAGE_BYTES) {
        size_t i = sessions.n_session++;
        if (i + 2 < page.count)
            session_prefetch(page.at[i + 2]);
        methods_tell_session(page.at[i], &told[i]);
        pointers[i] = &told[i].message;
        bytes += lodge__lsm__session__get_packed_size(pointers[i]) + 8;
    }
    sessions.more = sessions.n_session < page.count;
    sessions.session = pointers;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_SESSIONS;
    answer.sessions = &sessions;
    peer_answer(peer, request->serial, &answer, -1);
}
