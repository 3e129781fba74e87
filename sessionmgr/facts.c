/* What the broker is told for health. */
#include <stdio.h>

#include "sessionmgr/smss.h"

void facts_tell(struct smss *smss)
{
    struct peer *broker = smss->services[SERVICE_BROKER].peer;
    struct sm_facts facts;
    char holding[128], missing[128];
    if (broker == NULL || smss->phase == SMSS_RECOVERING)
        return;
    snprintf(facts.text, sizeof(facts.text), "limits=%s\nmissing=%s\nlistener=%s\n",
             cgroup_describe(&smss->cgroup, true, holding, sizeof(holding)),
             cgroup_describe(&smss->cgroup, false, missing, sizeof(missing)),
             service_state_name(&smss->services[SERVICE_LISTENER]));
    peer_send(smss, broker, SM_FACTS, &facts);
}
