#include "broker/peers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "broker/attach.h"
#include "broker/broker.h"
#include "broker/logons.h"
#include "broker/messages.h"
#include "broker/methods-events.h"
#include "broker/methods.h"
#include "broker/shadow.h"
#include "broker/survey.h"
#include "common/log.h"
#include "common/packet.h"
#include "db/licences.h"

#define ACCEPTS_MAX  64 /* in one turn */
#define REQUESTS_MAX 8
#define GROUPS_MAX   65536
#define PAUSE_MS     100

static bool is_in_group(int fd, gid_t primary, gid_t wanted)
{
    if (wanted == (gid_t)-1)
        return false;
    gid_t few[64], *groups = few;
    socklen_t size = sizeof(few);
    int failed = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size);
    if (failed && errno == ERANGE && size <= GROUPS_MAX * sizeof(gid_t) && (groups = malloc(size)) != NULL)
        failed = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size);
    bool member = primary == wanted;
    for (size_t i = 0; !failed && !member && i < size / sizeof(gid_t); i++)
        member = groups[i] == wanted;
    if (groups != few)
        free(groups);
    return member;
}

static enum role role_of(const struct broker *broker, int fd, const struct packet_peer *who)
{
    if (who->uid == 0)
        return ROLE_ADMIN;
    if (who->uid == broker->front_uid)
        return ROLE_FRONT;
    return is_in_group(fd, who->gid, broker->admin_gid) ? ROLE_ADMIN : ROLE_USER;
}

static void on_reap(evutil_socket_t fd, short what, void *context)
{
    struct broker *broker = context;
    struct peer *peer;
    (void)fd, (void)what;
    while ((peer = TAILQ_FIRST(&broker->dead_peers)) != NULL) {
        TAILQ_REMOVE(&broker->dead_peers, peer, link);
        free(peer);
    }
}

static void release_hold(struct peer *peer)
{
    if (peer->logon != NULL)
        logon_abandon(peer->logon);
    events_peer_gone(peer);
    if (peer->policy_question.query != NULL)
        groups_cancel(peer->policy_question.query);
    peer->policy_question.query = NULL;
    if (peer->licence != NULL)
        peer->licence->asker = NULL;
    peer->licence = NULL;
    if (peer->report != NULL)
        db_job_cancel(peer->report);
    peer->report = NULL;
    survey_forget_peer(peer);
    shadow_peer_gone(peer);
    attach_peer_gone(peer);
}

void peer_drop(struct peer *peer, const char *why)
{
    struct broker *broker = peer->broker;
    if (peer->dead)
        return;
    peer->dead = true;
    /* Any user may come and break the protocol as often as they like: that must not fill the log. */
    if (why != NULL)
        log_write(peer->role == ROLE_USER ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING, "lsm.port",
                  "process %d of uid %u dropped: %s", (int)peer->pid, (unsigned)peer->uid, why);
    watch_peer_gone(peer);
    asks_peer_gone(peer);
    event_free(peer->readable);
    peer->readable = NULL;
    packet_end(&peer->fd); /* what is unread may have descriptors that a plain close() would wait for */
    TAILQ_REMOVE(&broker->peers, peer, link);
    TAILQ_INSERT_TAIL(&broker->dead_peers, peer, link);
    broker->peer_count--;
    broker->front_count -= peer->role == ROLE_FRONT;
    broker->user_count -= peer->role == ROLE_USER;
    peer->user->peers--;
    users_release(&broker->users, peer->user);
    release_hold(peer);
    event_active(broker->reap, EV_TIMEOUT, 0);
}

void peer_answer(struct peer *peer, uint64_t serial, Lodge__Lsm__Answer *answer, int descriptor)
{
    if (peer->dead)
        return;
    answer->serial = serial;
    int failed = lsm_send_answer(peer->fd, answer, descriptor);
    if (failed == -EAGAIN)
        peer_drop(peer, "it does not read its answers");
    else if (failed)
        peer_drop(peer, failed == -EPIPE ? NULL : strerror(-failed));
}

void peer_refuse(struct peer *peer, uint64_t serial, enum reason reason, const char *detail)
{
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    answer.reason = reason;
    answer.detail = (char *)detail;
    peer_answer(peer, serial, &answer, -1);
}

void peer_done(struct peer *peer, uint64_t serial)
{
    peer_refuse(peer, serial, REASON_NONE, "");
}

void peer_remember(struct peer *peer, const struct session *session, enum reason reason, const char *detail)
{
    peer->last.session = session->id;
    peer->last.viewer = peer->viewer;
    peer->last.reason = reason;
    peer->last.moved_to = 0;
    snprintf(peer->last.detail, sizeof(peer->last.detail), "%s", detail != NULL ? detail : "");
}

