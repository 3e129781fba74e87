/* Redirection of audio (redirect.h): rdpsnd and AUDIO_INPUT of the client, and lodge-audio in the session. */
#pragma once

#include "rdp-front/redirect.h"

extern const struct redirect_part audio_part;
/* The same by a clock of the caller's, for tests. */
void *audio_open_by(struct redirect *redirect, uint32_t bits, int64_t (*now_ms)(void));
