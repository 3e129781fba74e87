#include "broker/smlink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/attach.h"
#include "broker/broker.h"
#include "broker/limits.h"
#include "broker/link.h"
#include "broker/logons.h"
#include "broker/subsystem.h"
#include "broker/terminate.h"
#include "broker/unended.h"
#include "broker/upgrade.h"
#include "common/log.h"
#include "common/packet.h"
#include "rpc/sm.h"

#define RETRY_MS    100
#define PACKETS_MAX 32   /* received in one turn */
#define QUEUE_MAX   8192 /* packets */

struct smlink_packet {
    STAILQ_ENTRY(smlink_packet) link;
    int descriptor;
    size_t size;
    uint8_t data[];
};

static void retry_later(struct smlink *sm)
{
    evtimer_add(sm->retry, &(struct timeval){.tv_usec = RETRY_MS * 1000});
}

static void free_packet(struct smlink *sm)
{
    struct smlink_packet *packet = STAILQ_FIRST(&sm->queue);
    STAILQ_REMOVE_HEAD(&sm->queue, link);
    sm->queued--;
    close_descriptor(&packet->descriptor);
    free(packet);
}

static void disconnect(struct broker *broker)
{
    struct smlink *sm = &broker->sm;
    if (sm->readable != NULL)
        event_free(sm->readable);
    if (sm->writable != NULL)
        event_free(sm->writable);
    sm->readable = sm->writable = NULL;
    close_descriptor(&sm->fd);
    while (!STAILQ_EMPTY(&sm->queue))
        free_packet(sm);
    sm->synced = false;
}

static void lose(struct broker *broker, const char *why)
{
    log_warning("sm.port", "%s; connecting again", why);
    disconnect(broker);
    terminate_smss_gone(broker);
    subsystem_smss_gone(broker);
    health_smss_lost(broker);
    listeners_smss_gone(broker);
    upgrade_smss_gone(broker);
    retry_later(&broker->sm);
}

static bool enqueue(struct smlink *sm, const uint8_t *data, size_t size, int descriptor)
{
    struct smlink_packet *packet = sm->queued < QUEUE_MAX ? malloc(sizeof(*packet) + size) : NULL;
    if (packet == NULL)
        return false;
    packet->descriptor = -1;
    if (descriptor >= 0 && (packet->descriptor = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)) < 0) {
        free(packet);
        return false;
    }
    packet->size = size;
    memcpy(packet->data, data, size);
    STAILQ_INSERT_TAIL(&sm->queue, packet, link);
    sm->queued++;
    event_add(sm->writable, NULL);
    return true;
}

bool smlink_send(struct broker *broker, unsigned number, const void *body, int descriptor)
{
    struct smlink *sm = &broker->sm;
    uint8_t data[sizeof(union sm_body) + 64];
    if (sm->fd < 0)
        return false;
    int size = message_encode(&sm_protocol, number, body, data, sizeof(data));
    if (size < 0) {
        log_error("sm.port", "message %u cannot be encoded", number);
        return false;
    }
    int failed = -EAGAIN;
    if (STAILQ_EMPTY(&sm->queue))
        failed = packet_send(sm->fd, data, (size_t)size, &descriptor, descriptor >= 0 ? 1 : 0);
    if (failed == -EAGAIN && enqueue(sm, data, (size_t)size, descriptor))
        failed = 0;
    if (failed) {
        /* not closed here: the caller may be in the middle of something; the loop finds the end of the stream
         */
        log_warning("sm.port", "cannot send: %s", strerror(-failed));
        shutdown(sm->fd, SHUT_RDWR);
    }
    return failed == 0;
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    struct broker *broker = context;
    struct smlink *sm = &broker->sm;
    (void)what;
    while (!STAILQ_EMPTY(&sm->queue)) {
        struct smlink_packet *packet = STAILQ_FIRST(&sm->queue);
        int failed =
            packet_send(fd, packet->data, packet->size, &packet->descriptor, packet->descriptor >= 0 ? 1 : 0);
        if (failed == -EAGAIN) {
            event_add(sm->writable, NULL);
            return;
        }
        if (failed) {
            lose(broker, strerror(-failed));
            return;
        }
        free_packet(sm);
    }
}

void smlink_drop_logon(struct broker *broker, uint64_t logon, uint16_t reason)
{
    struct smlink *sm = &broker->sm;
    struct sm_logon_drop drop = {.logon = logon, .reason = reason};
    if (!smlink_send(broker, SM_LOGON_DROP, &drop, -1) && sm->drop_count < SMLINK_DROPS_MAX)
        sm->drops[sm->drop_count++] = logon;
}

