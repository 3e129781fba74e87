#include "broker/upgrade.h"

#include "broker/broker.h"
#include "broker/peers.h"

void call_upgrade(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    (void)descriptor;
    struct broker *broker = peer->broker;
    struct sm_upgrade upgrade = {.uid = peer->uid};
    if (broker->upgrade_serial != 0) {
        peer_refuse(peer, request->serial, REASON_WRONG_STATE, "An upgrade is under way.");
        return;
    }
    if (!smlink_send(broker, SM_UPGRADE, &upgrade, -1)) {
        peer_refuse(peer, request->serial, REASON_BUSY,
                    "lodge-smss is starting again. Try again in a moment.");
        return;
    }
    peer->asked_upgrade = true;
    broker->upgrade_serial = request->serial != 0 ? request->serial : 1;
}

static void answer(struct broker *broker, enum reason reason, const char *detail)
{
    struct peer *peer;
    uint64_t serial = broker->upgrade_serial;
    broker->upgrade_serial = 0;
    TAILQ_FOREACH(peer, &broker->peers, link)
    {
        if (!peer->asked_upgrade)
            continue;
        peer->asked_upgrade = false;
        peer_refuse(peer, serial, reason, detail);
        return;
    }
}

void upgrade_begun(struct broker *broker, const struct sm_upgrade_begun *begun)
{
    answer(broker, begun->reason < REASON_COUNT ? (enum reason)begun->reason : REASON_INTERNAL,
           begun->detail);
}

void upgrade_smss_gone(struct broker *broker)
{
    if (broker->upgrade_serial != 0)
        answer(broker, REASON_BUSY, "lodge-smss has gone away meanwhile.");
}
