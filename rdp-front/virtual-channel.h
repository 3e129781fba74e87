/* Virtual channels of a client without threads: static ones (MS-RDPBCGR 3.1.5.2) and dynamic ones
 * (MS-RDPEDYC), which each turn of the worker's loop looks after. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <winpr/wtypes.h>

/* A channel; `handle` NULL: it is not open. */
struct virtual_channel {
    HANDLE handle;
    bool dynamic, ready;
};

enum virtual_channel_state { VIRTUAL_CHANNEL_OPEN, VIRTUAL_CHANNEL_WAIT, VIRTUAL_CHANNEL_NONE };

/* Opens the channel `name`. OPEN: channel_r is filled. WAIT: the client's dynamic channels are not ready yet,
 * try again. NONE: the client has no such channel, or it cannot be opened. */
enum virtual_channel_state virtual_channel_open(struct virtual_channel *channel_r, HANDLE vcm,
                                                const char *name, bool dynamic);
/* A descriptor that can be read when something has come; -1: there is none. It stays the library's. */
int virtual_channel_fd(const struct virtual_channel *channel);
/* True once the client has opened its end: it may be written to. */
bool virtual_channel_ready(struct virtual_channel *channel);
/* The size of the next message, 0: there is none yet, -1: the channel has ended. */
long virtual_channel_next(struct virtual_channel *channel);
/* Reads the next message, of `size` bytes. */
bool virtual_channel_read(struct virtual_channel *channel, void *data, size_t size);
bool virtual_channel_write(struct virtual_channel *channel, const void *data, size_t size);
void virtual_channel_close(struct virtual_channel *channel);
