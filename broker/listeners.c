#include "broker/listeners.h"

#include <stdio.h>
#include <string.h>

#include "broker/broker.h"
#include "broker/peers.h"
#include "common/log.h"

#define NAME "rdp" /* the one that there is */

static const char *const states[] = {
    [SM_LISTENING] = "listening", [SM_LISTENING_STOPPED] = "stopped", [SM_LISTENING_DOWN] = "down"};

/* Answers those who wait: a listener that cannot be started stays stopped, and lodge-smss has logged why. */
static void answer_waiting(struct broker *broker, bool gone)
{
    bool stopped = broker->listener.state == SM_LISTENING_STOPPED;
    struct peer *next;
    for (struct peer *peer = TAILQ_FIRST(&broker->peers); peer != NULL; peer = next) {
        next = TAILQ_NEXT(peer, link);
        if (!peer->listener_wait)
            continue;
        peer->listener_wait = false;
        if (!gone && peer->listener_stop == stopped)
            peer_done(peer, peer->listener_serial);
        else
            peer_refuse(peer, peer->listener_serial, REASON_INTERNAL,
                        gone ? "lodge-smss is away; ask again." : "The log of lodge-smss says why.");
    }
}

void listeners_told(struct broker *broker, const struct sm_listener_state *state)
{
    if (state->state > SM_LISTENING_DOWN) {
        log_error("sm.port", "a state of the listener makes no sense");
        return;
    }
    broker->listener = *state;
    if (state->answer)
        answer_waiting(broker, false);
}

void listeners_smss_gone(struct broker *broker)
{
    broker->listener = (struct sm_listener_state){0};
    answer_waiting(broker, true);
}

void call_listeners(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    struct sm_listener_state *from = &peer->broker->listener;
    Lodge__Lsm__Listener told = LODGE__LSM__LISTENER__INIT, *pointer = &told;
    Lodge__Lsm__Listeners list = LODGE__LSM__LISTENERS__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    (void)descriptor;
    told.name = (char *)NAME;
    told.state = (char *)states[from->state];
    told.address = from->address;
    told.port = from->port;
    told.pid = from->pid;
    told.connections = from->connections;
    told.accepted = from->accepted;
    told.refused = from->refused;
    list.listener = &pointer;
    list.n_listener = from->port != 0; /* lodge-smss has told */
    answer.result_case = LODGE__LSM__ANSWER__RESULT_LISTENERS;
    answer.listeners = &list;
    peer_answer(peer, request->serial, &answer, -1);
}

static void set(struct peer *peer, uint64_t serial, const char *name, bool stop)
{
    struct broker *broker = peer->broker;
    struct sm_listener_set wanted = {.stopped = stop};
    char by[32];
    if (strcmp(name, NAME) != 0) {
        peer_refuse(peer, serial, REASON_BAD_REQUEST, "There is no listener of that name.");
    } else if (peer->listener_wait) {
        peer_refuse(peer, serial, REASON_WRONG_STATE,
                    "Another such request of this connection is under way.");
    } else if (!broker->sm.synced || !smlink_send(broker, SM_LISTENER_SET, &wanted, -1)) {
        peer_refuse(peer, serial, REASON_INTERNAL, "lodge-smss is away; ask again.");
    } else {
        peer->listener_wait = true;
        peer->listener_stop = stop;
        peer->listener_serial = serial;
        snprintf(by, sizeof(by), NAME ", by uid %u", (unsigned)peer->uid);
        if ((broker->listener.state == SM_LISTENING_STOPPED) != stop)
            record_event(broker, stop ? EVENT_LISTENER_STOP : EVENT_LISTENER_START, 0, NULL, NULL,
                         REASON_NONE, by);
    }
}

void call_listener_stop(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    (void)descriptor;
    set(peer, request->serial, request->listener_stop->name, true);
}

void call_listener_start(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    (void)descriptor;
    set(peer, request->serial, request->listener_start->name, false);
}
