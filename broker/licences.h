/* Licences: who may come in by them, and the books. A licence of a user or a device is on the disk before the
 * logon that got it goes on. Seats (mode concurrent) are not written down: they are the sessions that
 * lodge-smss tells, so that they cannot differ from them. */
#pragma once

#include <event2/event.h>

#include "broker/book.h"
#include "common/conf.h"
#include "common/reason.h"

struct broker;
struct client;
struct peer;
struct session;

struct licences {
    struct licence_rules rules;
    bool release_on_disconnect;
    enum { LICENCES_LOADING, LICENCES_KNOWN, LICENCES_BLIND } state; /* blind: the file cannot be read */
    int64_t first_use_ms;
    struct book book;
    unsigned seats;    /* sessions that hold one */
    unsigned admitted; /* logons that get one with their session */
    unsigned pending;  /* writes that are not done */
    int64_t noted_day;
    unsigned noted_peak; /* of that day */
    struct event *tick;
};

enum licences_verdict {
    LICENCES_GO,
    LICENCES_WAIT, /* for the disk: the logons that wait are woken */
    LICENCES_REFUSE,
};

/* Looks at the section [Licences]. Returns false with what is wrong in `error`. */
bool licences_check(const struct conf *conf, char *error, size_t size);
/* Takes that section, which is fine; the mode only before licences_start. */
void licences_configure(struct broker *broker);
/* Begins to read the books. Returns false when memory runs out. */
bool licences_start(struct broker *broker);
void licences_stop(struct broker *broker);
/* May this user come in from this client, to `session` (NULL: a new one)? Gives a licence where one is needed
 * and there is one. */
enum licences_verdict licences_ask(struct broker *broker, const char *user, const struct client *client,
                                   const struct session *session);
/* A logon has been admitted (1) and gets its session, or will not (-1). */
void licences_count_admission(struct broker *broker, int by);
/* Who has the session or waits for it may have changed. */
void licences_session_changed(struct session *session);
void licences_session_gone(struct session *session);
/* After db_dispatch: a new file gets what is known. */
void licences_look_at_file(struct broker *broker);

/* The places of the pool that are taken. */
unsigned licences_in_use(const struct broker *broker);
/* An administrator gives a licence, or takes one back. REASON_NONE: `peer` is answered when it is written
 * (peer.licence). Otherwise `detail_r` says more. */
enum reason licences_issue(struct broker *broker, struct peer *peer, const char *holder,
                           const char **detail_r);
enum reason licences_revoke(struct broker *broker, struct peer *peer, const char *holder,
                            const char **detail_r);
