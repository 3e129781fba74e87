/* lodge-audio --redirect BITS: the sound of a session for the client of one worker, which is at descriptor 0
 * (rpc/audio.h). What programs play goes to a sink without hardware, whose monitor is sent to the client. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/packet.h"
#include "common/redirect.h"
#include "redirect/audio-state.h"

#define FAILED 1

void audio_tell(struct audio *audio, const struct audio_message *message)
{
    uint8_t packet[AUDIO_PACKET_MOST];
    packet_send(audio->worker, packet, audio_message_write(message, packet), NULL, 0);
}

void audio_end(struct audio *audio, int status)
{
    audio->api->quit(audio->api, status);
}

static void on_play(struct audio *audio, const struct audio_message *message)
{
    if (message->rate == audio->rate)
        return;
    audio->rate = message->rate;
    if (audio->ready)
        audio_play(audio);
    else
        audio_connect(audio);
}

static void on_microphone(struct audio *audio, const struct audio_message *message)
{
    audio->form = *message;
    if (audio->ready)
        audio_record(audio);
    else
        audio_connect(audio);
}

static const struct {
    enum audio_number number;
    uint32_t bits;
    void (*handle)(struct audio *audio, const struct audio_message *message);
} handlers[] = {{AUDIO_PLAY, REDIRECT_PLAYBACK, on_play},
                {AUDIO_MICROPHONE, REDIRECT_CAPTURE, on_microphone},
                {AUDIO_RECORDED, REDIRECT_CAPTURE, audio_record_sound}};

static void on_worker(pa_mainloop_api *api, pa_io_event *event, int fd, pa_io_event_flags_t what, void *user)
{
    (void)api, (void)event, (void)what;
    struct audio *audio = user;
    uint8_t packet[AUDIO_PACKET_MOST];
    struct audio_message message;
    size_t none = 0;
    ssize_t got = packet_receive(fd, packet, sizeof(packet), NULL, &none);
    if (got == -EAGAIN)
        return;
    const char *problem = got > 0 ? audio_message_read(packet, (size_t)got, true, &message) : NULL;
    if (problem != NULL)
        log_error(NULL, "from the worker: %s", problem);
    if (got <= 0 || problem != NULL) {
        audio_end(audio, got == 0 || got == -ECONNRESET ? 0 : FAILED);
        return;
    }
    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        if (handlers[i].number == message.number && handlers[i].bits & audio->bits)
            handlers[i].handle(audio, &message);
    }
}

/* Nothing is to be put in order: the kernel takes back what there is, and the sound server sees it. */
static void on_term(int number)
{
    (void)number;
    _exit(0);
}

static int serve(uint32_t bits)
{
    struct audio audio = {.bits = bits, .module = PA_INVALID_INDEX, .fifo = -1};
    int status = FAILED;
    audio.loop = pa_mainloop_new();
    if (audio.loop == NULL) {
        log_error(NULL, "out of memory");
        return FAILED;
    }
    audio.api = pa_mainloop_get_api(audio.loop);
    if (audio.api->io_new(audio.api, audio.worker, PA_IO_EVENT_INPUT | PA_IO_EVENT_HANGUP, on_worker,
                          &audio) != NULL)
        pa_mainloop_run(audio.loop, &status);
    return status;
}

int main(int argc, char **argv)
{
    log_start("lodge-audio", LOG_LEVEL_INFO);
    char *end = NULL;
    unsigned long bits = argc == 3 && strcmp(argv[1], "--redirect") == 0 ? strtoul(argv[2], &end, 10) : 0;
    if (bits == 0 || bits > REDIRECT_ALL || *end != '\0') {
        fprintf(stderr, "usage: lodge-audio --redirect BITS, with a worker's socket as its standard input\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, on_term);
    return serve((uint32_t)bits);
}
