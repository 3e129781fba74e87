/* Tells sound from silence, so that nothing is sent while nothing is heard: a program that holds its stream
 * open sends zeros. Short silence is sound: the pause in a piece of music keeps its length. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUDIO_QUIET_MS 1000

struct audio_quiet {
    bool sounds;
    uint32_t silent; /* frames of silence since the last sound */
};

enum audio_heard {
    AUDIO_HEARD_SOUND,   /* to be sent */
    AUDIO_HEARD_END,     /* silence, and the first that is not to be sent */
    AUDIO_HEARD_NOTHING, /* not to be sent */
};

/* What the next `size` bytes are (16 bits, in stereo, of this rate), which count then. */
enum audio_heard audio_quiet_hear(struct audio_quiet *quiet, const void *sound, size_t size, uint32_t rate);
