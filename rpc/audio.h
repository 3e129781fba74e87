/* What the worker and lodge-audio in the session say to each other: one packet each, on the socket pair that
 * the display agent made for them. Sound is PCM of 16 bits, little-endian. Little-endian fields:
 *
 *   number u8 | channels u8 | rate u32, in Hz | time u32 | sound
 *
 * A field that a message does not have is 0. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one packet holds of sound, and a packet at most. */
#define AUDIO_SOUND_MOST  16384
#define AUDIO_PACKET_MOST (10 + AUDIO_SOUND_MOST)
#define AUDIO_RATE_LEAST  8000
#define AUDIO_RATE_MOST   48000

enum audio_number {
    /* From the worker. */
    AUDIO_PLAY = 1,       /* rate: what the session plays is wanted, in stereo, as SOUND of this rate */
    AUDIO_MICROPHONE = 2, /* channels, rate: the client has a microphone, whose sound will be of this form */
    AUDIO_RECORDED = 3,   /* channels, rate, sound: of the microphone */
    /* From the session. */
    AUDIO_SOUND = 65,      /* channels (2), rate, time: CLOCK_MONOTONIC in ms, the low 32 bits; sound */
    AUDIO_QUIET = 66,      /* nothing plays any more */
    AUDIO_RECORD = 67,     /* a program records */
    AUDIO_RECORD_END = 68, /* none does any more */
    AUDIO_UNABLE = 69      /* there is no sound server in the session, and none can be started */
};

struct audio_message {
    enum audio_number number;
    uint8_t channels;
    uint32_t rate, time;
    const uint8_t *sound; /* when read: inside the packet */
    size_t size;
};

/* Reads a packet that has come from the worker (`worker`) or from the session. Everything is checked before
 * *message_r is filled: fields that the message does not have, channels (1 or 2), rate, sound in whole frames
 * and at most AUDIO_SOUND_MOST bytes of it. Returns NULL, or what is wrong. */
const char *audio_message_read(const void *data, size_t size, bool worker, struct audio_message *message_r);
/* Writes a packet, which is a right one, into `data`, of AUDIO_PACKET_MOST bytes. Returns its size. */
size_t audio_message_write(const struct audio_message *message, void *data);
