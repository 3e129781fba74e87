/* watch, wait. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/reason.h"
#include "common/text.h"
#include "ctl/describe.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/server.h"
#include "ctl/stream.h"

#define WAIT_DEFAULT_S 60
#define LATE_MS        10000 /* the server may answer so much later than the deadline */

static void put_gap(uint64_t lost, bool json)
{
    if (!json) {
        printf("%" PRIu64
               " notices are missing here: they came too fast. lodgectl list shows what there is.\n",
               lost);
        return;
    }
    struct json_writer writer = json_writer_on(stdout);
    json_open_object(&writer, NULL);
    json_put_text(&writer, "notice", "gap");
    json_put_number(&writer, "lost", lost);
    json_close_object(&writer);
    fputc('\n', stdout);
}

static void put_json(const Lodge__Lsm__Notice *notice)
{
    struct json_writer writer = json_writer_on(stdout);
    json_open_object(&writer, NULL);
    json_put_text(&writer, "notice", describe_notice(notice->kind));
    json_put_number(&writer, "sequence", notice->sequence);
    json_put_number(&writer, "time_ms", notice->time_ms);
    json_put_number(&writer, "session", notice->session);
    json_put_text(&writer, "state", notice->session != 0 ? describe_state(notice->state) : "");
    json_put_text(&writer, "user", notice->user);
    json_put_text(&writer, "address", notice->address);
    json_put_text(&writer, "reason", notice->reason);
    json_put_text(&writer, "detail", notice->detail);
    json_close_object(&writer);
    fputc('\n', stdout);
}

static void put_line(const Lodge__Lsm__Notice *notice)
{
    char time[DESCRIBE_ROOM], session[16] = "-", line[1200], safe[2000];
    if (notice->session != 0)
        snprintf(session, sizeof(session), "%" PRIu32, notice->session);
    int used = snprintf(line, sizeof(line), "%s  %-10s  %5s  %-12s  %s",
                        describe_time(notice->time_ms, time, sizeof(time)), describe_notice(notice->kind),
                        session, notice->session != 0 ? describe_state(notice->state) : "-", notice->user);
    const char *const more[] = {notice->address, strcmp(notice->reason, "none") != 0 ? notice->reason : "",
                                notice->detail};
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        if (more[i][0] != '\0' && used > 0 && (size_t)used < sizeof(line))
            used += snprintf(line + used, sizeof(line) - (size_t)used, "  %s", more[i]);
    }
    puts(text_escape(safe, sizeof(safe), line));
}

static void print_notices(const Lodge__Lsm__Notices *notices, bool json)
{
    if (notices->lost > 0)
        put_gap(notices->lost, json);
    for (size_t i = 0; i < notices->n_notice; i++) {
        if (json)
            put_json(notices->notice[i]);
        else
            put_line(notices->notice[i]);
    }
}

enum ctl_exit ctl_watch(const struct ctl_arguments *arguments, const struct conf *conf)
{
    struct server server;
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    bool json = (arguments->options & CTL_BIT(JSON)) != 0;
    enum ctl_exit result = server_open(&server, arguments, conf);
    if (result != CTL_DONE)
        return result;
    request.method_case = LODGE__LSM__REQUEST__METHOD_SUBSCRIBE;
    request.subscribe = &nothing;
    result = server_ask(&server, "what happens", &request, LODGE__LSM__ANSWER__RESULT_NOTICES, &answer);
    int failed = 0;
    while (result == CTL_DONE && failed == 0) {
        if (answer->result_case == LODGE__LSM__ANSWER__RESULT_NOTICES)
            print_notices(answer->notices, json);
        lodge__lsm__answer__free_unpacked(answer, NULL);
        if (fflush(stdout) != 0)
            break; /* main tells */
        failed = stream_next(&server.client, STREAM_FOR_EVER, &answer);
    }
    if (failed != 0)
        result = ctl_say_unreachable(server.path, server.config, -failed);
    server_close(&server);
    return result;
}

/* Fills the request; false, having said why, where the state has no such name. */
static bool take_wait(const struct ctl_arguments *arguments, Lodge__Lsm__WaitRequest *wait_r)
{
    uint32_t state = LODGE__LSM__STATE__ACTIVE;
    wait_r->gone = arguments->state != NULL && strcmp(arguments->state, "gone") == 0;
    if (arguments->state != NULL && !wait_r->gone && !describe_state_find(arguments->state, &state)) {
        ctl_say("there is no state \"%s\"; lodgectl wait --help tells what there is.", arguments->state);
        return false;
    }
    wait_r->state = (Lodge__Lsm__State)state;
    wait_r->session = arguments->id;
    if (arguments->name != NULL)
        wait_r->user = (char *)arguments->name;
    wait_r->deadline_ms = (arguments->timeout_s > 0 ? arguments->timeout_s : WAIT_DEFAULT_S) * 1000;
    return true;
}

static enum ctl_exit tell_waited(const char *about, const Lodge__Lsm__Answer *answer)
{
    if (answer->reason == REASON_TIMED_OUT) {
        ctl_say("%s: it did not come to that state in time.", about);
        return CTL_FAILED;
    }
    if (answer->reason != REASON_NONE)
        return ctl_say_refusal(about, answer->reason, answer->detail);
    if (answer->result_case != LODGE__LSM__ANSWER__RESULT_WAITED)
        return ctl_say_refusal(about, REASON_BAD_REQUEST, "");
    if (answer->waited->gone)
        puts("It is gone.");
    else
        printf("Session %" PRIu32 " is %s.\n", answer->waited->session,
               describe_state(answer->waited->state));
    return CTL_DONE;
}

enum ctl_exit ctl_wait(const struct ctl_arguments *arguments, const struct conf *conf)
{
    struct server server;
    Lodge__Lsm__WaitRequest wait = LODGE__LSM__WAIT_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer = NULL;
    char about[300];
    if (!take_wait(arguments, &wait))
        return CTL_USAGE;
    enum ctl_exit result = server_open(&server, arguments, conf);
    if (result != CTL_DONE)
        return result;
    if (arguments->name != NULL)
        snprintf(about, sizeof(about), "%s", arguments->name);
    else
        snprintf(about, sizeof(about), "session %u", arguments->id);
    request.method_case = LODGE__LSM__REQUEST__METHOD_WAIT;
    request.wait = &wait;
    int failed = stream_send(&server.client, &request);
    if (failed == 0)
        failed = stream_next(&server.client, (int64_t)wait.deadline_ms + LATE_MS, &answer);
    if (failed != 0)
        result = ctl_say_unreachable(server.path, server.config, -failed);
    else
        result = tell_waited(about, answer);
    if (failed == 0)
        lodge__lsm__answer__free_unpacked(answer, NULL);
    server_close(&server);
    return result;
}
