/* AUDIO_FORMAT, by which rdpsnd (MS-RDPEA 2.2.2.1.1) and AUDIO_INPUT (MS-RDPEAI 2.2.2.2) name how sound is
 * written. Lodge speaks PCM of 16 bits. */
#pragma once

#include "common/wire.h"

#define SOUND_FORMAT_BYTES 18

struct sound_format {
    uint8_t channels;
    uint32_t rate; /* in Hz */
};

void sound_format_write(struct wire_writer *writer, struct sound_format format);
/* Reads `count` formats and finds each of `ours` among them: its index goes into index_r[i], or -1. False:
 * they are cut off. */
bool sound_formats_read(struct wire_reader *reader, uint32_t count, const struct sound_format *ours,
                        size_t our_count, int *index_r);
