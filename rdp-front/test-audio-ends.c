#include "rdp-front/test-audio-ends.h"

#include "common/wire.h"
#include "tests/check.h"

struct ends ends;

static int64_t now_ms(void)
{
    return ends.now_ms;
}

void redirect_to_client(struct redirect *redirect, unsigned channel, const void *data, size_t size)
{
    CHECK(redirect == (struct redirect *)&ends && channel < REDIRECT_CHANNELS && size > 0);
    CHECK(ends.client_count < ENDS_KEPT);
    struct ends_message *message = &ends.client[ends.client_count++];
    message->channel = channel;
    message->size = size;
    memcpy(message->data, data, size < sizeof(message->data) ? size : sizeof(message->data));
}

void redirect_to_session(struct redirect *redirect, const void *data, size_t size)
{
    CHECK(redirect == (struct redirect *)&ends && ends.session_count < ENDS_KEPT);
    const char *problem = audio_message_read(data, size, true, &ends.session[ends.session_count]);
    CHECK(problem == NULL);
    ends.session[ends.session_count++].sound = NULL;
}

void redirect_channel_renew(struct redirect *redirect, unsigned channel)
{
    CHECK(redirect == (struct redirect *)&ends && channel == 1);
    ends.renewed++;
}

void ends_forget(void)
{
    ends.client_count = ends.session_count = 0;
    ends.renewed = 0;
}

void *ends_open(uint32_t bits)
{
    ends_forget();
    ends.now_ms = 100000;
    void *state = audio_open_by((struct redirect *)&ends, bits, now_ms);
    CHECK(state != NULL);
    return state;
}

const struct ends_message *ends_last(void)
{
    CHECK(ends.client_count > 0);
    return &ends.client[ends.client_count - 1];
}

const char *ends_sndc(void *state, unsigned type, const void *body, size_t size)
{
    static uint8_t data[65536];
    struct wire_writer writer = wire_writer_over(data, sizeof(data));
    wire_put_u8(&writer, (uint8_t)type);
    wire_put_u8(&writer, 0);
    wire_put_u16(&writer, (uint16_t)size);
    wire_put_bytes(&writer, body, size);
    CHECK(!writer.failed);
    return audio_part.from_client(state, 0, data, writer.used);
}

const char *ends_session(void *state, const struct audio_message *message)
{
    uint8_t packet[AUDIO_PACKET_MOST];
    return audio_part.from_session(state, packet, audio_message_write(message, packet));
}

size_t ends_formats(uint8_t *data, const uint32_t *rates, size_t count, unsigned channels)
{
    struct wire_writer writer = wire_writer_over(data, count * 18);
    for (size_t i = 0; i < count; i++) {
        wire_put_u16(&writer, 1);
        wire_put_u16(&writer, (uint16_t)channels);
        wire_put_u32(&writer, rates[i]);
        wire_put_u32(&writer, rates[i] * 2 * channels);
        wire_put_u16(&writer, (uint16_t)(2 * channels));
        wire_put_u16(&writer, 16);
        wire_put_u16(&writer, 0);
    }
    CHECK(!writer.failed);
    return writer.used;
}
