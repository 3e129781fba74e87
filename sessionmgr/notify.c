/* What lodge-smss tells a service manager that asked for it: sd_notify(3)'s protocol, without its library. */
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"
#include "common/text.h"
#include "sessionmgr/smss.h"

void notify_manager(const char *text)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *name = getenv("NOTIFY_SOCKET");
    size_t length = name != NULL ? strlen(name) : 0;
    if (length < 2 || length >= sizeof(address.sun_path) || (name[0] != '/' && name[0] != '@'))
        return;
    memcpy(address.sun_path, name, length);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (fd < 0 ||
        sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address, size) < 0)
        log_warning(NULL, "the service manager at %s does not listen: %m", name);
    close_descriptor(&fd);
}

static void watchdog_feed(void *context)
{
    struct smss *smss = context;
    notify_manager("WATCHDOG=1");
    loop_timer_set(smss->loop, &smss->watchdog, smss->watchdog_ms);
}

void notify_watchdog_start(struct smss *smss)
{
    const char *limit = getenv("WATCHDOG_USEC"), *who = getenv("WATCHDOG_PID");
    long us, pid;
    if (limit == NULL || !text_number(limit, 10000, LONG_MAX, &us) ||
        (who != NULL && (!text_number(who, 1, INT_MAX, &pid) || pid != getpid())))
        return;
    smss->watchdog_ms = us / 1000 / 3;
    smss->watchdog = (struct loop_timer){.expired = watchdog_feed, .context = smss};
    watchdog_feed(smss);
}
