#include "broker/subsystem.h"

#include <string.h>
#include <strings.h>

#include "broker/broker.h"
#include "common/text.h"

void subsystem_call_load(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    struct sm_subsystem_load load = {.name = ""};
    const char *name = request->load_subsystem->name;
    (void)descriptor;
    if (name[0] == '\0' || !text_is_printable(name) || !text_copy(load.name, sizeof(load.name), name)) {
        peer_refuse(peer, request->serial, REASON_NO_SUBSYSTEM, "");
        return;
    }
    if (peer->subsystem.name[0] != '\0') {
        peer_refuse(peer, request->serial, REASON_WRONG_STATE,
                    "Another subsystem is being loaded for this connection.");
        return;
    }
    if (!smlink_send(peer->broker, SM_SUBSYSTEM_LOAD, &load, -1)) {
        peer_refuse(peer, request->serial, REASON_BUSY,
                    "lodge-smss is starting again. Try again in a moment.");
        return;
    }
    text_copy(peer->subsystem.name, sizeof(peer->subsystem.name), name);
    peer->subsystem.serial = request->serial;
}

/* `name` NULL: everybody who has asked for any. */
static void answer(struct broker *broker, const char *name, enum reason reason, const char *detail)
{
    struct peer *peer, *next;
    for (peer = TAILQ_FIRST(&broker->peers); peer != NULL; peer = next) {
        next = TAILQ_NEXT(peer, link);
        if (peer->subsystem.name[0] == '\0' || (name != NULL && strcasecmp(peer->subsystem.name, name) != 0))
            continue;
        peer->subsystem.name[0] = '\0';
        peer_refuse(peer, peer->subsystem.serial, reason, detail);
    }
}

void subsystem_loaded(struct broker *broker, const struct sm_subsystem_loaded *loaded)
{
    answer(broker, loaded->name,
           loaded->reason < REASON_COUNT ? (enum reason)loaded->reason : REASON_INTERNAL, loaded->detail);
}

void subsystem_smss_gone(struct broker *broker)
{
    answer(broker, NULL, REASON_BUSY, "lodge-smss has gone away meanwhile. Try again in a moment.");
}
