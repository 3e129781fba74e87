/* Connections on lsm.port. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "broker/client.h"
#include "common/reason.h"
#include "rpc/lsm.h"
#include "rpc/sm.h"

/* Who may call a method; what a peer is follows from the kernel's word alone. */
enum role {
    ROLE_ADMIN = 1, /* root, or a member of the admin group */
    ROLE_FRONT = 2, /* the front end's account */
    ROLE_USER = 4,  /* everybody else: for their own sessions */
    ROLE_ANYONE = ROLE_ADMIN | ROLE_FRONT | ROLE_USER,
};

struct ask;
struct broker;
struct db_job;
struct event_query;
struct groups_query;
struct entry;
struct event;
struct logon;
struct session;
struct shadow;
struct subscription;
struct survey;
struct user;
struct wait;

struct peer {
    TAILQ_ENTRY(peer) link; /* of broker.peers, or dead_peers */
    struct broker *broker;
    int fd;
    struct event *readable;
    pid_t pid;
    uid_t uid;
    enum role role;
    struct user *user; /* counts connections */
    bool dead;
    struct client client;
    /* of the one request of logon, attach, announce that may be under way */
    uint64_t serial;
    bool reconnected;
    struct logon *logon;
    struct session *pending;      /* waits for this session */
    struct session *announced_to; /* until its agent has named its viewers */
    uint16_t announced_id;        /* until the sessions are known; 0: none */
    TAILQ_ENTRY(peer) announcing; /* of session.announcers or broker.early_announcers */
    /* whom it serves */
    struct session *session;
    uint64_t viewer;
    struct {
        uint16_t session;
        uint64_t viewer;
        enum reason reason;
        char detail[512];
        uint16_t moved_to; /* a session that it gets instead when it asks; 0: none */
        uint64_t moved_logon;
    } last; /* what it lost, and why */
    struct subscription *subscription;
    struct wait *wait;
    struct shadow *shadow;             /* whose person is being asked for it; NULL: none's */
    uint64_t shadow_serial;            /* front end: of its shadow_channel; 0: it has not asked yet */
    struct ask *ask;                   /* a question to a session whose answer it waits for */
    bool listener_wait, listener_stop; /* it has asked for a change of the listener, and which */
    uint64_t listener_serial;
    bool follows_shutdown;
    bool asked_upgrade;
    uint64_t shutdown_serial;
    struct event_query *events; /* asked for, and not answered yet */
    bool health_waits;          /* likewise */
    uint64_t health_serial;
    struct {
        struct groups_query *query; /* NULL: none is under way */
        uint64_t serial;
        char user[SM_USER_ROOM], address[64];
        int64_t at_ms; /* 0: now */
    } policy_question;
    struct entry *licence; /* that it has had changed, until that is on the disk */
    uint64_t licence_serial;
    struct db_job *report;
    uint64_t report_serial;
    bool has_traffic;
    struct {
        uint64_t sent, received, frames, pixels, coded;
        uint32_t rtt_us;
    } traffic;             /* of its client, as of the last report */
    struct survey *survey; /* of processes or their use, under way */
    struct {
        uint64_t number; /* of what lodge-smss is asked for; 0: nothing */
        uint64_t serial;
        bool at_once;
    } terminate;
    struct {
        char name[SM_SUBSYSTEM_ROOM]; /* of the one that is being loaded for it; "": none */
        uint64_t serial;
    } subsystem;
};

/* Starts accepting. Returns false when memory runs out. */
bool peers_start(struct broker *broker);
void peers_stop(struct broker *broker);
/* Sends an answer, with its serial set; `descriptor` (-1: none) stays the caller's. A peer that does not read
 * is dropped. */
void peer_answer(struct peer *peer, uint64_t serial, Lodge__Lsm__Answer *answer, int descriptor);
void peer_refuse(struct peer *peer, uint64_t serial, enum reason reason, const char *detail);
void peer_done(struct peer *peer, uint64_t serial);
/* Ends the connection and what hangs on it; freed on the loop's next turn. `why` is logged, NULL: nothing is.
 */
void peer_drop(struct peer *peer, const char *why);
/* Keeps why the peer lost the session, for when it asks. */
void peer_remember(struct peer *peer, const struct session *session, enum reason reason, const char *detail);
/* True while a logon, attach or announce of the peer is not answered. */
bool peer_is_busy(const struct peer *peer);
