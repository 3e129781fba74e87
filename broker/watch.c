#include "broker/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/broker.h"
#include "broker/peers.h"
#include "common/clock.h"
#include "common/text.h"

#define PACKET_NOTICES 32 /* of at most 1.5 KiB each, in a packet */

/* What happened, shared by all whose queues have it. */
struct notice {
    unsigned references;
    Lodge__Lsm__NoticeKind kind;
    uint64_t time_ms;
    uint16_t session;
    enum session_state state;
    enum reason reason;
    char user[SM_USER_ROOM], address[64], detail[SM_DETAIL_ROOM];
};

struct watch {
    TAILQ_ENTRY(watch) link;
    struct watch_list *list;
    struct peer *peer;
    uint64_t serial;
    void (*take)(struct watch *watch, struct notice *notice);
    struct event *event; /* a subscription's: the peer's socket has room; a wait's: deadline, or reached */
};

struct subscription {
    struct watch watch;
    uint64_t next; /* the sequence number of queue[first] */
    uint64_t lost; /* before it */
    unsigned first, count;
    struct notice *queue[WATCH_QUEUE_MAX];
};

struct wait {
    struct watch watch;
    uint16_t session; /* 0: by the user */
    char user[SM_USER_ROOM];
    uint32_t state;
    bool gone;
    bool reached, missed; /* to be answered on the loop's next turn */
    struct {
        uint16_t session;
        enum session_state state;
    } found;
};

static void enlist(struct watch *watch, struct peer *peer, uint64_t serial)
{
    watch->peer = peer;
    watch->serial = serial;
    watch->list = peer->role == ROLE_ADMIN ? &peer->broker->watches : &peer->user->watches;
    TAILQ_INSERT_TAIL(watch->list, watch, link);
}

static void delist(struct watch *watch)
{
    TAILQ_REMOVE(watch->list, watch, link);
    event_free(watch->event);
}

static void release(struct notice *notice)
{
    if (--notice->references == 0)
        free(notice);
}

static void drop_first(struct subscription *subscription)
{
    release(subscription->queue[subscription->first]);
    subscription->first = (subscription->first + 1) % WATCH_QUEUE_MAX;
    subscription->count--;
    subscription->next++;
}

static void queue_notice(struct watch *watch, struct notice *notice)
{
    struct subscription *subscription = (struct subscription *)watch;
    if (subscription->count == WATCH_QUEUE_MAX) {
        drop_first(subscription);
        subscription->lost++;
        watch->peer->broker->counters.notices_lost++;
    }
    subscription->queue[(subscription->first + subscription->count++) % WATCH_QUEUE_MAX] = notice;
    notice->references++;
    if (subscription->count == 1)
        event_add(watch->event, NULL);
}

static void tell(const struct notice *notice, uint64_t sequence, Lodge__Lsm__Notice *told)
{
    lodge__lsm__notice__init(told);
    told->sequence = sequence;
    told->time_ms = notice->time_ms;
    told->kind = notice->kind;
    told->session = notice->session;
    told->state = (Lodge__Lsm__State)notice->state;
    told->user = (char *)notice->user;
    told->address = (char *)notice->address;
    told->reason = (char *)reason_name(notice->reason);
    told->detail = (char *)notice->detail;
}

/* Sends as many as a packet takes. Returns what lsm_send_answer does. */
static int send_some(struct subscription *subscription)
{
    Lodge__Lsm__Notice told[PACKET_NOTICES], *pointers[PACKET_NOTICES];
    Lodge__Lsm__Notices notices = LODGE__LSM__NOTICES__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    while (notices.n_notice < PACKET_NOTICES && notices.n_notice < subscription->count) {
        size_t i = notices.n_notice++;
        tell(subscription->queue[(subscription->first + i) % WATCH_QUEUE_MAX], subscription->next + i,
             &told[i]);
        pointers[i] = &told[i];
    }
    notices.notice = pointers;
    notices.lost = subscription->lost;
    answer.serial = subscription->watch.serial;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_NOTICES;
    answer.notices = &notices;
    int failed = lsm_send_answer(subscription->watch.peer->fd, &answer, -1);
    if (failed)
        return failed;
    subscription->lost = 0;
    for (size_t i = 0; i < notices.n_notice; i++)
        drop_first(subscription);
    return 0;
}

/* The kernel says that a socket can be written while no more than a quarter of its room is taken: the rest is
 * left for the answers to what the peer asks besides. */
static void on_writable(evutil_socket_t fd, short what, void *context)
{
    struct subscription *subscription = context;
    (void)fd, (void)what;
    int failed = send_some(subscription);
    if (failed != 0 && failed != -EAGAIN) {
        peer_drop(subscription->watch.peer, NULL);
        return;
    }
    if (subscription->count > 0)
        event_add(subscription->watch.event, NULL);
}

