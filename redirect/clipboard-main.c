/* lodge-clipboard: what a client and its session copy and paste (clipboard.h). The display agent starts it.
 */
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/log.h"
#include "common/text.h"
#include "redirect/clipboard.h"

#define STATUS_USAGE 2

static const char usage[] =
    "usage: lodge-clipboard --redirect BITS\n"
    "Connects the clipboard of a Lodge session with its client's; lodge-display starts it.\n"
    "Its standard input is the socket to the client's worker.\n"
    "  --redirect BITS  1: from the client, 2: to the client, 3: both\n"
    "  --help, --version\n";

/* What this process sees must reach no other: no core files, and no tracing by the session's programs. */
static void harden(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
    signal(SIGPIPE, SIG_IGN);
    mallopt(M_MMAP_THRESHOLD, 64 * 1024); /* what was copied goes back to the system when it is freed */
    mallopt(M_TRIM_THRESHOLD, 64 * 1024);
}

/* Readable when the agent wants an end of this. Returns the descriptor or -1. */
static int end_fd(void)
{
    sigset_t end;
    sigemptyset(&end);
    sigaddset(&end, SIGTERM);
    return sigprocmask(SIG_BLOCK, &end, NULL) == 0 ? signalfd(-1, &end, SFD_CLOEXEC | SFD_NONBLOCK) : -1;
}

static int serve(uint32_t bits)
{
    int end = end_fd();
    struct clip *clip = end >= 0 ? calloc(1, sizeof(*clip)) : NULL;
    if (clip == NULL)
        return 1;
    const char *problem = clip_open(clip, bits, STDIN_FILENO);
    if (problem != NULL)
        log_error(NULL, "%s", problem);
    int status = problem == NULL ? clip_run(clip, end) : 1;
    clip_close(clip);
    free(clip);
    return status;
}

int main(int count, char **arguments)
{
    long bits;
    log_start("lodge-clipboard", LOG_LEVEL_INFO);
    if (count == 2 && strcmp(arguments[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (count == 2 && strcmp(arguments[1], "--version") == 0) {
        puts("lodge-clipboard " LODGE_VERSION);
        return 0;
    }
    if (count != 3 || strcmp(arguments[1], "--redirect") != 0 ||
        !text_number(arguments[2], 1, REDIRECT_CLIPBOARD_IN | REDIRECT_CLIPBOARD_OUT, &bits)) {
        fputs(usage, stderr);
        return STATUS_USAGE;
    }
    harden();
    return serve((uint32_t)bits);
}
