#include "broker/terminate.h"

#include <stdio.h>

#include "broker/broker.h"
#include "broker/peers.h"

void terminate_ask(struct peer *peer, uint64_t serial, struct session *session, uint32_t pid, bool at_once)
{
    struct sm_process_end end = {.session = session->id, .pid = pid, .kill = at_once};
    if (peer->terminate.number != 0) {
        peer_refuse(peer, serial, REASON_WRONG_STATE, "Another process is being ended for this connection.");
        return;
    }
    end.serial = ++peer->broker->terminate_number;
    peer->terminate.number = end.serial;
    peer->terminate.serial = serial;
    peer->terminate.at_once = at_once;
    if (smlink_send(peer->broker, SM_PROCESS_END, &end, -1))
        return;
    peer->terminate.number = 0;
    peer_refuse(peer, serial, REASON_BUSY, "lodge-smss is starting again. Try again in a moment.");
}

static struct peer *find_asker(struct broker *broker, uint64_t number)
{
    struct peer *peer;
    TAILQ_FOREACH(peer, &broker->peers, link)
    {
        if (peer->terminate.number == number)
            return peer;
    }
    return NULL;
}

void terminate_answered(struct broker *broker, const struct sm_process_ended *ended)
{
    struct peer *peer = ended->serial != 0 ? find_asker(broker, ended->serial) : NULL;
    const struct session *session = session_find(broker, ended->session);
    enum reason reason = ended->reason < REASON_COUNT ? (enum reason)ended->reason : REASON_INTERNAL;
    if (reason == REASON_NONE) {
        char detail[SM_DETAIL_ROOM + 80], by[32] = "somebody who has gone";
        if (peer != NULL)
            snprintf(by, sizeof(by), "uid %u", (unsigned)peer->uid);
        snprintf(detail, sizeof(detail), "%s, process %u, %s by %s", ended->detail, (unsigned)ended->pid,
                 peer != NULL && !peer->terminate.at_once ? "asked to end" : "ended", by);
        record_event(broker, EVENT_PROCESS_TERMINATED, ended->session, session != NULL ? session->name : NULL,
                     NULL, REASON_NONE, detail);
    }
    if (peer == NULL)
        return;
    peer->terminate.number = 0;
    peer_refuse(peer, peer->terminate.serial, reason, reason != REASON_NONE ? ended->detail : "");
}

void terminate_smss_gone(struct broker *broker)
{
    struct peer *peer, *next;
    for (peer = TAILQ_FIRST(&broker->peers); peer != NULL; peer = next) {
        next = TAILQ_NEXT(peer, link);
        if (peer->terminate.number == 0)
            continue;
        peer->terminate.number = 0;
        peer_refuse(peer, peer->terminate.serial, REASON_BUSY,
                    "lodge-smss has gone away meanwhile. Look whether the process has ended.");
    }
}
