/* Lines of every speed and length: how late sound is on them, and how much of it is heard. */
#include "rdp-front/sound-pace.h"
#include "tests/check.h"

#define BLOCK_MS 20
#define BLOCKS   3000
#define SETTLED  250 /* blocks */

struct heard {
    int64_t wait_ms; /* of a block in the line, at worst */
    int blocks;
};

/* A line on which a message takes `delay_ms`, and that takes `percent` of the sound. What was seen of it
 * before it had settled, and afterwards. */
static void play(int64_t delay_ms, int percent, struct heard seen_r[2])
{
    static int64_t arrives[BLOCKS];
    struct sound_pace pace;
    int64_t now = 1000, free_at = now, block_takes = BLOCK_MS * 100 / percent;
    unsigned sent = 0, confirmed = 0;
    sound_pace_init(&pace, delay_ms + block_takes);
    memset(seen_r, 0, 2 * sizeof(seen_r[0]));
    for (int i = 0; i < BLOCKS; i++, now += BLOCK_MS) {
        while (confirmed < sent && arrives[confirmed] <= now)
            sound_pace_confirmed(&pace, confirmed++ & 0xFF, now);
        if (!sound_pace_may_send(&pace, now, BLOCK_MS))
            continue;
        CHECK(sound_pace_sent(&pace, now, BLOCK_MS) == (sent & 0xFF));
        free_at = (free_at > now ? free_at : now) + block_takes;
        arrives[sent++] = free_at + delay_ms;
        struct heard *seen = &seen_r[i >= SETTLED];
        seen->blocks++;
        seen->wait_ms = free_at - now > seen->wait_ms ? free_at - now : seen->wait_ms;
    }
}

static int percent_of(const struct heard *seen)
{
    return seen->blocks * 100 / (BLOCKS - SETTLED);
}

/* A line that takes all of it: none is dropped, however far away the client is, once that is known. */
static void test_good_lines(void)
{
    static const int64_t delays[] = {0, 1, 50, 150, 300, 600, 900};
    for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
        struct heard seen[2];
        play(delays[i], 100, seen);
        CHECK(percent_of(&seen[1]) == 100 && seen[1].wait_ms <= BLOCK_MS && seen[0].wait_ms <= BLOCK_MS);
        CHECK(delays[i] > 300 || seen[0].blocks == SETTLED);
    }
}

/* A line that takes less: what is heard is not late, and it is nearly as much as the line takes. */
static void test_slow_lines(void)
{
    static const int64_t delays[] = {5, 250, 495};
    for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
        for (int percent = 25; percent < 100; percent += 15) {
            struct heard seen[2];
            play(delays[i], percent, seen);
            CHECK(seen[1].wait_ms <= 300);
            CHECK(percent_of(&seen[1]) * 100 >= percent * 80 && percent_of(&seen[1]) <= percent + 3);
        }
    }
}

static void test_wrong_numbers(void)
{
    struct sound_pace pace;
    sound_pace_init(&pace, 0);
    for (unsigned number = 0; number < 256; number++)
        sound_pace_confirmed(&pace, (uint8_t)number, 5000);
    CHECK(pace.count == 0 && pace.floor_ms == -1);
    for (int i = 0; i < 4; i++)
        CHECK(sound_pace_sent(&pace, 1000, BLOCK_MS) == i);
    sound_pace_confirmed(&pace, 4, 1001);
    sound_pace_confirmed(&pace, 255, 1001);
    CHECK(pace.count == 4 && pace.waits_ms == 4 * BLOCK_MS);
    sound_pace_confirmed(&pace, 2, 1001); /* and those before it */
    CHECK(pace.count == 1 && pace.waits_ms == BLOCK_MS && pace.first == 3);
    sound_pace_confirmed(&pace, 1, 1001);
    sound_pace_confirmed(&pace, 3, 1001);
    CHECK(pace.count == 0 && pace.waits_ms == 0);
}

int main(void)
{
    test_good_lines();
    test_slow_lines();
    test_wrong_numbers();
    return 0;
}
