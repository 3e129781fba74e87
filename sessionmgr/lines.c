#include "sessionmgr/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/packet.h"
#include "common/text.h"

static void say(struct lines *lines)
{
    int64_t now = clock_monotonic_ms();
    if (now - lines->since >= LINES_MOST_MS) {
        if (lines->count > LINES_MOST)
            log_warning(lines->about, "%u more lines were left out", lines->count - LINES_MOST);
        lines->since = now;
        lines->count = 0;
    }
    if (lines->count++ < LINES_MOST)
        log_write(lines->level, lines->about, "%s", lines->line);
}

static void end_line(struct lines *lines)
{
    lines->line[lines->used] = '\0';
    if (lines->line[strspn(lines->line, " \t\r")] != '\0') {
        say(lines);
        text_escape(lines->last, sizeof(lines->last), lines->line);
    }
    lines->used = 0;
}

static void shut(struct lines *lines)
{
    end_line(lines);
    loop_unwatch(&lines->source);
    close_descriptor(&lines->fd);
}

/* Not for ever: a program that writes without a pause must not hold up the rest. */
void lines_drain(struct lines *lines)
{
    char text[1024];
    for (unsigned turns = 0; lines->fd >= 0 && turns < 64; turns++) {
        ssize_t got = read(lines->fd, text, sizeof(text));
        if (got < 0)
            return;
        for (ssize_t i = 0; i < got; i++) {
            if (text[i] == '\n')
                end_line(lines);
            else if (lines->used + 1 < sizeof(lines->line))
                lines->line[lines->used++] = text[i];
        }
        if (got == 0)
            shut(lines);
    }
}

void lines_close(struct lines *lines)
{
    lines_drain(lines);
    if (lines->fd >= 0)
        shut(lines);
}

static void came(void *context, uint32_t events)
{
    (void)events;
    lines_drain(context);
}

int lines_open(struct lines *lines_r, struct loop *loop, const char *about, enum log_level level)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -errno;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *lines_r = (struct lines){.fd = ends[0], .about = about, .level = level, .since = clock_monotonic_ms()};
    lines_r->source = loop_watch(loop, ends[0], EPOLLIN, came, lines_r);
    return ends[1];
}
