#include "rdp-front/playback.h"

#include <stdlib.h>
#include <string.h>

#include "common/wire.h"
#include "rdp-front/redirect.h"
#include "rdp-front/sound-pace.h"
#include "rpc/audio.h"

#define SNDC_CLOSE       1
#define SNDC_WAVE        2
#define SNDC_WAVECONFIRM 5
#define SNDC_TRAINING    6
#define SNDC_FORMATS     7
#define SNDC_QUALITYMODE 12
#define SNDC_WAVE2       13

#define CAPS_ALIVE       1u /* of the client's formats: it can play */
#define VERSION_OURS     8
#define VERSION_QUALITY  6 /* from this one on a client tells which quality it wants */
#define VERSION_WAVE2    8
#define QUALITY_DYNAMIC  0
#define QUALITY_MEDIUM   1
#define QUALITY_HIGH     2
#define TRAINING_BYTES   1024
#define WAVE_HEAD        16
#define FRAME_BYTES      4

/* What is offered, the best first. */
static const struct sound_format ours[] = {{2, 48000}, {2, 44100}, {2, 22050}};
#define OURS (sizeof(ours) / sizeof(ours[0]))
#define LEAN (OURS - 1)

enum stage { STAGE_NEW, STAGE_FORMATS, STAGE_TRAINING, STAGE_READY, STAGE_DEAF };

struct playback {
    struct redirect *redirect;
    unsigned channel;
    int64_t (*now_ms)(void);
    enum stage stage;
    unsigned version, quality;
    int index[OURS];    /* of our formats in the client's list; -1: it has not that one */
    size_t format;      /* of ours, that the client is sent; OURS: none */
    int64_t trained_ms; /* when training was sent */
    bool begun;         /* sound has been sent since the last SNDC_CLOSE */
    bool dropping;
    struct sound_pace pace;
    unsigned slow_times; /* dropping began, since slow_since_ms */
    int64_t slow_since_ms;
};

static struct wire_writer message_begin(uint8_t *data, size_t room, unsigned type, size_t body)
{
    struct wire_writer writer = wire_writer_over(data, room);
    wire_put_u8(&writer, (uint8_t)type);
    wire_put_u8(&writer, 0);
    wire_put_u16(&writer, (uint16_t)body);
    return writer;
}

static void message_send(struct playback *playback, const struct wire_writer *writer)
{
    redirect_to_client(playback->redirect, playback->channel, writer->data, writer->used);
}

struct playback *playback_new(struct redirect *redirect, unsigned channel, int64_t (*now_ms)(void))
{
    struct playback *playback = calloc(1, sizeof(*playback));
    if (playback == NULL)
        return NULL;
    playback->redirect = redirect;
    playback->channel = channel;
    playback->now_ms = now_ms;
    playback->format = OURS;
    sound_pace_init(&playback->pace, 0);
    return playback;
}

void playback_free(struct playback *playback)
{
    free(playback);
}

void playback_start(struct playback *playback)
{
    uint8_t data[4 + 20 + OURS * SOUND_FORMAT_BYTES];
    struct wire_writer writer = message_begin(data, sizeof(data), SNDC_FORMATS, sizeof(data) - 4);
    wire_put_u32(&writer, 0); /* flags, volume, pitch and port are the client's to say */
    wire_put_u32(&writer, 0);
    wire_put_u32(&writer, 0);
    wire_put_u16(&writer, 0);
    wire_put_u16(&writer, OURS);
    wire_put_u8(&writer, (uint8_t)(playback->pace.first - 1)); /* the last block that was confirmed */
    wire_put_u16(&writer, VERSION_OURS);
    wire_put_u8(&writer, 0);
    for (size_t i = 0; i < OURS; i++)
        sound_format_write(&writer, ours[i]);
    playback->stage = STAGE_FORMATS;
    message_send(playback, &writer);
}

static void training_send(struct playback *playback)
{
    uint8_t data[TRAINING_BYTES] = {0};
    playback->trained_ms = playback->now_ms();
    struct wire_writer writer = message_begin(data, sizeof(data), SNDC_TRAINING, sizeof(data) - 4);
    wire_put_u16(&writer, (uint16_t)playback->trained_ms);
    wire_put_u16(&writer, TRAINING_BYTES);
    writer.used = sizeof(data);
    playback->stage = STAGE_TRAINING;
    message_send(playback, &writer);
}

static const char *on_formats(struct playback *playback, struct wire_reader *reader)
{
    int index[OURS];
    if (playback->stage != STAGE_FORMATS)
        return "formats that nobody has asked for";
    uint32_t flags = wire_get_u32(reader);
    wire_get_u32(reader); /* volume, pitch, port: not used */
    wire_get_u32(reader);
    wire_get_u16(reader);
    unsigned count = wire_get_u16(reader);
    wire_get_u8(reader);
    unsigned version = wire_get_u16(reader);
    wire_get_u8(reader);
    if (reader->failed || !sound_formats_read(reader, count, ours, OURS, index) || !wire_reader_ended(reader))
        return "its formats have a wrong size";
    memcpy(playback->index, index, sizeof(index));
    playback->version = version;
    playback->quality = QUALITY_HIGH;
    playback->stage = STAGE_DEAF;
    for (size_t i = 0; i < OURS; i++) {
        if (index[i] >= 0 && flags & CAPS_ALIVE)
            playback->stage = STAGE_TRAINING;
    }
    if (playback->stage == STAGE_TRAINING)
        training_send(playback);
    return NULL;
}

