/* Connections to sm.port: who they are, what they may say, and where it goes. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/socket.h>

#include "common/log.h"
#include "common/reason.h"
#include "sessionmgr/smss.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

#define DRAIN_MOST 16 /* messages that a process can have left behind */
#define PACKETS_MOST \
    200000 /* that wait for one peer: each session there may be, and what happens meanwhile */

struct packet {
    struct packet *next;
    size_t size;
    uint8_t data[];
};

struct peer {
    struct smss *smss;
    int fd;
    struct packet *waiting, **last; /* what the socket has no room for yet, oldest first */
    unsigned waiting_count;
    struct loop_source *source;
    struct packet_peer who;
    enum sm_role role;
    bool heard; /* it has said HELLO */
    struct service *service;
    struct logon *logon;
    struct loop_timer timer;
    struct peer *next;
};

static void unlink_peer(struct smss *smss, struct peer *peer)
{
    struct peer **at = &smss->peers;
    while (*at != peer)
        at = &(*at)->next;
    *at = peer->next;
}

static void drop_packet(struct peer *peer)
{
    struct packet *packet = peer->waiting;
    peer->waiting = packet->next;
    peer->waiting_count--;
    free(packet);
}

void peer_close(struct smss *smss, struct peer *peer)
{
    if (peer == NULL)
        return;
    unlink_peer(smss, peer);
    loop_timer_stop(smss->loop, &peer->timer);
    loop_unwatch(&peer->source);
    packet_end(&peer->fd); /* what is unread may have descriptors that a plain close() would wait for */
    while (peer->waiting != NULL)
        drop_packet(peer);
    if (peer->service != NULL && peer->service->peer == peer)
        service_peer_gone(peer->service);
    if (peer->logon != NULL && peer->logon->peer == peer)
        logon_peer_gone(peer->logon);
    free(peer);
}

static void receive(void *context, uint32_t events);

static void watch(struct peer *peer, uint32_t events)
{
    loop_unwatch(&peer->source);
    peer->source = loop_watch(peer->smss->loop, peer->fd, events, receive, peer);
}

/* A broker that comes back is told of every session at once: more than a socket has room for. */
static int enqueue(struct peer *peer, unsigned number, const void *body)
{
    uint8_t data[sizeof(union sm_body) + 64];
    int size = message_encode(&sm_protocol, number, body, data, sizeof(data));
    if (size < 0 || peer->waiting_count >= PACKETS_MOST)
        return size < 0 ? size : -EAGAIN;
    struct packet *packet = memory_new(sizeof(*packet) + (size_t)size);
    packet->size = (size_t)size;
    memcpy(packet->data, data, packet->size);
    if (peer->waiting == NULL) {
        peer->last = &peer->waiting;
        watch(peer, EPOLLIN | EPOLLOUT);
    }
    *peer->last = packet;
    peer->last = &packet->next;
    peer->waiting_count++;
    return 0;
}

/* There is room. A connection that has ended is found by receiving. */
static void send_waiting(struct peer *peer)
{
    while (peer->waiting != NULL) {
        if (packet_send(peer->fd, peer->waiting->data, peer->waiting->size, NULL, 0) == -EAGAIN)
            return;
        drop_packet(peer);
    }
    watch(peer, EPOLLIN);
}

/* Closes from outside of the peer's own callback as well: sending happens anywhere, so the closing waits for
 * the loop, by making the socket end. */
bool peer_send(struct smss *smss, struct peer *peer, unsigned number, const void *body)
{
    (void)smss;
    if (peer == NULL)
        return false;
    int failed = -EAGAIN;
    if (peer->waiting == NULL)
        failed = message_send(peer->fd, &sm_protocol, number, body, -1);
    if (failed == -EAGAIN)
        failed = enqueue(peer, number, body);
    if (!failed)
        return true;
    errno = -failed;
    log_warning("sm.port", "process %d did not take message %u and is closed: %m", (int)peer->who.pid,
                number);
    shutdown(peer->fd, SHUT_RDWR);
    return false;
}

bool peer_send_descriptor(struct peer *peer, unsigned number, const void *body, int descriptor)
{
    if (peer == NULL)
        return false;
    int failed = message_send(peer->fd, &sm_protocol, number, body, descriptor);
    if (!failed)
        return true;
    errno = -failed;
    log_warning("sm.port", "process %d did not take message %u and is closed: %m", (int)peer->who.pid,
                number);
    shutdown(peer->fd, SHUT_RDWR);
    return false;
}

static bool on_ready(struct peer *peer, const union sm_body *body)
{
    (void)body;
    if (peer->service == NULL)
        return false;
    service_ready(peer->service);
    return true;
}

static bool on_logon_result(struct peer *peer, const union sm_body *body)
{
    if (peer->logon == NULL || body->logon_result.logon != peer->logon->number)
        return false;
    logon_result(peer->logon, &body->logon_result);
    return true;
}

static bool on_logon_admit(struct peer *peer, const union sm_body *body)
{
    logon_admit(peer->smss, &body->logon_admit);
    return true;
}

