/* The two ends of the audio part, played by a test: what is sent to them is kept, the clock is the test's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rdp-front/audio.h"
#include "rpc/audio.h"

#define ENDS_KEPT 2048

struct ends_message {
    unsigned channel;
    size_t size;
    uint8_t data[64]; /* its beginning */
};

struct ends {
    int64_t now_ms;
    struct ends_message client[ENDS_KEPT];
    size_t client_count;
    struct audio_message session[ENDS_KEPT]; /* without the sound itself */
    size_t session_count;
    unsigned renewed; /* channels */
};

extern struct ends ends;

/* A part that is open, with nothing said yet and the ends forgotten. */
void *ends_open(uint32_t bits);
void ends_forget(void);
/* The last that was sent to the client; fails where there is none. */
const struct ends_message *ends_last(void);
/* A message of rdpsnd from the client: head and body. */
const char *ends_sndc(void *state, unsigned type, const void *body, size_t size);
/* A packet from the session. */
const char *ends_session(void *state, const struct audio_message *message);
/* Writes formats as in a client's list, PCM in stereo of these rates. Returns the bytes. */
size_t ends_formats(uint8_t *data, const uint32_t *rates, size_t count, unsigned channels);

/* test-microphone.c */
void test_microphone(void);
