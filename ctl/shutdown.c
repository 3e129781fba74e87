/* shutdown. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "common/text.h"
#include "ctl/describe.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/server.h"
#include "ctl/stream.h"

#define DEFAULT_S   60
#define MOST_S      604800
#define LINE_ROOM   1200
#define STEP_MS     100
#define COME_BACK_S 15 /* a broker that died is there again, or the server has gone */

static const struct {
    uint64_t option;
    const char *name, *title;
} actions[] = {
    [LODGE__LSM__SHUTDOWN_ACTION__STOP] = {CTL_BIT(STOP), "stop", "The server stops"},
    [LODGE__LSM__SHUTDOWN_ACTION__HALT] = {CTL_BIT(HALT), "halt", "The machine is turned off"},
    [LODGE__LSM__SHUTDOWN_ACTION__REBOOT] = {CTL_BIT(REBOOT), "reboot", "The machine is started anew"},
};
#define ACTIONS (sizeof(actions) / sizeof(actions[0]))

/* "now", or a number of seconds, or one with s, m or h behind it. */
static bool take_time(const char *text, uint32_t *seconds_r)
{
    static const struct {
        const char *unit;
        long seconds;
    } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}};
    char digits[12] = "";
    long number;
    if (strcmp(text, "now") == 0) {
        *seconds_r = 0;
        return true;
    }
    size_t length = strspn(text, "0123456789");
    if (length < sizeof(digits))
        memcpy(digits, text, length);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(text + length, units[i].unit) == 0 &&
            text_number(digits, 0, MOST_S / units[i].seconds, &number)) {
            *seconds_r = (uint32_t)(number * units[i].seconds);
            return true;
        }
    }
    ctl_say("--in takes a time of a week at most as 90, 90s, 5m, 2h or now, not \"%s\".", text);
    return false;
}

/* Returns false, having said what is wrong. */
static bool take_request(const struct ctl_arguments *arguments, Lodge__Lsm__ShutdownRequest *asked_r)
{
    const char *in = arguments->values[CTL_OPTION_IN];
    unsigned named = 0;
    asked_r->force = (arguments->options & CTL_BIT(FORCE)) != 0;
    asked_r->in_s = asked_r->force ? 0 : DEFAULT_S;
    for (size_t i = 0; i < ACTIONS; i++) {
        if ((arguments->options & actions[i].option) == 0)
            continue;
        asked_r->action = (Lodge__Lsm__ShutdownAction)i;
        named++;
    }
    if (named > 1) {
        ctl_say("--stop, --halt and --reboot are one or the other.");
        return false;
    }
    if (in != NULL && !take_time(in, &asked_r->in_s))
        return false;
    asked_r->now = asked_r->in_s == 0;
    if (arguments->values[CTL_OPTION_MESSAGE] != NULL)
        asked_r->message = (char *)arguments->values[CTL_OPTION_MESSAGE];
    if (arguments->values[CTL_OPTION_REASON] != NULL)
        asked_r->reason = (char *)arguments->values[CTL_OPTION_REASON];
    return true;
}

static const char *word_of(const Lodge__Lsm__Shutdown *told)
{
    return (size_t)told->action < ACTIONS ? actions[told->action].name : "unknown";
}

static void print_json(const Lodge__Lsm__Shutdown *told)
{
    struct json_writer writer = json_writer_on(stdout);
    json_open_object(&writer, NULL);
    json_put_text(&writer, "phase", told->phase);
    json_put_text(&writer, "action", word_of(told));
    json_put_bool(&writer, "force", told->force);
    json_put_number(&writer, "at_ms", told->at_ms);
    json_put_number(&writer, "left_ms", told->left_ms);
    json_put_number(&writer, "uid", told->uid);
    json_put_text(&writer, "reason", told->reason);
    json_put_text(&writer, "message", told->message);
    json_put_number(&writer, "sessions", told->sessions);
    json_put_number(&writer, "phase_ms", told->phase_ms);
    json_put_text(&writer, "waits_for", told->waits_for);
    json_close_object(&writer);
    fputc('\n', stdout);
}

/* In one line, as it is said to whoever waits too. */
static void print_line(const Lodge__Lsm__Shutdown *told)
{
    char line[LINE_ROOM], safe[LINE_ROOM * 2], at[DESCRIBE_ROOM], left[DESCRIBE_ROOM];
    const char *title = (size_t)told->action < ACTIONS ? actions[told->action].title : "The server ends";
    if (strcmp(told->phase, "none") == 0)
        snprintf(line, sizeof(line), "No shutdown was asked for.");
    else if (strcmp(told->phase, "countdown") == 0)
        snprintf(line, sizeof(line), "%s in %s, at %s%s%s. Sessions: %" PRIu32 ".", title,
                 describe_duration(told->left_ms + 500, left, sizeof(left)),
                 describe_time(told->at_ms, at, sizeof(at)), told->reason[0] != '\0' ? ": " : "",
                 told->reason, told->sessions);
    else
        snprintf(line, sizeof(line), "Phase %s, for %.1f s. Sessions: %" PRIu32 ".%s%s", told->phase,
                 (double)told->phase_ms / 1000, told->sessions,
                 told->waits_for[0] != '\0' ? " Waits for " : "", told->waits_for);
    puts(text_escape(safe, sizeof(safe), line));
}

