/* The inside of a session: what its own mount, IPC, UTS and pid namespaces hold. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/conf.h"
#include "logon/failure.h"
#include "logon/identity.h"

struct space_plan {
    const struct conf *conf;
    const struct identity *identity;
    uint16_t id;          /* of the session */
    const char *lab_hash; /* of a lab account */
    const char *programs; /* the folder of Lodge's programs on the host */
};

/* Arranges it. For the session's first process: in new namespaces, as root, before it execs. On failure the
 * process has to exit; nothing of it stays then. */
bool space_arrange(const struct space_plan *plan, struct failure *failure_r);
