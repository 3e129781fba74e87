#include "display/endsession.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/packet.h"
#include "display/child.h"

void endsession_init(struct endsession *endsession_r)
{
    *endsession_r = (struct endsession){.fd = -1};
}

/* The end of the process is not waited for: a file system of the user's own may keep it in the kernel. */
void endsession_end(struct endsession *endsession)
{
    if (endsession->fd != -1)
        pidfd_send_signal(endsession->fd, SIGKILL, NULL, 0);
    close_descriptor(&endsession->fd);
}

bool endsession_begin(struct endsession *endsession, int64_t ms)
{
    char *const arguments[] = {(char *)"lodge-endsession", NULL};
    if (endsession->fd != -1)
        return true;
    int nowhere = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int fd = nowhere < 0 ? -errno : child_start("lodge-endsession", arguments, nowhere);
    close_descriptor(&nowhere);
    if (fd < 0) {
        log_warning(NULL, "lodge-endsession cannot be started: %s", strerror(-fd));
        return false;
    }
    *endsession = (struct endsession){.fd = fd, .due = clock_monotonic_ms() + ms};
    return true;
}

bool endsession_look(struct endsession *endsession, int64_t now, enum sm_manager *answer_r)
{
    int status;
    if (endsession->fd == -1)
        return false;
    if (child_ended(&endsession->fd, &status)) {
        int answer = status - ENDSESSION_STATUS;
        bool known = answer >= 0 && answer < SM_MANAGER_ANSWERS;
        *answer_r = known ? (enum sm_manager)answer : SM_MANAGER_BROKEN;
        return true;
    }
    if (now < endsession->due)
        return false;
    endsession_end(endsession);
    *answer_r = SM_MANAGER_SILENT;
    return true;
}