bool watch_subscribe(struct peer *peer, uint64_t serial)
{
    struct subscription *subscription = calloc(1, sizeof(*subscription));
    if (subscription == NULL)
        return false;
    subscription->next = 1;
    subscription->watch.take = queue_notice;
    subscription->watch.event = event_new(peer->broker->base, peer->fd, EV_WRITE, on_writable, subscription);
    if (subscription->watch.event == NULL) {
        free(subscription);
        return false;
    }
    enlist(&subscription->watch, peer, serial);
    peer->subscription = subscription;
    return true;
}

static void wait_end(struct peer *peer)
{
    delist(&peer->wait->watch);
    free(peer->wait);
    peer->wait = NULL;
}

static void answer_waited(struct peer *peer, const struct wait *wait)
{
    Lodge__Lsm__Waited waited = LODGE__LSM__WAITED__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    waited.session = wait->found.session;
    waited.state = (Lodge__Lsm__State)wait->found.state;
    waited.gone = wait->gone;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_WAITED;
    answer.waited = &waited;
    peer_answer(peer, wait->watch.serial, &answer, -1);
}

static void on_wait_over(evutil_socket_t fd, short what, void *context)
{
    struct wait wait = *(struct wait *)context;
    struct peer *peer = wait.watch.peer;
    (void)fd, (void)what;
    wait_end(peer);
    if (wait.reached)
        answer_waited(peer, &wait);
    else if (wait.missed)
        peer_refuse(peer, wait.watch.serial, REASON_NO_SESSION, "It ended before it came to that state.");
    else
        peer_refuse(peer, wait.watch.serial, REASON_TIMED_OUT,
                    "The session did not come to that state in time.");
}

static void check_wait(struct watch *watch, struct notice *notice)
{
    struct wait *wait = (struct wait *)watch;
    bool mine = wait->session != 0 ? notice->session == wait->session : strcmp(notice->user, wait->user) == 0;
    if (!mine || notice->session == 0 || wait->reached || wait->missed)
        return;
    bool over = notice->kind == LODGE__LSM__NOTICE_KIND__NOTICE_TERMINATE;
    wait->reached = wait->gone ? over : notice->state == wait->state;
    wait->missed = over && !wait->reached && wait->session != 0;
    wait->found.session = notice->session;
    wait->found.state = notice->state;
    if (wait->reached || wait->missed)
        event_active(watch->event, EV_TIMEOUT, 0);
}

bool watch_wait(struct peer *peer, uint64_t serial, uint16_t session, const char *user, uint32_t state,
                bool gone, uint32_t deadline_ms)
{
    struct wait *wait = calloc(1, sizeof(*wait));
    if (wait == NULL)
        return false;
    if (deadline_ms == 0)
        deadline_ms = WATCH_WAIT_MS;
    if (deadline_ms > WATCH_WAIT_MOST_MS)
        deadline_ms = WATCH_WAIT_MOST_MS;
    wait->session = session;
    wait->state = state;
    wait->gone = gone;
    text_copy(wait->user, sizeof(wait->user), user);
    wait->watch.take = check_wait;
    wait->watch.event = evtimer_new(peer->broker->base, on_wait_over, wait);
    struct timeval deadline = {.tv_sec = deadline_ms / 1000, .tv_usec = deadline_ms % 1000 * 1000};
    if (wait->watch.event == NULL || evtimer_add(wait->watch.event, &deadline) != 0) {
        if (wait->watch.event != NULL)
            event_free(wait->watch.event);
        free(wait);
        return false;
    }
    enlist(&wait->watch, peer, serial);
    peer->wait = wait;
    return true;
}

void watch_peer_gone(struct peer *peer)
{
    struct subscription *subscription = peer->subscription;
    if (peer->wait != NULL)
        wait_end(peer);
    if (subscription == NULL)
        return;
    while (subscription->count > 0)
        drop_first(subscription);
    delist(&subscription->watch);
    free(subscription);
    peer->subscription = NULL;
}

static void tell_list(struct watch_list *list, struct notice *notice)
{
    struct watch *watch;
    TAILQ_FOREACH(watch, list, link)
    {
        watch->take(watch, notice);
    }
}

/* `own`: the user that may see it besides the admins, or NULL. */
static void publish(struct broker *broker, struct user *own, const struct notice *what, const char *user,
                    const char *address, const char *detail)
{
    broker->counters.happened[what->kind]++;
    if (TAILQ_EMPTY(&broker->watches) && (own == NULL || TAILQ_EMPTY(&own->watches)))
        return;
    struct notice *notice = malloc(sizeof(*notice));
    if (notice == NULL)
        return;
    *notice = *what;
    notice->references = 1;
    notice->time_ms = (uint64_t)clock_real_ms();
    snprintf(notice->user, sizeof(notice->user), "%s", user != NULL ? user : "");
    snprintf(notice->address, sizeof(notice->address), "%s", address != NULL ? address : "");
    snprintf(notice->detail, sizeof(notice->detail), "%s", detail != NULL ? detail : "");
    tell_list(&broker->watches, notice);
    if (own != NULL)
        tell_list(&own->watches, notice);
    release(notice);
}

