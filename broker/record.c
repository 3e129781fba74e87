#include <stdio.h>

#include "broker/broker.h"
#include "common/clock.h"

static void put(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from != NULL ? from : "");
}

void record_event_at(struct broker *broker, int64_t time_ms, uint32_t id, uint16_t session, const char *user,
                     const char *detail)
{
    struct db_event event = {.time_ms = time_ms, .id = id, .session = session};
    put(event.user, sizeof(event.user), user);
    put(event.reason, sizeof(event.reason), reason_name(REASON_NONE));
    put(event.detail, sizeof(event.detail), detail);
    db_event_add(broker->db, &event);
}

void record_event(struct broker *broker, enum event_id id, uint16_t session, const char *user,
                  const char *address, enum reason reason, const char *detail)
{
    struct db_event event = {.time_ms = clock_real_ms(), .id = id, .session = session};
    put(event.user, sizeof(event.user), user);
    put(event.address, sizeof(event.address), address);
    put(event.reason, sizeof(event.reason), reason_name(reason));
    put(event.detail, sizeof(event.detail), detail);
    db_event_add(broker->db, &event);
    if (id == EVENT_REFUSED)
        watch_refused(broker, user, address, reason, detail);
}
