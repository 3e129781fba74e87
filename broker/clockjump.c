#include "broker/clockjump.h"

#include <stdlib.h>

#include "broker/broker.h"
#include "broker/limits.h"
#include "common/clock.h"
#include "common/log.h"

#define LOOK_S      2
#define TOLERANT_MS 1000

static int64_t offset_now(void)
{
    return clock_real_ms() - clock_monotonic_ms();
}

static void look_again(struct clockjump *jump)
{
    evtimer_add(jump->timer, &(struct timeval){.tv_sec = LOOK_S});
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct broker *broker = context;
    struct clockjump *jump = &broker->clockjump;
    int64_t offset_ms = offset_now(), moved_ms = offset_ms - jump->offset_ms;
    (void)fd, (void)what;
    look_again(jump);
    jump->offset_ms = offset_ms;
    if (moved_ms > -TOLERANT_MS && moved_ms < TOLERANT_MS)
        return;
    log_info(NULL, "the clock was set by %lld seconds: logon hours are looked at anew",
             (long long)(moved_ms / 1000));
    for (struct session *at = session_next(broker, 0); at != NULL; at = session_next(broker, at->id))
        limits_session_plan(at);
}

bool clockjump_start(struct broker *broker)
{
    broker->clockjump.timer = evtimer_new(broker->base, on_timer, broker);
    if (broker->clockjump.timer == NULL)
        return false;
    clockjump_configure(broker);
    return true;
}

void clockjump_stop(struct broker *broker)
{
    if (broker->clockjump.timer != NULL)
        event_free(broker->clockjump.timer);
    broker->clockjump.timer = NULL;
}

void clockjump_configure(struct broker *broker)
{
    struct clockjump *jump = &broker->clockjump;
    if (jump->timer == NULL)
        return;
    jump->offset_ms = offset_now();
    if (limits_have_hours(&broker->conf))
        look_again(jump);
    else
        evtimer_del(jump->timer);
}
