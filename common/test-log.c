/* Lines of the log: in a file as they are, for systemd's journal with their priority before them. */
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/check.h"

#define PASSED "2026-01-31T12:00:00.000Z error lodge-rdp[12]: the zygote has gone"

/* A journal: a socket named as systemd names its own, below a folder of the test's. */
static int journal_connect(int *listening_r)
{
    char folder[] = "/tmp/test-log-XXXXXX", below[64];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    CHECK(mkdtemp(folder) != NULL);
    snprintf(below, sizeof(below), "%s/systemd", folder);
    CHECK(mkdir(below, 0700) == 0);
    snprintf(below, sizeof(below), "%s/systemd/journal", folder);
    CHECK(mkdir(below, 0700) == 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/stdout", below);
    *listening_r = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(*listening_r, (struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(listen(*listening_r, 1) == 0);
    CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(unlink(address.sun_path) == 0 && rmdir(below) == 0);
    snprintf(below, sizeof(below), "%s/systemd", folder);
    CHECK(rmdir(below) == 0 && rmdir(folder) == 0);
    return fd;
}

/* The next line's beginning is `priority`, and its level and text are `rest`. */
static void check_line(FILE *from, const char *priority, const char *rest)
{
    char line[2048];
    CHECK(fgets(line, sizeof(line), from) != NULL);
    size_t length = strlen(priority);
    CHECK(strncmp(line, priority, length) == 0);
    CHECK(strncmp(line + length, "20", 2) == 0);
    CHECK(strstr(line, rest) != NULL && line[strlen(line) - 1] == '\n');
}

static void write_all(void)
{
    errno = EPIPE;
    log_error(NULL, "one: %m");
    CHECK(errno == EPIPE);
    log_warning("session 3", "two\n<0>");
    log_info(NULL, "three");
    log_debug(NULL, "four");
    log_pass(PASSED);
    log_pass("20");
}

static void check_all(FILE *from, bool journal)
{
    check_line(from, journal ? "<3>" : "", " error test-log[");
    check_line(from, journal ? "<4>" : "", ": session 3: two\\x0a<0>");
    check_line(from, journal ? "<6>" : "", ": three");
    check_line(from, journal ? "<7>" : "", " debug test-log[");
    check_line(from, journal ? "<3>" : "", PASSED);
    check_line(from, journal ? "<6>" : "", "20");
}

/* As long a line as fits: the end is marked, nothing is lost of the next one. */
static void test_long_lines(FILE *from)
{
    char text[4000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    memcpy(text, "20", 2);
    log_pass(text);
    log_info(NULL, "%s", text);
    log_info(NULL, "after it");
    check_line(from, "<6>", "xxx...\n");
    check_line(from, "<6>", "xxx");
    check_line(from, "<6>", ": after it");
}

int main(void)
{
    FILE *file = tmpfile();
    CHECK(file != NULL);
    log_start("test-log", LOG_LEVEL_DEBUG);
    log_to(fileno(file));
    write_all();
    rewind(file);
    check_all(file, false);
    fclose(file);

    int listening, fd = journal_connect(&listening);
    int taken = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    FILE *journal = taken >= 0 ? fdopen(taken, "r") : NULL;
    CHECK(journal != NULL);
    log_to(fd);
    write_all();
    check_all(journal, true);
    test_long_lines(journal);
    fclose(journal);
    close(listening);
    close(fd);

    /* Another socket is no journal. */
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    log_to(pair[0]);
    log_info(NULL, "three");
    FILE *other = fdopen(pair[1], "r");
    CHECK(other != NULL);
    check_line(other, "", ": three");
    fclose(other);
    close(pair[0]);
    return 0;
}
