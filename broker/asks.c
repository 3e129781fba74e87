#include "broker/asks.h"

#include <stdlib.h>

#include "broker/peers.h"
#include "broker/sessions.h"

struct ask {
    TAILQ_ENTRY(ask) link; /* of session.asks */
    struct session *session;
    struct peer *peer;
    enum ask_kind kind;
    uint64_t serial; /* of the request */
    uint64_t number; /* of the question */
};

static void ask_free(struct ask *ask)
{
    TAILQ_REMOVE(&ask->session->asks, ask, link);
    ask->peer->ask = NULL;
    free(ask);
}

bool ask_add(struct peer *peer, uint64_t serial, struct session *session, enum ask_kind kind, uint64_t number)
{
    struct ask *ask = calloc(1, sizeof(*ask));
    if (ask == NULL)
        return false;
    *ask = (struct ask){.session = session, .peer = peer, .kind = kind, .serial = serial, .number = number};
    TAILQ_INSERT_TAIL(&session->asks, ask, link);
    peer->ask = ask;
    return true;
}

struct peer *ask_take(struct session *session, enum ask_kind kind, uint64_t number, uint64_t *serial_r)
{
    struct ask *ask;
    TAILQ_FOREACH(ask, &session->asks, link)
    {
        if (ask->number == number && ask->kind == kind)
            break;
    }
    if (ask == NULL)
        return NULL;
    struct peer *peer = ask->peer;
    *serial_r = ask->serial;
    ask_free(ask);
    return peer;
}

void asks_agent_gone(struct session *session)
{
    struct ask *ask, *next;
    for (ask = TAILQ_FIRST(&session->asks); ask != NULL; ask = next) {
        next = TAILQ_NEXT(ask, link);
        struct peer *peer = ask->peer;
        uint64_t serial = ask->serial;
        ask_free(ask);
        peer_refuse(peer, serial, REASON_WRONG_STATE,
                    "It ended, or its display agent did, before an answer.");
    }
}

void asks_peer_gone(struct peer *peer)
{
    if (peer->ask != NULL)
        ask_free(peer->ask);
}
