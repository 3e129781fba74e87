/* The broker's end of sm.port: connected for ever, told who we are, each message handed to its module. */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define SMLINK_DROPS_MAX 1024

struct broker;

struct smlink {
    int fd; /* -1: lodge-smss is away */
    struct event *readable, *writable, *retry;
    STAILQ_HEAD(, smlink_packet) queue; /* what the socket has no room for yet */
    size_t queued;
    bool synced;                      /* every session that exists is known */
    unsigned generation;              /* counts connections */
    uint64_t drops[SMLINK_DROPS_MAX]; /* logons to be dropped when lodge-smss is back */
    size_t drop_count;
};

/* Connects, and goes on trying every 100 ms. Returns false when memory runs out. */
bool smlink_start(struct broker *broker);
void smlink_stop(struct broker *broker);
/* Sends now or as soon as there is room; `descriptor` (-1: none) stays the caller's. Returns false when
 * lodge-smss is away. */
bool smlink_send(struct broker *broker, unsigned number, const void *body, int descriptor);
/* Tells lodge-smss, now or when it is back, that no session is wanted from this logon. */
void smlink_drop_logon(struct broker *broker, uint64_t logon, uint16_t reason);
