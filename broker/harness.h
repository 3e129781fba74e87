/* A test's lodge-smss, display agents and front ends, around a real lodge-broker: real ports in a directory
 * of its own, the true protocols. Everything that does not come within its deadline ends the test. Needs
 * root, to be several users. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/reason.h"
#include "rpc/lsm.h"
#include "rpc/sm.h"
#include "rpc/winstation.h"
#include "tests/check.h"

#define HARNESS_PATIENCE_MS 30000
#define HARNESS_SKIP        77

struct harness {
    char directory[64];
    uid_t broker_uid, front_uid;
    gid_t broker_gid;
    int sm_port, lsm_port;
    int sm; /* the broker's connection */
    pid_t broker;
    uint64_t serial;
    struct sm_viewer viewer; /* that the broker told last; seen when something else is received */
    unsigned conf_reads;     /* how often it has told that it read the configuration, seen so too */
};

/* An agent's end of the winstation port. */
struct agent {
    uint16_t id;
    int port, broker; /* broker: -1 until accepted */
};

struct attached {
    uint16_t session;
    uint64_t viewer;
    uint64_t logon; /* by harness_log_on */
    bool reconnected;
    uint32_t redirect;
    int channel; /* the viewer's end */
};

/* Makes the directory, the ports and a configuration with `more` lines at its end. Exits with HARNESS_SKIP
 * where the test cannot run. */
void harness_begin(struct harness *harness, const char *more);
/* Writes the configuration anew, with these lines at its end. */
void harness_configure(const struct harness *harness, const char *more);
/* Ends the broker, which has to exit with 0, and removes the directory. */
void harness_end(struct harness *harness);
/* Starts lodge-broker and takes its HELLO and READY. */
void harness_start_broker(struct harness *harness);
/* harness_begin and harness_start_broker, and the broker hears that there are no sessions. */
void harness_begin_with_broker(struct harness *harness, const char *more);
/* Starts lodge-broker, and takes nothing of it. */
void harness_spawn_broker(struct harness *harness);
/* Kills the broker, and closes its connection. */
void harness_kill_broker(struct harness *harness);
/* Takes the broker's connection to sm.port, its HELLO with the port, and READY. */
void harness_take_broker(struct harness *harness);

void sm_tell(struct harness *harness, unsigned number, const void *body);
/* The next message of the broker has to be this. *descriptor_r (or NULL) is the caller's. */
bool sm_is_silent(struct harness *harness, int ms); /* but for VIEWER and CONF_READ */
void sm_expect(struct harness *harness, unsigned number, union sm_body *body_r, int *descriptor_r);
/* The next message has to be one of these; *first_r: it is the first of them. */
void sm_expect_one_of(struct harness *harness, unsigned first, unsigned second, union sm_body *body_r,
                      bool *first_r);
void sm_tell_synced(struct harness *harness);
void sm_tell_state(struct harness *harness, uint16_t id, enum sm_life life, uint64_t logon, uid_t uid,
                   const char *user);
void sm_tell_ended(struct harness *harness, uint16_t id, uint64_t logon, enum reason reason,
                   const char *detail);
void sm_tell_result(struct harness *harness, uint64_t logon, enum reason reason, uid_t uid, const char *user);

void agent_listen(struct harness *harness, struct agent *agent_r, uint16_t id);
/* Takes the broker's connection. */
void agent_accept(struct agent *agent);
void agent_tell(struct agent *agent, unsigned number, const void *body);
void agent_tell_synced(struct agent *agent);
void agent_expect(struct agent *agent, unsigned number, union winstation_body *body_r, int *descriptor_r);
/* The agent dies: its connection ends. The port stays. */
void agent_die(struct agent *agent);
void agent_end(struct harness *harness, struct agent *agent);

/* A connection to lsm.port by that user, without groups. */
int lsm_connect_as(struct harness *harness, uid_t uid);
/* The same in this group. */
int lsm_connect_member(struct harness *harness, uid_t uid, gid_t group);
int lsm_connect_front(struct harness *harness);
/* Sends a request with a new serial, which is returned. */
uint64_t lsm_ask(struct harness *harness, int fd, Lodge__Lsm__Request *request, int descriptor);
/* The answer with this serial has to be the next; freed by the caller. */
Lodge__Lsm__Answer *lsm_expect(int fd, uint64_t serial, int *descriptor_r);
/* The reason of the answer. */
enum reason lsm_expect_reason(int fd, uint64_t serial);
/* The connection has to end. */
void lsm_expect_end(int fd);
/* The connection has to end, and why has to come before that. */
void lsm_expect_turned_away(int fd);
bool lsm_is_silent(int fd, int milliseconds);

uint64_t lsm_ask_logon(struct harness *harness, int fd);
/* From a client of that name. */
uint64_t lsm_ask_logon_from(struct harness *harness, int fd, const char *client, const char *product);
uint64_t lsm_ask_session(struct harness *harness, int fd, Lodge__Lsm__Request__MethodCase method,
                         uint16_t session);
uint64_t lsm_ask_attach(struct harness *harness, int fd, uint16_t session, uint64_t viewer);
uint64_t lsm_ask_announce(struct harness *harness, int fd, uint16_t session, uint64_t viewer);
void lsm_expect_attached(int fd, uint64_t serial, struct attached *attached_r);
/* What `show` says, asked as root. SESSION_NONE when there is no such session. */
#define SESSION_NONE (-1)
int lsm_state_of(struct harness *harness, uint16_t session);
/* Asks until the state is this. */
void lsm_await_state(struct harness *harness, uint16_t session, int state);
/* Asks until the last event of the log has this id. */
void lsm_await_event(struct harness *harness, uint32_t id, uint16_t session);

/* All of a first logon of `uid` over `fd`: session `id`, up, with an agent that has its viewer. */
void harness_log_on(struct harness *harness, int fd, uid_t uid, uint16_t id, struct agent *agent_r,
                    struct attached *attached_r);
/* The same for a user of that name. */
void harness_log_on_as(struct harness *harness, int fd, uid_t uid, const char *user, uint16_t id,
                       struct agent *agent_r, struct attached *attached_r);
