/* The clocks, in milliseconds, and for short durations in nanoseconds. */
#pragma once

#include <stdint.h>

/* Since some point that never changes while the machine runs (CLOCK_MONOTONIC): for durations. */
int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_ns(void);
/* The same, and on while the machine sleeps (CLOCK_BOOTTIME): what /proc tells is in it. */
int64_t clock_boot_ms(void);
/* Since 1970 (CLOCK_REALTIME): for people and records. */
int64_t clock_real_ms(void);
