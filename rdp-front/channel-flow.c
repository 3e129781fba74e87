#include "rdp-front/channel-flow.h"

#include <freerdp/svc.h>
#include <stdlib.h>
#include <string.h>

#include "common/wire.h"

#define DATA_FIRST 2 /* MS-RDPEDYC 2.2.3.1 */

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
    if (bounds->at[i].got > total || size > total - bounds->at[i].got ||
        (total > most && !bounds->at[i].drops))
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

/* A number of 1, 2 or 4 bytes, as two bits of the head say; false where it is cut off. */
static bool read_variable(struct wire_reader *reader, unsigned bits, uint32_t *value_r)
{
    *value_r = bits == 0 ? wire_get_u8(reader) : bits == 1 ? wire_get_u16(reader) : wire_get_u32(reader);
    return !reader->failed;
}

bool channel_bounds_dynamic(const struct channel_bounds *bounds, uint16_t id, const uint8_t *data,
                            size_t size, uint32_t flags, size_t most)
{
    struct wire_reader reader = wire_reader_over(data, size);
    uint32_t channel, total;
    if ((!(flags & CHANNEL_FLAG_FIRST) && channel_bounds_midway(bounds, id)) || size == 0)
        return true;
    unsigned head = wire_get_u8(&reader);
    if (head >> 4 != DATA_FIRST)
        return true;
    return read_variable(&reader, head & 3, &channel) && read_variable(&reader, head >> 2 & 3, &total) &&
           total <= most;
}

void channel_queue_init(struct channel_queue *queue_r, freerdp_peer *peer, uint16_t id, size_t piece)
{
    *queue_r = (struct channel_queue){.peer = peer, .id = id, .piece = piece};
    queue_r->last = &queue_r->first;
}

bool channel_queue_add(struct channel_queue *queue, const void *data, size_t size)
{
    size_t takes = sizeof(struct channel_out) + size;
    struct channel_out *out = queue->waiting + takes <= CHANNEL_WAITING_MOST ? malloc(takes) : NULL;
    if (out == NULL)
        return false;
    queue->waiting += takes;
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
    queue->waiting -= sizeof(*first) + first->size;
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
