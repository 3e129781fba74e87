#include "rdp-front/graphics-pace.h"
#include "tests/check.h"

static void test_two_frames_under_way(void)
{
    struct pace pace = {0};
    pace_start(&pace, true);
    CHECK(pace_wait_ms(&pace, 0) == 0);
    CHECK(pace_send(&pace, 0) == 1);
    CHECK(pace_wait_ms(&pace, 0) == 0);
    CHECK(pace_send(&pace, 0) == 2);
    CHECK(pace_wait_ms(&pace, 0) == PACE_PATIENCE_MS);
    pace_acknowledge(&pace, 1);
    CHECK(pace_wait_ms(&pace, 0) == 0);
    CHECK(pace_send(&pace, 0) == 3);
    CHECK(pace_wait_ms(&pace, 1000000) == -1); /* it does answer, so it is waited for */
    pace_acknowledge(&pace, 3);
    CHECK(pace.answered == 3);
}

static void test_silent_client(void)
{
    struct pace pace = {0};
    pace_start(&pace, true);
    pace_send(&pace, 100);
    pace_send(&pace, 100);
    CHECK(pace_wait_ms(&pace, 100 + PACE_PATIENCE_MS - 1) == 1);
    CHECK(pace_wait_ms(&pace, 100 + PACE_PATIENCE_MS) == 0);
    pace_send(&pace, 100 + PACE_PATIENCE_MS);
    CHECK(pace_wait_ms(&pace, 100 + PACE_PATIENCE_MS) == 0); /* once is enough */
    pace_start(&pace, false);
    for (int i = 0; i < 10; i++)
        pace_send(&pace, 0);
    CHECK(pace_wait_ms(&pace, 0) == 0);
}

static void test_hostile_answers(void)
{
    struct pace pace = {0};
    pace_start(&pace, true);
    pace_send(&pace, 0);
    pace_send(&pace, 0);
    pace_acknowledge(&pace, 77); /* never sent */
    pace_acknowledge(&pace, UINT32_MAX);
    CHECK(pace.answered == 0);
    CHECK(pace_wait_ms(&pace, 0) != 0);
    pace_acknowledge(&pace, 2);
    pace_acknowledge(&pace, 1); /* an old one again */
    CHECK(pace.answered == 2);
    pace_suspend(&pace);
    pace_send(&pace, 0);
    pace_send(&pace, 0);
    pace_send(&pace, 0);
    CHECK(pace_wait_ms(&pace, 0) == 0);
}

static void test_numbers_wrap(void)
{
    struct pace pace = {.sent = UINT32_MAX - 1};
    pace_start(&pace, true);
    CHECK(pace_send(&pace, 0) == UINT32_MAX);
    CHECK(pace_send(&pace, 0) == 0);
    pace_acknowledge(&pace, 0);
    CHECK(pace_wait_ms(&pace, 0) == 0);
    CHECK(pace.answered == 0);
}

int main(void)
{
    test_two_frames_under_way();
    test_silent_client();
    test_hostile_answers();
    test_numbers_wrap();
    return 0;
}
