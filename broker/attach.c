#include "broker/attach.h"

#include <string.h>

#include "broker/broker.h"
#include "broker/link.h"
#include "broker/peers.h"
#include "common/log.h"
#include "common/packet.h"
#include "rpc/winstation.h"

/* Takes the session from its worker, which will be told `reason` should it ask. */
static void unbind_worker(struct session *session, enum reason reason, const char *detail)
{
    struct peer *worker = session->worker;
    if (worker == NULL)
        return;
    session->worker = NULL;
    worker->session = NULL;
    peer_remember(worker, session, reason, detail);
}

static void bind_worker(struct session *session, struct peer *peer)
{
    session->worker = peer;
    peer->session = session;
    peer->viewer = session->viewer;
}

void attach_tell_viewer(struct session *session)
{
    struct sm_viewer viewer = {.id = session->id, .viewer = session->viewer};
    smlink_send(session->broker, SM_VIEWER, &viewer, -1);
}

void attach_viewer_remembered(struct session *session, uint64_t viewer)
{
    if (session->viewer == 0 && !session->fresh)
        session->had = viewer;
}

/* The state of things, without a word to the agent. */
static void viewer_left(struct session *session, enum reason reason, const char *detail)
{
    unbind_worker(session, reason, detail);
    session->viewer = session->had = 0;
    attach_tell_viewer(session);
    session->left_reason = reason;
    session_move(session, SESSION_LEFT, reason, detail);
}

void attach_send_away(struct session *session, enum reason reason, const char *detail)
{
    link_send_detach(session, session->viewer, reason, detail);
    viewer_left(session, reason, detail);
}

void attach_move(struct session *from, struct session *session)
{
    struct peer *worker = from->worker;
    attach_send_away(from, REASON_MOVED, "");
    worker->last.moved_to = session->id;
    worker->last.moved_logon = session->logon;
}

/* The session that the peer was moved to, or NULL: it has ended meanwhile. */
static struct session *moved_to(const struct peer *peer)
{
    struct session *session = session_find(peer->broker, peer->last.moved_to);
    return session != NULL && session->logon == peer->last.moved_logon ? session : NULL;
}

/* Names a viewer, and makes its channel: -1 in a load test, where there is no agent for its other end.
 * Returns 0 or a negative errno. */
static int make_channel(struct session *session, const struct client *client, uint64_t *viewer_r,
                        int *channel_r)
{
    struct winstation_attach attach = {
        .width = client->width, .height = client->height, .keyboard_layout = client->keyboard_layout};
    int channel = -1;
    int failed = link_draw_viewer(&attach.viewer);
    if (failed)
        return failed;
    if (!session->load_test && (channel = link_send_channel(session, WINSTATION_ATTACH, &attach)) < 0)
        return channel;
    *viewer_r = attach.viewer;
    *channel_r = channel;
    return 0;
}

static void answer_attached(struct session *session, struct peer *peer, int channel)
{
    Lodge__Lsm__Attached attached = LODGE__LSM__ATTACHED__INIT;
    attached.session = session->id;
    attached.viewer = session->viewer;
    attached.reconnected = peer->reconnected;
    attached.user = (char *)session->name;
    attached.redirect = link_agent_can(session, WINSTATION_CAN_REDIRECT) ? session->limits.redirects : 0;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_ATTACHED;
    answer.attached = &attached;
    peer_answer(peer, peer->serial, &answer, channel);
}

/* The one who has the session loses it to `peer`. Nothing to do where that is the same. */
static void take_over(struct session *session, struct peer *peer)
{
    if (session->viewer == 0)
        return;
    link_send_detach(session, session->viewer, REASON_TAKEN_OVER, NULL);
    if (session->worker == peer)
        return;
    record_event(session->broker, EVENT_DISCONNECTED_REASON, session->id, session->name,
                 session->client.address, REASON_TAKEN_OVER, peer->client.address);
    unbind_worker(session, REASON_TAKEN_OVER, "");
}