/* The best format that the client has; with medium quality the leanest. */
static void format_choose(struct playback *playback)
{
    size_t format = OURS;
    for (size_t i = 0; i < OURS; i++) {
        if (playback->index[i] >= 0 && (format == OURS || playback->quality == QUALITY_MEDIUM))
            format = i;
    }
    playback->format = format;
}

static const char *on_quality(struct playback *playback, struct wire_reader *reader)
{
    unsigned quality = wire_get_u16(reader);
    wire_get_u16(reader); /* reserved */
    if (!wire_reader_ended(reader))
        return "its quality mode has a wrong size";
    if (quality > QUALITY_HIGH)
        return "its quality mode is unknown";
    if (playback->stage < STAGE_TRAINING || playback->version < VERSION_QUALITY)
        return "a quality mode before its time";
    playback->quality = quality;
    if (playback->stage == STAGE_READY)
        format_choose(playback);
    return NULL;
}

static const char *on_training(struct playback *playback, struct wire_reader *reader)
{
    unsigned time = wire_get_u16(reader), size = wire_get_u16(reader);
    if (!wire_reader_ended(reader))
        return "its answer to training has a wrong size";
    if (playback->stage != STAGE_TRAINING || time != (uint16_t)playback->trained_ms || size != TRAINING_BYTES)
        return "its answer to training answers nothing";
    playback->stage = STAGE_READY;
    sound_pace_init(&playback->pace, playback->now_ms() - playback->trained_ms);
    format_choose(playback);
    return NULL;
}

static const char *on_confirm(struct playback *playback, struct wire_reader *reader)
{
    wire_get_u16(reader); /* its time: the client's own reckoning */
    uint8_t block = wire_get_u8(reader);
    wire_get_u8(reader);
    if (!wire_reader_ended(reader))
        return "its confirmation has a wrong size";
    sound_pace_confirmed(&playback->pace, block, playback->now_ms());
    return NULL;
}

const char *playback_from_client(struct playback *playback, const uint8_t *data, size_t size)
{
    static const struct {
        unsigned type;
        const char *(*handle)(struct playback *playback, struct wire_reader *reader);
    } handlers[] = {{SNDC_FORMATS, on_formats},
                    {SNDC_QUALITYMODE, on_quality},
                    {SNDC_TRAINING, on_training},
                    {SNDC_WAVECONFIRM, on_confirm}};
    struct wire_reader reader = wire_reader_over(data, size);
    unsigned type = wire_get_u8(&reader);
    wire_get_u8(&reader);
    unsigned body = wire_get_u16(&reader);
    if (reader.failed || body != size - reader.used)
        return "a message about sound has a wrong size";
    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        if (handlers[i].type == type)
            return handlers[i].handle(playback, &reader);
    }
    return "a message about sound has an unknown type";
}

uint32_t playback_rate(const struct playback *playback)
{
    return playback->format < OURS ? ours[playback->format].rate : 0;
}

/* On a line that is too slow again and again a client that leaves the quality to us is sent less. */
static void slow_count(struct playback *playback, int64_t now)
{
    if (now - playback->slow_since_ms > PLAYBACK_SLOW_WINDOW) {
        playback->slow_since_ms = now;
        playback->slow_times = 0;
    }
    if (++playback->slow_times < PLAYBACK_SLOW_TIMES || playback->quality != QUALITY_DYNAMIC)
        return;
    playback->slow_times = 0;
    if (playback->index[LEAN] >= 0)
        playback->format = LEAN;
}

static void wave_send(struct playback *playback, int64_t now, int format, uint8_t block, const uint8_t *sound,
                      size_t size)
{
    uint8_t data[WAVE_HEAD + AUDIO_SOUND_MOST];
    bool whole = playback->version >= VERSION_WAVE2;
    struct wire_writer writer =
        message_begin(data, sizeof(data), whole ? SNDC_WAVE2 : SNDC_WAVE, size + (whole ? 12 : 8));
    wire_put_u16(&writer, (uint16_t)now);
    wire_put_u16(&writer, (uint16_t)format);
    wire_put_u32(&writer, block); /* and three bytes of nothing */
    if (whole)
        wire_put_u32(&writer, (uint32_t)now);
    wire_put_bytes(&writer, sound, whole ? size : 4);
    message_send(playback, &writer);
    if (whole)
        return;
    writer = wire_writer_over(data, sizeof(data)); /* four bytes that stand for those sent already */
    wire_put_u32(&writer, 0);
    wire_put_bytes(&writer, sound + 4, size - 4);
    message_send(playback, &writer);
}

void playback_sound(struct playback *playback, uint32_t rate, uint32_t time, const uint8_t *sound,
                    size_t size)
{
    size_t format = 0;
    while (format < OURS && ours[format].rate != rate)
        format++;
    if (playback->stage != STAGE_READY || format == OURS || playback->index[format] < 0)
        return;
    int64_t now = playback->now_ms();
    uint32_t age = (uint32_t)now - time;
    uint16_t length = (uint16_t)(size / FRAME_BYTES * 1000 / rate + 1);
    bool drop = age > PLAYBACK_STALE || !sound_pace_may_send(&playback->pace, now, length);
    if (drop && !playback->dropping)
        slow_count(playback, now);
    playback->dropping = drop;
    if (drop)
        return;
    playback->begun = true;
    wave_send(playback, now, playback->index[format], sound_pace_sent(&playback->pace, now, length), sound,
              size);
}

void playback_quiet(struct playback *playback)
{
    uint8_t data[4];
    if (!playback->begun)
        return;
    struct wire_writer writer = message_begin(data, sizeof(data), SNDC_CLOSE, 0);
    message_send(playback, &writer);
    playback->begun = false;
    playback->dropping = false;
    format_choose(playback);
}
