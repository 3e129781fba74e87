#include "broker/unended.h"

#include <string.h>

#include "broker/broker.h"
#include "common/event.h"
#include "common/log.h"

static void take(void *context, const struct db_events *events);

static void ask(struct broker *broker, uint64_t after)
{
    struct db_event_filter filter = {
        .after = after, .id = EVENT_LOGON, .unended = true, .limit = DB_QUERY_MAX};
    broker->unended.query = db_events_query(broker->db, &filter, take, broker);
}

static void take(void *context, const struct db_events *events)
{
    struct broker *broker = context;
    broker->unended.query = NULL;
    for (size_t i = 0; i < events->count; i++) {
        const struct db_event *logon = &events->events[i];
        const struct session *session = session_find(broker, logon->session);
        if (session != NULL && strcmp(session->name, logon->user) == 0)
            continue;
        broker->unended.count++;
        record_event(broker, EVENT_LOGOFF, (uint16_t)logon->session, logon->user, logon->address,
                     REASON_SESSION_DIED, "The server ended before this session did.");
    }
    if (events->more && events->count > 0)
        ask(broker, events->events[events->count - 1].serial);
    else if (broker->unended.count > 0)
        log_warning("events", "the history lacked the end of %u sessions", broker->unended.count);
}

void unended_look(struct broker *broker)
{
    if (broker->unended.looked)
        return;
    broker->unended.looked = true;
    ask(broker, 0);
}

void unended_free(struct broker *broker)
{
    if (broker->unended.query != NULL)
        db_query_cancel(broker->db, broker->unended.query);
    broker->unended.query = NULL;
}
