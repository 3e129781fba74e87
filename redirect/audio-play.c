#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "redirect/audio-server.h"
#include "redirect/audio-state.h"

#define FRAME_BYTES 4
#define BLOCK_MS    20

/* The server hands out blocks of BLOCK_MS; larger ones, after it was late, in pieces. */
static void sound_send(struct audio *audio, const uint8_t *sound, size_t size)
{
    static const uint8_t silence[AUDIO_SOUND_MOST];
    struct audio_message message = {
        .number = AUDIO_SOUND, .channels = 2, .rate = audio->rate, .time = (uint32_t)clock_monotonic_ms()};
    while (size >= FRAME_BYTES) {
        message.size = size < AUDIO_SOUND_MOST ? size - size % FRAME_BYTES : AUDIO_SOUND_MOST;
        message.sound = sound != NULL ? sound : silence; /* a hole */
        enum audio_heard heard = audio_quiet_hear(&audio->quiet, message.sound, message.size, audio->rate);
        if (heard == AUDIO_HEARD_SOUND)
            audio_tell(audio, &message);
        else if (heard == AUDIO_HEARD_END)
            audio_tell(audio, &(struct audio_message){.number = AUDIO_QUIET});
        sound = sound != NULL ? sound + message.size : NULL;
        size -= message.size;
    }
}

/* pulseaudio puts the sink to sleep, and us with it, when nobody plays; pipewire would hand out silence for
 * ever. */
static void rest(struct audio *audio)
{
    bool rests = audio->wakeful && !audio->played && !audio->quiet.sounds;
    if (audio->stream == NULL || rests == audio->rests ||
        pa_stream_get_state(audio->stream) != PA_STREAM_READY)
        return;
    audio->rests = rests;
    audio_asked(audio, pa_stream_cork(audio->stream, rests, NULL, NULL));
}

static void on_sink_input(pa_context *context, const pa_sink_input_info *input, int end, void *user)
{
    (void)context;
    struct audio *audio = user;
    if (input != NULL) {
        audio->asked_played |= !input->corked;
        return;
    }
    if (end > 0)
        audio->played = audio->asked_played;
    audio->asked_played = false; /* answers come one after the other */
    rest(audio);
}

void audio_play_event(struct audio *audio)
{
    audio_asked(audio, pa_context_get_sink_input_info_list(audio->context, on_sink_input, audio));
}

static void on_read(pa_stream *stream, size_t bytes, void *user)
{
    (void)bytes;
    const void *data;
    size_t size;
    while (pa_stream_readable_size(stream) > 0 && pa_stream_peek(stream, &data, &size) == 0 && size > 0) {
        sound_send(user, data, size);
        pa_stream_drop(stream);
    }
    rest(user);
}

static void on_suspended(pa_stream *stream, void *user)
{
    struct audio *audio = user;
    if (pa_stream_is_suspended(stream) == 1 && audio->quiet.sounds) {
        audio->quiet = (struct audio_quiet){0};
        audio_tell(audio, &(struct audio_message){.number = AUDIO_QUIET});
    }
}

static void on_state(pa_stream *stream, void *user)
{
    struct audio *audio = user;
    if (pa_stream_get_state(stream) != PA_STREAM_FAILED || stream != audio->stream ||
        pa_context_get_state(audio->context) != PA_CONTEXT_READY)
        return; /* the end of the context says the rest */
    log_error(NULL, "the sink cannot be listened to: %s", pa_strerror(pa_context_errno(audio->context)));
    audio_end(audio, 1);
}

static void stream_end(struct audio *audio)
{
    if (audio->stream == NULL)
        return;
    pa_stream_set_read_callback(audio->stream, NULL, NULL);
    pa_stream_set_state_callback(audio->stream, NULL, NULL);
    pa_stream_set_suspended_callback(audio->stream, NULL, NULL);
    pa_stream_disconnect(audio->stream);
    pa_stream_unref(audio->stream);
    audio->stream = NULL;
    audio->rests = false;
}

void audio_play(struct audio *audio)
{
    pa_sample_spec form = {.format = PA_SAMPLE_S16LE, .rate = audio->rate, .channels = 2};
    pa_buffer_attr buffer = {.maxlength = UINT32_MAX,
                             .fragsize = audio->rate * BLOCK_MS / 1000 * FRAME_BYTES};
    stream_end(audio);
    audio->stream = pa_stream_new(audio->context, "to the client", &form, NULL);
    if (audio->stream == NULL) {
        audio_end(audio, 1);
        return;
    }
    pa_stream_set_read_callback(audio->stream, on_read, audio);
    pa_stream_set_state_callback(audio->stream, on_state, audio);
    pa_stream_set_suspended_callback(audio->stream, on_suspended, audio);
    if (pa_stream_connect_record(audio->stream, AUDIO_SINK_NAME ".monitor", &buffer,
                                 PA_STREAM_ADJUST_LATENCY | PA_STREAM_DONT_MOVE |
                                     PA_STREAM_DONT_INHIBIT_AUTO_SUSPEND) < 0)
        audio_end(audio, 1);
}
