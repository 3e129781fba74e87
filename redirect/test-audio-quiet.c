#include "redirect/audio-quiet.h"
#include "tests/check.h"

#define RATE  48000
#define BLOCK (RATE / 50 * 4)

int main(void)
{
    static uint8_t sound[BLOCK], silence[BLOCK];
    struct audio_quiet quiet = {0};
    sound[BLOCK - 1] = 1;
    CHECK(audio_quiet_hear(&quiet, silence, BLOCK, RATE) == AUDIO_HEARD_NOTHING);
    for (int round = 0; round < 3; round++) {
        CHECK(audio_quiet_hear(&quiet, sound, BLOCK, RATE) == AUDIO_HEARD_SOUND);
        for (int i = 0; i < 49; i++) /* a pause */
            CHECK(audio_quiet_hear(&quiet, silence, BLOCK, RATE) == AUDIO_HEARD_SOUND);
        CHECK(audio_quiet_hear(&quiet, sound, BLOCK, RATE) == AUDIO_HEARD_SOUND);
        for (int i = 0; i < 49; i++)
            CHECK(audio_quiet_hear(&quiet, silence, BLOCK, RATE) == AUDIO_HEARD_SOUND);
        CHECK(audio_quiet_hear(&quiet, silence, BLOCK, RATE) == AUDIO_HEARD_END);
        for (int i = 0; i < 100; i++)
            CHECK(audio_quiet_hear(&quiet, silence, BLOCK, RATE) == AUDIO_HEARD_NOTHING);
    }
    /* A single sample, anywhere. */
    for (size_t at = 0; at < BLOCK; at += 97) {
        uint8_t one[BLOCK] = {0};
        one[at] = 0x80;
        quiet = (struct audio_quiet){0};
        CHECK(audio_quiet_hear(&quiet, one, BLOCK, RATE) == AUDIO_HEARD_SOUND);
    }
    return 0;
}
