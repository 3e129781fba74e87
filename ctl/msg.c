/* msg. */
#include <inttypes.h>
#include <stdio.h>

#include "common/reason.h"
#include "ctl/say.h"
#include "ctl/server.h"
#include "ctl/session.h"
#include "ctl/stream.h"

#define LATE_MS 10000 /* the server may answer so much later than the message's timeout */

static const char *response_name(uint32_t response)
{
    static const char *const names[] = {
        [1] = "ok", [2] = "cancel", [3] = "abort", [4] = "retry", [5] = "ignore", [6] = "yes", [7] = "no"};
    if (response == 32000)
        return "timeout";
    return response >= 1 && response < sizeof(names) / sizeof(names[0]) ? names[response] : "unknown";
}

static enum ctl_exit tell_answer(const char *about, bool wait, const Lodge__Lsm__Answer *answer)
{
    if (answer->reason != REASON_NONE)
        return ctl_say_refusal(about, answer->reason, answer->detail);
    if (answer->result_case != LODGE__LSM__ANSWER__RESULT_MESSAGE)
        return ctl_say_refusal(about, REASON_BAD_REQUEST, "");
    if (wait)
        puts(response_name(answer->message->response));
    return CTL_DONE;
}

static enum ctl_exit send(struct server *server, uint16_t id, const struct ctl_arguments *arguments)
{
    Lodge__Lsm__MessageRequest message = LODGE__LSM__MESSAGE_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    char about[32];
    message.session = id;
    message.title = (char *)(arguments->title != NULL ? arguments->title : "Message");
    message.text = (char *)arguments->text;
    message.timeout_s = arguments->timeout_s;
    message.wait = (arguments->options & CTL_BIT(WAIT)) != 0;
    request.method_case = LODGE__LSM__REQUEST__METHOD_MESSAGE;
    request.message = &message;
    snprintf(about, sizeof(about), "session %u", id);
    int64_t patience = (int64_t)arguments->timeout_s * 1000 + LATE_MS;
    if (message.wait && arguments->timeout_s == 0)
        patience = STREAM_FOR_EVER;
    int failed = stream_send(&server->client, &request);
    if (failed == 0)
        failed = stream_next(&server->client, patience, &answer);
    if (failed != 0)
        return ctl_say_unreachable(server->path, server->config, -failed);
    enum ctl_exit result = tell_answer(about, message.wait, answer);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return result;
}

enum ctl_exit ctl_msg(const struct ctl_arguments *arguments, const struct conf *conf)
{
    struct server server;
    uint16_t id = arguments->id;
    enum ctl_exit result = server_open(&server, arguments, conf);
    if (result != CTL_DONE)
        return result;
    if (arguments->name != NULL)
        result = session_of_user(&server, arguments->name, &id);
    if (result == CTL_DONE)
        result = send(&server, id, arguments);
    server_close(&server);
    return result;
}
