#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

static void keep(struct broker *broker, const struct db_event *event)
{
    db_event_add(broker->db, event);
    outlet_put(&broker->outlet, event);
    uint64_t lost = outlet_take_lost(&broker->outlet);
    if (lost == 0)
        return;
    struct db_event told = {.time_ms = clock_real_ms(), .id = EVENT_SYSLOG_LOST};
    snprintf(told.detail, sizeof(told.detail), "%" PRIu64 " events", lost);
    db_event_add(broker->db, &told);
    outlet_put(&broker->outlet, &told);
}

void record_event_at(struct broker *broker, int64_t time_ms, uint32_t id, uint16_t session, const char *user,
                     const char *detail)
{
    struct db_event event = {.time_ms = time_ms, .id = id, .session = session};
    put(event.user, sizeof(event.user), user);
    put(event.reason, sizeof(event.reason), reason_name(REASON_NONE));
    put_detail(broker, &event, detail);
    keep(broker, &event);
}

void record_event(struct broker *broker, enum event_id id, uint16_t session, const char *user,
                  const char *address, enum reason reason, const char *detail)
{
    struct db_event event = {.time_ms = clock_real_ms(), .id = id, .session = session};
    put(event.user, sizeof(event.user), user);
    put(event.address, sizeof(event.address), address);
    put(event.reason, sizeof(event.reason), reason_name(reason));
    put_detail(broker, &event, detail);
    keep(broker, &event);
    if (id == EVENT_REFUSED)
        watch_refused(broker, user, address, reason, detail);
    if (id == EVENT_LICENCE_ISSUED || id == EVENT_LICENCE_REVOKED || id == EVENT_LICENCE_WARNING)
        watch_licence(broker, user, address, reason, detail);
}

void record_configure(struct broker *broker)
{
    db_events_keep(broker->db, broker->conf.events_days, (int64_t)broker->conf.events_mib * 1024 * 1024);
    outlet_configure(&broker->outlet, &broker->conf);
}

void record_look_at_file(struct broker *broker)
{
    struct db_health now, *last = &broker->db_health;
    char detail[512];
    db_health(broker->db, &now);
    if (now.trouble[0] != '\0' && strcmp(now.trouble, last->trouble) != 0)
        record_event(broker, EVENT_STORAGE_FAILED, 0, NULL, NULL, REASON_NONE, now.trouble);
    if (now.aside_ms != last->aside_ms) {
        snprintf(detail, sizeof(detail), "%.500s", now.aside);
        record_event(broker, EVENT_STORAGE_ASIDE, 0, NULL, NULL, REASON_NONE, detail);
    }
    if (now.trouble[0] == '\0' && last->trouble[0] != '\0') {
        snprintf(detail, sizeof(detail), "after %" PRId64 " s", (clock_real_ms() - last->since_ms) / 1000);
        record_event(broker, EVENT_STORAGE_WORKS, 0, NULL, NULL, REASON_NONE, detail);
    }
    if (now.lost != last->lost) {
        /* The database writes such an event itself, when it can. */
        struct db_event lost = {.time_ms = clock_real_ms(), .id = EVENT_LOST};
        snprintf(lost.detail, sizeof(lost.detail), "%" PRIu64 " events were lost", now.lost - last->lost);
        outlet_put(&broker->outlet, &lost);
    }
    *last = now;
}