bool peer_is_busy(const struct peer *peer)
{
    return peer->logon != NULL || peer->pending != NULL || peer->announced_to != NULL ||
           peer->announced_id != 0;
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    struct peer *peer = context;
    (void)what;
    for (int i = 0; i < REQUESTS_MAX && !peer->dead; i++) {
        Lodge__Lsm__Request *request;
        int descriptor = -1;
        int got = lsm_receive_request(fd, &request, &descriptor);
        if (got == -EAGAIN)
            return;
        if (got <= 0) {
            peer_drop(peer, got == 0 ? NULL : got == -EPROTO ? "it sent no request" : strerror(-got));
            return;
        }
        methods_call(peer, request, &descriptor);
        close_descriptor(&descriptor);
        lodge__lsm__request__free_unpacked(request, NULL);
    }
}

static const char *has_no_place(const struct broker *broker, enum role role, const struct user *user)
{
    if (broker->peer_count >= broker->peer_max)
        return "There are too many connections.";
    if (role == ROLE_FRONT)
        return broker->front_count >= BROKER_PEERS_FRONT ? "The front end has too many connections." : NULL;
    /* a user may have many uids: those of a user namespace */
    if (role == ROLE_USER && broker->user_count >= broker->peer_max / 2)
        return "Users have too many connections.";
    unsigned most = role == ROLE_ADMIN ? BROKER_PEERS_PER_ADMIN : BROKER_PEERS_PER_UID;
    return user->peers >= most ? "This user has too many connections." : NULL;
}

static struct peer *make(struct broker *broker, int fd, const struct packet_peer *who, struct user *user)
{
    struct peer *peer = calloc(1, sizeof(*peer));
    if (peer == NULL)
        return NULL;
    peer->readable = event_new(broker->base, fd, EV_READ | EV_PERSIST, on_readable, peer);
    if (peer->readable == NULL || event_add(peer->readable, NULL) != 0) {
        if (peer->readable != NULL)
            event_free(peer->readable);
        free(peer);
        return NULL;
    }
    peer->broker = broker;
    peer->fd = fd;
    peer->pid = who->pid;
    peer->uid = who->uid;
    peer->role = role_of(broker, fd, who);
    packet_take_descriptors(fd, peer->role == ROLE_FRONT);
    peer->user = user;
    return peer;
}

/* Says why, in an answer to nothing that was asked, and closes. */
static void turn_away(int *fd, const char *why)
{
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    answer.reason = REASON_BUSY;
    answer.detail = (char *)why;
    lsm_send_answer(*fd, &answer, -1);
    packet_end(fd);
}

/* Takes over `fd`. */
static void welcome(struct broker *broker, int fd)
{
    struct packet_peer who;
    struct user *user = NULL;
    struct peer *peer = NULL;
    const char *problem = "The kernel does not say who you are, or memory has run out.";
    if (packet_peer_of(fd, &who) == 0 && (user = users_hold(&broker->users, who.uid)) != NULL) {
        const char *full = has_no_place(broker, role_of(broker, fd, &who), user);
        if (full != NULL)
            problem = full;
        else
            peer = make(broker, fd, &who, user);
    }
    if (peer == NULL) {
        log_debug("lsm.port", "a connection is refused: %s", problem);
        turn_away(&fd, problem);
        if (user != NULL)
            users_release(&broker->users, user);
        return;
    }
    TAILQ_INSERT_TAIL(&broker->peers, peer, link);
    broker->peer_count++;
    broker->front_count += peer->role == ROLE_FRONT;
    broker->user_count += peer->role == ROLE_USER;
    user->peers++;
}

static void on_accept(evutil_socket_t port, short what, void *context)
{
    struct broker *broker = context;
    (void)what;
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        int fd = packet_accept(port);
        if (fd == -EAGAIN)
            return;
        if (fd == -ECONNABORTED || fd == -EINTR)
            continue;
        if (fd < 0) {
            log_error("lsm.port", "cannot accept: %s; pausing", strerror(-fd));
            event_del(broker->accept);
            evtimer_add(broker->accept_again, &(struct timeval){.tv_usec = PAUSE_MS * 1000});
            return;
        }
        welcome(broker, fd);
    }
}

static void on_accept_again(evutil_socket_t fd, short what, void *context)
{
    struct broker *broker = context;
    (void)fd, (void)what;
    event_add(broker->accept, NULL);
}

bool peers_start(struct broker *broker)
{
    packet_take_descriptors(broker->port, false); /* until it is known who it is */
    broker->reap = event_new(broker->base, -1, 0, on_reap, broker);
    broker->accept_again = evtimer_new(broker->base, on_accept_again, broker);
    broker->accept = event_new(broker->base, broker->port, EV_READ | EV_PERSIST, on_accept, broker);
    return broker->reap != NULL && broker->accept_again != NULL && broker->accept != NULL &&
           event_add(broker->accept, NULL) == 0;
}

static void free_event(struct event **event)
{
    if (*event != NULL)
        event_free(*event);
    *event = NULL;
}

void peers_stop(struct broker *broker)
{
    free_event(&broker->accept);
    free_event(&broker->accept_again);
    while (!TAILQ_EMPTY(&broker->peers))
        peer_drop(TAILQ_FIRST(&broker->peers), NULL);
    on_reap(-1, 0, broker);
    free_event(&broker->reap);
}
