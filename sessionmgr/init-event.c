/* What lodge-init adds to the server's history. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/text.h"
#include "sessionmgr/init.h"

void event_tell(const struct init *init, enum event_id id, const char *format, ...)
{
    struct sm_event event = {.event = id, .session = init->run.id, .time_ms = (uint64_t)clock_real_ms()};
    char detail[SM_DETAIL_ROOM];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof(detail), format, arguments);
    va_end(arguments);
    text_escape(event.detail, sizeof(event.detail), detail);
    log_write(event_level(id), NULL, "%s", event.detail);
    int failed = message_send(init->channel, &sm_protocol, SM_EVENT, &event, -1);
    errno = -failed;
    if (failed)
        log_warning(NULL, "lodge-logon does not take an event: %m");
}
