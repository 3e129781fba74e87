/* Numbers of the API in words. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DESCRIBE_LOAD_TEST \
    "LOAD TEST: sessions of this server have no processes ([LoadTest] VirtualSessions)."
#define DESCRIBE_ROOM 40 /* enough for each of these texts */

/* "active", "disconnected" ...; a number outside lsm.proto's State is "unknown". */
const char *describe_state(uint32_t state);
/* The SGR parameters for the word of a state, or NULL for none. */
const char *describe_state_colour(const char *state);
/* False where no state has that name. */
bool describe_state_find(const char *name, uint32_t *state_r);
/* The word for a notice's kind, "notice" for one that this program does not know. */
const char *describe_notice(uint32_t kind);
/* Local time "2026-05-01 12:00:05" in `text` of `size` bytes, "-" for 0. Returns `text`. */
const char *describe_time(uint64_t real_ms, char *text, size_t size);
/* "5s", "12m", "3h 05m", "2d 04h" in `text` of `size` bytes. Returns `text`. */
const char *describe_duration(uint64_t ms, char *text, size_t size);
/* "512", "20K", "1.5M", "12M": bytes, by 1024, in `text` of `size` bytes. Returns `text`. */
const char *describe_bytes(uint64_t bytes, char *text, size_t size);
/* "0:01.23": minutes, seconds and hundredths of processor time in `text` of `size` bytes. Returns `text`. */
const char *describe_cpu(uint64_t ms, char *text, size_t size);
