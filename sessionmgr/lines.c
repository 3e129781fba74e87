#include "sessionmgr/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/packet.h"
#include "common/text.h"

#define PIPE_ROOM (1 << 20)

/* "2026-01-31T12:00:00.000Z info PROGRAM[12]: ...", as log_write has it. */
static bool is_log_line(const char *line, const char *program)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ ";
    const char *at = line;
    for (const char *want = form; *want != '\0'; want++, at++) {
        if (*want == 'd' ? *at < '0' || *at > '9' : *at != *want)
            return false;
    }
    at += strspn(at, "abcdefghijklmnopqrstuvwxyz");
    size_t length = strlen(program);
    if (*at++ != ' ' || strncmp(at, program, length) != 0)
        return false;
    at += length;
    at += strspn(at, "abcdefghijklmnopqrstuvwxyz-");
    return *at == '[' && at[1 + strspn(at + 1, "0123456789")] == ']';
}

static void say(struct lines *lines)
{
    int64_t now = clock_monotonic_ms();
    unsigned most = lines->program != NULL ? LINES_OWN_MOST : LINES_MOST;
    if (now - lines->since >= LINES_MOST_MS) {
        if (lines->count > most)
            log_warning(lines->about, "%u more lines were left out", lines->count - most);
        lines->since = now;
        lines->count = 0;
    }
    if (lines->count++ >= most)
        return;
    if (lines->program != NULL && is_log_line(lines->line, lines->program))
        log_pass(lines->line);
    else
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
    char text[4096];
    size_t room = lines->program != NULL ? LINES_OWN_ROOM : LINES_ROOM;
    for (unsigned turns = 0; lines->fd >= 0 && turns < 64; turns++) {
        ssize_t got = read(lines->fd, text, sizeof(text));
        if (got < 0)
            return;
        for (ssize_t i = 0; i < got; i++) {
            if (text[i] == '\n')
                end_line(lines);
            else if (lines->used + 1 < room)
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

/* Opened for writing as well: the pipe has no end while no service runs. */
int lines_open_named(struct lines *lines_r, struct loop *loop, const char *path, const char *about,
                     const char *program)
{
    struct stat status;
    if (mkfifo(path, 0600) != 0 && errno != EEXIST)
        return -errno;
    int fd = open(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &status) != 0 || !S_ISFIFO(status.st_mode)) {
        close(fd);
        return -ENOTSUP;
    }
    fcntl(fd, F_SETPIPE_SZ, PIPE_ROOM); /* what comes while this process is at something else; less will do */
    *lines_r = (struct lines){
        .fd = fd, .about = about, .level = LOG_LEVEL_INFO, .program = program, .since = clock_monotonic_ms()};
    lines_r->source = loop_watch(loop, fd, EPOLLIN, came, lines_r);
    return 0;
}

int lines_named_end(const char *path)
{
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}
