#include <stdio.h>

#include "broker/broker.h"
#include "common/clock.h"

static void put(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from != NULL ? from : "");
}

void record_event(struct broker *broker, enum db_event_id id, uint16_t session, const char *user,
                  const char *address, enum reason reason, const char *detail)
{
    struct db_event event = {.time_ms = clock_real_ms(), .id = id, .session = session};
    put(event.user, sizeof(event.user), user);
    put(event.address, sizeof(event.address), address);
    put(event.reason, sizeof(event.reason), reason_name(reason));
    put(event.detail, sizeof(event.detail), detail);
    db_event_add(broker->db, &event);
    if (id == DB_EVENT_REFUSED)
        watch_refused(broker, user, address, reason, detail);
}
