/* The two clocks, in milliseconds. */
#pragma once

#include <stdint.h>

/* Since some point that never changes while the machine runs (CLOCK_MONOTONIC): for durations. */
int64_t clock_monotonic_ms(void);
/* Since 1970 (CLOCK_REALTIME): for people and records. */
int64_t clock_real_ms(void);
