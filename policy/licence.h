/* Licences in the manner of CALs: who needs one, whether the pool has one, and what becomes of it. Pure: no
 * I/O, no clock, no state of its own; times are milliseconds since 1970. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define LICENCE_DAY_MS          INT64_C(86400000)
#define LICENCE_USER_DAYS       60 /* a user's licence is theirs for so long after its last use */
#define LICENCE_DEVICE_DAYS_MIN 52 /* a device's is valid for a random time */
#define LICENCE_DEVICE_DAYS_MAX 89
#define LICENCE_RENEW_DAYS      7 /* and is renewed when used in the last days of that */

enum licence_mode { LICENCE_NONE, LICENCE_PER_USER, LICENCE_PER_DEVICE, LICENCE_CONCURRENT, LICENCE_MODES };

enum licence_kind {
    LICENCE_TEMPORARY, /* a device's first: takes no place in the pool, and is given once */
    LICENCE_PERMANENT, /* takes a place for as long as it is valid */
};

struct licence_rules {
    enum licence_mode mode;
    unsigned pool;           /* how many licences there are */
    unsigned grace_days;     /* from the first use of licensing on: exhaustion warns instead of refusing */
    unsigned temporary_days; /* validity of a device's first licence */
    unsigned revoke_percent; /* of the pool may be revoked at a time */
};

struct licence {
    enum licence_kind kind;
    int64_t issued_ms, expires_ms, used_ms;
};

/* What stands when a holder (a user or a device) asks. */
struct licence_facts {
    int64_t now_ms, first_use_ms;
    unsigned in_use; /* places of the pool that are taken, with this holder's own */
    bool has;        /* the holder has had a licence, which is `held` */
    struct licence held;
    bool live;       /* a session that came with it goes on: it does not expire under that */
    uint32_t random; /* for the validity of a device's licence */
};

enum licence_verdict {
    LICENCE_ADMIT,  /* as things stand */
    LICENCE_ISSUE,  /* once `licence` is written down */
    LICENCE_RENEW,  /* and write `licence` down; nobody needs to wait for that */
    LICENCE_WARN,   /* without one: none is left, in the grace period */
    LICENCE_REFUSE, /* none is left */
};

struct licence_decision {
    enum licence_verdict verdict;
    struct licence licence; /* of LICENCE_ISSUE and LICENCE_RENEW */
};

/* The mode of that name (none, per-user, per-device, concurrent). Returns false where there is none. */
bool licence_mode_parse(const char *name, enum licence_mode *mode_r);
const char *licence_mode_name(enum licence_mode mode);
/* Decides for a holder in the modes per user and per device. */
struct licence_decision licence_decide(const struct licence_rules *rules, const struct licence_facts *facts);
/* Decides about one more seat in the mode concurrent: LICENCE_ADMIT, LICENCE_WARN or LICENCE_REFUSE. */
enum licence_verdict licence_decide_seat(const struct licence_rules *rules, unsigned seats, int64_t now_ms,
                                         int64_t first_use_ms);
/* A new licence, as when an administrator gives one: permanent. */
struct licence licence_make(const struct licence_rules *rules, int64_t now_ms, uint32_t random);
/* True when the licence may be used. */
bool licence_is_valid(const struct licence *licence, bool live, int64_t now_ms);
/* True when it takes a place in the pool. */
bool licence_takes_place(const struct licence *licence, bool live, int64_t now_ms);
bool licence_in_grace(const struct licence_rules *rules, int64_t now_ms, int64_t first_use_ms);
/* How many licences may be revoked and not yet past what would have been their validity, at a time. */
unsigned licence_revocable(const struct licence_rules *rules);
