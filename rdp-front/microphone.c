#include "rdp-front/microphone.h"

#include <stdlib.h>
#include <string.h>

#include "common/wire.h"
#include "rdp-front/redirect.h"
#include "rpc/audio.h"

#define SNDIN_VERSION       1
#define SNDIN_FORMATS       2
#define SNDIN_OPEN          3
#define SNDIN_OPEN_REPLY    4
#define SNDIN_DATA_INCOMING 5
#define SNDIN_DATA          6
#define SNDIN_FORMATCHANGE  7

#define VERSION_OURS        1
#define PACKETS_A_SECOND    50

/* What is offered, the best first. */
static const struct sound_format ours[] = {{1, 48000}, {1, 44100}, {2, 48000}, {2, 44100}, {1, 22050}};
#define OURS (sizeof(ours) / sizeof(ours[0]))

enum stage { STAGE_NEW, STAGE_VERSION, STAGE_FORMATS, STAGE_CLOSED, STAGE_OPENING, STAGE_OPEN, STAGE_NONE };

struct microphone {
    struct redirect *redirect;
    unsigned channel;
    enum stage stage;
    bool wanted; /* a program records */
    struct sound_format format;
    uint32_t index; /* of that in the client's list */
};

struct microphone *microphone_new(struct redirect *redirect, unsigned channel)
{
    struct microphone *microphone = calloc(1, sizeof(*microphone));
    if (microphone == NULL)
        return NULL;
    microphone->redirect = redirect;
    microphone->channel = channel;
    return microphone;
}

void microphone_free(struct microphone *microphone)
{
    free(microphone);
}

static void message_send(struct microphone *microphone, const struct wire_writer *writer)
{
    redirect_to_client(microphone->redirect, microphone->channel, writer->data, writer->used);
}

void microphone_start(struct microphone *microphone)
{
    uint8_t data[5];
    struct wire_writer writer = wire_writer_over(data, sizeof(data));
    wire_put_u8(&writer, SNDIN_VERSION);
    wire_put_u32(&writer, VERSION_OURS);
    microphone->stage = STAGE_VERSION;
    message_send(microphone, &writer);
}

static const char *on_version(struct microphone *microphone, struct wire_reader *reader)
{
    uint8_t data[9 + OURS * SOUND_FORMAT_BYTES];
    wire_get_u32(reader); /* we speak the first, which all do */
    if (!wire_reader_ended(reader))
        return "its version of audio input has a wrong size";
    if (microphone->stage != STAGE_VERSION)
        return "a version of audio input that nobody has asked for";
    struct wire_writer writer = wire_writer_over(data, sizeof(data));
    wire_put_u8(&writer, SNDIN_FORMATS);
    wire_put_u32(&writer, OURS);
    wire_put_u32(&writer, sizeof(data));
    for (size_t i = 0; i < OURS; i++)
        sound_format_write(&writer, ours[i]);
    microphone->stage = STAGE_FORMATS;
    message_send(microphone, &writer);
    return NULL;
}

static void open_send(struct microphone *microphone)
{
    uint8_t data[9 + SOUND_FORMAT_BYTES];
    struct wire_writer writer = wire_writer_over(data, sizeof(data));
    wire_put_u8(&writer, SNDIN_OPEN);
    wire_put_u32(&writer, microphone->format.rate / PACKETS_A_SECOND);
    wire_put_u32(&writer, microphone->index);
    sound_format_write(&writer, microphone->format);
    microphone->stage = STAGE_OPENING;
    message_send(microphone, &writer);
}

static const char *on_formats(struct microphone *microphone, struct wire_reader *reader)
{
    int index[OURS];
    uint32_t count = wire_get_u32(reader);
    wire_get_u32(reader); /* the size of the list: clients write it in several ways */
    if (reader->failed || !sound_formats_read(reader, count, ours, OURS, index))
        return "its formats of audio input are cut off"; /* behind them a client may say more */
    if (microphone->stage != STAGE_FORMATS)
        return "formats of audio input that nobody has asked for";
    size_t found = 0;
    while (found < OURS && index[found] < 0)
        found++;
    microphone->stage = STAGE_NONE;
    if (found == OURS)
        return NULL;
    microphone->stage = STAGE_CLOSED;
    microphone->format = ours[found];
    microphone->index = (uint32_t)index[found];
    if (microphone->wanted)
        open_send(microphone);
    return NULL;
}

