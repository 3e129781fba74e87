/* The audio part between two ends that say anything: what it says to them is bounded, and right. */
#include <string.h>

#include "rdp-front/audio.h"
#include "rpc/audio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t clock_ms;

static int64_t now_ms(void)
{
    return clock_ms;
}

void redirect_to_client(struct redirect *redirect, unsigned channel, const void *data, size_t size)
{
    (void)redirect, (void)data;
    if (channel >= REDIRECT_CHANNELS || size == 0 || size > AUDIO_SOUND_MOST + 1024)
        __builtin_trap();
}

void redirect_to_session(struct redirect *redirect, const void *data, size_t size)
{
    struct audio_message message;
    (void)redirect;
    if (audio_message_read(data, size, true, &message) != NULL)
        __builtin_trap();
}

void redirect_channel_renew(struct redirect *redirect, unsigned channel)
{
    (void)redirect;
    if (channel != 1)
        __builtin_trap();
}

/* The input is a row of messages: what happens, two bytes of size, so many bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    clock_ms = 0;
    void *state = audio_open_by(NULL, REDIRECT_PLAYBACK | REDIRECT_CAPTURE, now_ms);
    const char *problem = NULL;
    while (problem == NULL && size >= 3) {
        unsigned what = data[0] % 6;
        size_t length = data[1] | (size_t)data[2] << 8;
        data += 3;
        size -= 3;
        length = length < size ? length : size;
        clock_ms += (int64_t)length % 50;
        if (what < 2)
            problem = audio_part.from_client(state, what, data, length);
        else if (what == 2)
            problem = audio_part.from_session(state, data, length);
        else if (what == 3)
            problem = audio_part.session_there(state);
        else if (what == 4)
            audio_part.session_gone(state);
        else
            problem = audio_part.client_there(state, (unsigned)length % 2);
        data += length;
        size -= length;
    }
    audio_part.close(state);
    return 0;
}
