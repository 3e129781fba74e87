/* Points in time as people type them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* "2026-12-31", "2026-12-31 18:00", "2026-12-31T18:00:30", "18:00" (today), all local; "today", "yesterday",
 * "now"; or how long before `now_ms`: "90s", "10m", "2h", "3d", "1w", and several of them ("1d12h"). Sets
 * *ms_r, in milliseconds since 1970, and more than 0. Returns false for anything else. */
bool times_parse(const char *text, int64_t now_ms, uint64_t *ms_r);
