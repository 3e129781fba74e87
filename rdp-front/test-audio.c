/* Playback with played ends: formats, training, quality, blocks and their confirmations, and what is dropped.
 */
#include "common/wire.h"
#include "rdp-front/playback.h"
#include "rdp-front/sound-pace.h"
#include "rdp-front/test-audio-ends.h"
#include "tests/check.h"

#define TRAINED              0x06
#define FORMATS              0x07
#define CONFIRM              0x05
#define QUALITY              0x0C
#define WAVE                 0x02
#define WAVE2                0x0D
#define CLOSE                0x01
#define FRAME_BYTES          4
#define BLOCK_MS             20
#define BLOCK_BYTES          (48000 / 1000 * BLOCK_MS * FRAME_BYTES)
#define STRANGE_FORMAT_BYTES 20

static const uint8_t silence[AUDIO_SOUND_MOST];

static size_t write_formats(uint8_t *data, uint32_t flags, unsigned version, const uint32_t *rates,
                            size_t count)
{
    struct wire_writer writer = wire_writer_over(data, 20);
    wire_put_u32(&writer, flags);
    wire_put_u32(&writer, 0xFFFFFFFF);
    wire_put_u32(&writer, 0);
    wire_put_u16(&writer, 0);
    wire_put_u16(&writer, (uint16_t)count);
    wire_put_u8(&writer, 0);
    wire_put_u16(&writer, (uint16_t)version);
    wire_put_u8(&writer, 0);
    return writer.used + ends_formats(data + writer.used, rates, count, 2);
}

static const char *formats(void *state, uint32_t flags, unsigned version, const uint32_t *rates, size_t count)
{
    static uint8_t data[20 + 1024 * 18];
    return ends_sndc(state, FORMATS, data, write_formats(data, flags, version, rates, count));
}

/* Answers the training that was sent last. */
static const char *train(void *state)
{
    const struct ends_message *training = ends_last();
    CHECK(training->size == 1024 && training->data[0] == TRAINED);
    return ends_sndc(state, TRAINED, training->data + 4, 4);
}

static const char *confirm(void *state, unsigned block)
{
    const uint8_t body[4] = {0, 0, (uint8_t)block, 0};
    return ends_sndc(state, CONFIRM, body, sizeof(body));
}

static const char *quality(void *state, unsigned mode)
{
    const uint8_t body[4] = {(uint8_t)mode, (uint8_t)(mode >> 8), 0, 0};
    return ends_sndc(state, QUALITY, body, sizeof(body));
}

static const uint32_t both[] = {44100, 48000};

/* A client with these rates that has been trained, and a session. */
static void *playing(unsigned version, const uint32_t *rates, size_t count)
{
    void *state = ends_open(REDIRECT_PLAYBACK);
    CHECK(audio_part.session_there(state) == NULL);
    CHECK(audio_part.client_there(state, 0) == NULL);
    CHECK(formats(state, 3, version, rates, count) == NULL);
    CHECK(train(state) == NULL);
    return state;
}

static const char *sound_of(void *state, uint32_t rate, size_t size)
{
    struct audio_message message = {AUDIO_SOUND, 2, rate, (uint32_t)ends.now_ms, silence, size};
    return ends_session(state, &message);
}

/* A block; returns its number, or -1: it was dropped. */
static int block(void *state)
{
    size_t before = ends.client_count;
    CHECK(sound_of(state, 48000, BLOCK_BYTES) == NULL);
    if (ends.client_count == before)
        return -1;
    const struct ends_message *wave = ends_last();
    CHECK(wave->data[0] == WAVE2 && wave->size == 16 + BLOCK_BYTES);
    return wave->data[8];
}

static void test_offer(void)
{
    static const uint8_t head[] = {7, 0, 74, 0, 0,   0, 0, 0, 0, 0, 0, 0, 0,    0,    0, 0,
                                   0, 0, 3,  0, 255, 8, 0, 0, 1, 0, 2, 0, 0x80, 0xBB, 0, 0};
    void *state = ends_open(REDIRECT_PLAYBACK);
    CHECK(audio_part.client_there(state, 0) == NULL);
    CHECK(ends_last()->size == 78 && memcmp(ends_last()->data, head, sizeof(head)) == 0);
    audio_part.close(state);
}

