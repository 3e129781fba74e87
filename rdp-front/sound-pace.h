/* How much sound may be on its way to a client: purely, from the times of its confirmations. What a
 * confirmation takes on a line that nothing of ours waits in is the floor; what it takes longer is how late
 * the client is. On a line that is too slow for all of the sound less of it is let out, so that it is not
 * late. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SOUND_PACE_BLOCKS 256 /* numbers of blocks */
#define SOUND_PACE_LATE   150 /* ms: the client is not to be later than that */
#define SOUND_PACE_FIRST  100 /* ms of sound that are let out before anything is known */
#define SOUND_PACE_MOST   400 /* ms of sound on its way, beside what the floor takes */

struct sound_pace {
    struct {
        int64_t sent_ms;
        uint16_t length_ms;
        bool alone; /* nothing else was on its way then */
    } blocks[SOUND_PACE_BLOCKS];
    uint8_t first; /* that is not confirmed */
    unsigned count;
    uint32_t waits_ms;  /* sound of those */
    uint32_t window_ms; /* that may be on its way */
    int64_t shrunk_ms;  /* when the window became smaller; -1: never */
    int64_t floor_ms;   /* -1: not known */
};

/* `took_ms`: what the client's answer to a small message took. */
void sound_pace_init(struct sound_pace *pace_r, int64_t took_ms);
/* Whether a block of `length_ms` (1 at least) of sound can be sent now. */
bool sound_pace_may_send(const struct sound_pace *pace, int64_t now_ms, uint16_t length_ms);
/* It is sent. Returns its number. */
uint8_t sound_pace_sent(struct sound_pace *pace, int64_t now_ms, uint16_t length_ms);
/* The client has had this block, and so those before it. A number that is not on its way tells nothing. */
void sound_pace_confirmed(struct sound_pace *pace, uint8_t block, int64_t now_ms);
