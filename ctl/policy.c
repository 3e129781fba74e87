/* drain. */
#include <stdio.h>
#include <string.h>

#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/server.h"

static const struct {
    const char *word;
    Lodge__Lsm__DrainMode mode;
    const char *meaning;
} drain_modes[] = {
    {"off", LODGE__LSM__DRAIN_MODE__OFF, "New sessions are made."},
    {"reconnects", LODGE__LSM__DRAIN_MODE__RECONNECTS, "No new sessions are made; sessions can be had back."},
    {"until-restart", LODGE__LSM__DRAIN_MODE__UNTIL_RESTART,
     "No new sessions are made until the server is started anew; sessions can be had back."},
};
#define DRAIN_MODES (sizeof(drain_modes) / sizeof(drain_modes[0]))

/* Returns false, having said so, where there is no such mode. NULL: it is only asked for. */
static bool take_mode(const char *word, Lodge__Lsm__DrainMode *mode_r)
{
    *mode_r = LODGE__LSM__DRAIN_MODE__UNCHANGED;
    if (word == NULL)
        return true;
    for (size_t i = 0; i < DRAIN_MODES; i++) {
        if (strcmp(drain_modes[i].word, word) == 0) {
            *mode_r = drain_modes[i].mode;
            return true;
        }
    }
    ctl_say("\"%s\" is no drain mode; there are off, reconnects and until-restart", word);
    return false;
}

static void print_drain(Lodge__Lsm__DrainMode mode, bool as_json)
{
    const char *word = "unknown", *meaning = "";
    for (size_t i = 0; i < DRAIN_MODES; i++) {
        if (drain_modes[i].mode == mode) {
            word = drain_modes[i].word;
            meaning = drain_modes[i].meaning;
        }
    }
    if (!as_json) {
        printf("Drain mode: %s. %s\n", word, meaning);
        return;
    }
    struct json_writer writer = json_writer_on(stdout);
    json_open_object(&writer, NULL);
    json_put_text(&writer, "drain", word);
    json_close_object(&writer);
    fputc('\n', stdout);
}

enum ctl_exit ctl_drain(const struct ctl_arguments *arguments, const struct conf *conf)
{
    struct server server;
    Lodge__Lsm__DrainRequest drain = LODGE__LSM__DRAIN_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    if (!take_mode(arguments->name, &drain.mode))
        return CTL_USAGE;
    enum ctl_exit result = server_open(&server, arguments, conf);
    if (result != CTL_DONE)
        return result;
    request.method_case = LODGE__LSM__REQUEST__METHOD_DRAIN;
    request.drain = &drain;
    result = server_ask(&server, "the drain mode", &request, LODGE__LSM__ANSWER__RESULT_DRAIN, &answer);
    server_close(&server);
    if (result != CTL_DONE)
        return result;
    print_drain(answer->drain->mode, (arguments->options & CTL_BIT(JSON)) != 0);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return CTL_DONE;
}
