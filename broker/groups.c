#include "broker/groups.h"

#include <event2/event.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/packet.h"

#define GIDS_FIRST 64
#define GIDS_MAX   65536
#define ENTRY_ROOM 65536

struct groups_query {
    STAILQ_ENTRY(groups_query) link;
    groups_fn *done; /* the loop's alone; NULL: cancelled */
    void *context;
    char *user;
    gid_t *gids; /* the answer */
    size_t count;
    uid_t uid;
    bool known;
};
STAILQ_HEAD(query_list, groups_query);

struct groups {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct query_list asked, answered; /* under the lock */
    bool stop;                         /* likewise */
    int notice;                        /* an eventfd: something is answered */
    struct event *readable;
};

static void free_query(struct groups_query *query)
{
    free(query->user);
    free(query->gids);
    free(query);
}

/* All gids of the user, in memory of its own; grows it until they fit. */
static bool list_gids(struct groups_query *query, gid_t primary)
{
    for (int room = GIDS_FIRST; room <= GIDS_MAX;) {
        int count = room;
        gid_t *gids = reallocarray(query->gids, (size_t)room, sizeof(*gids));
        if (gids == NULL)
            return false;
        query->gids = gids;
        if (getgrouplist(query->user, primary, gids, &count) >= 0) {
            query->count = (size_t)count;
            return true;
        }
        room = count > room ? count : room * 2;
    }
    return false;
}

static void look_up(struct groups_query *query)
{
    char *room = malloc(ENTRY_ROOM);
    struct passwd entry, *found = NULL;
    if (room != NULL && getpwnam_r(query->user, &entry, room, ENTRY_ROOM, &found) == 0 && found != NULL) {
        query->uid = found->pw_uid;
        query->known = list_gids(query, found->pw_gid);
    }
    free(room);
}

static void *run(void *context)
{
    struct groups *groups = context;
    pthread_mutex_lock(&groups->lock);
    while (!groups->stop) {
        struct groups_query *query = STAILQ_FIRST(&groups->asked);
        if (query == NULL) {
            pthread_cond_wait(&groups->wake, &groups->lock);
            continue;
        }
        STAILQ_REMOVE_HEAD(&groups->asked, link);
        pthread_mutex_unlock(&groups->lock);
        look_up(query);
        pthread_mutex_lock(&groups->lock);
        STAILQ_INSERT_TAIL(&groups->answered, query, link);
        eventfd_write(groups->notice, 1);
    }
    pthread_mutex_unlock(&groups->lock);
    return NULL;
}

static struct groups_query *take_answered(struct groups *groups)
{
    pthread_mutex_lock(&groups->lock);
    struct groups_query *query = STAILQ_FIRST(&groups->answered);
    if (query != NULL)
        STAILQ_REMOVE_HEAD(&groups->answered, link);
    pthread_mutex_unlock(&groups->lock);
    return query;
}

static void on_notice(evutil_socket_t fd, short what, void *context)
{
    struct groups *groups = context;
    struct groups_query *query;
    eventfd_t count;
    (void)what;
    eventfd_read(fd, &count);
    while ((query = take_answered(groups)) != NULL) {
        if (query->done != NULL)
            query->done(query->context, query->known, query->uid, query->gids,
                        query->known ? query->count : 0);
        free_query(query);
    }
}

/* The thread takes no signal: those are the loop's. */
static bool start_thread(struct groups *groups)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&groups->thread, NULL, run, groups);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed == 0;
}

struct groups *groups_start(struct event_base *base)
{
    struct groups *groups = calloc(1, sizeof(*groups));
    if (groups == NULL)
        return NULL;
    STAILQ_INIT(&groups->asked);
    STAILQ_INIT(&groups->answered);
    pthread_mutex_init(&groups->lock, NULL);
    pthread_cond_init(&groups->wake, NULL);
    groups->notice = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (groups->notice >= 0)
        groups->readable = event_new(base, groups->notice, EV_READ | EV_PERSIST, on_notice, groups);
    if (groups->readable != NULL && event_add(groups->readable, NULL) == 0 && start_thread(groups))
        return groups;
    if (groups->readable != NULL)
        event_free(groups->readable);
    close_descriptor(&groups->notice);
    free(groups);
    return NULL;
}

static void free_list(struct query_list *list)
{
    struct groups_query *query;
    while ((query = STAILQ_FIRST(list)) != NULL) {
        STAILQ_REMOVE_HEAD(list, link);
        free_query(query);
    }
}

void groups_stop(struct groups **groups)
{
    struct groups *old = *groups;
    if (old == NULL)
        return;
    pthread_mutex_lock(&old->lock);
    old->stop = true;
    pthread_cond_signal(&old->wake);
    pthread_mutex_unlock(&old->lock);
    pthread_join(old->thread, NULL);
    free_list(&old->asked);
    free_list(&old->answered);
    event_free(old->readable);
    close_descriptor(&old->notice);
    pthread_cond_destroy(&old->wake);
    pthread_mutex_destroy(&old->lock);
    free(old);
    *groups = NULL;
}

struct groups_query *groups_ask(struct groups *groups, const char *user, groups_fn *done, void *context)
{
    struct groups_query *query = calloc(1, sizeof(*query));
    if (query == NULL || (query->user = strdup(user)) == NULL) {
        free(query);
        return NULL;
    }
    query->done = done;
    query->context = context;
    pthread_mutex_lock(&groups->lock);
    STAILQ_INSERT_TAIL(&groups->asked, query, link);
    pthread_cond_signal(&groups->wake);
    pthread_mutex_unlock(&groups->lock);
    return query;
}

void groups_cancel(struct groups_query *query)
{
    query->done = NULL;
}