static void take_logon_result(struct broker *broker, const union sm_body *body)
{
    logons_result(broker, &body->logon_result);
}

/* A session that is known already: what has changed. */
static void update_session(struct session *session, const struct sm_session_state *told)
{
    bool starting = session->state == SESSION_INIT || session->state == SESSION_CONNECTED;
    if (told->state == SM_SESSION_UP && starting)
        session_move(session, SESSION_STARTED, REASON_NONE, NULL);
    else if (told->state == SM_SESSION_ENDING)
        session_move(session, SESSION_ENDS, REASON_NONE, NULL);
    else if (session->end_reason != REASON_NONE && told->state != SM_SESSION_ENDING)
        session_end(session, session->end_reason); /* lodge-smss died before it heard of it */
}

static bool is_same(const struct session *session, const struct sm_session_state *told)
{
    return session->logon == told->logon && session->user->uid == told->uid;
}

static void take_session_state(struct broker *broker, const union sm_body *body)
{
    const struct sm_session_state *told = &body->session_state;
    if (told->id == 0 || told->state > SM_SESSION_ENDING) {
        log_error("sm.port", "a session state makes no sense: id %u, state %u", told->id, told->state);
        return;
    }
    struct session *session = session_find(broker, told->id);
    if (session != NULL && !is_same(session, told)) {
        session_remove(session, REASON_SESSION_DIED, "");
        session = NULL;
    }
    if (session != NULL) {
        session->generation = broker->sm.generation;
        link_try_now(session);
        update_session(session, told);
        return;
    }
    session = logons_session_made(broker, told);
    if (session != NULL)
        session->generation = broker->sm.generation;
}

static void take_session_ended(struct broker *broker, const union sm_body *body)
{
    const struct sm_session_ended *ended = &body->session_ended;
    enum reason reason = ended->reason < REASON_COUNT ? (enum reason)ended->reason : REASON_INTERNAL;
    struct session *session = session_find(broker, ended->id);
    if (session != NULL && (ended->logon == 0 || session->logon == ended->logon))
        session_remove(session, reason, ended->detail);
    else
        logons_session_failed(broker, ended->logon, reason, ended->detail);
}

static void take_synced(struct broker *broker, const union sm_body *body)
{
    struct smlink *sm = &broker->sm;
    (void)body;
    sm->synced = true;
    struct session *next;
    for (struct session *session = session_next(broker, 0); session != NULL; session = next) {
        uint16_t id = session->id;
        if (session->generation != sm->generation)
            session_remove(session, REASON_SESSION_DIED, "");
        else if (session->viewer != 0)
            attach_tell_viewer(session);
        next = session_next(broker, id);
    }
    size_t drops = sm->drop_count;
    sm->drop_count = 0;
    for (size_t i = 0; i < drops; i++)
        smlink_drop_logon(broker, sm->drops[i], REASON_NONE);
    log_info("sm.port", "in step with lodge-smss: %u sessions", broker->sessions.count);
    attach_sessions_known(broker);
    logons_smss_is_back(broker);
    unended_look(broker);
    shutdown_synced(broker);
}

static void take_stopping(struct broker *broker, const union sm_body *body)
{
    (void)body;
    log_info("sm.port", "the server shuts down");
    broker->stopping = true;
    logons_refuse_all(broker, REASON_SHUTDOWN);
}

static void take_listener_state(struct broker *broker, const union sm_body *body)
{
    listeners_told(broker, &body->listener_state);
}

static void take_shutdown_status(struct broker *broker, const union sm_body *body)
{
    shutdown_told(broker, &body->shutdown_status);
}

static void take_event(struct broker *broker, const union sm_body *body)
{
    const struct sm_event *told = &body->event;
    const struct session *session = session_find(broker, told->session);
    record_event_at(broker, (int64_t)told->time_ms, told->event, told->session,
                    session != NULL ? session->name : "", told->detail);
}

static void take_viewer(struct broker *broker, const union sm_body *body)
{
    struct session *session = session_find(broker, body->viewer.id);
    if (session != NULL)
        attach_viewer_remembered(session, body->viewer.viewer);
}

static void take_upgrade_begun(struct broker *broker, const union sm_body *body)
{
    upgrade_begun(broker, &body->upgrade_begun);
}

