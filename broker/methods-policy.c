#include "broker/methods-policy.h"

#include <string.h>

#include "broker/broker.h"

static const struct {
    Lodge__Lsm__DrainMode told;
    enum policy_drain mode;
} drain_modes[] = {
    {LODGE__LSM__DRAIN_MODE__OFF, POLICY_DRAIN_OFF},
    {LODGE__LSM__DRAIN_MODE__RECONNECTS, POLICY_DRAIN_RECONNECTS},
    {LODGE__LSM__DRAIN_MODE__UNTIL_RESTART, POLICY_DRAIN_UNTIL_RESTART},
};
#define DRAIN_MODES (sizeof(drain_modes) / sizeof(drain_modes[0]))

/* Returns false when the request has been answered. */
static bool set_drain(struct peer *peer, uint64_t serial, Lodge__Lsm__DrainMode wanted)
{
    size_t i = 0;
    while (i < DRAIN_MODES && drain_modes[i].told != wanted)
        i++;
    if (i == DRAIN_MODES) {
        peer_refuse(peer, serial, REASON_BAD_REQUEST, "There is no such drain mode.");
        return false;
    }
    if (drain_modes[i].mode == peer->broker->drain.mode)
        return true;
    int failed = limits_set_drain(peer->broker, drain_modes[i].mode, peer->uid);
    if (failed)
        peer_refuse(peer, serial, REASON_INTERNAL, strerror(-failed));
    return failed == 0;
}

void policy_call_drain(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    Lodge__Lsm__DrainMode wanted = request->drain->mode;
    Lodge__Lsm__Drain drain = LODGE__LSM__DRAIN__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    (void)descriptor;
    if (wanted != LODGE__LSM__DRAIN_MODE__UNCHANGED && !set_drain(peer, request->serial, wanted))
        return;
    for (size_t i = 0; i < DRAIN_MODES; i++) {
        if (drain_modes[i].mode == peer->broker->drain.mode)
            drain.mode = drain_modes[i].told;
    }
    answer.result_case = LODGE__LSM__ANSWER__RESULT_DRAIN;
    answer.drain = &drain;
    peer_answer(peer, request->serial, &answer, -1);
}
