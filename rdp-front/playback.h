/* The server's end of rdpsnd (MS-RDPEA), without its channel: what the client says goes in, and PCM.
 *
 * Sound is not queued. What comes too late, or while the client has yet to confirm too much, is dropped: the
 * sound that is heard is the one of now (sound-pace.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rdp-front/sound-format.h"

struct redirect;
struct playback;

/* Sound that is so old (ms) when it comes is dropped. */
#define PLAYBACK_STALE 150
/* A line is slow when dropping began so often within so many ms. */
#define PLAYBACK_SLOW_TIMES  3
#define PLAYBACK_SLOW_WINDOW 10000

/* `channel` of `redirect` is rdpsnd; `now_ms` the clock (clock_monotonic_ms). NULL: out of memory. */
struct playback *playback_new(struct redirect *redirect, unsigned channel, int64_t (*now_ms)(void));
void playback_free(struct playback *playback);
/* The client is there: it is told what it may be sent. */
void playback_start(struct playback *playback);
/* A message of the client's. Returns NULL, or what is wrong with it. */
const char *playback_from_client(struct playback *playback, const uint8_t *data, size_t size);
/* The rate that the client is to be sent now; 0: nothing can be sent (yet). It may be another after each
 * message and each sound. */
uint32_t playback_rate(const struct playback *playback);
/* Sound in stereo of this rate, whose first sample is of `time` (AUDIO_SOUND of rpc/audio.h). Nothing
 * happens where the client has no such format. */
void playback_sound(struct playback *playback, uint32_t rate, uint32_t time, const uint8_t *sound,
                    size_t size);
/* Nothing plays any more. */
void playback_quiet(struct playback *playback);
