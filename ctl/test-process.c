#include "ctl/test-process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/check.h"

static int exit_code_of(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The program is opened before: the user need not be able to reach the folder that it was built in. */
static _Noreturn void become(const char *const *words, uid_t uid)
{
    int program = open(words[0], O_PATH | O_CLOEXEC);
    if (uid != 0 && (setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0))
        _exit(126);
    execveat(program, "", (char *const *)words, environ, AT_EMPTY_PATH);
    _exit(127);
}

static pid_t start(const char *const *words, uid_t uid, const int pipes[3][2])
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid > 0)
        return pid;
    if (dup2(pipes[0][0], 0) != 0 || dup2(pipes[1][1], 1) != 1 || dup2(pipes[2][1], 2) != 2)
        _exit(125);
    closefrom(3);
    become(words, uid);
}

/* Reads what has come into `text`. Returns false at the end. */
static bool drain(int fd, char *text, size_t *size)
{
    CHECK(*size < PROCESS_TEXT_MAX - 1);
    ssize_t got = read(fd, text + *size, PROCESS_TEXT_MAX - 1 - *size);
    CHECK(got >= 0);
    *size += (size_t)got;
    text[*size] = '\0';
    return got > 0;
}

static void collect(const int pipes[3][2], struct process_result *result)
{
    int64_t deadline = clock_monotonic_ms() + PROCESS_WAIT_MS;
    size_t sizes[2] = {0};
    struct pollfd waits[2] = {{.fd = pipes[1][0], .events = POLLIN}, {.fd = pipes[2][0], .events = POLLIN}};
    while (waits[0].fd >= 0 || waits[1].fd >= 0) {
        int64_t left = deadline - clock_monotonic_ms();
        CHECK(left > 0 && poll(waits, 2, (int)left) > 0);
        if (waits[0].revents != 0 && !drain(waits[0].fd, result->out, &sizes[0]))
            waits[0].fd = -1;
        if (waits[1].revents != 0 && !drain(waits[1].fd, result->error, &sizes[1]))
            waits[1].fd = -1;
    }
}

const struct process_result *process_run(const char *const *words, const char *input, uid_t uid)
{
    static struct process_result result;
    int pipes[3][2], status;
    signal(SIGPIPE, SIG_IGN); /* it need not read its input */
    result.out[0] = result.error[0] = '\0';
    for (int i = 0; i < 3; i++)
        CHECK(pipe(pipes[i]) == 0);
    pid_t pid = start(words, uid, pipes);
    close(pipes[0][0]);
    close(pipes[1][1]);
    close(pipes[2][1]);
    ssize_t written = input != NULL ? write(pipes[0][1], input, strlen(input)) : 0;
    CHECK(written >= 0 || errno == EPIPE);
    close(pipes[0][1]);
    collect(pipes, &result);
    close(pipes[1][0]);
    close(pipes[2][0]);
    CHECK(waitpid(pid, &status, 0) == pid);
    result.exit_code = exit_code_of(status);
    return &result;
}

void process_terminal_start(struct process_terminal *terminal, const char *const *words)
{
    *terminal = (struct process_terminal){.fd = -1};
    terminal->pid = forkpty(&terminal->fd, NULL, NULL, NULL);
    CHECK(terminal->pid >= 0);
    if (terminal->pid == 0)
        become(words, 0);
}

/* Reads what comes before `deadline`. Returns false at the end. */
static bool read_more(struct process_terminal *terminal, int64_t deadline)
{
    int64_t left = deadline - clock_monotonic_ms();
    struct pollfd wait = {.fd = terminal->fd, .events = POLLIN};
    CHECK(left > 0 && poll(&wait, 1, (int)left) > 0);
    CHECK(terminal->size < sizeof(terminal->seen) - 1);
    ssize_t got =
        read(terminal->fd, terminal->seen + terminal->size, sizeof(terminal->seen) - 1 - terminal->size);
    if (got <= 0)
        return false; /* EIO: nobody has it open any more */
    terminal->size += (size_t)got;
    terminal->seen[terminal->size] = '\0';
    return true;
}

void process_terminal_await(struct process_terminal *terminal, const char *text)
{
    int64_t deadline = clock_monotonic_ms() + PROCESS_WAIT_MS;
    const char *found;
    while ((found = strstr(terminal->seen + terminal->mark, text)) == NULL) {
        if (!read_more(terminal, deadline)) {
            fprintf(stderr, "no \"%s\" in what was written: %s\n", text, terminal->seen);
            CHECK(false);
        }
    }
    terminal->mark = (size_t)(found - terminal->seen) + strlen(text);
}

void process_terminal_type(struct process_terminal *terminal, const char *text)
{
    CHECK(write(terminal->fd, text, strlen(text)) == (ssize_t)strlen(text));
}

int process_terminal_finish(struct process_terminal *terminal)
{
    int64_t deadline = clock_monotonic_ms() + PROCESS_WAIT_MS;
    int status;
    while (read_more(terminal, deadline))
        ;
    CHECK(waitpid(terminal->pid, &status, 0) == terminal->pid);
    close(terminal->fd);
    return exit_code_of(status);
}
