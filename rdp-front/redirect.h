/* Redirection in the worker: what of the client's computer is brought into its session. Each kind
 * (common/redirect.h) is a state machine between two ends, which knows neither FreeRDP nor descriptors: the
 * client's virtual channels, and the socket of the kind's program in the session. Both ends are hostile. The
 * worker enforces what is allowed: the program is the user's own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/redirect.h"

#define REDIRECT_CHANNELS 2

struct redirect; /* one kind of one worker */

/* One of the client's channels. */
struct redirect_channel {
    const char *name; /* NULL: no such channel */
    bool dynamic;
    uint32_t bits; /* of REDIRECT_; opened when one of them is allowed */
};

/* What a kind consists of. Functions that return a text return NULL, or what is wrong with the message: the
 * kind is closed then. */
struct redirect_part {
    struct redirect_channel channels[REDIRECT_CHANNELS];
    size_t client_most; /* bytes of a message of the client's; larger ones close the kind */
    /* Returns the state, or NULL: out of memory. `bits`: what is allowed, of the kind's. */
    void *(*open)(struct redirect *redirect, uint32_t bits);
    void (*close)(void *state);
    /* Channel `channel` can be written to: the client has opened it. */
    const char *(*client_there)(void *state, unsigned channel);
    /* A whole message. */
    const char *(*from_client)(void *state, unsigned channel, const uint8_t *data, size_t size);
    /* The program in the session is there; is gone: a new one may come, of another session too. */
    const char *(*session_there)(void *state);
    void (*session_gone)(void *state);
    /* A packet, of REDIRECT_PACKET_MAX bytes at most. */
    const char *(*from_session)(void *state, const uint8_t *data, size_t size);
};

/* Sends a message to the client; it is kept while that does not take it, up to CHANNEL_WAITING_MOST, and then
 * the kind is closed. Nothing happens where the channel is not there. */
void redirect_to_client(struct redirect *redirect, unsigned channel, const void *data, size_t size);
/* Closes the channel and opens it anew: client_there is called when the client has opened the new one. */
void redirect_channel_renew(struct redirect *redirect, unsigned channel);
/* Sends a packet (REDIRECT_PACKET_MAX bytes at most) to the program; it is kept while that does not read, up
 * to 33 MiB, and then the program is given up. Nothing happens where there is none. */
void redirect_to_session(struct redirect *redirect, const void *data, size_t size);

/* The kinds; NULL: not there. */
extern const struct redirect_part *const redirect_parts[REDIRECT_KINDS];

/* redirect-serve.c: all kinds of a worker. */

struct redirects;
struct worker;

struct redirects *redirects_new(struct worker *worker);
void redirects_free(struct redirects *redirects);
/* Closes all kinds, for good: the client's session is over. It may be called again. */
void redirects_end(struct redirects *redirects);
/* From here on what the client's channels bring is bounded before the library keeps it: as soon as the
 * library knows its client. */
void redirects_bound(struct redirects *redirects);
/* What the broker allows; from the session's first channel on. */
void redirects_allow(struct redirects *redirects, uint32_t bits);
/* Once in each turn, while the client is active and has a session. */
void redirects_poll(struct redirects *redirects);
/* The channel to the session has begun; has ended. */
void redirects_session_there(struct redirects *redirects);
void redirects_session_gone(struct redirects *redirects);
/* The program of this kind is behind `fd`, which is taken. */
void redirects_program(struct redirects *redirects, unsigned kind, int fd);
/* Bits of what is in use now. */
uint32_t redirects_in_use(const struct redirects *redirects);
