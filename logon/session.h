/* A session of this logon: made, held, and undone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/conf.h"
#include "logon/failure.h"
#include "logon/identity.h"
#include "logon/pam.h"
#include "rpc/sm.h"

struct session;

/* Opens PAM's session (`pam` may be NULL; stays the caller's), makes the directories, the winstation port and
 * lodge-init in the session's cgroup and namespaces, and sends it RUN. False with *failure_r, and nothing
 * left of it. `conf`, `subsystems` (the definitions of rpc/subsystems.h) and `identity` have to outlive the
 * session. */
bool session_create(const struct conf *conf, const char *subsystems, const struct identity *identity,
                    struct pam_logon *pam, const struct sm_session_create *request,
                    struct session **session_r, struct failure *failure_r);
/* The channel to lodge-init, and a descriptor that can be read when it has died. Both stay the session's. */
int session_channel(const struct session *session);
int session_process(const struct session *session);
/* When lodge-init was exec'd, in the monotonic clock. */
int64_t session_exec_ns(const struct session *session);
/* A descriptor that can be read when the host may have changed its user and group files, or -1. session_renew
 * has to be called then, and every session_renew_ms milliseconds unless that is -1. */
int session_watch(const struct session *session);
int session_renew_ms(const struct session *session);
void session_renew(struct session *session);
/* Kills lodge-init, and with it the session's pid namespace. */
void session_kill(struct session *session);
/* Takes note of lodge-init's death, once session_process can be read. Writes how it ended into *failure_r. */
void session_reap(struct session *session, struct failure *failure_r);
/* Removes what session_create made on the host, and frees: lodge-init has been reaped. Clears the pointer. */
void session_free(struct session **session);
