/* lodge-display: the display agent of one session. docs/architecture.md says who starts it, and
 * rpc/winstation.h what it does. */
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "common/log.h"
#include "common/slice.h"
#include "common/text.h"
#include "display/agent.h"

static const char usage[] = "usage: lodge-display --winstation-fd N --channel-fd N\n"
                            "Serves the X display of a Lodge session; lodge-init starts it.\n"
                            "  --winstation-fd N  the listening winstation port\n"
                            "  --channel-fd N     the channel to lodge-init\n"
                            "  --help, --version\n";

struct arguments {
    long winstation_fd, channel_fd;
};

static bool parse(struct arguments *arguments_r, int count, char **words)
{
    struct arguments arguments = {-1, -1};
    for (int i = 1; i + 1 < count; i += 2) {
        long *value = strcmp(words[i], "--winstation-fd") == 0 ? &arguments.winstation_fd
                      : strcmp(words[i], "--channel-fd") == 0  ? &arguments.channel_fd
                                                               : NULL;
        if (value == NULL || !text_number(words[i + 1], 0, 1 << 20, value))
            return false;
    }
    *arguments_r = arguments;
    return count == 5 && arguments.winstation_fd >= 0 && arguments.channel_fd >= 0;
}

/* What this process sees must reach no other: no core files, and no tracing by the session's programs, which
 * run as the same user. */
static void harden(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
    signal(SIGPIPE, SIG_IGN);
}

static int serve(const struct arguments *arguments)
{
    struct agent *agent = malloc(sizeof(*agent));
    if (agent == NULL)
        return 1;
    int status = 1;
    bool opened = agent_open(agent, (int)arguments->winstation_fd, (int)arguments->channel_fd);
    if (opened) {
        int failed = channel_ready(agent);
        if (failed)
            log_error("lodge-init", "%s", strerror(-failed));
        else
            status = agent_run(agent);
    }
    agent_close(agent);
    free(agent);
    return status;
}

int main(int count, char **words)
{
    struct arguments arguments;
    log_start("lodge-display", LOG_LEVEL_INFO);
    if (count == 2 && strcmp(words[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (count == 2 && strcmp(words[1], "--version") == 0) {
        puts("lodge-display " LODGE_VERSION);
        return 0;
    }
    if (!parse(&arguments, count, words)) {
        fputs(usage, stderr);
        return 2;
    }
    if (fcntl((int)arguments.winstation_fd, F_SETFD, FD_CLOEXEC) != 0 ||
        fcntl((int)arguments.channel_fd, F_SETFD, FD_CLOEXEC) != 0) {
        log_error(NULL, "the descriptors are not open");
        return 2;
    }
    harden();
    slice_shorten(0);
    mallopt(M_MMAP_THRESHOLD, 64 * 1024); /* images go back to the system when they are freed */
    mallopt(M_TRIM_THRESHOLD, 64 * 1024);
    return serve(&arguments);
}
