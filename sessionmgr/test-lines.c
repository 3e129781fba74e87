#include "sessionmgr/lines.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
    loop_free(loop);
    close(to);
    close(log);
    return 0;
}
