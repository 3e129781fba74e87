/* Those who want to know what happens to sessions: subscriptions (streams of notices) and waits (one answer).
 * An admin's see every session, and refusals; a user's their own sessions alone. What happens is told once to
 * each that may see it, without a system call: the cost is that of the watchers, and none of them can hold up
 * the broker. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "broker/sessions.h"
#include "broker/users.h"
#include "rpc/lsm.h"

#define WATCH_QUEUE_MAX                                                                \
    256 /* notices that wait for one subscriber; then the oldest are lost, and counted \
         */
#define WATCH_WAIT_MS      60000 /* without a deadline of the caller's */
#define WATCH_WAIT_MOST_MS (24 * 3600 * 1000)

struct peer;
struct notice;

/* Begins the peer's subscription, for the rest of its connection: its notices are answers with this serial.
 * False when memory runs out. */
bool watch_subscribe(struct peer *peer, uint64_t serial);
/* Answers `serial` when the session, or a session of `user` where it is 0, is in `state`, or is gone; with
 * TIMED_OUT after `deadline_ms`; with NO_SESSION when the session ended in another way. What stands already
 * is for the caller to look at. False when memory runs out. */
bool watch_wait(struct peer *peer, uint64_t serial, uint16_t session, const char *user, uint32_t state,
                bool gone, uint32_t deadline_ms);
/* The peer is gone, with what it had. Its user must be there still. */
void watch_peer_gone(struct peer *peer);

#define WATCH_KINDS (LODGE__LSM__NOTICE_KIND__NOTICE_SHADOW_STOP + 1)

/* What has happened since the start. */
struct counters {
    int64_t started_ms, started_real_ms; /* clock_monotonic_ms, clock_real_ms */
    uint64_t happened[WATCH_KINDS];      /* by kind of notice */
    uint64_t refused[REASON_COUNT];
    uint64_t notices_lost;
    uint64_t decisions, decision_ns; /* what policy was asked about logons, and how long that took in all */
};

/* What happens; each text may be NULL. */
void watch_created(struct session *session);
void watch_logon(struct session *session);
/* `before`: the state from which `event` moved the session. */
void watch_moved(struct session *session, enum session_event event, enum session_state before,
                 enum reason reason, const char *detail);
/* The desktop was locked or unlocked. */
void watch_locked(struct session *session);
/* It is shown to another client, or another session to its client; or that is over. */
void watch_shadowed(struct session *session, bool begins, enum reason reason, const char *detail);
void watch_terminated(struct session *session, enum reason reason, const char *detail);
/* A session came to a limit, for which it is disconnected or ended now. */
void watch_limit(struct session *session, enum reason reason, const char *detail);
/* Something happened to a licence: as its event says. */
void watch_licence(struct broker *broker, const char *user, const char *address, enum reason reason,
                   const char *detail);
void watch_refused(struct broker *broker, const char *user, const char *address, enum reason reason,
                   const char *detail);
