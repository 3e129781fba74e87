/* An upgrade in place, which lodge-smss does; this broker ends for it, and the next one goes on. */
#pragma once

#include "rpc/lsm.h"
#include "rpc/sm.h"

struct broker;
struct peer;

/* Method upgrade: answered when the new programs have been tried. */
void call_upgrade(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor);
void upgrade_begun(struct broker *broker, const struct sm_upgrade_begun *begun);
/* lodge-smss is gone, and does not answer what it was asked. */
void upgrade_smss_gone(struct broker *broker);
