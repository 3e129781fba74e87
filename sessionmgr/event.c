/* Events on their way to the broker. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/text.h"
#include "sessionmgr/smss.h"

#define EVENTS_MOST 256 /* that wait */

static bool send_now(struct smss *smss, const struct sm_event *event)
{
    struct peer *broker = smss->services[SERVICE_BROKER].peer;
    return broker != NULL && smss->phase != SMSS_RECOVERING && peer_send(smss, broker, SM_EVENT, event);
}

static void drop_first(struct smss_events *events)
{
    struct smss_event *first = events->first;
    events->first = first->next;
    if (events->first == NULL)
        events->last = &events->first;
    events->count--;
    free(first);
}

static void keep(struct smss_events *events, const struct sm_event *event)
{
    struct smss_event *kept = memory_new(sizeof(*kept));
    *kept = (struct smss_event){.event = *event};
    if (events->first == NULL)
        events->last = &events->first;
    *events->last = kept;
    events->last = &kept->next;
    if (++events->count > EVENTS_MOST) {
        drop_first(events);
        events->lost++;
    }
}

void event_forget_all(struct smss *smss)
{
    while (smss->events.first != NULL)
        drop_first(&smss->events);
}

void event_pass(struct smss *smss, const struct sm_event *event)
{
    if (smss->events.first != NULL || !send_now(smss, event))
        keep(&smss->events, event);
}

void event_tell(struct smss *smss, enum event_id id, uint16_t session, const char *format, ...)
{
    struct sm_event event = {.event = id, .session = session, .time_ms = (uint64_t)clock_real_ms()};
    char detail[SM_DETAIL_ROOM];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof(detail), format, arguments);
    va_end(arguments);
    text_escape(event.detail, sizeof(event.detail), detail);
    log_write(event_level(id), event_name(id), "%s", event.detail);
    event_pass(smss, &event);
}

void event_tell_all(struct smss *smss)
{
    struct smss_events *events = &smss->events;
    while (events->first != NULL && send_now(smss, &events->first->event))
        drop_first(events);
    if (events->first != NULL || events->lost == 0)
        return;
    struct sm_event event = {.event = EVENT_LOST, .time_ms = (uint64_t)clock_real_ms()};
    snprintf(event.detail, sizeof(event.detail), "%" PRIu64 " events of lodge-smss while no broker was there",
             events->lost);
    events->lost = 0;
    event_pass(smss, &event);
}