static void take_ping(struct broker *broker, const union sm_body *body)
{
    (void)body;
    smlink_send(broker, SM_PONG, &(struct sm_pong){.who = SM_ALIVE_ITSELF}, -1);
}

static void take_process_ended(struct broker *broker, const union sm_body *body)
{
    terminate_answered(broker, &body->process_ended);
}

static void take_subsystem_loaded(struct broker *broker, const union sm_body *body)
{
    subsystem_loaded(broker, &body->subsystem_loaded);
}

static void take_facts(struct broker *broker, const union sm_body *body)
{
    snprintf(broker->health.facts, sizeof(broker->health.facts), "%s", body->facts.text);
}

static const struct {
    unsigned number;
    void (*take)(struct broker *broker, const union sm_body *body);
} handlers[] = {
    {SM_LOGON_RESULT, take_logon_result},
    {SM_SESSION_STATE, take_session_state},
    {SM_SESSION_ENDED, take_session_ended},
    {SM_SYNCED, take_synced},
    {SM_STOPPING, take_stopping},
    {SM_EVENT, take_event},
    {SM_FACTS, take_facts},
    {SM_PING, take_ping},
    {SM_VIEWER, take_viewer},
    {SM_UPGRADE_BEGUN, take_upgrade_begun},
    {SM_SHUTDOWN_STATUS, take_shutdown_status},
    {SM_PROCESS_ENDED, take_process_ended},
    {SM_SUBSYSTEM_LOADED, take_subsystem_loaded},
    {SM_LISTENER_STATE, take_listener_state},
};

static bool dispatch(struct broker *broker, struct message *message, const union sm_body *body)
{
    close_descriptor(&message->descriptor);
    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        if (handlers[i].number == message->number) {
            handlers[i].take(broker, body);
            return true;
        }
    }
    return false;
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    struct broker *broker = context;
    (void)what;
    for (int i = 0; i < PACKETS_MAX; i++) {
        union sm_body body;
        struct message message;
        const char *problem = "";
        int got = message_receive(fd, &sm_protocol, SM_SMSS, &body, sizeof(body), &message, &problem);
        if (got == -EAGAIN)
            return;
        if (got <= 0) {
            lose(broker, got == 0 ? "lodge-smss is gone" : problem[0] != '\0' ? problem : strerror(-got));
            return;
        }
        if (!dispatch(broker, &message, &body)) {
            lose(broker, "lodge-smss sent a message that is not for the broker");
            return;
        }
    }
}

/* Returns 0 or a negative errno. */
static int introduce(struct broker *broker)
{
    struct smlink *sm = &broker->sm;
    struct sm_hello hello = {.role = SM_BROKER};
    struct sm_ready ready = {.role = SM_BROKER};
    sm->readable = event_new(broker->base, sm->fd, EV_READ | EV_PERSIST, on_readable, broker);
    sm->writable = event_new(broker->base, sm->fd, EV_WRITE, on_writable, broker);
    if (sm->readable == NULL || sm->writable == NULL || event_add(sm->readable, NULL) != 0)
        return -ENOMEM;
    int failed = message_send(sm->fd, &sm_protocol, SM_HELLO, &hello, broker->port);
    return failed ? failed : message_send(sm->fd, &sm_protocol, SM_READY, &ready, -1);
}

static void on_retry(evutil_socket_t fd, short what, void *context)
{
    struct broker *broker = context;
    struct smlink *sm = &broker->sm;
    char path[CONF_TEXT_MAX + 32];
    (void)fd, (void)what;
    sm->fd = packet_connect(conf_run_path(&broker->conf, "ports/sm.port", path, sizeof(path)));
    if (sm->fd < 0) {
        sm->fd = -1;
        retry_later(sm);
        return;
    }
    sm->generation++;
    broker->stopping = false;
    limits_smss_found(broker, sm->fd);
    int failed = introduce(broker);
    if (failed)
        lose(broker, strerror(-failed));
}

bool smlink_start(struct broker *broker)
{
    struct smlink *sm = &broker->sm;
    sm->fd = -1;
    STAILQ_INIT(&sm->queue);
    sm->retry = evtimer_new(broker->base, on_retry, broker);
    if (sm->retry == NULL)
        return false;
    on_retry(-1, 0, broker);
    return true;
}

void smlink_stop(struct broker *broker)
{
    if (broker->sm.retry == NULL)
        return;
    disconnect(broker);
    event_free(broker->sm.retry);
    broker->sm.retry = NULL;
}
