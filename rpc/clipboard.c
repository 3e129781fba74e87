#include "rpc/clipboard.h"

#include <stdlib.h>
#include <string.h>

#include "common/wire.h"

#define VERSION 1
#define EARLY   1

static const char *check(const struct clipboard_packet *packet, unsigned flags)
{
    uint32_t number = packet->number;
    if (packet->type == 0 || packet->type >= CLIPBOARD_TYPES)
        return "a clipboard packet of an unknown type";
    if ((flags & ~EARLY) != 0 || (flags != 0 && packet->type != CLIPBOARD_OFFER))
        return "a clipboard packet with unknown flags";
    if (packet->type == CLIPBOARD_OFFER &&
        ((number & ~CLIPBOARD_OFFERS) != 0 || number == CLIPBOARD_SECRET || packet->serial != 0))
        return "an offer of unknown formats";
    if (packet->type == CLIPBOARD_ASK &&
        (number == 0 || number >= 1U << CLIPBOARD_FORMATS || (number & (number - 1)) != 0))
        return "an unknown format is asked for";
    if (packet->type == CLIPBOARD_DATA && number > CLIPBOARD_MOST)
        return "clipboard data is too long";
    if (packet->type == CLIPBOARD_DATA && (packet->size > number || (packet->size == 0 && number != 0)))
        return "a piece of clipboard data has a wrong length";
    if (packet->type != CLIPBOARD_DATA && packet->size != 0)
        return "a clipboard packet with bytes after its end";
    if (packet->type >= CLIPBOARD_FAIL && number != 0)
        return "a clipboard packet with a number that means nothing";
    return NULL;
}

const char *clipboard_decode(const uint8_t *data, size_t size, struct clipboard_packet *packet_r)
{
    struct wire_reader reader = wire_reader_over(data, size);
    uint8_t version = wire_get_u8(&reader);
    struct clipboard_packet packet = {.type = wire_get_u8(&reader)};
    unsigned flags = wire_get_u16(&reader);
    packet.serial = wire_get_u32(&reader);
    packet.number = wire_get_u32(&reader);
    if (reader.failed || size > REDIRECT_PACKET_MAX)
        return "a clipboard packet of a wrong length";
    if (version != VERSION)
        return "a clipboard packet of another version";
    packet.early = flags == EARLY;
    packet.data = data + reader.used;
    packet.size = size - reader.used;
    const char *problem = check(&packet, flags);
    if (problem == NULL)
        *packet_r = packet;
    return problem;
}

size_t clipboard_encode(const struct clipboard_packet *packet, uint8_t *to)
{
    struct wire_writer writer = wire_writer_over(to, REDIRECT_PACKET_MAX);
    wire_put_u8(&writer, VERSION);
    wire_put_u8(&writer, packet->type);
    wire_put_u16(&writer, packet->early ? EARLY : 0);
    wire_put_u32(&writer, packet->serial);
    wire_put_u32(&writer, packet->number);
    if (packet->size > 0)
        wire_put_bytes(&writer, packet->data, packet->size);
    return writer.used;
}

bool clipboard_data_begin(struct clipboard_data *data_r, size_t total)
{
    uint8_t *block = total <= CLIPBOARD_MOST ? malloc(CLIPBOARD_ROOM + total) : NULL;
    if (block == NULL)
        return false;
    *data_r = (struct clipboard_data){block + CLIPBOARD_ROOM, total, 0};
    return true;
}

const char *clipboard_data_add(struct clipboard_data *data, const struct clipboard_packet *piece)
{
    if (data->bytes == NULL && !clipboard_data_begin(data, piece->number))
        return "out of memory";
    if (piece->number != data->total || piece->size > data->total - data->used)
        return "pieces of clipboard data do not fit together";
    if (piece->size > 0)
        memcpy(data->bytes + data->used, piece->data, piece->size);
    data->used += piece->size;
    return NULL;
}

bool clipboard_data_whole(const struct clipboard_data *data)
{
    return data->bytes != NULL && data->used == data->total;
}

void clipboard_data_piece(struct clipboard_data *data, uint32_t serial, struct clipboard_packet *piece_r)
{
    size_t left = data->total - data->used;
    *piece_r = (struct clipboard_packet){.type = CLIPBOARD_DATA,
                                         .serial = serial,
                                         .number = (uint32_t)data->total,
                                         .data = data->bytes + data->used,
                                         .size = left < CLIPBOARD_PIECE ? left : CLIPBOARD_PIECE};
    data->used += piece_r->size;
}

void clipboard_data_wipe(struct clipboard_data *data)
{
    if (data->bytes != NULL) {
        explicit_bzero(data->bytes - CLIPBOARD_ROOM, CLIPBOARD_ROOM + data->total);
        free(data->bytes - CLIPBOARD_ROOM);
    }
    *data = (struct clipboard_data){0};
}
