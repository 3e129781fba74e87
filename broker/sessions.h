/* The sessions there are, by id and by user, and their states. */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "broker/asks.h"
#include "broker/census.h"
#include "broker/client.h"
#include "broker/messages.h"
#include "common/hours.h"
#include "common/reason.h"
#include "policy/timeouts.h"
#include "rpc/sm.h"

#define SESSIONS_MAX 65536

/* The WTS connection states, in their order: as enum State of lsm.proto. A session that is being created is
 * in INIT, or in CONNECTED when its viewer is there already; one that is being ended is in DOWN. */
enum session_state {
    SESSION_ACTIVE,
    SESSION_CONNECTED,
    SESSION_CONNECT_QUERY,
    SESSION_SHADOW,
    SESSION_DISCONNECTED,
    SESSION_IDLE,
    SESSION_LISTEN,
    SESSION_RESET,
    SESSION_DOWN,
    SESSION_INIT,
    SESSION_STATES
};

enum session_event {
    SESSION_STARTED,    /* the desktop is there */
    SESSION_ATTACHES,   /* a viewer gets the session, from nobody or from another */
    SESSION_REATTACHES, /* the same viewer after the agent's end */
    SESSION_IS_VIEWED,  /* found out after this broker's start */
    SESSION_LEFT,       /* the viewer is gone or was sent away */
    SESSION_ENDS,       /* the logoff has begun */
    SESSION_LOOKS_AWAY, /* its client is shown another session instead */
    SESSION_LOOKS_BACK, /* and is not any more */
    SESSION_EVENTS
};

struct broker;
struct groups_query;
struct entry;
struct peer;
struct shadow;
struct user;

/* The connection to the display agent (link.h). */
struct agent_link {
    int fd;
    struct event *readable, *retry;
    unsigned delay_ms, tries;
    unsigned names; /* viewers named on this connection */
    bool synced;    /* every viewer has been named on this connection */
    bool named;     /* session.viewer has been */
    uint8_t can;    /* WINSTATION_CAN_ bits, once synced */
};

/* What the timeouts go by (limits.h). */
struct session_limits {
    struct event *timer; /* at what comes next; NULL: there has been nothing yet */
    struct policy_times times;
    struct groups_query *query; /* whether sections [Group NAME] have other ones for the user */
    struct policy_session facts;
    struct hours hours; /* the user's logon hours */
    struct census_place place;
    uint16_t logoff_s; /* how long programs may take to end */
    uint8_t redirects; /* what may be redirected: REDIRECT_ bits */
    bool broken;       /* the client is gone, and the session is to end for that */
    uint8_t shadow;    /* who may shadow it, and how: enum shadow_allowed (shadow-policy.h) */
};

struct session {
    struct broker *broker;
    TAILQ_ENTRY(session) by_user; /* of user.connected or user.disconnected, by state */
    TAILQ_ENTRY(session) of_user; /* of user.all */
    uint16_t id;
    uid_t uid; /* the user's */
    enum session_state state;
    bool lab;
    bool load_test; /* virtual: there is no agent, and no worker of who has it */
    bool fresh;     /* made in this broker's time: no viewer can be there that this broker does not know */
    bool was_up;
    struct user *user;
    const char *name;      /* in `text` */
    struct entry *licence; /* that it came with (licences.h) */
    struct client client;
    struct address *from; /* counted for the address that it was made from; NULL: not known */
    uint64_t logon;
    uint64_t logon_ms, connect_ms, disconnect_ms; /* since 1970 */
    unsigned generation;                          /* of the lodge-smss that told it last */
    bool at_once;                                 /* its end has no grace time */
    bool locked, has_display;
    bool seat;               /* holds one of licences.seats */
    uint16_t display;        /* the number of its X display */
    enum reason end_reason;  /* once an end was asked for */
    int64_t lock_changed_ms; /* monotonic; 0: never */
    struct shadow *shadower; /* shows it to another client, or is to; NULL: none (shadow.h) */
    struct shadow *shadows;  /* shows another session to its client, likewise */
    uint64_t viewer;         /* who has the session; 0: nobody */
    uint64_t had;            /* who had it before this broker's time, as lodge-smss knows */
    enum reason left_reason; /* why the last viewer left */
    struct agent_link link;
    struct session_limits limits;
    struct peer *worker;   /* serves the viewer; NULL: not announced */
    struct peer *pending;  /* gets the session when the agent can be reached */
    uint64_t shutdown_box; /* the message about a shutdown that was shown last, 0: none */
    struct ask_list asks;  /* questions to the agent whose answers are waited for */
    TAILQ_HEAD(, peer) announcers;
    char text[];
};

struct sessions {
    struct session *by_id[SESSIONS_MAX];
    uint64_t used[SESSIONS_MAX / 64]; /* bits */
    unsigned count;                   /* with those that are admitted but have no id yet */
    unsigned in_state[SESSION_STATES];
};

/* Has the memory of a session that is about to be told brought near, all of it at once: of many thousands,
 * most are in no cache, and one wait is enough. */
static inline void session_prefetch(const struct session *session)
{
    for (size_t at = 0; at < offsetof(struct session, limits); at += 64)
        __builtin_prefetch((const char *)session + at);
    __builtin_prefetch(session->text);
}
/* Returns NULL where there is none. */
struct session *session_find(struct broker *broker, uint32_t id);
/* The first session with an id above `after`, or NULL. */
struct session *session_next(struct broker *broker, uint32_t after);
/* Takes in a session that lodge-smss told. `fresh`: it was made for a logon of this broker. Its link to the
 * agent is begun. Returns NULL when memory runs out. */
struct session *session_add(struct broker *broker, const struct sm_session_state *told, bool fresh);
/* Nothing of the session is left: answers who waits for it, tells its worker, and frees it. */
void session_remove(struct session *session, enum reason reason, const char *detail);
/* Frees a session that lives on without this broker. */
void session_forget(struct session *session);
/* The one way from state to state: moves indexes and times along, writes the event, wakes who waits for the
 * change. A pair that the table lacks is logged and changes nothing; returns false then. */
bool session_move(struct session *session, enum session_event event, enum reason reason, const char *detail);
/* Has lodge-smss end the session with this reason; again, where it has not heard of it. */
void session_end(struct session *session, enum reason reason);
/* "session 7" in a buffer of the caller's. */
#define SESSION_ABOUT_ROOM 16
const char *session_about(const struct session *session, char about[SESSION_ABOUT_ROOM]);
const char *session_state_name(enum session_state state);
