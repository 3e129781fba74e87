/* list, show. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/result.h"

_Static_assert((int)LODGE_BY_USER == (int)LODGE__LSM__LIST_ORDER__BY_USER &&
                   (int)LODGE_BY_LOGON == (int)LODGE__LSM__LIST_ORDER__BY_LOGON,
               "the orders of lodge.h are those of the protocol");

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
        .redirects = from->redirects,
    };
}

/* A session and its client, in one piece. */
struct entry {
    struct lodge_session session;
    struct lodge_client client;
};

static void entry_fill(struct entry *entry, const Lodge__Lsm__Session *from)
{
    static const Lodge__Lsm__Shadower none = LODGE__LSM__SHADOWER__INIT;
    const Lodge__Lsm__Shadower *shadower = from->shadower != NULL ? from->shadower : &none;
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
        .load_test = from->load_test,
        .shadows = from->shadows,
        .shadower = shadower->session,
        .shadower_user = shadower->user,
        .shadower_controls = shadower->control,
    };
}

RESULT_FREE(lodge_session_free, struct lodge_session)
RESULT_FREE(lodge_sessions_free, struct lodge_sessions)

int lodge_show(struct lodge *lodge, uint32_t session, struct lodge_session **session_r,
               struct lodge_error *error)
{
    Lodge__Lsm__Answer *answer;
    int failed = lodge_ask_of_session(lodge, LODGE__LSM__REQUEST__METHOD_SHOW, session,
                                      LODGE__LSM__ANSWER__RESULT_SESSION, &answer, error);
    if (failed != 0)
        return failed;
    struct entry *one = result_new_plain(answer, sizeof(*one), error);
    if (one == NULL)
        return -ENOMEM;
    entry_fill(one, answer->session);
    *session_r = &one->session;
    return 0;
}

static int fetch_page(struct lodge *lodge, Lodge__Lsm__ListRequest *list, const Lodge__Lsm__Session *after,
                      Lodge__Lsm__Answer **answer_r, struct lodge_error *error)
{
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    list->after = after->id;
    list->after_user = after->user;
    list->after_logon_ms = after->logon_ms;
    request.method_case = LODGE__LSM__REQUEST__METHOD_LIST;
    request.list = list;
    int failed = lodge_ask(lodge, &request, LODGE__LSM__ANSWER__RESULT_SESSIONS, &answer, error);
    if (failed != 0)
        return failed;
    if (!lsm_list_is_right(list, answer->sessions)) {
        lodge_wrong(lodge, answer, "the sessions are not in the order that was asked for", error);
        return -EPROTO;
    }
    *answer_r = answer;
    return 0;
}

/* Moves the sessions of `page` to the end of `all`, and frees what is left of it. Returns 0 or -ENOMEM. */
static int join(Lodge__Lsm__Sessions *all, Lodge__Lsm__Answer *page)
{
    Lodge__Lsm__Sessions *from = page->sessions;
    Lodge__Lsm__Session **session =
        reallocarray(all->session, all->n_session + from->n_session + 1, sizeof(Lodge__Lsm__Session *));
    if (session != NULL) {
        all->session = session; /* of malloc, as all of an answer */
        for (size_t i = 0; i < from->n_session; i++)
            session[all->n_session++] = from->session[i];
        from->n_session = 0;
        all->more = from->more;
    }
    lodge__lsm__answer__free_unpacked(page, NULL);
    return session != NULL ? 0 : -ENOMEM;
}

/* Adds the pages behind the one in `answer`. */
static int fetch_rest(struct lodge *lodge, Lodge__Lsm__ListRequest *list, Lodge__Lsm__Answer *answer,
                      struct lodge_error *error)
{
    Lodge__Lsm__Sessions *all = answer->sessions;
    while (all->more) {
        Lodge__Lsm__Answer *page;
        int failed = fetch_page(lodge, list, all->session[all->n_session - 1], &page, error);
        if (failed != 0)
            return failed;
        if (join(all, page) != 0)
            return lodge_failed(error, -ENOMEM, NULL);
    }
    return 0;
}

static void fill(void *entry, const Lodge__Lsm__Answer *answer, size_t i)
{
    entry_fill(entry, answer->sessions->session[i]);
}

static int give(Lodge__Lsm__Answer *answer, struct lodge_sessions **sessions_r, struct lodge_error *error)
{
    const void *entries;
    size_t count = answer->sessions->n_session;
    struct lodge_sessions *sessions =
        result_new(answer, sizeof(*sessions), count, sizeof(struct entry), fill, &entries, error);
    if (sessions == NULL)
        return -ENOMEM;
    *sessions = (struct lodge_sessions){.count = count, .session = entries, .more = answer->sessions->more};
    *sessions_r = sessions;
    return 0;
}

static void take_filter(Lodge__Lsm__ListRequest *list, const struct lodge_filter *filter)
{
    if (filter->user != NULL)
        list->user = (char *)filter->user;
    if (filter->client != NULL)
        list->client = (char *)filter->client;
    if (filter->platform != NULL)
        list->platform = (char *)filter->platform;
    if (filter->group != NULL)
        list->group = (char *)filter->group;
    list->states = filter->states;
    list->logged_on_s = filter->logged_on_s;
    list->connected_s = filter->connected_s;
    list->disconnected_s = filter->disconnected_s;
    list->idle_s = filter->idle_s;
    list->order = (Lodge__Lsm__ListOrder)filter->order;
    list->descending = filter->descending;
}

/* `filter` NULL: all sessions. */
static int list_by(struct lodge *lodge, const struct lodge_filter *filter, const Lodge__Lsm__Session *after,
                   uint32_t limit, bool all, struct lodge_sessions **sessions_r, struct lodge_error *error)
{
    Lodge__Lsm__ListRequest list = LODGE__LSM__LIST_REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    if (filter != NULL)
        take_filter(&list, filter);
    list.limit = limit;
    int failed = fetch_page(lodge, &list, after, &answer, error);
    if (failed == 0 && all) {
        failed = fetch_rest(lodge, &list, answer, error);
        if (failed != 0)
            lodge__lsm__answer__free_unpacked(answer, NULL);
    }
    return failed == 0 ? give(answer, sessions_r, error) : failed;
}

int lodge_list_by(struct lodge *lodge, const struct lodge_filter *filter, const struct lodge_session *after,
                  uint32_t limit, struct lodge_sessions **sessions_r, struct lodge_error *error)
{
    Lodge__Lsm__Session last = LODGE__LSM__SESSION__INIT;
    if (after != NULL) {
        last.id = after->id;
        last.user = (char *)after->user;
        last.logon_ms = after->logon_ms;
    }
    return list_by(lodge, filter, &last, limit, false, sessions_r, error);
}

int lodge_list_all_by(struct lodge *lodge, const struct lodge_filter *filter,
                      struct lodge_sessions **sessions_r, struct lodge_error *error)
{
    static const Lodge__Lsm__Session none = LODGE__LSM__SESSION__INIT;
    return list_by(lodge, filter, &none, 0, true, sessions_r, error);
}

int lodge_list(struct lodge *lodge, uint32_t after, uint32_t limit, struct lodge_sessions **sessions_r,
               struct lodge_error *error)
{
    Lodge__Lsm__Session last = LODGE__LSM__SESSION__INIT;
    last.id = after;
    return list_by(lodge, NULL, &last, limit, false, sessions_r, error);
}

int lodge_list_all(struct lodge *lodge, struct lodge_sessions **sessions_r, struct lodge_error *error)
{
    return lodge_list_all_by(lodge, NULL, sessions_r, error);
}
