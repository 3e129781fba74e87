#include "rdp-front/channel-flow.h"

#include <freerdp/svc.h>
#include <stdlib.h>
#include <string.h>

struct channel_out {
    struct channel_out *next;
    size_t size;
    uint8_t data[];
};

enum channel_verdict channel_bounds_take(struct channel_bounds *bounds, uint16_t id, size_t size,
                                         uint32_t flags, size_t total, size_t most)
{
    size_t i = 0;
    while (i < CHANNELS_MOST && bounds->at[i].id != 0 && bounds->at[i].id != id)
        i++;
    if (i == CHANNELS_MOST)
        return CHANNEL_BREAK;
    bounds->at[i].id = id;
    if (flags & CHANNEL_FLAG_FIRST) {
        bounds->at[i].got = 0;
        bounds->at[i].drops = total > most;
    }
    if (size > total - bounds->at[i].got || (total > most && !bounds->at[i].drops))
        return CHANNEL_BREAK;
    bool drops = bounds->at[i].drops;
    bounds->at[i].got += size;
    if (flags & CHANNEL_FLAG_LAST) {
        bounds->at[i].got = 0;
        bounds->at[i].drops = false;
    }
    return drops ? CHANNEL_DROP : CHANNEL_TAKE;
}

bool channel_bounds_midway(const struct channel_bounds *bounds, uint16_t id)
{
    for (size_t i = 0; i < CHANNELS_MOST; i++) {
        if (bounds->at[i].id == id)
            return bounds->at[i].got > 0;
    }
    return false;
}

void channel_queue_init(struct channel_queue *queue_r, freerdp_peer *peer, uint16_t id, size_t piece)
{
    *queue_r = (struct channel_queue){.peer = peer, .id = id, .piece = piece};
    queue_r->last = &queue_r->first;
}

bool channel_queue_add(struct channel_queue *queue, const void *data, size_t size)
{
    struct channel_out *out = malloc(sizeof(*out) + size);
    if (out == NULL)
        return false;
    out->next = NULL;
    out->size = size;
    memcpy(out->data, data, size);
    *queue->last = out;
    queue->last = &out->next;
    return true;
}

bool channel_queue_waits(const struct channel_queue *queue)
{
    return queue->first != NULL;
}

static void remove_first(struct channel_queue *queue)
{
    struct channel_out *first = queue->first;
    queue->first = first->next;
    if (queue->first == NULL)
        queue->last = &queue->first;
    queue->sent = 0;
    explicit_bzero(first->data, first->size);
    free(first);
}

bool channel_queue_pump(struct channel_queue *queue, size_t budget)
{
    for (size_t gone = 0;
         queue->first != NULL && gone < budget && !queue->peer->IsWriteBlocked(queue->peer);) {
        const struct channel_out *out = queue->first;
        size_t left = out->size - queue->sent, size = left < queue->piece ? left : queue->piece;
        uint32_t flags = (queue->sent == 0 ? CHANNEL_FLAG_FIRST : 0) | (size == left ? CHANNEL_FLAG_LAST : 0);
        if (!queue->peer->SendChannelPacket(queue->peer, queue->id, out->size, flags, out->data + queue->sent,
                                            size))
            return false;
        gone += size;
        queue->sent += size;
        if (queue->sent == out->size)
            remove_first(queue);
    }
    return true;
}

void channel_queue_finish(struct channel_queue *queue)
{
    while (queue->first != NULL)
        remove_first(queue);
}
