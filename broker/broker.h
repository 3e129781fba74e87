/* What the modules of the broker share. One thread, one libevent loop; no module keeps state of its own.
 *
 *   peers     connections on lsm.port: accepting, caps, roles, answers
 *   methods   the table of the API, and its simple handlers
 *   logons    from a logon request to a session
 *   admission what policy says to whom
 *   sessions  the sessions there are: indexes, states, times
 *   attach    the connection to each session's display agent: attach, detach, announce
 *   reload    the configuration, read anew
 *   limits    what policy holds over time: drain mode, timeouts, logon hours
 *   clockjump the clock of the day, when it is set
 *   licences  who may come in by them, and the books
 *   groups, membership, addresses, standing, census   what limits ask about users and clients
 *   listeners what takes clients in
 *   shutdown  the countdown, and how far it is
 *   keep      small files that outlive the broker
 *   smlink    the connection to lodge-smss
 *   record    events for the log
 *   outlet    and for journal or syslog
 *   health    whether the server is well
 *   messages  to the person of a session
 *   shadow    the client of one session is shown another
 *   asks      questions to display agents whose answers are waited for
 *   desktop   whether it is locked, and what it was started with
 *   survey, procs   what runs in sessions, looked at in threads
 *   terminate  a process of a session is ended
 *   upgrade   an upgrade in place is asked for
 *   watch     subscriptions and waits
 *   methods-events   questions to the event log
 */
#pragma once

#include <event2/event.h>

#include "broker/addresses.h"
#include "broker/census.h"
#include "broker/clockjump.h"
#include "broker/groups.h"
#include "broker/health.h"
#include "broker/licences.h"
#include "broker/limits.h"
#include "broker/listeners.h"
#include "broker/membership.h"
#include "broker/outlet.h"
#include "broker/sessions.h"
#include "broker/shutdown.h"
#include "broker/smlink.h"
#include "broker/users.h"
#include "broker/watch.h"
#include "common/conf.h"
#include "common/event.h"
#include "db/db.h"
#include "policy/policy.h"

#define BROKER_LOGONS_UNDER_WAY 64   /* lodge-logons at once */
#define BROKER_LOGONS_MAX       1024 /* with those that wait for one of these places */
#define BROKER_HELD_PER_USER    32   /* logons of one user that wait for a session of theirs */
#define BROKER_PEERS_PER_UID    64
#define BROKER_PEERS_PER_ADMIN  512 /* that is, per uid of an admin */
#define BROKER_PEERS_FRONT      4000
#define BROKER_FD_RESERVE       64

struct peer;
struct logon;
struct surveys;
TAILQ_HEAD(logon_list, logon);
TAILQ_HEAD(peer_list, peer);

struct broker {
    struct conf conf;
    const char *conf_path;
    unsigned conf_lines[CONF_KEY_COUNT]; /* as of conf_load_lines */
    uid_t front_uid;
    gid_t admin_gid; /* (gid_t)-1: no such group */
    int port;        /* the listening lsm.port */
    struct event_base *base;
    struct db *db;
    struct db_health db_health; /* as it was looked at last */
    struct outlet outlet;
    struct health health;
    struct policy_limits limits;
    bool stopping; /* lodge-smss has begun the shutdown */
    struct {
        bool looked;
        unsigned count;
        struct db_query *query;
    } unended; /* sessions that the history has no end of */
    struct sm_listener_state listener;
    struct shutdown shutdown;
    struct drain drain;
    struct census census;
    bool census_awaited; /* a logon waits until no session is unknown there */
    struct clockjump clockjump;
    struct licences licences;
    struct users users;
    struct addresses addresses;
    struct membership membership;
    struct groups *groups;
    struct sessions sessions;
    struct smlink sm;
    struct logon_list logons;
    size_t logon_count, logons_under_way;
    struct peer_list peers, dead_peers, early_announcers;
    size_t peer_count, peer_max, front_count;
    size_t user_count; /* connections of mere users: half of peer_max, the rest is kept for front end and
                          admins */
    uint64_t message_number;   /* of the last message to a person */
    uint64_t terminate_number; /* of the last process that lodge-smss was asked to end */
    uint64_t upgrade_serial;   /* of the request for an upgrade that waits for its answer, 0: none */
    struct surveys *surveys;
    struct counters counters;
    TAILQ_HEAD(, event_query) event_waits;
    struct watch_list watches; /* of admins; users' are in struct user */
    struct event *accept, *accept_again, *reap, *answers, *terminate, *interrupt, *hangup;
};

/* Writes an event about a session, a user or Lodge itself; each text may be NULL. */
void record_event(struct broker *broker, enum event_id id, uint16_t session, const char *user,
                  const char *address, enum reason reason, const char *detail);
/* The same for what happened at `time_ms` (since 1970) elsewhere, as an enum event_id says. */
void record_event_at(struct broker *broker, int64_t time_ms, uint32_t id, uint16_t session, const char *user,
                     const char *detail);
/* Takes the section [Events]. */
void record_configure(struct broker *broker);
/* After db_dispatch: what has become of the database is an event. */
void record_look_at_file(struct broker *broker);
