/* lodge-audio: what its files share. Everything happens in one loop, libpulse's. */
#pragma once

#include <pulse/pulseaudio.h>
#include <stdbool.h>
#include <stdint.h>

#include "redirect/audio-quiet.h"
#include "rpc/audio.h"

struct audio {
    pa_mainloop *loop;
    pa_mainloop_api *api;
    int worker; /* the socket */
    uint32_t bits;
    /* audio-connect.c */
    pa_context *context; /* NULL: nothing has been wanted yet */
    pa_time_event *retry;
    unsigned tries;
    bool started, ready;
    /* audio-play.c */
    uint32_t rate;     /* that the worker wants; 0: none */
    pa_stream *stream; /* from the monitor of the sink */
    struct audio_quiet quiet;
    bool wakeful; /* the server never sleeps by itself */
    bool rests;   /* the stream is corked */
    bool played;  /* some program plays */
    bool asked_played;
    /* audio-record.c */
    struct audio_message form; /* of the client's microphone; rate 0: it has none */
    uint32_t module;           /* of a source that was there; PA_INVALID_INDEX: none */
    bool fits;                 /* it has that form */
    int fifo;                  /* what the source plays from */
    bool recording;            /* a program records from it */
};

/* audio-main.c */

/* To the worker. What that does not take at once is lost: it would only be late. */
void audio_tell(struct audio *audio, const struct audio_message *message);
/* Ends the program; `status` 0: as the worker wishes. */
void audio_end(struct audio *audio, int status);

/* audio-connect.c: makes sure that there is a sound server, and calls audio_play and audio_record when it is
 * there. The worker is told when there can be none. */
void audio_connect(struct audio *audio);
/* Takes what a question to the server has returned; NULL: it could not be asked. */
void audio_asked(struct audio *audio, pa_operation *operation);

/* audio-play.c: what the session plays, of the rate that is wanted. */
void audio_play(struct audio *audio);
void audio_play_event(struct audio *audio);

/* audio-record.c: the source that the session's programs record from. */
void audio_record(struct audio *audio);
void audio_record_event(struct audio *audio);
/* Sound of the client's microphone. */
void audio_record_sound(struct audio *audio, const struct audio_message *message);
