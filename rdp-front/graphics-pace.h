/* How many frames may be under way to a client: two, counted by its acknowledgements where it sends them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PACE_FRAMES 2
/* A client that promised acknowledgements and sends none is waited for this long, once. */
#define PACE_PATIENCE_MS 2000

struct pace {
    bool wanted;       /* the client is to acknowledge frames */
    bool seen;         /* it has done so */
    uint32_t sent;     /* the last frame's number; numbers go up by one and may wrap */
    uint32_t answered; /* the last number that was acknowledged, `sent` when none is under way */
    int64_t sent_ms;
};

/* Starts over with nothing under way; numbers go on. */
void pace_start(struct pace *pace, bool wanted);
/* A frame is about to be sent. Returns its number. */
uint32_t pace_send(struct pace *pace, int64_t now_ms);
/* The client's word; a number that is not under way is ignored. */
void pace_acknowledge(struct pace *pace, uint32_t frame);
/* The client sends no acknowledgements any more. */
void pace_suspend(struct pace *pace);
/* Milliseconds until the next frame may go: 0: now; -1: when one is acknowledged. */
int pace_wait_ms(const struct pace *pace, int64_t now_ms);
