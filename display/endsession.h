/* Having the desktop's own session manager end the session: a lodge-endsession, of which the agent waits only
 * for the end, and not beyond its time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "rpc/sm.h"

/* Its exit status is this and the enum sm_manager. */
#define ENDSESSION_STATUS 16

struct endsession {
    int fd;      /* of the process; -1: none runs */
    int64_t due; /* it is killed then; monotonic ms */
};

void endsession_init(struct endsession *endsession_r);
/* Ends it; nobody is told. */
void endsession_end(struct endsession *endsession);
/* Starts to ask, and waits `ms` at most. False, logged, when that cannot be. Nothing happens while it is
 * asked. */
bool endsession_begin(struct endsession *endsession, int64_t ms);
/* The process may have ended, or its time be over. Returns true with the answer, once, when that is so. */
bool endsession_look(struct endsession *endsession, int64_t now, enum sm_manager *answer_r);
