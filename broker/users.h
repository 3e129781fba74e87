/* One record a uid that has connections, logons or sessions: what policy and the caps ask. */
#pragma once

#include <sys/queue.h>
#include <sys/types.h>

struct session;
struct logon;
struct watch;
TAILQ_HEAD(session_list, session);
TAILQ_HEAD(watch_list, watch);

struct user {
    struct user *next; /* in its bucket */
    uid_t uid;
    unsigned references;
    unsigned peers;                    /* connections on lsm.port */
    unsigned sessions, changing;       /* as in struct policy_facts: with those that are admitted */
    struct session_list all;           /* their sessions, by id */
    struct session_list connected;     /* newest first */
    struct session_list disconnected;  /* newest first */
    struct watch_list watches;         /* subscriptions and waits of theirs */
    TAILQ_HEAD(held_list, logon) held; /* logons that wait for a change of one of the sessions */
};

#define USERS_BUCKETS 16384
struct users {
    struct user *buckets[USERS_BUCKETS];
};

/* Finds or makes the record and adds a reference. Returns NULL when memory runs out. */
struct user *users_hold(struct users *users, uid_t uid);
/* Gives a reference back. */
void users_release(struct users *users, struct user *user);
