/* What is asked of the server and not of a session: drain, counters, listeners, subsystems, upgrade; and
 * create, for load tests. */
#include <errno.h>
#include <string.h>

#include "common/text.h"
#include "lib/result.h"

#define LOAD_MORE_MS    30000 /* a subsystem may take so long to become ready */
#define UPGRADE_MORE_MS 30000 /* the new programs are tried */

RESULT_FREE(lodge_counters_free, struct lodge_counters)
RESULT_FREE(lodge_listeners_free, struct lodge_listeners)

_Static_assert((int)LODGE_DRAIN_UNTIL_RESTART == (int)LODGE__LSM__DRAIN_MODE__UNTIL_RESTART &&
                   (int)LODGE_DRAIN_OFF == (int)LODGE__LSM__DRAIN_MODE__OFF,
               "the modes of lodge.h are those of the protocol");

int lodge_drain(struct lodge *lodge, enum lodge_drain mode, enum lodge_drain *mode_r,
                struct lodge_error *error)
{
    Lodge__Lsm__DrainRequest drain = LODGE__LSM__DRAIN_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    drain.mode = (Lodge__Lsm__DrainMode)mode;
    request.method_case = LODGE__LSM__REQUEST__METHOD_DRAIN;
    request.drain = &drain;
    int failed = lodge_ask(lodge, &request, LODGE__LSM__ANSWER__RESULT_DRAIN, &answer, error);
    if (failed != 0)
        return failed;
    if (mode_r != NULL)
        *mode_r = (enum lodge_drain)answer->drain->mode;
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return 0;
}

static void fill_refused(void *entry, const Lodge__Lsm__Answer *answer, size_t i)
{
    const Lodge__Lsm__ReasonCount *from = answer->counters->refused[i];
    *(struct lodge_reason_count *)entry =
        (struct lodge_reason_count){.reason = from->reason, .count = from->count};
}

int lodge_counters(struct lodge *lodge, struct lodge_counters **counters_r, struct lodge_error *error)
{
    Lodge__Lsm__Answer *answer;
    const void *entries;
    int failed = lodge_ask_nothing(lodge, LODGE__LSM__REQUEST__METHOD_COUNTERS,
                                   LODGE__LSM__ANSWER__RESULT_COUNTERS, &answer, error);
    if (failed != 0)
        return failed;
    const Lodge__Lsm__Counters *from = answer->counters;
    struct lodge_counters *counters =
        result_new(answer, sizeof(*counters), from->n_refused, sizeof(struct lodge_reason_count),
                   fill_refused, &entries, error);
    if (counters == NULL)
        return -ENOMEM;
    *counters = (struct lodge_counters){
        .started_ms = from->started_ms,
        .uptime_ms = from->uptime_ms,
        .active = from->active,
        .connected = from->connected,
        .disconnected = from->disconnected,
        .init = from->init,
        .down = from->down,
        .logons = from->logons,
        .reconnects = from->reconnects,
        .disconnects = from->disconnects,
        .ended = from->ended,
        .refusals = from->refusals,
        .connections = from->connections,
        .notices_lost = from->notices_lost,
        .decisions = from->decisions,
        .decision_ns = from->decision_ns,
        .load_test = from->load_test,
        .count = from->n_refused,
        .refused = entries,
    };
    *counters_r = counters;
    return 0;
}

static void fill_listener(void *entry, const Lodge__Lsm__Answer *answer, size_t i)
{
    const Lodge__Lsm__Listener *from = answer->listeners->listener[i];
    *(struct lodge_listener *)entry = (struct lodge_listener){
        .name = from->name,
        .state = from->state,
        .address = from->address,
        .port = from->port,
        .pid = from->pid,
        .connections = from->connections,
        .accepted = from->accepted,
        .refused = from->refused,
    };
}

int lodge_listeners(struct lodge *lodge, struct lodge_listeners **listeners_r, struct lodge_error *error)
{
    Lodge__Lsm__Answer *answer;
    const void *entries;
    int failed = lodge_ask_nothing(lodge, LODGE__LSM__REQUEST__METHOD_LISTENERS,
                                   LODGE__LSM__ANSWER__RESULT_LISTENERS, &answer, error);
    if (failed != 0)
        return failed;
    size_t count = answer->listeners->n_listener;
    struct lodge_listeners *listeners = result_new(
        answer, sizeof(*listeners), count, sizeof(struct lodge_listener), fill_listener, &entries, error);
    if (listeners == NULL)
        return -ENOMEM;
    *listeners = (struct lodge_listeners){.count = count, .listener = entries};
    *listeners_r = listeners;
    return 0;
}

static int ask_of_listener(struct lodge *lodge, Lodge__Lsm__Request__MethodCase method, const char *name,
                           struct lodge_error *error)
{
    Lodge__Lsm__ListenerRequest which = LODGE__LSM__LISTENER_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    which.name = (char *)name;
    request.method_case = method;
    request.listener_stop = &which; /* both have it in the same place of the union */
    return lodge_ask_plainly(lodge, &request, error);
}

int lodge_listener_stop(struct lodge *lodge, const char *name, struct lodge_error *error)
{
    return ask_of_listener(lodge, LODGE__LSM__REQUEST__METHOD_LISTENER_STOP, name, error);
}

int lodge_listener_start(struct lodge *lodge, const char *name, struct lodge_error *error)
{
    return ask_of_listener(lodge, LODGE__LSM__REQUEST__METHOD_LISTENER_START, name, error);
}

int lodge_load_subsystem(struct lodge *lodge, const char *name, struct lodge_error *error)
{
    Lodge__Lsm__LoadSubsystemRequest load = LODGE__LSM__LOAD_SUBSYSTEM_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    load.name = (char *)name;
    request.method_case = LODGE__LSM__REQUEST__METHOD_LOAD_SUBSYSTEM;
    request.load_subsystem = &load;
    int failed =
        lodge_ask_slowly(lodge, &request, LOAD_MORE_MS, LODGE__LSM__ANSWER__RESULT__NOT_SET, &answer, error);
    if (failed == 0)
        lodge__lsm__answer__free_unpacked(answer, NULL);
    return failed;
}

int lodge_upgrade(struct lodge *lodge, char *version, size_t size, struct lodge_error *error)
{
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    request.method_case = LODGE__LSM__REQUEST__METHOD_UPGRADE;
    request.upgrade = &nothing;
    int failed = lodge_ask_slowly(lodge, &request, UPGRADE_MORE_MS, LODGE__LSM__ANSWER__RESULT__NOT_SET,
                                  &answer, error);
    if (failed != 0)
        return failed;
    text_copy(version, size, answer->detail);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return 0;
}

int lodge_create(struct lodge *lodge, uint32_t user, const char *client, const char *address,
                 uint32_t *session_r, struct lodge_error *error)
{
    Lodge__Lsm__Client from = LODGE__LSM__CLIENT__INIT;
    Lodge__Lsm__CreateRequest create = LODGE__LSM__CREATE_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    from.name = (char *)client;
    from.address = (char *)address;
    create.user = user;
    create.client = &from;
    request.method_case = LODGE__LSM__REQUEST__METHOD_CREATE;
    request.create = &create;
    int failed = lodge_ask(lodge, &request, LODGE__LSM__ANSWER__RESULT_ATTACHED, &answer, error);
    if (failed != 0)
        return failed;
    *session_r = answer->attached->session;
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return 0;
}