void attach_pending(struct session *session)
{
    struct peer *peer = session->pending;
    uint64_t viewer = 0;
    bool reachable = session->load_test || link_can_attach(session);
    if (peer == NULL || !reachable || session->state == SESSION_DOWN)
        return;
    bool again = session->worker == peer;
    int channel = -1;
    take_over(session, peer);
    int failed = make_channel(session, &peer->client, &viewer, &channel);
    if (failed) {
        if (session->viewer != 0 && !again)
            viewer_left(session, REASON_TAKEN_OVER, "");
        link_reset(session, strerror(-failed));
        return;
    }
    session->pending = NULL;
    peer->pending = NULL;
    session->viewer = viewer;
    session->had = 0;
    attach_tell_viewer(session);
    session->link.named = true;
    session->client = peer->client;
    if (session->from == NULL)
        session->from = addresses_hold(&session->broker->addresses, peer->client.address);
    if (!session->load_test)
        bind_worker(session, peer);
    bool was_viewed = session->state == SESSION_CONNECTED || session->state == SESSION_ACTIVE ||
                      session->state == SESSION_SHADOW;
    session_move(session, again && was_viewed ? SESSION_REATTACHES : SESSION_ATTACHES, REASON_NONE, NULL);
    answer_attached(session, peer, channel);
    close_descriptor(&channel);
}

static void refuse_pending(struct session *session, enum reason reason, const char *detail)
{
    struct peer *peer = session->pending;
    if (peer == NULL)
        return;
    session->pending = NULL;
    peer->pending = NULL;
    licences_session_changed(session);
    peer_refuse(peer, peer->serial, reason, detail);
}

void attach_offer(struct session *session, struct peer *peer, bool reconnected)
{
    if (session->pending != NULL && session->pending != peer)
        refuse_pending(session, REASON_TAKEN_OVER, "");
    session->pending = peer;
    peer->pending = session;
    peer->reconnected = reconnected;
    licences_session_changed(session);
    attach_pending(session);
    if (session->pending != NULL)
        link_try_now(session);
}

void attach_viewer_gone(struct session *session, uint64_t viewer)
{
    bool comes_again = session->worker != NULL && session->pending == session->worker;
    if (viewer != 0 && viewer == session->viewer && !comes_again)
        viewer_left(session, REASON_CLIENT_GONE, NULL);
}

void attach_viewer_named(struct session *session, uint64_t viewer)
{
    if (viewer == session->viewer) {
        session->link.named = true;
        return;
    }
    bool found = session->viewer == 0 && !session->fresh &&
                 (session->state == SESSION_INIT || session->state == SESSION_DISCONNECTED);
    if (!found) {
        /* sent away while the agent could not be reached */
        enum reason reason = session->viewer != 0 ? REASON_TAKEN_OVER : session->left_reason;
        link_send_detach(session, viewer, reason, NULL);
        return;
    }
    session->viewer = viewer;
    attach_tell_viewer(session);
    session->link.named = true;
    session_move(session, SESSION_IS_VIEWED, REASON_NONE, NULL);
}

/* Broker and agent died together: the new agent has no viewer, but lodge-smss remembers who had the session,
 * and the worker that names that number is the one. It attaches anew, as when an agent alone has died. */
static void believe_remembered(struct session *session, const struct peer *peer)
{
    bool idle = session->state == SESSION_INIT || session->state == SESSION_DISCONNECTED;
    if (session->viewer != 0 || session->had == 0 || session->had != peer->viewer || !idle)
        return;
    session->viewer = session->had;
    session->had = 0;
    session_move(session, SESSION_IS_VIEWED, REASON_NONE, NULL);
}

static void judge_announcement(struct session *session, struct peer *peer)
{
    TAILQ_REMOVE(&session->announcers, peer, announcing);
    peer->announced_to = NULL;
    believe_remembered(session, peer);
    if (session->viewer == 0 || session->viewer != peer->viewer || session->worker != NULL) {
        peer_refuse(peer, peer->serial, REASON_WRONG_STATE, "The session has another viewer.");
        return;
    }
    bind_worker(session, peer);
    session->client = peer->client;
    if (session->from == NULL)
        session->from = addresses_hold(&session->broker->addresses, peer->client.address);
    licences_session_changed(session);
    peer_done(peer, peer->serial);
}