static bool on_virtual_start(struct peer *peer, const union sm_body *body)
{
    logon_start_virtual(peer->smss, &body->virtual_start);
    return true;
}

static bool on_logon_drop(struct peer *peer, const union sm_body *body)
{
    struct logon *logon = logon_find(peer->smss, body->logon_drop.logon);
    if (logon != NULL && logon->state != LOGON_IN_SESSION)
        logon_drop(logon, body->logon_drop.reason);
    return true;
}

static bool on_session_state(struct peer *peer, const union sm_body *body)
{
    if (peer->logon == NULL || body->session_state.logon != peer->logon->number)
        return false;
    session_says(peer->logon, &body->session_state);
    return true;
}

static bool on_session_end(struct peer *peer, const union sm_body *body)
{
    if (peer->role != SM_BROKER)
        return false;
    struct session *session = peer->smss->session_of[body->session_end.id];
    if (session != NULL) {
        session_end(session, &body->session_end);
    } else {
        struct sm_session_ended ended = {.id = body->session_end.id, .reason = REASON_NO_SESSION};
        peer_send(peer->smss, peer, SM_SESSION_ENDED, &ended);
    }
    return true;
}

static bool on_session_ended(struct peer *peer, const union sm_body *body)
{
    if (peer->logon == NULL || peer->logon->session == NULL)
        return false;
    session_says_ended(peer->logon->session, &body->session_ended);
    return true;
}

static bool on_shutdown(struct peer *peer, const union sm_body *body)
{
    return shutdown_asked(peer->smss, &body->shutdown);
}

static bool on_listener_set(struct peer *peer, const union sm_body *body)
{
    listener_set(peer->smss, body->listener_set.stopped != 0);
    return true;
}

static bool on_listener_state(struct peer *peer, const union sm_body *body)
{
    if (peer->service == NULL)
        return false;
    listener_numbers(peer->smss, &body->listener_state);
    return true;
}

static bool on_event(struct peer *peer, const union sm_body *body)
{
    if (peer->logon == NULL || peer->logon->session == NULL)
        return false;
    struct sm_event event = body->event;
    event.session = peer->logon->session->id;
    event_pass(peer->smss, &event);
    return true;
}

static bool on_viewer(struct peer *peer, const union sm_body *body)
{
    struct session *session = peer->role == SM_BROKER ? peer->smss->session_of[body->viewer.id] : NULL;
    if (session != NULL)
        session->viewer = body->viewer.viewer;
    return peer->role == SM_BROKER;
}

static bool on_upgrade(struct peer *peer, const union sm_body *body)
{
    char by[32];
    snprintf(by, sizeof(by), "uid %u", (unsigned)body->upgrade.uid);
    upgrade_begin(peer->smss, by, true);
    return true;
}

static bool on_conf_read(struct peer *peer, const union sm_body *body)
{
    (void)body;
    logon_policy_changed(peer->smss);
    return true;
}

static bool on_pong(struct peer *peer, const union sm_body *body)
{
    if (peer->service != NULL)
        liveness_answered_service(peer->service);
    else if (peer->logon != NULL && peer->logon->session != NULL)
        liveness_answered_logon(peer->logon->session, body->pong.who);
    return true;
}

static bool on_process_end(struct peer *peer, const union sm_body *body)
{
    terminate_process(peer->smss, peer, &body->process_end);
    return true;
}

static bool on_subsystem_load(struct peer *peer, const union sm_body *body)
{
    subsystem_load(peer->smss, peer, &body->subsystem_load);
    return true;
}

/* What comes after HELLO; who may send what is in rpc/sm.h. LOGON_START has a descriptor and is apart. */
static const struct {
    unsigned number;
    bool (*handle)(struct peer *peer, const union sm_body *body);
} handlers[] = {
    {SM_READY, on_ready},
    {SM_LOGON_RESULT, on_logon_result},
    {SM_LOGON_ADMIT, on_logon_admit},
    {SM_LOGON_DROP, on_logon_drop},
    {SM_SESSION_STATE, on_session_state},
    {SM_SESSION_END, on_session_end},
    {SM_SESSION_ENDED, on_session_ended},
    {SM_EVENT, on_event},
    {SM_PONG, on_pong},
    {SM_PROCESS_END, on_process_end},
    {SM_SUBSYSTEM_LOAD, on_subsystem_load},
    {SM_VIEWER, on_viewer},
    {SM_UPGRADE, on_upgrade},
    {SM_VIRTUAL_START, on_virtual_start},
    {SM_SHUTDOWN, on_shutdown},
    {SM_LISTENER_SET, on_listener_set},
    {SM_LISTENER_STATE, on_listener_state},
    {SM_CONF_READ, on_conf_read},
};

/* A pidfd of who connected: by the kernel's own memory where it has one (Linux 6.5), else by number. */
static int pidfd_of(const struct peer *peer)
{
    int fd = -1;
    socklen_t size = sizeof(fd);
    if (getsockopt(peer->fd, SOL_SOCKET, SO_PEERPIDFD, &fd, &size) == 0)
        return fd;
    return pidfd_open(peer->who.pid, 0);
}