static void test_rates(void)
{
    static const struct {
        uint32_t rates[3];
        uint32_t want;
        size_t count;
    } cases[] = {
        {{44100, 48000}, 48000, 2}, {{44100}, 44100, 1}, {{22050}, 22050, 1}, {{0}, 0, 0}, {{96000}, 0, 1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        void *state = ends_open(REDIRECT_PLAYBACK);
        CHECK(audio_part.session_there(state) == NULL && audio_part.client_there(state, 0) == NULL);
        CHECK(formats(state, 1, 8, cases[i].rates, cases[i].count) == NULL);
        CHECK(cases[i].want == 0 ? ends_last()->data[0] == FORMATS : train(state) == NULL);
        CHECK(ends.session_count == (cases[i].want != 0));
        CHECK(cases[i].want == 0 ||
              (ends.session[0].number == AUDIO_PLAY && ends.session[0].rate == cases[i].want));
        CHECK(sound_of(state, 48000, 4) == NULL);
        CHECK((ends_last()->data[0] == WAVE2) == (cases[i].want == 48000));
        audio_part.close(state);
    }
}

/* A thousand formats, of which one is ours; others have bytes of their own behind them. */
static void test_many_formats(void)
{
    static uint8_t data[20 + 1000 * STRANGE_FORMAT_BYTES];
    static const uint32_t rate = 44100;
    void *state = ends_open(REDIRECT_PLAYBACK);
    CHECK(audio_part.session_there(state) == NULL && audio_part.client_there(state, 0) == NULL);
    size_t size = write_formats(data, 1, 8, NULL, 0);
    data[14] = 1000 & 0xFF;
    data[15] = 1000 >> 8;
    for (int i = 0; i < 999; i++) {
        size_t at = size;
        size += ends_formats(data + size, &rate, 1, 2);
        data[at] = 0x11; /* IMA ADPCM */
        data[at + 16] = 2;
        data[size++] = 1;
        data[size++] = 2;
    }
    size += ends_formats(data + size, &rate, 1, 2);
    CHECK(ends_sndc(state, FORMATS, data, size) == NULL);
    CHECK(train(state) == NULL);
    CHECK(ends.session_count == 1 && ends.session[0].rate == 44100);
    CHECK(sound_of(state, 44100, 4) == NULL);
    CHECK(ends_last()->data[0] == WAVE2 && ends_last()->data[6] == (999 & 0xFF) &&
          ends_last()->data[7] == 999 >> 8);
    audio_part.close(state);
}

/* Cut off at every length, or with a byte too many: refused, and nothing is sent for it. */
static void test_cuts(void)
{
    static uint8_t data[20 + 2 * 18 + 1];
    size_t whole = write_formats(data, 1, 8, both, 2);
    for (size_t cut = 0; cut <= whole + 1; cut++) {
        void *state = ends_open(REDIRECT_PLAYBACK);
        CHECK(audio_part.client_there(state, 0) == NULL);
        CHECK((ends_sndc(state, FORMATS, data, cut) == NULL) == (cut == whole));
        CHECK(ends.client_count == (cut == whole ? 2 : 1));
        audio_part.close(state);
    }
    static const unsigned small[] = {TRAINED, CONFIRM, QUALITY};
    for (size_t i = 0; i < 3; i++) {
        for (size_t cut = 0; cut < 8; cut++) {
            void *state = playing(8, both, 2);
            if (cut != 4)
                CHECK(ends_sndc(state, small[i], data, cut) != NULL);
            audio_part.close(state);
        }
    }
    void *state = playing(8, both, 2);
    static const uint8_t heads[][5] = {{5, 0, 5, 0, 0}, {5, 0, 0, 0, 0}, {5, 0, 4}, {5}, {14, 0, 0, 0}};
    static const size_t sizes[] = {5, 5, 3, 1, 4};
    for (size_t i = 0; i < 5; i++)
        CHECK(audio_part.from_client(state, 0, heads[i], sizes[i]) != NULL);
    audio_part.close(state);
}

/* What is said at the wrong time, or of nothing that was asked. */
static void test_order(void)
{
    static const uint8_t answer[4] = {1, 0, 0, 4};
    void *state = ends_open(REDIRECT_PLAYBACK);
    CHECK(formats(state, 1, 8, both, 2) != NULL);
    CHECK(quality(state, 2) != NULL);
    CHECK(audio_part.client_there(state, 0) == NULL);
    CHECK(ends_sndc(state, TRAINED, answer, 4) != NULL);
    CHECK(formats(state, 1, 5, both, 2) == NULL);
    CHECK(quality(state, 2) != NULL); /* a client of version 5 has none */
    CHECK(ends_sndc(state, TRAINED, answer, 4) != NULL);
    CHECK(sound_of(state, 48000, 4) == NULL && ends_last()->data[0] == TRAINED); /* not yet */
    CHECK(train(state) == NULL);
    CHECK(ends_sndc(state, TRAINED, answer, 4) != NULL);
    CHECK(formats(state, 1, 8, both, 2) != NULL);
    audio_part.close(state);
    state = playing(8, both, 2);
    CHECK(quality(state, 3) != NULL && quality(state, 65535) != NULL && quality(state, 0) == NULL);
    audio_part.close(state);
}

static void test_deaf_client(void)
{
    void *state = ends_open(REDIRECT_PLAYBACK);
    CHECK(audio_part.session_there(state) == NULL && audio_part.client_there(state, 0) == NULL);
    CHECK(formats(state, 2, 8, both, 2) == NULL); /* its volume can be set, but it cannot play */
    CHECK(ends.client_count == 1 && ends.session_count == 0);
    CHECK(sound_of(state, 48000, BLOCK_BYTES) == NULL && ends.client_count == 1);
    audio_part.close(state);
}

/* Block numbers go round, and what is confirmed makes room. */
static void test_blocks(void)
{
    void *state = playing(8, both, 2);
    for (int i = 0; i < 600; i++) {
        CHECK(block(state) == i % 256);
        ends.now_ms += BLOCK_MS;
        CHECK(confirm(state, (unsigned)i % 256) == NULL);
    }
    CHECK(block(state) == 600 % 256);
    for (unsigned wrong = 0; wrong < 256; wrong++) /* others than the one on its way tell nothing */
        CHECK(wrong == 600 % 256 || confirm(state, wrong) == NULL);
    ends.now_ms += SOUND_PACE_LATE + BLOCK_MS + 1;
    CHECK(block(state) == -1);
    CHECK(confirm(state, 600 % 256) == NULL && confirm(state, 600 % 256) == NULL);
    CHECK(block(state) == 601 % 256);
    audio_part.close(state);
}

/* For a client before version 8 a block is two messages. */
static void test_old_client(void)
{
    static const uint8_t want[] = {WAVE, 0, 16 + 8, 0};
    void *state = playing(6, both, 2);
    size_t before = ends.client_count;
    uint8_t sound[16] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct audio_message message = {AUDIO_SOUND, 2, 48000, (uint32_t)ends.now_ms, sound, sizeof(sound)};
    CHECK(ends_session(state, &message) == NULL);
    CHECK(ends.client_count == before + 2);
    const struct ends_message *info = &ends.client[before], *rest = &ends.client[before + 1];
    CHECK(info->size == 16 && memcmp(info->data, want, 4) == 0 && info->data[6] == 1);
    CHECK(memcmp(info->data + 12, sound, 4) == 0);
    CHECK(rest->size == 16 && memcmp(rest->data, "\0\0\0\0", 4) == 0 &&
          memcmp(rest->data + 4, sound + 4, 12) == 0);
    audio_part.close(state);
}

/* A client that confirms nothing is sent what is sent before anything is known, and no more. */
static void test_never_confirms(void)
{
    void *state = playing(8, both, 2);
    int sent = 0;
    for (int i = 0; i < 100; i++, ends.now_ms += BLOCK_MS)
        sent += block(state) >= 0;
    CHECK(sent * BLOCK_MS <= SOUND_PACE_FIRST && sent * BLOCK_MS > SOUND_PACE_FIRST / 2);
    audio_part.close(state);
}

/* Sound that has waited on its way here is dropped. */
static void test_stale(void)
{
    void *state = playing(8, both, 2);
    size_t before = ends.client_count;
    struct audio_message message = {
        AUDIO_SOUND, 2, 48000, (uint32_t)ends.now_ms - PLAYBACK_STALE - 1, silence, BLOCK_BYTES};
    CHECK(ends_session(state, &message) == NULL && ends.client_count == before);
    message.time += 1;
    CHECK(ends_session(state, &message) == NULL && ends.client_count == before + 1);
    message.time = (uint32_t)ends.now_ms + 1; /* of tomorrow */
    CHECK(ends_session(state, &message) == NULL && ends.client_count == before + 1);
    audio_part.close(state);
}

/* Where the client leaves the quality to us, a slow line gets less, until it is quiet. */
static void test_dynamic_quality(void)
{
    static const uint32_t all[] = {48000, 44100, 22050};
    for (unsigned mode = 0; mode <= 2; mode += 2) {
        void *state = playing(8, all, 3);
        CHECK(quality(state, mode) == NULL);
        CHECK(ends.session_count == 1 && ends.session[0].rate == 48000);
        for (int i = 0; i < PLAYBACK_SLOW_TIMES; i++) {
            int number = block(state);
            CHECK(number >= 0);
            ends.now_ms += i == 0 ? 1 : SOUND_PACE_LATE + 2;
            if (i == 0) { /* what a confirmation takes */
                CHECK(confirm(state, (unsigned)number) == NULL);
                number = block(state);
                ends.now_ms += SOUND_PACE_LATE + 2;
            }
            CHECK(block(state) == -1);
            /* none before it was unconfirmed: what this one took is what the line takes now */
            CHECK(confirm(state, (unsigned)number) == NULL);
            number = block(state);
            ends.now_ms += 1;
            CHECK(confirm(state, (unsigned)number) == NULL);
        }
        CHECK(ends.session_count == (mode == 0 ? 2 : 1));
        CHECK(mode != 0 || ends.session[1].rate == 22050);
        CHECK(ends_session(state, &(struct audio_message){.number = AUDIO_QUIET}) == NULL);
        CHECK(ends.session_count == (mode == 0 ? 3 : 1) &&
              ends.session[ends.session_count - 1].rate == 48000);
        audio_part.close(state);
    }
    void *state = playing(8, all, 3);
    CHECK(quality(state, 1) == NULL && ends.session[ends.session_count - 1].rate == 22050); /* medium */
    audio_part.close(state);
}

static void test_close(void)
{
    static const uint8_t want[] = {CLOSE, 0, 0, 0};
    void *state = playing(8, both, 2);
    size_t before = ends.client_count;
    CHECK(ends_session(state, &(struct audio_message){.number = AUDIO_QUIET}) == NULL);
    CHECK(ends.client_count == before); /* nothing had been played */
    CHECK(block(state) == 0);
    CHECK(ends_session(state, &(struct audio_message){.number = AUDIO_QUIET}) == NULL);
    CHECK(ends_last()->size == 4 && memcmp(ends_last()->data, want, 4) == 0);
    CHECK(block(state) == 1);
    audio_part.session_gone(state);
    CHECK(ends_last()->size == 4);
    size_t told = ends.session_count; /* a new one is told anew */
    CHECK(audio_part.session_there(state) == NULL && ends.session_count == told + 1);
    audio_part.close(state);
}

/* The session's program is the user's own: what it may not say, and what is no message, ends the kind. */
static void test_session(void)
{
    uint8_t packet[AUDIO_PACKET_MOST + 4] = {0};
    struct audio_message sound = {AUDIO_SOUND, 2, 48000, 0, silence, 64};
    size_t size = audio_message_write(&sound, packet);
    void *state = playing(8, both, 2);
    for (size_t cut = 0; cut < size; cut++) {
        bool whole_frames = cut > 10 && (cut - 10) % 4 == 0;
        CHECK((audio_part.from_session(state, packet, cut) == NULL) == whole_frames);
    }
    static const size_t bytes[] = {0, 1, 4, 5}; /* of number, channels, rate */
    for (size_t i = 0; i < 4; i++) {
        packet[bytes[i]] ^= 0xFF;
        CHECK(audio_part.from_session(state, packet, size) != NULL);
        packet[bytes[i]] ^= 0xFF;
    }
    CHECK(audio_part.from_session(state, packet, 10 + AUDIO_SOUND_MOST) == NULL);
    CHECK(audio_part.from_session(state, packet, 10 + AUDIO_SOUND_MOST + 4) != NULL);
    CHECK(ends_session(state, &(struct audio_message){.number = AUDIO_PLAY, .rate = 48000}) != NULL);
    CHECK(ends_session(state, &(struct audio_message){.number = AUDIO_QUIET, .time = 1}) != NULL);
    CHECK(ends_session(state, &(struct audio_message){.number = AUDIO_UNABLE}) != NULL);
    CHECK(ends_session(state, &(struct audio_message){.number = AUDIO_RECORD}) != NULL);
    audio_part.close(state);
    state = ends_open(REDIRECT_CAPTURE);
    CHECK(sound_of(state, 48000, 4) != NULL);
    CHECK(ends_session(state, &(struct audio_message){.number = AUDIO_QUIET}) != NULL);
    audio_part.close(state);
}

int main(void)
{
    test_offer();
    test_rates();
    test_many_formats();
    test_cuts();
    test_order();
    test_deaf_client();
    test_blocks();
    test_old_client();
    test_never_confirms();
    test_stale();
    test_dynamic_quality();
    test_close();
    test_session();
    test_microphone();
    return 0;
}
