/* Ending a process of a session, which lodge-smss does. */
#pragma once

#include <stdint.h>

#include "rpc/sm.h"

struct broker;
struct peer;
struct session;

/* Asks lodge-smss; the peer, which may have one such request under way, is answered then. */
void terminate_ask(struct peer *peer, uint64_t serial, struct session *session, uint32_t pid, bool at_once);
void terminate_answered(struct broker *broker, const struct sm_process_ended *ended);
/* lodge-smss is gone: what was asked of it has no answer any more. */
void terminate_smss_gone(struct broker *broker);
