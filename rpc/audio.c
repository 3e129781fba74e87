#include "rpc/audio.h"

#include <assert.h>
#include <string.h>

#include "common/wire.h"

#define HEAD 10

enum field { FIELD_CHANNELS = 1, FIELD_RATE = 2, FIELD_TIME = 4, FIELD_SOUND = 8 };

static const struct row {
    enum audio_number number;
    bool worker;
    unsigned fields;
} rows[] = {
    {AUDIO_PLAY, true, FIELD_RATE},
    {AUDIO_MICROPHONE, true, FIELD_CHANNELS | FIELD_RATE},
    {AUDIO_RECORDED, true, FIELD_CHANNELS | FIELD_RATE | FIELD_SOUND},
    {AUDIO_SOUND, false, FIELD_CHANNELS | FIELD_RATE | FIELD_TIME | FIELD_SOUND},
    {AUDIO_QUIET, false, 0},
    {AUDIO_RECORD, false, 0},
    {AUDIO_RECORD_END, false, 0},
    {AUDIO_UNABLE, false, 0},
};

static const struct row *row_find(unsigned number, bool worker)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].number == number && rows[i].worker == worker)
            return &rows[i];
    }
    return NULL;
}

static bool rate_is_right(const struct row *row, uint32_t rate)
{
    return row->fields & FIELD_RATE ? rate >= AUDIO_RATE_LEAST && rate <= AUDIO_RATE_MOST : rate == 0;
}

static bool channels_are_right(const struct row *row, unsigned channels)
{
    if (!(row->fields & FIELD_CHANNELS))
        return channels == 0;
    return row->number == AUDIO_SOUND ? channels == 2 : channels == 1 || channels == 2;
}

static bool sound_is_right(const struct row *row, unsigned channels, size_t size)
{
    if (!(row->fields & FIELD_SOUND))
        return size == 0;
    return size > 0 && size <= AUDIO_SOUND_MOST && size % (2 * channels) == 0;
}

const char *audio_message_read(const void *data, size_t size, bool worker, struct audio_message *message_r)
{
    struct wire_reader reader = wire_reader_over(data, size);
    unsigned number = wire_get_u8(&reader), channels = wire_get_u8(&reader);
    uint32_t rate = wire_get_u32(&reader), time = wire_get_u32(&reader);
    if (reader.failed)
        return "a packet is cut off";
    const struct row *row = row_find(number, worker);
    if (row == NULL)
        return "a packet's number is unknown";
    if (!channels_are_right(row, channels))
        return "a packet's channels are out of range";
    if (!rate_is_right(row, rate))
        return "a packet's rate is out of range";
    if (!(row->fields & FIELD_TIME) && time != 0)
        return "a packet has a time that it should not have";
    if (!sound_is_right(row, channels, size - HEAD))
        return "a packet's sound has a wrong size";
    *message_r = (struct audio_message){
        .number = row->number,
        .channels = (uint8_t)channels,
        .rate = rate,
        .time = time,
        .sound = size > HEAD ? (const uint8_t *)data + HEAD : NULL,
        .size = size - HEAD,
    };
    return NULL;
}

size_t audio_message_write(const struct audio_message *message, void *data)
{
    struct wire_writer writer = wire_writer_over(data, AUDIO_PACKET_MOST);
    wire_put_u8(&writer, message->number);
    wire_put_u8(&writer, message->channels);
    wire_put_u32(&writer, message->rate);
    wire_put_u32(&writer, message->time);
    wire_put_bytes(&writer, message->sound, message->size);
    assert(!writer.failed);
    return writer.used;
}
