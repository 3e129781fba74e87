/* The clock of the day, which an administrator or a time server may set: what was planned by it, which are
 * logon hours, is planned anew then. Looked at every other second, while logon hours are configured. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct broker;
struct event;

struct clockjump {
    struct event *timer;
    int64_t offset_ms; /* between the clock of the day and the monotonic one */
};

/* Returns false when memory runs out. */
bool clockjump_start(struct broker *broker);
void clockjump_stop(struct broker *broker);
/* The configuration has changed. */
void clockjump_configure(struct broker *broker);
