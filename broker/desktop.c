#include "broker/desktop.h"

#include <string.h>

#include "broker/broker.h"
#include "broker/link.h"
#include "broker/peers.h"
#include "broker/watch.h"
#include "common/clock.h"
#include "common/text.h"

#define VARIABLES_MAX 512
#define CHANGE_MS     1000 /* locks and unlocks that come faster are no person's */

/* Asks the agent; returns false when the request has been answered. */
static bool ask_agent(struct peer *peer, uint64_t serial, struct session *session, enum ask_kind kind,
                      unsigned number, const void *body, uint64_t question)
{
    if (peer->ask != NULL) {
        peer_refuse(peer, serial, REASON_WRONG_STATE,
                    "Another request of this connection waits for a session's answer.");
        return false;
    }
    if (session->state == SESSION_DOWN || !link_send(session, number, body)) {
        peer_refuse(peer, serial, REASON_WRONG_STATE, "Its display agent cannot be reached at the moment.");
        return false;
    }
    if (ask_add(peer, serial, session, kind, question))
        return true;
    peer_refuse(peer, serial, REASON_INTERNAL, "");
    return false;
}

void desktop_lock(struct peer *peer, uint64_t serial, struct session *session)
{
    struct winstation_lock_desktop lock = {.serial = ++peer->broker->message_number};
    text_copy(lock.command, sizeof(lock.command), peer->broker->conf.lock_command);
    ask_agent(peer, serial, session, ASK_LOCK, WINSTATION_LOCK_DESKTOP, &lock, lock.serial);
}

void desktop_environment(struct peer *peer, uint64_t serial, struct session *session)
{
    struct winstation_environment environment = {.serial = ++peer->broker->message_number};
    ask_agent(peer, serial, session, ASK_ENVIRONMENT, WINSTATION_ENVIRONMENT, &environment,
              environment.serial);
}

static void change_lock(struct session *session, bool locked)
{
    session->locked = locked;
    session->lock_changed_ms = clock_monotonic_ms();
    record_event(session->broker, locked ? EVENT_LOCK : EVENT_UNLOCK, session->id, session->name,
                 session->client.address, REASON_NONE, NULL);
    watch_locked(session);
}

bool desktop_told(struct session *session, const struct winstation_desktop *told)
{
    bool locked = told->locked != 0;
    session->display = told->display;
    session->has_display = true;
    if (locked != session->locked) {
        if (session->lock_changed_ms != 0 && clock_monotonic_ms() - session->lock_changed_ms < CHANGE_MS)
            return false;
        change_lock(session, locked);
    }
    uint64_t serial;
    struct peer *peer = told->serial != 0 ? ask_take(session, ASK_LOCK, told->serial, &serial) : NULL;
    if (peer != NULL && locked)
        peer_done(peer, serial);
    else if (peer != NULL)
        peer_refuse(peer, serial, REASON_WRONG_STATE,
                    "Nothing locked it: no screen locker is installed there, or it could not run.");
    return true;
}

bool desktop_environment_told(struct session *session, const struct winstation_environment *told)
{
    Lodge__Lsm__Environment environment = LODGE__LSM__ENVIRONMENT__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    char *variables[VARIABLES_MAX], texts[WINSTATION_ENVIRONMENT_MAX + 1];
    size_t size = told->variables_count;
    uint64_t serial;
    if (size > 0 && told->variables[size - 1] != '\0')
        return false;
    memcpy(texts, told->variables, size);
    for (size_t at = 0; at < size && environment.n_variable < VARIABLES_MAX; at += strlen(texts + at) + 1) {
        if (!text_is_utf8(texts + at, strlen(texts + at)))
            return false;
        variables[environment.n_variable++] = texts + at;
    }
    struct peer *peer = ask_take(session, ASK_ENVIRONMENT, told->serial, &serial);
    environment.variable = variables;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_ENVIRONMENT;
    answer.environment = &environment;
    if (peer != NULL)
        peer_answer(peer, serial, &answer, -1);
    return true;
}
