#include "sessionmgr/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/packet.h"
#include "tests/check.h"

static char out[1 << 20];

/* What the log got since the last look. */
static const char *logged(int log)
{
    ssize_t got = read(log, out, sizeof(out) - 1);
    out[got > 0 ? got : 0] = '\0';
    return out;
}

static unsigned count(const char *text, const char *what)
{
    unsigned found = 0;
    while ((text = strstr(text, what)) != NULL) {
        found++;
        text++;
    }
    return found;
}

static void put(int fd, const char *text)
{
    CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

/* A line is one line in the log, under the program's name, whatever is in it. */
static void lines_are_taken(struct loop *loop, int log)
{
    struct lines lines;
    char longest[1000];
    int fd = lines_open(&lines, loop, "tool", LOG_LEVEL_INFO);
    CHECK(fd >= 0);
    put(fd, "one\n\n  \ntw");
    lines_drain(&lines);
    CHECK(strcmp(lines.last, "one") == 0 && count(logged(log), "tool: one\n") == 1);
    put(fd, "o\nred \x1b[31m\n");
    loop_turn(loop);
    CHECK(strcmp(lines.last, "red \\x1b[31m") == 0);
    CHECK(count(logged(log), "\x1b") == 0 && count(out, "tool: two\n") == 1);
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    put(fd, longest);
    CHECK(close(fd) == 0);
    lines_drain(&lines);
    CHECK(lines.fd == -1 && strlen(lines.last) == LINES_ROOM - 1);
    lines_close(&lines);
}

/* A program that writes without end does not fill the log. */
static void lines_are_bounded(struct loop *loop, int log)
{
    struct lines lines;
    logged(log);
    int fd = lines_open(&lines, loop, "tool", LOG_LEVEL_INFO);
    CHECK(fd >= 0);
    for (int i = 0; i < 1000; i++) {
        put(fd, "again\n");
        lines_drain(&lines);
    }
    CHECK(count(logged(log), "again") == LINES_MOST);
    lines.since -= LINES_MOST_MS;
    put(fd, "later\n");
    lines_close(&lines);
    CHECK(count(logged(log), "tool: later\n") == 1 && count(out, "800 more lines") == 1);
    CHECK(close(fd) == 0);
}

static void passes(int fd, struct lines *lines, int log, const char *line, bool as_it_is)
{
    char whole[300];
    put(fd, line);
    put(fd, "\n");
    lines_drain(lines);
    snprintf(whole, sizeof(whole), "%s%s\n", as_it_is ? "" : "broker: ", line);
    const char *got = strstr(logged(log), whole);
    CHECK(got != NULL && (got == out) == as_it_is);
}

/* A service's lines pass, if they are its own; and it writes on when the reader is another one. */
static void services_are_taken(struct loop *loop, int log)
{
    struct lines lines;
    char path[64];
    struct stat status;
    snprintf(path, sizeof(path), "/tmp/test-lines-pipe-%d", (int)getpid());
    CHECK(lines_open_named(&lines, loop, path, "broker", "lodge-broker") == 0);
    CHECK(stat(path, &status) == 0 && S_ISFIFO(status.st_mode) && (status.st_mode & 0777) == 0600);
    int fd = lines_named_end(path);
    CHECK(fd >= 0);
    passes(fd, &lines, log, "first", false);
    passes(fd, &lines, log, "2026-11-29T01:02:03.004Z info lodge-broker[7]: x", true);
    passes(fd, &lines, log, "2026-11-29T01:02:03.004Z info lodge-broker-more[7]: x", true);
    passes(fd, &lines, log, "2026-11-29T01:02:03.004Z info lodge-smss[7]: x", false);
    passes(fd, &lines, log, "2026-11-29T01:02:03.004Z info lodge-broker: lodge-broker[7]: x", false);
    passes(fd, &lines, log, "2026-11-29T01:02:03.004Z", false);
    passes(fd, &lines, log, "2026-11-29T01:02:03.004Z info lodge-broker[7", false);
    lines_close(&lines);
    signal(SIGPIPE, SIG_IGN);
    CHECK(write(fd, "lost\n", 5) < 0 && errno == EPIPE);
    CHECK(lines_open_named(&lines, loop, path, "broker", "lodge-broker") == 0);
    passes(fd, &lines, log, "again", false);
    /* Nobody reads: it does not block. */
    char full[4096];
    memset(full, 'a', sizeof(full));
    while (write(fd, full, sizeof(full)) > 0)
        ;
    CHECK(errno == EAGAIN);
    lines_close(&lines);
    CHECK(close(fd) == 0 && unlink(path) == 0);
    CHECK(mkdir(path, 0700) == 0 && lines_open_named(&lines, loop, path, "broker", "lodge-broker") != 0);
    CHECK(rmdir(path) == 0);
}

int main(void)
{
    char path[] = "/tmp/test-lines-XXXXXX";
    int log = mkstemp(path);
    CHECK(log >= 0);
    int to = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    CHECK(to >= 0 && unlink(path) == 0);
    log_to(to);
    struct loop *loop = loop_new();
    lines_are_taken(loop, log);
    lines_are_bounded(loop, log);
    services_are_taken(loop, log);
    loop_free(loop);
    close(to);
    close(log);
    return 0;
}
