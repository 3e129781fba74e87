/* Loading subsystems of the configuration, which lodge-smss does. */
#pragma once

#include "broker/peers.h"

void subsystem_call_load(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
/* Answers everybody who has asked for it. */
void subsystem_loaded(struct broker *broker, const struct sm_subsystem_loaded *loaded);
/* lodge-smss is gone: what was asked of it has no answer any more. */
void subsystem_smss_gone(struct broker *broker);
