/* The microphone with played ends: it is asked for its form at once, opened only while a program records, and
 * nothing of it comes through otherwise. */
#include "common/wire.h"
#include "rdp-front/test-audio-ends.h"
#include "tests/check.h"

#define OPEN     3
#define REPLY    4
#define INCOMING 5
#define DATA     6
#define CHANGE   7

static const char *says(void *state, unsigned type, uint32_t value)
{
    const uint8_t data[5] = {(uint8_t)type, (uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                             (uint8_t)(value >> 24)};
    return audio_part.from_client(state, 1, data, sizeof(data));
}

static const char *formats(void *state, const uint32_t *rates, size_t count, unsigned channels)
{
    static uint8_t data[9 + 1000 * 18];
    struct wire_writer writer = wire_writer_over(data, 9);
    wire_put_u8(&writer, 2);
    wire_put_u32(&writer, (uint32_t)count);
    wire_put_u32(&writer, (uint32_t)(9 + count * 18));
    return audio_part.from_client(state, 1, data, 9 + ends_formats(data + 9, rates, count, channels));
}

static const char *sound(void *state, size_t size)
{
    static uint8_t data[65536] = {DATA};
    return audio_part.from_client(state, 1, data, 1 + size);
}

/* A client that has told its formats, and a session. */
static void *known(const uint32_t *rates, size_t count, unsigned channels)
{
    static const uint8_t version[] = {1, 1, 0, 0, 0};
    void *state = ends_open(REDIRECT_CAPTURE);
    CHECK(audio_part.session_there(state) == NULL && audio_part.client_there(state, 1) == NULL);
    CHECK(ends_last()->channel == 1 && ends_last()->size == 5 && memcmp(ends_last()->data, version, 5) == 0);
    CHECK(says(state, 1, 2) == NULL && ends_last()->data[0] == 2);
    static const uint8_t incoming = INCOMING;
    CHECK(audio_part.from_client(state, 1, &incoming, 1) == NULL);
    CHECK(formats(state, rates, count, channels) == NULL);
    return state;
}

static const char *record(void *state, bool on)
{
    return ends_session(state, &(struct audio_message){.number = on ? AUDIO_RECORD : AUDIO_RECORD_END});
}

static const uint32_t rates[] = {8000, 44100, 48000};

static void test_form(void)
{
    void *state = known(rates, 3, 1);
    CHECK(ends.session_count == 1 && ends.session[0].number == AUDIO_MICROPHONE);
    CHECK(ends.session[0].rate == 48000 && ends.session[0].channels == 1);
    audio_part.session_gone(state);
    CHECK(audio_part.session_there(state) == NULL && ends.session_count == 2);
    audio_part.close(state);
    state = known(rates, 2, 2);
    CHECK(ends.session[0].rate == 44100 && ends.session[0].channels == 2);
    audio_part.close(state);
    state = known(rates, 1, 1); /* none that we know: no microphone */
    CHECK(ends.session_count == 0);
    size_t before = ends.client_count;
    CHECK(record(state, true) == NULL && ends.client_count == before);
    audio_part.close(state);
}

static void test_record(void)
{
    static const uint8_t want[] = {OPEN, 0xC0, 3, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0, 0x80, 0xBB, 0, 0};
    void *state = known(rates, 3, 1);
    CHECK(sound(state, 4) != NULL); /* it is not open */
    CHECK(record(state, true) == NULL);
    CHECK(ends_last()->size == 27 && memcmp(ends_last()->data, want, sizeof(want)) == 0);
    CHECK(says(state, CHANGE, 2) == NULL && says(state, CHANGE, 1) != NULL);
    CHECK(says(state, REPLY, 0) == NULL && says(state, REPLY, 0) != NULL);
    size_t told = ends.session_count;
    CHECK(sound(state, 40002) == NULL);
    CHECK(ends.session_count == told + 3 && ends.session[told].size == AUDIO_SOUND_MOST);
    CHECK(ends.session[told + 2].size == 40002 - 2 * AUDIO_SOUND_MOST && ends.session[told].rate == 48000);
    CHECK(sound(state, 3) != NULL);
    CHECK(record(state, false) == NULL && ends.renewed == 1);
    CHECK(sound(state, 4) != NULL);
    /* And anew, while the new channel is on its way. */
    CHECK(record(state, true) == NULL && audio_part.client_there(state, 1) == NULL);
    CHECK(says(state, 1, 1) == NULL && formats(state, rates, 3, 1) == NULL && ends_last()->data[0] == OPEN);
    audio_part.session_gone(state);
    CHECK(ends.renewed == 2);
    audio_part.close(state);
}

static void test_refused(void)
{
    void *state = known(rates, 3, 1);
    CHECK(record(state, true) == NULL && says(state, REPLY, 0x80004005) == NULL);
    CHECK(sound(state, 4) != NULL);
    CHECK(record(state, false) == NULL && ends.renewed == 1); /* the next program tries again */
    audio_part.close(state);
}

static void test_order_and_cuts(void)
{
    static uint8_t data[9 + 3 * 18] = {2, 3, 0, 0, 0, 63, 0, 0, 0};
    ends_formats(data + 9, rates, 3, 1);
    void *state = ends_open(REDIRECT_CAPTURE);
    CHECK(says(state, 1, 1) != NULL && formats(state, rates, 3, 1) != NULL && says(state, REPLY, 0) != NULL);
    CHECK(audio_part.from_client(state, 1, data, 0) != NULL);
    CHECK(audio_part.client_there(state, 1) == NULL && says(state, 1, 1) == NULL);
    for (size_t cut = 0; cut < sizeof(data); cut++)
        CHECK(audio_part.from_client(state, 1, data, cut) != NULL);
    data[4] = 0xFF; /* four thousand million formats */
    CHECK(audio_part.from_client(state, 1, data, sizeof(data)) != NULL);
    data[4] = 0;
    CHECK(audio_part.from_client(state, 1, data, sizeof(data)) == NULL);
    CHECK(audio_part.from_client(state, 1, data, sizeof(data)) != NULL);
    static const uint8_t types[] = {1, REPLY, CHANGE};
    for (size_t i = 0; i < sizeof(types); i++) {
        for (size_t cut = 1; cut < 8; cut++) {
            uint8_t small[8] = {types[i]};
            CHECK(cut == 5 || audio_part.from_client(state, 1, small, cut) != NULL);
        }
    }
    CHECK(says(state, INCOMING, 0) != NULL && says(state, 8, 0) != NULL && says(state, 0, 0) != NULL);
    audio_part.close(state);
}

void test_microphone(void)
{
    test_form();
    test_record();
    test_refused();
    test_order_and_cuts();
}
