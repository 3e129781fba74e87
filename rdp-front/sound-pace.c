#include "rdp-front/sound-pace.h"

void sound_pace_init(struct sound_pace *pace_r, int64_t took_ms)
{
    int64_t more = took_ms < SOUND_PACE_MOST ? took_ms : SOUND_PACE_MOST;
    *pace_r = (struct sound_pace){
        .window_ms = SOUND_PACE_FIRST + (uint32_t)(more > 0 ? more : 0), .shrunk_ms = -1, .floor_ms = -1};
}

bool sound_pace_may_send(const struct sound_pace *pace, int64_t now_ms, uint16_t length_ms)
{
    if (pace->count == 0)
        return true;
    int64_t oldest = now_ms - pace->blocks[pace->first].sent_ms;
    if (pace->floor_ms >= 0 && oldest - pace->floor_ms > SOUND_PACE_LATE)
        return false;
    return pace->waits_ms + length_ms <= pace->window_ms && pace->count < SOUND_PACE_BLOCKS - 1;
}

uint8_t sound_pace_sent(struct sound_pace *pace, int64_t now_ms, uint16_t length_ms)
{
    uint8_t block = (uint8_t)(pace->first + pace->count);
    pace->blocks[block].sent_ms = now_ms;
    pace->blocks[block].length_ms = length_ms;
    pace->blocks[block].alone = pace->count == 0;
    pace->waits_ms += length_ms;
    pace->count++;
    return block;
}

/* Half of it for each time that a block is late, of those sent since the last time; a little more for each
 * that is not, at first twice as much in each round. */
static void window_move(struct sound_pace *pace, int64_t sent_ms, uint16_t length_ms, int64_t took_ms,
                        int64_t now_ms)
{
    uint32_t most = (uint32_t)pace->floor_ms + SOUND_PACE_MOST;
    if (took_ms - pace->floor_ms > SOUND_PACE_LATE) {
        if (sent_ms > pace->shrunk_ms)
            pace->window_ms /= 2;
        if (sent_ms > pace->shrunk_ms)
            pace->shrunk_ms = now_ms;
    } else {
        pace->window_ms += pace->shrunk_ms < 0 ? length_ms : (length_ms + 9) / 10;
    }
    if (pace->window_ms > most)
        pace->window_ms = most;
}

void sound_pace_confirmed(struct sound_pace *pace, uint8_t block, int64_t now_ms)
{
    unsigned place = (uint8_t)(block - pace->first);
    if (place >= pace->count)
        return;
    int64_t sent = pace->blocks[block].sent_ms, took = now_ms - sent;
    if (pace->blocks[block].alone || pace->floor_ms < 0 || took < pace->floor_ms)
        pace->floor_ms = took;
    window_move(pace, sent, pace->blocks[block].length_ms, took, now_ms);
    for (unsigned i = 0; i <= place; i++)
        pace->waits_ms -= pace->blocks[(uint8_t)(pace->first + i)].length_ms;
    pace->first = (uint8_t)(block + 1);
    pace->count -= place + 1;
}
