/* What the files of the listener share. Inside of rdp-front alone. */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/conf.h"
#include "rdp-front/listener-left.h"
#include "rdp-front/throttle.h"

#define CONNECTION_BUCKETS 256
#define RETRY_MS           100

/* A client with its worker. */
struct connection {
    LIST_ENTRY(connection) link;     /* listener.connections */
    TAILQ_ENTRY(connection) waiting; /* listener.want_broker, while wants_broker */
    struct listener *listener;
    uint64_t id;
    char address[64];
    int control; /* of one that another listener has left: its worker's pidfd */
    struct event *event;
    bool wants_broker;
};
LIST_HEAD(connections, connection);
TAILQ_HEAD(connection_queue, connection);

struct listener {
    struct conf conf;
    struct event_base *base;
    struct throttle *throttle;
    int listen, zygote, sm;
    struct event *numbers; /* at the next time to tell them */
    unsigned open;
    uint64_t accepted, refused;
    struct event *accept_event, *accept_pause, *zygote_event, *sm_event, *sm_retry, *broker_retry, *deadline;
    struct connections connections[CONNECTION_BUCKETS];
    struct connection_queue want_broker;
    uint64_t next_id;
    bool ready;        /* the zygote can fork workers */
    bool failed;       /* the zygote is gone */
    unsigned refusals; /* since the last line about them */
    int64_t refusals_logged_ms;
};

/* listener-zygote.c */

/* Finds the zygote's program and holds it: the one that lodge-smss handed down after it took this listener
 * back from an upgrade (SM_ZYGOTE_FD), else the one beside this program. Returns false, having logged why. */
bool zygote_find(void);
/* Starts the zygote, as root, and hands it the PEM texts. Returns its channel or a negative errno. */
int zygote_start(const char *config, const char *certificate, size_t certificate_size, const char *key,
                 size_t key_size);
/* Watches the channel: READY starts the rest. */
void zygote_watch(struct listener *listener);
/* Returns 0 or a negative errno; `control` stays the caller's. */
int zygote_spawn(struct listener *listener, uint64_t connection, int control);
void zygote_kill(struct listener *listener, uint64_t connection);
/* The zygote is to care for the worker when this listener has gone. */
void zygote_hold(struct listener *listener, uint64_t connection, int control);
/* Asks whether it works; sm_say_alive when it answers. */
void zygote_ask(struct listener *listener);

/* listener-sm.c: tells smss that the listener is there, again whenever smss is back. */
void sm_watch(struct listener *listener);
/* Tells smss that listener and zygote work. */
void sm_say_alive(struct listener *listener);
/* Says READY where smss listens; later connections say it by themselves. */
void sm_say_ready(struct listener *listener);
/* Tells smss how many connections there are, in a while. */
void sm_numbers_changed(struct listener *listener);

/* listener-connections.c */
void connections_init(struct listener *listener);
/* Begins to accept, where the socket listens. */
void connections_start(struct listener *listener);
/* Takes this socket in place of the one that there was. */
void connections_listen_on(struct listener *listener, int socket);
/* Counts the clients that another listener has left. Owns their pidfds. */
void connections_count_in(struct listener *listener, const struct left_clients *left);
/* What the zygote says about a connection's worker: logs what is not as it should be. */
void connection_exited(struct listener *listener, uint64_t id, uint32_t status);
