#include "common/clock.h"

#include <time.h>

static int64_t now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

int64_t clock_monotonic_ms(void)
{
    return now(CLOCK_MONOTONIC);
}

int64_t clock_monotonic_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t clock_boot_ms(void)
{
    return now(CLOCK_BOOTTIME);
}

int64_t clock_real_ms(void)
{
    return now(CLOCK_REALTIME);
}
