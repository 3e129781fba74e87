/* The server's end of AUDIO_INPUT (MS-RDPEAI), without its channel. Which form the sound will have is settled
 * as soon as the client is there; the client's microphone is opened when a program of the session records,
 * and closed, by closing the channel, when none does any more. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rdp-front/sound-format.h"

struct redirect;
struct microphone;

/* `channel` of `redirect` is AUDIO_INPUT. What is recorded goes to the session as AUDIO_RECORDED
 * (rpc/audio.h). NULL: out of memory. */
struct microphone *microphone_new(struct redirect *redirect, unsigned channel);
void microphone_free(struct microphone *microphone);
/* The client is there, with a channel that is new. */
void microphone_start(struct microphone *microphone);
/* A message of the client's. Returns NULL, or what is wrong with it. */
const char *microphone_from_client(struct microphone *microphone, const uint8_t *data, size_t size);
/* The form of its sound; a rate of 0: there is no microphone (yet). */
struct sound_format microphone_format(const struct microphone *microphone);
/* Whether a program records. */
void microphone_record(struct microphone *microphone, bool record);
