#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/text.h"

static struct {
    const char *program;
    enum log_level level;
    int fd;
} state = {.program = "lodge", .level = LOG_LEVEL_INFO, .fd = STDERR_FILENO};

void log_start(const char *program, enum log_level level)
{
    state.program = program;
    state.level = level;
}

void log_to(int fd)
{
    state.fd = fd;
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
    int size = snprintf(line, sizeof(line), "%s.%03ldZ %s %s[%d]: %s%s%s\n", stamp, now.tv_nsec / 1000000,
                        names[level], state.program, (int)getpid(), prefix, about ? ": " : "",
                        text_escape(safe, sizeof(safe), text));
    if (size > 0) {
        size_t count = (size_t)size < sizeof(line) ? (size_t)size : sizeof(line) - 1;
        ssize_t written = write(state.fd, line, count);
        (void)written;
    }
    errno = saved;
}

void log_pass(const char *line)
{
    int saved = errno;
    char safe[1536];
    text_escape(safe, sizeof(safe) - 1, line);
    size_t size = strlen(safe);
    safe[size] = '\n';
    ssize_t written = write(state.fd, safe, size + 1);
    (void)written;
    errno = saved;
}
