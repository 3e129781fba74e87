#include "redirect/audio-quiet.h"

#include <string.h>

#define FRAME_BYTES 4

static bool is_silent(const uint8_t *sound, size_t size)
{
    return size == 0 || (sound[0] == 0 && memcmp(sound, sound + 1, size - 1) == 0);
}

enum audio_heard audio_quiet_hear(struct audio_quiet *quiet, const void *sound, size_t size, uint32_t rate)
{
    if (!is_silent(sound, size)) {
        quiet->sounds = true;
        quiet->silent = 0;
        return AUDIO_HEARD_SOUND;
    }
    if (!quiet->sounds)
        return AUDIO_HEARD_NOTHING;
    quiet->silent += (uint32_t)(size / FRAME_BYTES);
    if ((uint64_t)quiet->silent * 1000 < (uint64_t)rate * AUDIO_QUIET_MS)
        return AUDIO_HEARD_SOUND;
    quiet->sounds = false;
    return AUDIO_HEARD_END;
}