/* Takes the peer in as what it says it is. Returns false when it is not. */
static bool on_hello(struct peer *peer, const struct sm_hello *hello, int descriptor)
{
    struct smss *smss = peer->smss;
    int pidfd = pidfd_of(peer);
    if (hello->role != peer->role || pidfd < 0) {
        close_descriptor(&descriptor);
        close_descriptor(&pidfd);
        return false;
    }
    peer->heard = true;
    loop_timer_stop(smss->loop, &peer->timer);
    if (peer->role == SM_LOGON) {
        close_descriptor(&descriptor);
        peer->logon = logon_hello(smss, peer, &peer->who, pidfd, hello->logon);
        return peer->logon != NULL;
    }
    struct service *service = &smss->services[peer->role == SM_BROKER ? SERVICE_BROKER : SERVICE_LISTENER];
    peer->service = service;
    if (service_hello(service, peer, &peer->who, pidfd, descriptor))
        return true;
    peer->service = NULL;
    return false;
}

static bool handle(struct peer *peer, const struct message *message, const union sm_body *body)
{
    if (message->number == SM_HELLO && !peer->heard)
        return on_hello(peer, &body->hello, message->descriptor);
    int descriptor = message->descriptor;
    if (peer->heard && message->number == SM_LOGON_START) {
        logon_start(peer->smss, &body->logon_start, descriptor);
        close_descriptor(&descriptor);
        return true;
    }
    close_descriptor(&descriptor);
    for (size_t i = 0; peer->heard && i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        if (handlers[i].number == message->number)
            return handlers[i].handle(peer, body);
    }
    return false;
}

static void receive(void *context, uint32_t events)
{
    struct peer *peer = context;
    struct message message;
    static union sm_body body;
    const char *problem = "";
    if ((events & EPOLLOUT) != 0)
        send_waiting(peer);
    int got = message_receive(peer->fd, &sm_protocol, (uint32_t)peer->role, &body, sizeof(body), &message,
                              &problem);
    if (got == -EAGAIN)
        return;
    if (got == 1 && handle(peer, &message, &body))
        return;
    if (got == 1)
        log_warning("sm.port", "process %d (uid %u) may not say %s here and is closed", (int)peer->who.pid,
                    (unsigned)peer->who.uid, message.type->name);
    else if (got < 0)
        log_warning("sm.port", "process %d (uid %u) is closed: %s", (int)peer->who.pid,
                    (unsigned)peer->who.uid, problem);
    peer_close(peer->smss, peer);
}

void peer_drain(struct peer **peer)
{
    for (unsigned i = 0; *peer != NULL && i < DRAIN_MOST; i++) {
        struct pollfd polled = {.fd = (*peer)->fd, .events = POLLIN};
        if (poll(&polled, 1, 0) <= 0)
            return;
        receive(*peer, EPOLLIN); /* at the end of what it said, this clears *peer by way of its owner */
    }
}

static void hello_late(void *context)
{
    struct peer *peer = context;
    log_warning("sm.port", "process %d said no HELLO and is closed", (int)peer->who.pid);
    peer_close(peer->smss, peer);
}

/* Of one role: the front end's silent connections do not keep a logon out. */
static unsigned count_unheard(const struct smss *smss, enum sm_role role)
{
    unsigned count = 0;
    for (const struct peer *peer = smss->peers; peer != NULL; peer = peer->next)
        count += !peer->heard && peer->role == role;
    return count;
}

static bool role_of(const struct smss *smss, uid_t uid, enum sm_role *role_r)
{
    const struct {
        uid_t uid;
        enum sm_role role;
    } roles[] = {{0, SM_LOGON}, {smss->broker_uid, SM_BROKER}, {smss->front_uid, SM_LISTENER}};
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        if (roles[i].uid == uid) {
            *role_r = roles[i].role;
            return true;
        }
    }
    return false;
}

void peer_accept(void *context, uint32_t events)
{
    (void)events;
    struct smss *smss = context;
    struct packet_peer who;
    enum sm_role role;
    int fd = packet_accept(smss->sm_port);
    if (fd < 0)
        return;
    if (packet_peer_of(fd, &who) != 0 || !role_of(smss, who.uid, &role) ||
        count_unheard(smss, role) >= PEERS_UNHEARD) {
        log_warning("sm.port", "a connection of process %d is refused", (int)who.pid);
        close_descriptor(&fd);
        return;
    }
    struct peer *peer = memory_new(sizeof(*peer));
    *peer = (struct peer){.smss = smss, .fd = fd, .who = who, .role = role, .next = smss->peers};
    peer->timer = (struct loop_timer){.expired = hello_late, .context = peer};
    smss->peers = peer;
    loop_timer_set(smss->loop, &peer->timer, HELLO_MS);
    peer->source = loop_watch(smss->loop, fd, EPOLLIN, receive, peer);
}
