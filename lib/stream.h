/* Answers of lsm.port that come when they come: to what waits, or one after another. */
#pragma once

#include <stdint.h>

#include "lib/client.h"

#define STREAM_FOR_EVER (-1)

/* Sends `request`, setting its serial. Returns 0 or a negative errno. */
int stream_send(struct client *client, Lodge__Lsm__Request *request);
/* Waits up to `timeout_ms` for the next answer to the last request, the caller's to free with
 * lodge__lsm__answer__free_unpacked. Returns as client_call does. */
int stream_next(struct client *client, int64_t timeout_ms, Lodge__Lsm__Answer **answer_r);
