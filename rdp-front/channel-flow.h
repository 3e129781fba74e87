/* Messages of static virtual channels in their pieces (MS-RDPBCGR 3.1.5.2.2): those that come are bounded
 * before the library keeps them, and those that go leave pixels their turn. */
#pragma once

#include <freerdp/peer.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHANNELS_MOST        31          /* that a client may have (MS-RDPBCGR 2.2.1.3.4) */
#define CHANNEL_WAITING_MOST (64u << 20) /* bytes kept for a client that does not take them */

/* How much has come of the message that each channel is at. Zeros: none. */
struct channel_bounds {
    struct {
        uint16_t id; /* 0: no channel yet */
        bool drops;
        size_t got;
    } at[CHANNELS_MOST];
};

enum channel_verdict {
    CHANNEL_TAKE,
    CHANNEL_DROP, /* of a message that is longer than may be */
    CHANNEL_BREAK /* the client breaks the protocol */
};

/* What is done with a piece of `size` bytes of a message that is `total` long, where `most` may be; `flags`:
 * CHANNEL_FLAG_. */
enum channel_verdict channel_bounds_take(struct channel_bounds *bounds, uint16_t id, size_t size,
                                         uint32_t flags, size_t total, size_t most);
/* The same of a piece of the channel of dynamic channels, before channel_bounds_take: a message of one of
 * them says in its head how long it is, and the library makes that room, and writes it, at once. False: that
 * is more than `most`, or its head is in pieces. */
bool channel_bounds_dynamic(const struct channel_bounds *bounds, uint16_t id, const uint8_t *data,
                            size_t size, uint32_t flags, size_t most);
/* True when pieces of a message have come, and its last has not. */
bool channel_bounds_midway(const struct channel_bounds *bounds, uint16_t id);

/* Messages to one channel, in order. */
struct channel_queue {
    freerdp_peer *peer;
    uint16_t id;
    size_t piece; /* bytes of each piece but the last */
    struct channel_out *first, **last;
    size_t sent;    /* of the first */
    size_t waiting; /* bytes, with what keeping them takes */
};

void channel_queue_init(struct channel_queue *queue_r, freerdp_peer *peer, uint16_t id, size_t piece);
/* Copies a message, of at least one byte, to the end. False: out of memory, or CHANNEL_WAITING_MOST wait. */
bool channel_queue_add(struct channel_queue *queue, const void *data, size_t size);
bool channel_queue_waits(const struct channel_queue *queue);
/* Sends pieces while the client takes them, until `budget` bytes have gone. False: the connection is
 * broken. */
bool channel_queue_pump(struct channel_queue *queue, size_t budget);
/* Overwrites and frees what waits. */
void channel_queue_finish(struct channel_queue *queue);
