/* The configuration of a broker that runs: read anew as a whole, or left as it is. */
#pragma once

#include <stdbool.h>

#include "common/conf.h"
#include "policy/timeouts.h"

struct broker;

struct reload_outcome {
    char error[512];              /* empty: it was done */
    bool changed[CONF_KEY_COUNT]; /* holds now */
    bool restart[CONF_KEY_COUNT]; /* differs, and would hold after a restart */
    bool groups;                  /* the sections of groups have changed */
    struct conf wanted;           /* what the file says */
};

/* The timeouts that hold for a member of those groups. */
struct policy_times reload_times(const struct conf *conf, conf_members members);
/* Has limits, timeouts and room for connections follow from broker.conf. */
void reload_apply(struct broker *broker);
/* Reads the file anew. Keys that can be reloaded hold from now on, for sessions that there are too; nothing
 * has changed when anything in the file is wrong. An event tells what came of it; `by` says who asked. */
void reload_run(struct broker *broker, const char *by, struct reload_outcome *outcome_r);