static const char *on_open_reply(struct microphone *microphone, struct wire_reader *reader)
{
    uint32_t result = wire_get_u32(reader);
    if (!wire_reader_ended(reader))
        return "its answer about its microphone has a wrong size";
    if (microphone->stage != STAGE_OPENING)
        return "an answer about its microphone that nobody has asked for";
    if ((int32_t)result >= 0)
        microphone->stage = STAGE_OPEN;
    else
        microphone->stage = STAGE_NONE; /* until the channel is a new one */
    return NULL;
}

static const char *on_incoming(struct microphone *microphone, struct wire_reader *reader)
{
    (void)microphone; /* says that data or formats follow, for those who measure the line */
    return wire_reader_ended(reader) ? NULL : "its notice of sound has a wrong size";
}

static const char *on_data(struct microphone *microphone, struct wire_reader *reader)
{
    uint8_t packet[AUDIO_PACKET_MOST];
    size_t left = reader->size - reader->used;
    const uint8_t *sound = wire_get_bytes(reader, left);
    if (left % (2u * (microphone->format.channels > 0 ? microphone->format.channels : 1u)) != 0)
        return "the sound of its microphone is no whole number of frames";
    if (microphone->stage != STAGE_OPENING && microphone->stage != STAGE_OPEN)
        return "sound of its microphone, which is not open";
    while (left > 0) {
        size_t size = left < AUDIO_SOUND_MOST ? left : AUDIO_SOUND_MOST;
        struct audio_message message = {
            AUDIO_RECORDED, microphone->format.channels, microphone->format.rate, 0, sound, size};
        redirect_to_session(microphone->redirect, packet, audio_message_write(&message, packet));
        sound += size;
        left -= size;
    }
    return NULL;
}

static const char *on_format_change(struct microphone *microphone, struct wire_reader *reader)
{
    uint32_t index = wire_get_u32(reader);
    if (!wire_reader_ended(reader))
        return "its change of format has a wrong size";
    if ((microphone->stage != STAGE_OPENING && microphone->stage != STAGE_OPEN) || index != microphone->index)
        return "a change of format that nobody has asked for";
    return NULL;
}

const char *microphone_from_client(struct microphone *microphone, const uint8_t *data, size_t size)
{
    static const struct {
        unsigned type;
        const char *(*handle)(struct microphone *microphone, struct wire_reader *reader);
    } handlers[] = {{SNDIN_VERSION, on_version},
                    {SNDIN_FORMATS, on_formats},
                    {SNDIN_OPEN_REPLY, on_open_reply},
                    {SNDIN_DATA_INCOMING, on_incoming},
                    {SNDIN_DATA, on_data},
                    {SNDIN_FORMATCHANGE, on_format_change}};
    struct wire_reader reader = wire_reader_over(data, size);
    unsigned type = wire_get_u8(&reader);
    for (size_t i = 0; !reader.failed && i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        if (handlers[i].type == type)
            return handlers[i].handle(microphone, &reader);
    }
    return "a message about audio input has an unknown type";
}

struct sound_format microphone_format(const struct microphone *microphone)
{
    return microphone->format;
}

void microphone_record(struct microphone *microphone, bool record)
{
    if (microphone->wanted == record)
        return;
    microphone->wanted = record;
    if (record && microphone->stage == STAGE_CLOSED)
        open_send(microphone);
    else if (!record && microphone->stage >= STAGE_OPENING) {
        microphone->stage = STAGE_NEW;
        redirect_channel_renew(microphone->redirect, microphone->channel);
    }
}