void attach_link_synced(struct session *session)
{
    struct peer *peer;
    session->fresh = true; /* whoever is named from now on was sent away by this broker */
    if (session->viewer != 0 && !session->link.named && session->worker == NULL)
        viewer_left(session, REASON_CLIENT_GONE, NULL);
    while ((peer = TAILQ_FIRST(&session->announcers)) != NULL)
        judge_announcement(session, peer);
    licences_session_changed(session);
    attach_pending(session);
}

static void announce_to(struct session *session, struct peer *peer)
{
    TAILQ_INSERT_TAIL(&session->announcers, peer, announcing);
    peer->announced_to = session;
    if (session->fresh)
        judge_announcement(session, peer);
}

void attach_announce(struct broker *broker, struct peer *peer, uint32_t id, uint64_t viewer)
{
    struct session *session = session_find(broker, id);
    peer->viewer = viewer;
    if (session != NULL) {
        announce_to(session, peer);
    } else if (!broker->sm.synced && id > 0 && id < SESSIONS_MAX) {
        peer->announced_id = (uint16_t)id;
        TAILQ_INSERT_TAIL(&broker->early_announcers, peer, announcing);
    } else {
        peer_refuse(peer, peer->serial, REASON_NO_SESSION, "");
    }
}

void attach_sessions_known(struct broker *broker)
{
    struct peer *peer;
    while ((peer = TAILQ_FIRST(&broker->early_announcers)) != NULL) {
        TAILQ_REMOVE(&broker->early_announcers, peer, announcing);
        uint32_t id = peer->announced_id;
        peer->announced_id = 0;
        attach_announce(broker, peer, id, peer->viewer);
    }
}

void attach_again(struct broker *broker, struct peer *peer, uint32_t id, uint64_t viewer)
{
    struct session *session = session_find(broker, id);
    bool remembered = peer->last.session == id && peer->last.viewer == viewer && id != 0;
    bool unclaimed = session != NULL && session->worker == NULL && viewer != 0 && session->viewer == viewer;
    if (session != NULL && peer->session == session && session->viewer == viewer) {
        if (session->pending != NULL)
            peer_refuse(peer, peer->serial, REASON_TAKEN_OVER, "");
        else
            attach_offer(session, peer, true);
    } else if (remembered && peer->last.moved_to != 0) {
        session = moved_to(peer);
        peer->last.moved_to = 0;
        if (session != NULL && session->state != SESSION_DOWN)
            attach_offer(session, peer, true);
        else
            peer_refuse(peer, peer->serial, REASON_NO_SESSION, "");
    } else if (remembered) {
        peer_refuse(peer, peer->serial, peer->last.reason, peer->last.detail);
    } else if (unclaimed && peer->session == NULL) {
        bind_worker(session, peer);
        attach_offer(session, peer, true);
    } else {
        peer_refuse(peer, peer->serial, session != NULL ? REASON_WRONG_STATE : REASON_NO_SESSION, "");
    }
}

void attach_session_over(struct session *session, enum reason reason, const char *detail)
{
    struct peer *peer;
    link_stop(session);
    refuse_pending(session, reason, detail);
    while ((peer = TAILQ_FIRST(&session->announcers)) != NULL) {
        TAILQ_REMOVE(&session->announcers, peer, announcing);
        peer->announced_to = NULL;
        peer_refuse(peer, peer->serial, reason, detail);
    }
    unbind_worker(session, reason, detail);
}

void attach_peer_gone(struct peer *peer)
{
    struct session *session = peer->session;
    if (peer->pending != NULL) {
        peer->pending->pending = NULL;
        licences_session_changed(peer->pending);
    }
    peer->pending = NULL;
    if (peer->announced_to != NULL)
        TAILQ_REMOVE(&peer->announced_to->announcers, peer, announcing);
    else if (peer->announced_id != 0)
        TAILQ_REMOVE(&peer->broker->early_announcers, peer, announcing);
    peer->announced_to = NULL;
    peer->announced_id = 0;
    if (session != NULL)
        attach_send_away(session, REASON_CLIENT_GONE, NULL);
}