static void publish_session(struct session *session, Lodge__Lsm__NoticeKind kind, enum reason reason,
                            const char *detail)
{
    struct notice notice = {.kind = kind, .session = session->id, .state = session->state, .reason = reason};
    publish(session->broker, session->user, &notice, session->name, session->client.address, detail);
}

void watch_created(struct session *session)
{
    publish_session(session, LODGE__LSM__NOTICE_KIND__NOTICE_CREATE, REASON_NONE, NULL);
}

void watch_logon(struct session *session)
{
    publish_session(session, LODGE__LSM__NOTICE_KIND__NOTICE_LOGON, REASON_NONE, NULL);
}

void watch_moved(struct session *session, enum session_event event, enum session_state before,
                 enum reason reason, const char *detail)
{
    static const Lodge__Lsm__NoticeKind kinds[SESSION_EVENTS] = {
        [SESSION_STARTED] = LODGE__LSM__NOTICE_KIND__NOTICE_START,
        [SESSION_ATTACHES] = LODGE__LSM__NOTICE_KIND__NOTICE_RECONNECT,
        [SESSION_IS_VIEWED] = LODGE__LSM__NOTICE_KIND__NOTICE_CONNECT,
        [SESSION_LEFT] = LODGE__LSM__NOTICE_KIND__NOTICE_DISCONNECT,
        [SESSION_ENDS] = LODGE__LSM__NOTICE_KIND__NOTICE_LOGOFF,
    };
    Lodge__Lsm__NoticeKind kind = kinds[event];
    if (event == SESSION_ATTACHES && before == SESSION_INIT)
        kind = LODGE__LSM__NOTICE_KIND__NOTICE_CONNECT;
    bool tells_nothing = before == SESSION_DOWN && event == SESSION_ENDS;
    if (kind != LODGE__LSM__NOTICE_KIND__NOTICE_UNKNOWN && !tells_nothing)
        publish_session(session, kind, reason, detail);
}

void watch_locked(struct session *session)
{
    publish_session(session,
                    session->locked ? LODGE__LSM__NOTICE_KIND__NOTICE_LOCK
                                    : LODGE__LSM__NOTICE_KIND__NOTICE_UNLOCK,
                    REASON_NONE, NULL);
}

void watch_shadowed(struct session *session, bool begins, enum reason reason, const char *detail)
{
    publish_session(session,
                    begins ? LODGE__LSM__NOTICE_KIND__NOTICE_SHADOW_START
                           : LODGE__LSM__NOTICE_KIND__NOTICE_SHADOW_STOP,
                    reason, detail);
}

void watch_terminated(struct session *session, enum reason reason, const char *detail)
{
    struct notice notice = {.kind = LODGE__LSM__NOTICE_KIND__NOTICE_TERMINATE,
                            .session = session->id,
                            .state = SESSION_DOWN,
                            .reason = reason};
    publish(session->broker, session->user, &notice, session->name, session->client.address, detail);
}

void watch_limit(struct session *session, enum reason reason, const char *detail)
{
    publish_session(session, LODGE__LSM__NOTICE_KIND__NOTICE_LIMIT, reason, detail);
}

void watch_licence(struct broker *broker, const char *user, const char *address, enum reason reason,
                   const char *detail)
{
    struct notice notice = {.kind = LODGE__LSM__NOTICE_KIND__NOTICE_LICENCE, .reason = reason};
    publish(broker, NULL, &notice, user, address, detail);
}

static bool is_limit(enum reason reason)
{
    static const enum reason limits[] = {REASON_SESSION_LIMIT, REASON_USER_LIMIT, REASON_GROUP_LIMIT,
                                         REASON_ADDRESS_LIMIT, REASON_NO_LICENCE, REASON_BUSY};
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        if (limits[i] == reason)
            return true;
    }
    return false;
}

void watch_refused(struct broker *broker, const char *user, const char *address, enum reason reason,
                   const char *detail)
{
    struct notice notice = {.kind = LODGE__LSM__NOTICE_KIND__NOTICE_REFUSE, .reason = reason};
    broker->counters.refused[reason < REASON_COUNT ? reason : REASON_INTERNAL]++;
    publish(broker, NULL, &notice, user, address, detail);
    if (!is_limit(reason))
        return;
    notice.kind = LODGE__LSM__NOTICE_KIND__NOTICE_LIMIT;
    publish(broker, NULL, &notice, user, address, detail);
}
