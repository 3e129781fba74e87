/* The list: filtered, in an order of what never changes in a session's life, in pages. A page begins behind
 * the last session of the one before it, whatever has come or gone meanwhile: no session is listed twice, and
 * none that is there throughout is missed. */
#include <string.h>
#include <strings.h>

#include "broker/broker.h"
#include "broker/methods-session.h"
#include "broker/methods.h"
#include "common/clock.h"

#define PAGE_MAX   100
#define PAGE_BYTES 60000 /* of a packet's 65536 */

static struct lsm_list_key key_of(const struct session *session)
{
    return (struct lsm_list_key){session->id, session->name, session->logon_ms};
}

/* What the request asks for, with what was found out for all sessions at once. */
struct filter {
    const Lodge__Lsm__ListRequest *list;
    conf_members group; /* the bit of the group's section; 0: any */
    uint64_t now_ms;
};

static bool is_text(const char *wanted, const char *text)
{
    return wanted[0] == '\0' || strcasecmp(wanted, text) == 0;
}

/* For at least so many seconds; `since_ms` 0: it is not known, or not so. */
static bool is_for(uint64_t now_ms, uint64_t since_ms, uint32_t seconds)
{
    return seconds == 0 || (since_ms != 0 && now_ms >= since_ms + (uint64_t)seconds * 1000);
}

static bool is_of_age(const struct filter *filter, const struct session *session)
{
    const Lodge__Lsm__ListRequest *list = filter->list;
    bool viewed = session->state == SESSION_ACTIVE || session->state == SESSION_CONNECTED ||
                  session->state == SESSION_SHADOW;
    bool left = session->state == SESSION_DISCONNECTED;
    return is_for(filter->now_ms, session->logon_ms, list->logged_on_s) &&
           is_for(filter->now_ms, viewed ? session->connect_ms : 0, list->connected_s) &&
           is_for(filter->now_ms, left ? session->disconnect_ms : 0, list->disconnected_s) &&
           is_for(filter->now_ms, viewed ? methods_input_ms(session, filter->now_ms) : 0, list->idle_s);
}

static bool is_wanted(const struct filter *filter, const struct session *session)
{
    const Lodge__Lsm__ListRequest *list = filter->list;
    return (list->states == 0 || (list->states >> session->state & 1) != 0) &&
           (list->user[0] == '\0' || strcmp(list->user, session->name) == 0) &&
           is_text(list->client, session->client.name) && is_text(list->platform, session->client.platform) &&
           (filter->group == 0 ||
            (session->limits.place.known && (session->limits.place.members & filter->group) != 0)) &&
           is_of_age(filter, session);
}

/* Returns false where there is no section of that group. */
static bool take_filter(const struct broker *broker, const Lodge__Lsm__ListRequest *list,
                        struct filter *filter_r)
{
    *filter_r = (struct filter){.list = list, .now_ms = (uint64_t)clock_real_ms()};
    for (size_t i = 0; i < broker->conf.group_count && list->group[0] != '\0'; i++) {
        if (strcmp(broker->conf.groups[i].name, list->group) == 0)
            filter_r->group = (conf_members)(1u << i);
    }
    return list->group[0] == '\0' || filter_r->group != 0;
}

/* The first sessions of the order behind the cursor, at most `room`. */
struct page {
    struct session *at[PAGE_MAX + 1];
    size_t count, room;
};

static void insert(struct page *page, const Lodge__Lsm__ListRequest *list, struct session *session)
{
    struct lsm_list_key key = key_of(session);
    size_t low = 0, high = page->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        struct lsm_list_key other = key_of(page->at[middle]);
        if (lsm_list_compare(list, &key, &other) < 0)
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

static void collect(struct peer *peer, const struct filter *filter, struct page *page)
{
    const Lodge__Lsm__ListRequest *list = filter->list;
    struct lsm_list_key cursor = {list->after, list->after_user, list->after_logon_ms};
    bool by_id = list->order == LODGE__LSM__LIST_ORDER__BY_ID && !list->descending;
    struct session *session = methods_next_session(peer, NULL, by_id ? list->after : 0);
    for (; session != NULL; session = methods_next_session(peer, session, 0)) {
        struct lsm_list_key key = key_of(session);
        bool behind = list->after == 0 || lsm_list_compare(list, &key, &cursor) > 0;
        if (behind && is_wanted(filter, session))
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
    struct filter filter;
    if (!take_filter(peer->broker, request->list, &filter)) {
        peer_refuse(peer, request->serial, REASON_BAD_REQUEST,
                    "The configuration has no section [Group NAME] of that group.");
        return;
    }
    collect(peer, &filter, &page);
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
