#include <stdio.h>

#include "broker/broker.h"
#include "common/clock.h"

/* What happens on a server for load tests is nothing that happened to a person: every event says so. */
static void put_detail(const struct broker *broker, struct db_event *event, const char *detail)
{
    snprintf(event->detail, sizeof(event->detail), "%s%s%s",
             broker->conf.virtual_sessions == 1 ? "[load test]" : "",
             broker->conf.virtual_sessions == 1 && detail != NULL && detail[0] != '\0' ? " " : "",
             detail != NULL ? detail : "");
}

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
    put_detail(broker, &event, detail);
    db_event_add(broker->db, &event);
}

void record_event(struct broker *broker, enum event_id id, uint16_t session, const char *user,
                  const char *address, enum reason reason, const char *detail)
{
    struct db_event event = {.time_ms = clock_real_ms(), .id = id, .session = session};
    put(event.user, sizeof(event.user), user);
    put(event.address, sizeof(event.address), address);
    put(event.reason, sizeof(event.reason), reason_name(reason));
    put_detail(broker, &event, detail);
    db_event_add(broker->db, &event);
    if (id == EVENT_REFUSED)
        watch_refused(broker, user, address, reason, detail);
}
