/* list, show. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "lib/pages.h"

static void client_fill(struct lodge_client *client, const Lodge__Lsm__Client *from)
{
    static const Lodge__Lsm__Client none = LODGE__LSM__CLIENT__INIT;
    if (from == NULL)
        from = &none;
    *client = (struct lodge_client){
        .name = from->name,
        .address = from->address,
        .width = from->width,
        .height = from->height,
        .keyboard_layout = from->keyboard_layout,
        .build = from->build,
        .codec = from->codec,
        .security = from->security,
        .platform = from->platform,
        .product = from->product,
    };
}

/* A session and its client, in one piece. */
struct entry {
    struct lodge_session session;
    struct lodge_client client;
};

static void entry_fill(struct entry *entry, const Lodge__Lsm__Session *from)
{
    client_fill(&entry->client, from->client);
    entry->session = (struct lodge_session){
        .id = from->id,
        .state = (enum lodge_state)from->state,
        .user = from->user,
        .uid = from->uid,
        .lab = from->lab,
        .client = &entry->client,
        .logon_ms = from->logon_ms,
        .connect_ms = from->connect_ms,
        .disconnect_ms = from->disconnect_ms,
        .now_ms = from->now_ms,
        .input_ms = from->input_ms,
        .locked = from->locked,
        .terminal = from->terminal,
    };
}

/* What lodge_show gives; the session is first in it. */
struct one {
    struct entry entry;
    Lodge__Lsm__Answer *answer;
};

int lodge_show(struct lodge *lodge, uint32_t session, struct lodge_session **session_r,
               struct lodge_error *error)
{
    Lodge__Lsm__SessionRequest which = LODGE__LSM__SESSION_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    which.session = session;
    request.method_case = LODGE__LSM__REQUEST__METHOD_SHOW;
    request.show = &which;
    int failed = lodge_ask(lodge, &request, LODGE__LSM__ANSWER__RESULT_SESSION, &answer, error);
    if (failed != 0)
        return failed;
    struct one *one = malloc(sizeof(*one));
    if (one == NULL) {
        lodge__lsm__answer__free_unpacked(answer, NULL);
        return lodge_failed(error, -ENOMEM, NULL);
    }
    one->answer = answer;
    entry_fill(&one->entry, answer->session);
    *session_r = &one->entry.session;
    return 0;
}

static struct one *one_of(struct lodge_session *session)
{
    return (struct one *)((char *)session - offsetof(struct one, entry.session));
}

void lodge_session_free(struct lodge_session *session)
{
    if (session == NULL)
        return;
    struct one *one = one_of(session);
    lodge__lsm__answer__free_unpacked(one->answer, NULL);
    free(one);
}

/* What the list functions give. */
struct list {
    struct lodge_sessions sessions;
    struct pages pages;
    struct entry *entries;
    const struct lodge_session **pointers;
};

static struct list *list_of(struct lodge_sessions *sessions)
{
    return (struct list *)((char *)sessions - offsetof(struct list, sessions));
}

void lodge_sessions_free(struct lodge_sessions *sessions)
{
    if (sessions == NULL)
        return;
    struct list *list = list_of(sessions);
    pages_free(&list->pages);
    free(list->entries);
    free(list->pointers);
    free(list);
}

/* The ids of a page are above `after` and ascend, and where there are more, it is not empty. */
static bool page_is_right(const Lodge__Lsm__Sessions *page, uint32_t after)
{
    for (size_t i = 0; i < page->n_session; i++) {
        if (page->session[i]->id <= after)
            return false;
        after = page->session[i]->id;
    }
    return page->n_session > 0 || !page->more;
}

static int fetch_page(struct lodge *lodge, uint32_t after, uint32_t limit, struct pages *pages,
                      struct lodge_error *error)
{
    Lodge__Lsm__ListRequest list = LODGE__LSM__LIST_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    list.after = after;
    list.limit = limit;
    request.method_case = LODGE__LSM__REQUEST__METHOD_LIST;
    request.list = &list;
    int failed = lodge_ask(lodge, &request, LODGE__LSM__ANSWER__RESULT_SESSIONS, &answer, error);
    if (failed != 0)
        return failed;
    if (!page_is_right(answer->sessions, after)) {
        lodge__lsm__answer__free_unpacked(answer, NULL);
        client_close(&lodge->client);
        lodge_failed(error, -EPROTO, "the sessions are not in the order of their ids");
        return -EPROTO;
    }
    failed = pages_add(pages, answer);
    if (failed != 0)
        lodge_failed(error, failed, NULL);
    return failed;
}

static const Lodge__Lsm__Sessions *last_page(const struct pages *pages)
{
    return pages->answers[pages->count - 1]->sessions;
}

/* Makes the list of its pages. Returns 0 or -ENOMEM. */
static int list_fill(struct list *list)
{
    size_t count = 0, next = 0;
    for (size_t i = 0; i < list->pages.count; i++)
        count += list->pages.answers[i]->sessions->n_session;
    list->entries = calloc(count + 1, sizeof(*list->entries));
    list->pointers = calloc(count + 1, sizeof(*list->pointers));
    if (list->entries == NULL || list->pointers == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < list->pages.count; i++) {
        const Lodge__Lsm__Sessions *page = list->pages.answers[i]->sessions;
        for (size_t j = 0; j < page->n_session; j++, next++) {
            entry_fill(&list->entries[next], page->session[j]);
            list->pointers[next] = &list->entries[next].session;
        }
    }
    list->sessions = (struct lodge_sessions){
        .count = count, .session = list->pointers, .more = last_page(&list->pages)->more};
    return 0;
}

static int list_fetch(struct lodge *lodge, struct list *list, uint32_t after, uint32_t limit, bool all,
                      struct lodge_error *error)
{
    for (bool more = true; more;) {
        int failed = fetch_page(lodge, after, limit, &list->pages, error);
        if (failed != 0)
            return failed;
        const Lodge__Lsm__Sessions *page = last_page(&list->pages);
        more = all && page->more;
        after = page->n_session > 0 ? page->session[page->n_session - 1]->id : after;
    }
    return list_fill(list) == 0 ? 0 : lodge_failed(error, -ENOMEM, NULL);
}

static int list_new(struct lodge *lodge, uint32_t after, uint32_t limit, bool all,
                    struct lodge_sessions **sessions_r, struct lodge_error *error)
{
    struct list *list = calloc(1, sizeof(*list));
    if (list == NULL)
        return lodge_failed(error, -ENOMEM, NULL);
    int failed = list_fetch(lodge, list, after, limit, all, error);
    if (failed == 0)
        *sessions_r = &list->sessions;
    else
        lodge_sessions_free(&list->sessions);
    return failed;
}

int lodge_list(struct lodge *lodge, uint32_t after, uint32_t limit, struct lodge_sessions **sessions_r,
               struct lodge_error *error)
{
    return list_new(lodge, after, limit, false, sessions_r, error);
}

int lodge_list_all(struct lodge *lodge, struct lodge_sessions **sessions_r, struct lodge_error *error)
{
    return list_new(lodge, 0, 0, true, sessions_r, error);
}
