#include "rdp-front/graphics-pace.h"

void pace_start(struct pace *pace, bool wanted)
{
    pace->wanted = wanted;
    pace->seen = false;
    pace->answered = pace->sent;
}

uint32_t pace_send(struct pace *pace, int64_t now_ms)
{
    if (!pace->seen && pace->sent - pace->answered >= PACE_FRAMES)
        pace->wanted = false; /* its time is over: it will not answer */
    pace->sent_ms = now_ms;
    return ++pace->sent;
}

void pace_acknowledge(struct pace *pace, uint32_t frame)
{
    pace->seen = true;
    if (frame - pace->answered <= pace->sent - pace->answered)
        pace->answered = frame;
}

void pace_suspend(struct pace *pace)
{
    pace->wanted = false;
}

int pace_wait_ms(const struct pace *pace, int64_t now_ms)
{
    if (!pace->wanted || pace->sent - pace->answered < PACE_FRAMES)
        return 0;
    if (pace->seen)
        return -1;
    int64_t waited = now_ms - pace->sent_ms;
    return waited >= PACE_PATIENCE_MS ? 0 : (int)(PACE_PATIENCE_MS - waited);
}
