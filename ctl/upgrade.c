/* upgrade. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/text.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/server.h"

#define TRY_MS  30000 /* the new programs are tried for so long */
#define WAIT_MS 90000 /* for the end of it */
#define STEP_MS 100

static bool is_json(const struct ctl_arguments *arguments)
{
    return (arguments->options & CTL_BIT(JSON)) != 0;
}

/* The serial of the last event, 0: there is none. */
static enum ctl_exit last_event(struct server *server, uint64_t *serial_r)
{
    Lodge__Lsm__EventsRequest events = LODGE__LSM__EVENTS_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    events.limit = 1;
    request.method_case = LODGE__LSM__REQUEST__METHOD_EVENTS;
    request.events = &events;
    enum ctl_exit result =
        server_ask(server, "the upgrade", &request, LODGE__LSM__ANSWER__RESULT_EVENTS, &answer);
    if (result != CTL_DONE)
        return result;
    *serial_r = answer->events->n_event > 0 ? answer->events->event[0]->serial : 0;
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return CTL_DONE;
}

static void tell_end(const struct ctl_arguments *arguments, const char *version, bool done,
                     const char *detail)
{
    char safe[2048];
    if (!is_json(arguments)) {
        printf("%s: %s\n", done ? "Upgraded" : "Not all is upgraded",
               text_escape(safe, sizeof(safe), detail));
        return;
    }
    struct json_writer writer = json_writer_on(stdout);
    json_open_object(&writer, NULL);
    json_put_text(&writer, "version", version);
    json_put_bool(&writer, "upgraded", done);
    json_put_text(&writer, "detail", detail);
    json_close_object(&writer);
    fputc('\n', stdout);
}

/* One look, by a connection of its own: brokers come and go meanwhile. *after goes on. Returns true with
 * *result_r when it is over. */
static bool look(const struct ctl_arguments *arguments, const struct server *server, const char *version,
                 uint64_t *after, enum ctl_exit *result_r)
{
    struct client client;
    Lodge__Lsm__EventsRequest events = LODGE__LSM__EVENTS_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer = NULL;
    bool over = false;
    events.after = *after;
    request.method_case = LODGE__LSM__REQUEST__METHOD_EVENTS;
    request.events = &events;
    if (client_open(&client, server->path) != 0)
        return false;
    if (client_call(&client, &request, &answer) == 0 &&
        answer->result_case == LODGE__LSM__ANSWER__RESULT_EVENTS) {
        for (size_t i = 0; i < answer->events->n_event && !over; i++) {
            const Lodge__Lsm__Event *event = answer->events->event[i];
            *after = event->serial;
            over = event->id == EVENT_UPGRADED || event->id == EVENT_UPGRADE_FAILED;
            if (over)
                tell_end(arguments, version, event->id == EVENT_UPGRADED, event->detail);
            *result_r = event->id == EVENT_UPGRADED ? CTL_DONE : CTL_FAILED;
        }
    }
    if (answer != NULL)
        lodge__lsm__answer__free_unpacked(answer, NULL);
    client_close(&client);
    return over;
}

static enum ctl_exit wait_for_end(const struct ctl_arguments *arguments, const struct server *server,
                                  const char *version, uint64_t after)
{
    int64_t until = clock_monotonic_ms() + WAIT_MS;
    enum ctl_exit result = CTL_FAILED;
    while (!look(arguments, server, version, &after, &result)) {
        if (clock_monotonic_ms() >= until)
            return ctl_say_unreachable(server->path, server->config, ETIMEDOUT);
        poll(NULL, 0, STEP_MS);
    }
    return result;
}

enum ctl_exit ctl_upgrade(const struct ctl_arguments *arguments, const struct conf *conf)
{
    struct server server;
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    uint64_t after = 0;
    request.method_case = LODGE__LSM__REQUEST__METHOD_UPGRADE;
    request.upgrade = &nothing;
    enum ctl_exit result = server_open(&server, arguments, conf);
    if (result != CTL_DONE)
        return result;
    result = last_event(&server, &after);
    if (result == CTL_DONE)
        result = server_ask_slowly(&server, "the upgrade", &request, TRY_MS,
                                   LODGE__LSM__ANSWER__RESULT__NOT_SET, &answer);
    server_close(&server);
    if (result != CTL_DONE)
        return result;
    char version[64], safe[256];
    text_copy(version, sizeof(version), answer->detail);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    if (!is_json(arguments))
        printf("The new programs are in order: version %s.\n", text_escape(safe, sizeof(safe), version));
    return wait_for_end(arguments, &server, version, after);
}
