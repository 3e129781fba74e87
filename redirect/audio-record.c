#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/packet.h"
#include "redirect/audio-state.h"

#define SOURCE_NAME "lodge-microphone"
/* What the source has not read yet, in the FIFO: beyond that, new sound is dropped. */
#define FIFO_BYTES 16384

static bool fifo_path(char *path_r, size_t size)
{
    const char *folder = getenv("XDG_RUNTIME_DIR");
    return folder != NULL && (size_t)snprintf(path_r, size, "%s/" SOURCE_NAME, folder) < size;
}

/* Sound that nobody has recorded is not to be heard by the next one. */
static void fifo_empty(struct audio *audio)
{
    uint8_t old[4096];
    while (read(audio->fifo, old, sizeof(old)) > 0)
        ;
}

static void on_source(pa_context *context, const pa_source_info *source, int end, void *user)
{
    (void)context, (void)end;
    struct audio *audio = user;
    if (source == NULL)
        return;
    bool recording = source->state == PA_SOURCE_RUNNING;
    if (recording == audio->recording)
        return;
    audio->recording = recording;
    if (!recording)
        fifo_empty(audio);
    audio_tell(audio, &(struct audio_message){.number = recording ? AUDIO_RECORD : AUDIO_RECORD_END});
}

void audio_record_event(struct audio *audio)
{
    if (audio->fifo >= 0)
        audio_asked(audio, pa_context_get_source_info_by_name(audio->context, SOURCE_NAME, on_source, audio));
}

static void source_there(struct audio *audio)
{
    char path[256] = "";
    struct stat status;
    if (fifo_path(path, sizeof(path)))
        audio->fifo = open(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (audio->fifo >= 0 && (fstat(audio->fifo, &status) != 0 || !S_ISFIFO(status.st_mode)))
        close_descriptor(&audio->fifo);
    if (audio->fifo < 0) {
        log_error(NULL, "%s is not the source's FIFO", path);
        return; /* the session can be heard all the same */
    }
    fcntl(audio->fifo, F_SETPIPE_SZ, FIFO_BYTES);
    fifo_empty(audio);
    audio_asked(audio, pa_context_set_default_source(audio->context, SOURCE_NAME, NULL, NULL));
    audio_record_event(audio);
}

static void on_module(pa_context *context, uint32_t index, void *user)
{
    if (index != PA_INVALID_INDEX)
        source_there(user);
    else
        log_error(NULL, "the sound server has no source for us: %s", pa_strerror(pa_context_errno(context)));
}

static void source_load(struct audio *audio)
{
    char path[256], arguments[512];
    if (!fifo_path(path, sizeof(path)))
        return;
    snprintf(arguments, sizeof(arguments),
             "source_name=" SOURCE_NAME " file=\"%s\" format=s16le rate=%u channels=%u "
             "source_properties=\"device.description='Lodge microphone'\"",
             path, audio->form.rate, audio->form.channels);
    audio_asked(audio,
                pa_context_load_module(audio->context, "module-pipe-source", arguments, on_module, audio));
}

static void on_unloaded(pa_context *context, int good, void *user)
{
    (void)context, (void)good;
    source_load(user);
}

/* One that an earlier client had, and that programs may still record from, stays where its form is that of
 * this client's microphone. */
static void on_old_source(pa_context *context, const pa_source_info *source, int end, void *user)
{
    struct audio *audio = user;
    if (source != NULL) {
        audio->module = source->owner_module;
        audio->fits = source->sample_spec.rate == audio->form.rate &&
                      source->sample_spec.channels == audio->form.channels;
    } else if (end != 0 && audio->fits) {
        source_there(audio);
    } else if (end != 0 && audio->module != PA_INVALID_INDEX) {
        audio_asked(audio, pa_context_unload_module(context, audio->module, on_unloaded, audio));
    } else if (end != 0) {
        source_load(audio);
    }
}

void audio_record(struct audio *audio)
{
    close_descriptor(&audio->fifo);
    audio->module = PA_INVALID_INDEX;
    audio->recording = audio->fits = false;
    audio_asked(audio, pa_context_get_source_info_by_name(audio->context, SOURCE_NAME, on_old_source, audio));
}

/* In pieces that a pipe takes wholly or not at all: half a frame would be noise from then on. */
void audio_record_sound(struct audio *audio, const struct audio_message *message)
{
    if (audio->fifo < 0 || !audio->recording || message->rate != audio->form.rate ||
        message->channels != audio->form.channels)
        return;
    for (size_t at = 0; at < message->size; at += PIPE_BUF) {
        size_t left = message->size - at;
        if (write(audio->fifo, message->sound + at, left < PIPE_BUF ? left : PIPE_BUF) < 0)
            return; /* full: the source is not read from */
    }
}
