#include "ctl/server.h"

#include <errno.h>

#include "common/reason.h"
#include "ctl/say.h"
#include "ctl/stream.h"

enum ctl_exit server_open(struct server *server_r, const struct ctl_arguments *arguments,
                          const struct conf *conf)
{
    conf_run_path(conf, LSM_PORT_NAME, server_r->path, sizeof(server_r->path));
    server_r->config = arguments->config;
    int failed = client_open(&server_r->client, server_r->path);
    return failed ? ctl_say_unreachable(server_r->path, server_r->config, -failed) : CTL_DONE;
}

void server_close(struct server *server)
{
    client_close(&server->client);
}

/* What came of it: `failed`, or an answer. */
static enum ctl_exit take(struct server *server, const char *about, int failed, Lodge__Lsm__Answer *answer,
                          Lodge__Lsm__Answer__ResultCase want, Lodge__Lsm__Answer **answer_r)
{
    if (failed)
        return ctl_say_unreachable(server->path, server->config, -failed);
    enum ctl_exit result = CTL_DONE;
    if (answer->reason != REASON_NONE)
        result = ctl_say_refusal(about, answer->reason, answer->detail);
    else if (answer->result_case != want)
        result = ctl_say_unreachable(server->path, server->config, EPROTO);
    if (result == CTL_DONE)
        *answer_r = answer;
    else
        lodge__lsm__answer__free_unpacked(answer, NULL);
    return result;
}

enum ctl_exit server_ask(struct server *server, const char *about, Lodge__Lsm__Request *request,
                         Lodge__Lsm__Answer__ResultCase want, Lodge__Lsm__Answer **answer_r)
{
    Lodge__Lsm__Answer *answer = NULL;
    int failed = client_call(&server->client, request, &answer);
    return take(server, about, failed, answer, want, answer_r);
}

enum ctl_exit server_ask_slowly(struct server *server, const char *about, Lodge__Lsm__Request *request,
                                int64_t more_ms, Lodge__Lsm__Answer__ResultCase want,
                                Lodge__Lsm__Answer **answer_r)
{
    Lodge__Lsm__Answer *answer = NULL;
    int failed = stream_send(&server->client, request);
    if (failed == 0)
        failed = stream_next(&server->client, CLIENT_ANSWER_MS + more_ms, &answer);
    return take(server, about, failed, answer, want, answer_r);
}

enum ctl_exit server_ask_once(const struct ctl_arguments *arguments, const struct conf *conf,
                              const char *about, Lodge__Lsm__Request *request,
                              Lodge__Lsm__Answer__ResultCase want, Lodge__Lsm__Answer **answer_r)
{
    return server_ask_once_slowly(arguments, conf, about, request, 0, want, answer_r);
}

enum ctl_exit server_ask_once_slowly(const struct ctl_arguments *arguments, const struct conf *conf,
                                     const char *about, Lodge__Lsm__Request *request, int64_t more_ms,
                                     Lodge__Lsm__Answer__ResultCase want, Lodge__Lsm__Answer **answer_r)
{
    struct server server;
    enum ctl_exit result = server_open(&server, arguments, conf);
    if (result != CTL_DONE)
        return result;
    result = server_ask_slowly(&server, about, request, more_ms, want, answer_r);
    server_close(&server);
    return result;
}
