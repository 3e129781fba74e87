/* Asking the server, with everything that goes wrong told to the person. */
#pragma once

#include "ctl/client.h"
#include "ctl/commands.h"

struct server {
    struct client client;
    char path[CONF_TEXT_MAX + 32];
    const char *config;
};

/* Connects to the lsm.port of this configuration. Returns CTL_DONE, or what ctl_say_unreachable returns. */
enum ctl_exit server_open(struct server *server_r, const struct ctl_arguments *arguments,
                          const struct conf *conf);
void server_close(struct server *server);
/* Asks, and takes an answer with the result `want` only. Returns CTL_DONE with *answer_r the caller's to free
 * with lodge__lsm__answer__free_unpacked; otherwise the exit code, having said why: `about` is what was asked
 * about, as in ctl_say_refusal. */
enum ctl_exit server_ask(struct server *server, const char *about, Lodge__Lsm__Request *request,
                         Lodge__Lsm__Answer__ResultCase want, Lodge__Lsm__Answer **answer_r);
/* The same, for what takes up to `more_ms` longer than answers do. */
enum ctl_exit server_ask_slowly(struct server *server, const char *about, Lodge__Lsm__Request *request,
                                int64_t more_ms, Lodge__Lsm__Answer__ResultCase want,
                                Lodge__Lsm__Answer **answer_r);
/* Connects, asks as server_ask, and is done with the server. */
enum ctl_exit server_ask_once(const struct ctl_arguments *arguments, const struct conf *conf,
                              const char *about, Lodge__Lsm__Request *request,
                              Lodge__Lsm__Answer__ResultCase want, Lodge__Lsm__Answer **answer_r);
/* The same, for what takes up to `more_ms` longer than answers do. */
enum ctl_exit server_ask_once_slowly(const struct ctl_arguments *arguments, const struct conf *conf,
                                     const char *about, Lodge__Lsm__Request *request, int64_t more_ms,
                                     Lodge__Lsm__Answer__ResultCase want, Lodge__Lsm__Answer **answer_r);