static void print(const struct ctl_arguments *arguments, const Lodge__Lsm__Shutdown *told)
{
    if ((arguments->options & CTL_BIT(JSON)) != 0)
        print_json(told);
    else
        print_line(told);
    fflush(stdout);
}

/* Asks for the state, and all the following ones, of a server that `server_r` is connected to then. */
static int follow(struct server *server, Lodge__Lsm__Answer **answer_r)
{
    Lodge__Lsm__ShutdownStatusRequest status = LODGE__LSM__SHUTDOWN_STATUS_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    status.follow = true;
    request.method_case = LODGE__LSM__REQUEST__METHOD_SHUTDOWN_STATUS;
    request.shutdown_status = &status;
    return client_call(&server->client, &request, answer_r);
}

/* The connection has ended: waits until the server has gone, or is there again. Returns true when it is. */
static bool come_back(struct server *server)
{
    struct stat status;
    int64_t until = clock_monotonic_ms() + COME_BACK_S * 1000;
    client_close(&server->client);
    while (clock_monotonic_ms() < until && stat(server->path, &status) == 0) {
        if (client_open(&server->client, server->path) == 0)
            return true;
        poll(NULL, 0, STEP_MS);
    }
    return false;
}

/* Prints what happens until the server has ended, or the shutdown was called off. */
static enum ctl_exit wait_for_end(struct server *server, const struct ctl_arguments *arguments)
{
    Lodge__Lsm__Answer *answer = NULL;
    struct stat status;
    bool connected = true;
    while (connected) {
        int failed = follow(server, &answer);
        while (failed == 0) {
            bool fine = answer->result_case == LODGE__LSM__ANSWER__RESULT_SHUTDOWN;
            bool none = fine && strcmp(answer->shutdown->phase, "none") == 0;
            if (fine)
                print(arguments, answer->shutdown);
            lodge__lsm__answer__free_unpacked(answer, NULL);
            if (none || !fine)
                return CTL_FAILED;
            failed = stream_next(&server->client, STREAM_FOR_EVER, &answer);
        }
        connected = come_back(server);
    }
    if (stat(server->path, &status) == 0)
        return ctl_say_unreachable(server->path, server->config, ETIMEDOUT);
    if ((arguments->options & CTL_BIT(JSON)) == 0)
        puts("The server has ended.");
    return CTL_DONE;
}

enum ctl_exit ctl_shutdown(const struct ctl_arguments *typed, const struct conf *conf)
{
    struct ctl_arguments meant;
    const struct ctl_arguments *arguments = &meant;
    struct server server;
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__ShutdownRequest asked = LODGE__LSM__SHUTDOWN_REQUEST__INIT;
    Lodge__Lsm__ShutdownStatusRequest status = LODGE__LSM__SHUTDOWN_STATUS_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    if (!oldnames_take_shutdown(typed, &meant))
        return CTL_USAGE;
    bool abort = (arguments->options & CTL_BIT(ABORT)) != 0;
    bool only_status = (arguments->options & CTL_BIT(STATUS)) != 0;
    if (abort) {
        request.method_case = LODGE__LSM__REQUEST__METHOD_SHUTDOWN_ABORT;
        request.shutdown_abort = &nothing;
    } else if (only_status) {
        request.method_case = LODGE__LSM__REQUEST__METHOD_SHUTDOWN_STATUS;
        request.shutdown_status = &status;
    } else if (take_request(arguments, &asked)) {
        request.method_case = LODGE__LSM__REQUEST__METHOD_SHUTDOWN;
        request.shutdown = &asked;
    } else {
        return CTL_USAGE;
    }
    enum ctl_exit result = server_open(&server, arguments, conf);
    if (result != CTL_DONE)
        return result;
    result = server_ask(&server, "shutdown", &request, LODGE__LSM__ANSWER__RESULT_SHUTDOWN, &answer);
    if (result == CTL_DONE) {
        bool wait = (arguments->options & CTL_BIT(WAIT)) != 0 && !abort;
        bool json = (arguments->options & CTL_BIT(JSON)) != 0;
        if (abort && !json)
            puts("The shutdown was called off.");
        else if (!wait)
            print(arguments, answer->shutdown);
        lodge__lsm__answer__free_unpacked(answer, NULL);
        if (wait)
            result = wait_for_end(&server, arguments);
    }
    server_close(&server);
    return result;
}
