/* What the tests of lodge-smss stand on: the real program in a folder of its own, with peers on sm.port that
 * are told what to say (test-relay.c). One stage a program. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/reason.h"
#include "rpc/sm.h"
#include "sessionmgr/test-relay.h"

#define SKIP 77

struct relay {
    int fd;
    struct relay_who who;
};

struct stage {
    char folder[64], run[96], conf[96], programs[96], log[96], cgroup[PATH_MAX];
    int control, port;
    pid_t smss;
    struct relay broker, listener;
    struct sm_shutdown_status status; /* the last */
    struct sm_event event;            /* the last that the broker was told; event 0: it has been looked at */
    struct sm_facts facts;            /* the last that it was told */
    struct sm_listener_state listening;
    uid_t user;
};

extern struct stage test;
extern union sm_body body; /* of the last message received */

void wait_readable(int fd);
void prepare(void);
void start_smss(void);
/* The exit status of lodge-smss. */
int wait_smss(void);
bool log_has(const char *text);
struct relay accept_relay(uint32_t role);
/* The listener may have been given its socket before. */
void expect_hello(const struct relay *relay);
/* The number of the next message, which is in `body`. Events and facts come at any time: the last are in
 * test. */
unsigned receive(const struct relay *relay);
/* The event has come, or comes next. */
void expect_event(uint32_t event, uint16_t session);
/* The broker has been told this line of FACTS, or is told it next: with an end of line before and after. */
void expect_fact(const char *line);
void expect(const struct relay *relay, unsigned number);
void expect_end(const struct relay *relay);
void say(const struct relay *relay, unsigned number, const void *what);
void greet_broker(void);
void start_services(void);
void say_logon_start(uint64_t number);
struct relay start_logon(uint64_t number);
void say_result(const struct relay *logon, enum reason reason);
void say_state(const struct relay *logon, uint16_t id, enum sm_life life);
/* A process that ignores TERM, in the session's cgroup. */
pid_t add_straggler(const char *folder, const char *name);
/* Makes a session up to UP. Returns its ID. */
uint16_t make_session(const struct relay *logon);
void check_nothing_left(uint16_t id);
void expect_ended(uint16_t id, enum reason reason);
/* Whatever fails, nothing of this test goes on running. */
void clean_up(void);
