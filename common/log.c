#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/text.h"

#define JOURNAL       "/systemd/journal" /* the one of the machine, or one with a name of its own */
#define PRIORITY      "<6>"              /* as sd-daemon(3) has it */
#define PRIORITY_SIZE 3

static struct {
    const char *program;
    enum log_level level;
    int fd;
    bool journal; /* which is fd's other end, and takes the priority of a line from before it */
} state = {.program = "lodge", .level = LOG_LEVEL_INFO, .fd = STDERR_FILENO};

void log_to(int fd)
{
    struct sockaddr_un peer = {.sun_family = AF_UNSPEC};
    socklen_t size = sizeof(peer) - 1;
    state.fd = fd;
    state.journal = getpeername(fd, (struct sockaddr *)&peer, &size) == 0 && peer.sun_family == AF_UNIX &&
                    strstr(peer.sun_path, JOURNAL) != NULL;
}

void log_start(const char *program, enum log_level level)
{
    state.program = program;
    state.level = level;
    log_to(state.fd);
}

/* Writes a line, "TIME LEVEL ...\n", of `size` bytes behind PRIORITY. */
static void put(char *line, size_t size)
{
    static const char levels[] = "ewd", priorities[] = "347";
    const char *level = strchr(line, ' ');
    const char *known = level != NULL && level[1] != '\0' ? strchr(levels, level[1]) : NULL;
    if (known != NULL)
        line[1] = priorities[known - levels];
    size_t before = state.journal ? 0 : PRIORITY_SIZE;
    ssize_t written = write(state.fd, line + before, PRIORITY_SIZE + size - before);
    (void)written;
}

void log_write(enum log_level level, const char *about, const char *format, ...)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    if (level > state.level)
        return;
    int saved = errno;
    char text[1024], safe[1280], line[1536];
    va_list arguments;
    va_start(arguments, format);
    errno = saved;
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);

    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    char stamp[32];
    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &parts);
    char prefix[128] = "";
    if (about != NULL)
        text_escape(prefix, sizeof(prefix), about);
    int size = snprintf(line, sizeof(line), PRIORITY "%s.%03ldZ %s %s[%d]: %s%s%s\n", stamp,
                        now.tv_nsec / 1000000, names[level], state.program, (int)getpid(), prefix,
                        about ? ": " : "", text_escape(safe, sizeof(safe), text));
    if (size > PRIORITY_SIZE)
        put(line, ((size_t)size < sizeof(line) ? (size_t)size : sizeof(line) - 1) - PRIORITY_SIZE);
    errno = saved;
}

void log_pass(const char *line)
{
    int saved = errno;
    char safe[1536] = PRIORITY, *text = safe + PRIORITY_SIZE;
    text_escape(text, sizeof(safe) - PRIORITY_SIZE - 1, line);
    size_t size = strlen(text);
    text[size] = '\n';
    put(safe, size + 1);
    errno = saved;
}
