/* One logon after its password has been found right: waits for what smss wants of it, makes the session,
 * passes messages between smss and lodge-init, and undoes it all at the end. */
#pragma once

#include <stdint.h>

#include "common/conf.h"
#include "logon/identity.h"
#include "logon/pam.h"

/* Serves until the logon is over. `subsystems` are the definitions of rpc/subsystems.h. `smss` is the
 * connection that LOGON_RESULT went over, taken over here, and *pam too (NULL for a lab account). Returns the
 * exit status. */
int logon_serve(const struct conf *conf, const char *subsystems, uint64_t number,
                const struct identity *identity, struct pam_logon **pam, int smss);
/* Connects to sm.port and says HELLO. Returns the descriptor or a negative errno. */
int logon_connect(const struct conf *conf, uint64_t number);
