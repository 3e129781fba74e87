/* Admission: who gets a session, which one, or why not. Pure: no I/O, no clock, no state of its own; the cost
 * of a decision does not depend on how many sessions there are. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/reason.h"

/* Whether new sessions are made. A session that there is can always be had back. */
enum policy_drain {
    POLICY_DRAIN_OFF,
    POLICY_DRAIN_RECONNECTS,    /* no new sessions, until this is taken back */
    POLICY_DRAIN_UNTIL_RESTART, /* no new sessions, until that or lodge-smss is started anew */
    POLICY_DRAIN_MODES
};

/* Of a session that somebody is connected to, when its user comes from another place; as TakeOver has it. */
enum policy_take_over { POLICY_TAKE_OVER_NEVER, POLICY_TAKE_OVER_AT_ONCE, POLICY_TAKE_OVER_ASKS };

struct policy_limits {
    bool single_session;            /* a user who has a session gets it back instead of a second one */
    unsigned max_sessions;          /* in all */
    unsigned max_sessions_per_user; /* without single_session */
    unsigned max_logons;            /* logons under way at once */
    unsigned max_per_address;       /* sessions made from one address; 0: no limit */
    unsigned reserved;              /* of max_sessions: for administrators */
    enum policy_take_over take_over;
};

/* What stands when a logon request comes in, before its user is known. */
struct policy_arrival {
    bool stopping;   /* the server is shutting down */
    bool denied;     /* DenyConnections: nobody may come, to a session that there is neither */
    unsigned logons; /* under way, without this one */
};

/* What stands when the user is known. A session counts from its admission until nothing of it is left. */
struct policy_facts {
    bool stopping;
    enum policy_drain drain;
    bool not_allowed;          /* by the groups of the user */
    bool administrator;        /* likewise */
    bool outside_hours;        /* of the user's logon hours, which do not hold for administrators */
    bool wants_it;             /* has been asked, and wants what is connected elsewhere */
    bool group_full;           /* a group of the user has as many sessions as it may have */
    bool group_unknown;        /* a group of the user has a limit, and not of all sessions it is known whether
                                  they count there */
    unsigned address_sessions; /* sessions made from where the client is */
    unsigned sessions;         /* in all */
    unsigned user_sessions;    /* of these: this user's */
    unsigned user_changing;    /* of these: being created or ended */
    uint16_t disconnected;     /* this user's session that was disconnected last; 0: none is disconnected */
    uint16_t connected;        /* this user's session that was connected last; 0: none is connected */
};

enum policy_verdict {
    POLICY_NEW,       /* make a session */
    POLICY_RECONNECT, /* `session` is disconnected: connect it */
    POLICY_ASK,       /* ask the person whether to take `session` over */
    POLICY_TAKE_OVER, /* `session` is connected elsewhere: that place loses it */
    POLICY_WAIT, /* ask again when one of the user's sessions has been created or has ended, or more is known
                  */
    POLICY_REFUSE, /* for `reason` */
};

struct policy_decision {
    enum policy_verdict verdict;
    uint16_t session;
    enum reason reason;
};

/* Returns why a request is refused before anyone has looked at its credentials, or REASON_NONE. */
enum reason policy_arrive(const struct policy_limits *limits, const struct policy_arrival *arrival);
/* Decides for a user who has been authenticated. */
struct policy_decision policy_admit(const struct policy_limits *limits, const struct policy_facts *facts);
