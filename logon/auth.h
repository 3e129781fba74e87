/* Who logs on, and whether they may: lab accounts first, then the system's by PAM. */
#pragma once

#include "common/conf.h"
#include "common/reason.h"
#include "logon/identity.h"
#include "logon/pam.h"
#include "rpc/credentials.h"

/* Checks the credentials, which are wiped, of somebody at `host` ("": not known). REASON_NONE: *identity_r is
 * filled, and *pam_r the caller's to open and end, or NULL for a lab account. Else why not. Logs both. A
 * wrong password takes PAM's seconds. */
enum reason auth_logon(const struct conf *conf, struct credentials *credentials, const char *host,
                       struct identity *identity_r, struct pam_logon **pam_r);
