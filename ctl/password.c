#include "ctl/password.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "common/packet.h"
#include "common/text.h"

/* Longer than any line that a terminal hands over (N_TTY takes 4095 bytes). */
#define LINE_ROOM 4096

static const char too_long[] = "The password is too long; 511 bytes are allowed.";
static const char not_read[] = "The password could not be read.";

struct terminal {
    int fd, signals;
    sigset_t before;
    struct termios quiet, usual;
};

/* What is wrong with these bytes as a password, or NULL. */
static const char *judge(const char *text, size_t size)
{
    if (size == 0)
        return "The password is empty.";
    if (size > CREDENTIALS_PASSWORD_MAX)
        return too_long;
    if (memchr(text, '\n', size) != NULL)
        return "The password must be one line.";
    return text_is_utf8(text, size) ? NULL : "The password is not UTF-8, or holds a NUL byte.";
}

static const char *take(char *password, const char *text, size_t size)
{
    const char *wrong = judge(text, size);
    if (wrong == NULL) {
        memcpy(password, text, size);
        password[size] = '\0';
    }
    return wrong;
}

const char *password_read(int fd, char *password)
{
    char text[CREDENTIALS_PASSWORD_MAX + 3]; /* room for CR LF or one byte too many */
    size_t size = 0;
    ssize_t got;
    explicit_bzero(password, PASSWORD_ROOM);
    do {
        got = read(fd, text + size, sizeof(text) - size);
        size += got > 0 ? (size_t)got : 0;
    } while ((got > 0 && size < sizeof(text)) || (got < 0 && errno == EINTR));
    const char *wrong = got < 0 ? not_read : size == sizeof(text) ? too_long : NULL;
    if (size > 0 && text[size - 1] == '\n')
        size--;
    if (size > 0 && text[size - 1] == '\r')
        size--;
    if (wrong == NULL)
        wrong = take(password, text, size);
    explicit_bzero(text, sizeof(text));
    return wrong;
}

/* Opens the terminal, holds the signals that end or stop the program back, and turns the echo off. */
static bool terminal_open(struct terminal *terminal_r)
{
    static const int held[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
    *terminal_r = (struct terminal){.fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY), .signals = -1};
    if (terminal_r->fd < 0 || tcgetattr(terminal_r->fd, &terminal_r->usual) != 0) {
        close_descriptor(&terminal_r->fd);
        return false;
    }
    sigset_t signals;
    sigemptyset(&signals);
    for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++)
        sigaddset(&signals, held[i]);
    sigprocmask(SIG_BLOCK, &signals, &terminal_r->before);
    terminal_r->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    terminal_r->quiet = terminal_r->usual;
    terminal_r->quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK);
    terminal_r->quiet.c_lflag |= ICANON | ISIG | ECHONL;
    return tcsetattr(terminal_r->fd, TCSAFLUSH, &terminal_r->quiet) == 0;
}

static void terminal_close(struct terminal *terminal)
{
    if (terminal->fd < 0)
        return;
    tcsetattr(terminal->fd, TCSAFLUSH, &terminal->usual);
    sigprocmask(SIG_SETMASK, &terminal->before, NULL);
    close_descriptor(&terminal->signals);
    close_descriptor(&terminal->fd);
}

/* Lets the signal happen with the terminal as it was. Comes back when it did not end the program. */
static void let_signal(struct terminal *terminal)
{
    struct signalfd_siginfo what;
    sigset_t held;
    if (read(terminal->signals, &what, sizeof(what)) != sizeof(what))
        return;
    tcsetattr(terminal->fd, TCSAFLUSH, &terminal->usual);
    raise((int)what.ssi_signo);
    sigprocmask(SIG_SETMASK, &terminal->before, &held);
    sigprocmask(SIG_SETMASK, &held, NULL);
    tcsetattr(terminal->fd, TCSAFLUSH, &terminal->quiet);
}

static const char *read_line(struct terminal *terminal, const char *prompt, char *password)
{
    char text[LINE_ROOM];
    ssize_t size = -1;
    bool ask = true;
    while (size < 0) {
        if (ask)
            dprintf(terminal->fd, "%s", prompt);
        struct pollfd waits[] = {{.fd = terminal->fd, .events = POLLIN},
                                 {.fd = terminal->signals, .events = POLLIN}};
        if (poll(waits, 2, -1) < 0 && errno != EINTR)
            return not_read;
        ask = (waits[1].revents & POLLIN) != 0;
        if (ask)
            let_signal(terminal);
        else if (waits[0].revents != 0 && (size = read(terminal->fd, text, sizeof(text))) < 0 &&
                 errno != EINTR)
            return not_read;
    }
    if (size > 0 && text[size - 1] == '\n')
        size--;
    const char *wrong = take(password, text, (size_t)size);
    explicit_bzero(text, sizeof(text));
    return wrong;
}

static const char *ask_twice(struct terminal *terminal, const char *name, char *password, char *again)
{
    char prompt[400], safe[300];
    snprintf(prompt, sizeof(prompt), "New password for %s: ", text_escape(safe, sizeof(safe), name));
    const char *wrong = read_line(terminal, prompt, password);
    if (wrong == NULL)
        wrong = read_line(terminal, "The same again: ", again);
    if (wrong == NULL && strcmp(password, again) != 0)
        wrong = "The two passwords differ.";
    return wrong;
}

const char *password_ask(const char *name, char *password)
{
    struct terminal terminal;
    char again[PASSWORD_ROOM] = "";
    const char *wrong = "There is no terminal to ask on; use --password-stdin.";
    explicit_bzero(password, PASSWORD_ROOM);
    if (terminal_open(&terminal))
        wrong = ask_twice(&terminal, name, password, again);
    terminal_close(&terminal);
    explicit_bzero(again, sizeof(again));
    if (wrong != NULL)
        explicit_bzero(password, PASSWORD_ROOM);
    return wrong;
}
