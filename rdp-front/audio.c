#include "rdp-front/audio.h"

#include <stdlib.h>

#include "common/clock.h"
#include "rdp-front/microphone.h"
#include "rdp-front/playback.h"
#include "rpc/audio.h"

#define CHANNEL_PLAYBACK   0
#define CHANNEL_MICROPHONE 1
#define CLIENT_MOST        65536

struct audio {
    struct redirect *redirect;
    uint32_t bits;
    struct playback *playback;
    struct microphone *microphone;
    bool session;         /* lodge-audio is there */
    uint32_t rate_told;   /* as AUDIO_PLAY */
    bool microphone_told; /* as AUDIO_MICROPHONE */
};

static void audio_close(void *state)
{
    struct audio *audio = state;
    if (audio == NULL)
        return;
    playback_free(audio->playback);
    microphone_free(audio->microphone);
    free(audio);
}

void *audio_open_by(struct redirect *redirect, uint32_t bits, int64_t (*now_ms)(void))
{
    struct audio *audio = calloc(1, sizeof(*audio));
    if (audio == NULL)
        return NULL;
    audio->redirect = redirect;
    audio->bits = bits;
    audio->playback = playback_new(redirect, CHANNEL_PLAYBACK, now_ms);
    audio->microphone = microphone_new(redirect, CHANNEL_MICROPHONE);
    if (audio->playback != NULL && audio->microphone != NULL)
        return audio;
    audio_close(audio);
    return NULL;
}

static void *audio_open(struct redirect *redirect, uint32_t bits)
{
    return audio_open_by(redirect, bits, clock_monotonic_ms);
}

static void tell(struct audio *audio, enum audio_number number, struct sound_format format)
{
    uint8_t packet[AUDIO_PACKET_MOST];
    struct audio_message message = {.number = number, .channels = format.channels, .rate = format.rate};
    redirect_to_session(audio->redirect, packet, audio_message_write(&message, packet));
}

/* Tells lodge-audio what it does not know of the client yet. */
static void tell_session(struct audio *audio)
{
    uint32_t rate = playback_rate(audio->playback);
    struct sound_format format = microphone_format(audio->microphone);
    if (!audio->session)
        return;
    if (rate != 0 && rate != audio->rate_told)
        tell(audio, AUDIO_PLAY, (struct sound_format){0, rate});
    if (format.rate != 0 && !audio->microphone_told)
        tell(audio, AUDIO_MICROPHONE, format);
    audio->rate_told = rate;
    audio->microphone_told = format.rate != 0;
}

static const char *audio_client_there(void *state, unsigned channel)
{
    struct audio *audio = state;
    if (channel == CHANNEL_PLAYBACK)
        playback_start(audio->playback);
    else
        microphone_start(audio->microphone);
    return NULL;
}

static const char *audio_from_client(void *state, unsigned channel, const uint8_t *data, size_t size)
{
    struct audio *audio = state;
    const char *problem = channel == CHANNEL_PLAYBACK ? playback_from_client(audio->playback, data, size)
                                                      : microphone_from_client(audio->microphone, data, size);
    if (problem == NULL)
        tell_session(audio);
    return problem;
}

static const char *audio_session_there(void *state)
{
    struct audio *audio = state;
    audio->session = true;
    audio->rate_told = 0;
    audio->microphone_told = false;
    tell_session(audio);
    return NULL;
}

static void audio_session_gone(void *state)
{
    struct audio *audio = state;
    audio->session = false;
    playback_quiet(audio->playback);
    microphone_record(audio->microphone, false);
}

static const char *audio_from_session(void *state, const uint8_t *data, size_t size)
{
    struct audio *audio = state;
    struct audio_message message;
    const char *problem = audio_message_read(data, size, false, &message);
    if (problem != NULL)
        return problem;
    bool recording = message.number == AUDIO_RECORD || message.number == AUDIO_RECORD_END;
    if (message.number == AUDIO_UNABLE)
        return "the session has no sound server: pulseaudio, or pipewire with wireplumber and "
               "pipewire-pulse, "
               "is to be installed";
    if ((audio->bits & (recording ? REDIRECT_CAPTURE : REDIRECT_PLAYBACK)) == 0)
        return "the session sends what is not allowed";
    if (message.number == AUDIO_SOUND)
        playback_sound(audio->playback, message.rate, message.time, message.sound, message.size);
    else if (message.number == AUDIO_QUIET)
        playback_quiet(audio->playback);
    else
        microphone_record(audio->microphone, message.number == AUDIO_RECORD);
    tell_session(audio); /* the rate may be another now */
    return NULL;
}

const struct redirect_part audio_part = {
    .channels = {[CHANNEL_PLAYBACK] = {"rdpsnd", false, REDIRECT_PLAYBACK},
                 [CHANNEL_MICROPHONE] = {"AUDIO_INPUT", true, REDIRECT_CAPTURE}},
    .client_most = CLIENT_MOST,
    .open = audio_open,
    .close = audio_close,
    .client_there = audio_client_there,
    .from_client = audio_from_client,
    .session_there = audio_session_there,
    .session_gone = audio_session_gone,
    .from_session = audio_from_session,
};
