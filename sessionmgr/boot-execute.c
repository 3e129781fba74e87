/* The commands of [BootExecute], one after another. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/packet.h"
#include "common/text.h"
#include "sessionmgr/bootprog.h"

#define OUTPUT_MOST 200 /* lines of a command that are logged */
#define TURNS_MOST  64

struct command {
    const char *name;
    pid_t pid;
    int pidfd, output;
    char line[256], last[256];
    size_t used;
    unsigned lines;
};

static void run_child(const struct boot *boot, const char *text, int output)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    setsid();
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(output, STDERR_FILENO) < 0 || chdir("/") != 0)
        _exit(127);
    signal(SIGPIPE, SIG_DFL);
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)text, NULL};
    execve("/bin/sh", argv, boot->environment);
    _exit(127);
}

/* Returns 0 or a negative errno. */
static int start(const struct boot *boot, const char *text, struct command *command)
{
    int pair[2];
    if (pipe2(pair, O_CLOEXEC) != 0)
        return -errno;
    command->pid = fork();
    if (command->pid == 0)
        run_child(boot, text, pair[1]);
    int failed = command->pid < 0 ? -errno : 0;
    close(pair[1]);
    command->output = pair[0];
    fcntl(command->output, F_SETFL, O_NONBLOCK);
    command->pidfd = failed ? -1 : pidfd_open(command->pid, 0);
    return failed;
}

static void end_line(struct command *command)
{
    command->line[command->used] = '\0';
    if (command->used > 0) {
        if (command->lines++ < OUTPUT_MOST)
            log_info(command->name, "%s", command->line);
        text_escape(command->last, sizeof(command->last), command->line);
    }
    command->used = 0;
}

static void take_output(struct command *command)
{
    char bytes[4096];
    ssize_t got = -1;
    /* Not for ever: one that writes without a pause would have no deadline. */
    for (unsigned turns = 0; turns < TURNS_MOST && (got = read(command->output, bytes, sizeof(bytes))) > 0;
         turns++) {
        for (ssize_t i = 0; i < got; i++) {
            if (bytes[i] == '\n')
                end_line(command);
            else if (command->used + 1 < sizeof(command->line))
                command->line[command->used++] = bytes[i];
        }
    }
    if (got == 0) /* it has closed it, and may go on */
        close_descriptor(&command->output);
}

/* Waits for its end, at most until the deadline, and ends what it has started. Returns its status. */
static int wait_for(struct command *command, int64_t deadline_ms, bool *late_r)
{
    int status = -1;
    int64_t left = 0;
    *late_r = true;
    while (*late_r && (left = deadline_ms - clock_monotonic_ms()) > 0) {
        struct pollfd polled[] = {{.fd = command->pidfd, .events = POLLIN},
                                  {.fd = command->output, .events = POLLIN}};
        if (poll(polled, 2, (int)left) < 0 && errno != EINTR)
            break;
        if (polled[1].revents != 0)
            take_output(command);
        *late_r = polled[0].revents == 0;
    }
    kill(-command->pid, SIGKILL);
    kill(command->pid, SIGKILL);
    waitpid(command->pid, &status, 0);
    take_output(command);
    end_line(command);
    close_descriptor(&command->output);
    close_descriptor(&command->pidfd);
    return status;
}

static void describe(int status, bool late, long seconds, char *text, size_t size)
{
    if (late)
        snprintf(text, size, "was killed, as it took longer than %ld s", seconds);
    else if (WIFEXITED(status))
        snprintf(text, size, "ended with status %d", WEXITSTATUS(status));
    else
        snprintf(text, size, "was killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
}

/* Returns true when it did what it should. */
static bool run(const struct boot *boot, const struct conf_item *item, struct boot_result *result)
{
    struct command command = {.name = item->name, .output = -1, .pidfd = -1};
    int64_t began = clock_monotonic_ms();
    char how[80];
    bool late = false;
    int failed = start(boot, item->value, &command), status = -1;
    if (failed) {
        snprintf(how, sizeof(how), "cannot be started: %s", strerror(-failed));
        close_descriptor(&command.output);
    } else {
        status = wait_for(&command, began + boot->conf.execute_seconds * 1000, &late);
        describe(status, late, boot->conf.execute_seconds, how, sizeof(how));
    }
    bool ok = !failed && !late && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    boot_event(boot, ok ? EVENT_BOOT_EXECUTE : EVENT_BOOT_EXECUTE_FAILED, "%s %s after %lld ms%s%s",
               item->name, how, (long long)(clock_monotonic_ms() - began),
               command.last[0] != '\0' ? ": " : "", command.last);
    if (!ok && result->detail[0] == '\0')
        snprintf(result->detail, sizeof(result->detail), "%s %s", item->name, how);
    return ok;
}

void boot_execute(struct boot *boot, struct boot_result *result)
{
    for (size_t i = 0; i < boot->items.count; i++) {
        const struct conf_item *item = &boot->items.items[i];
        if (item->section != CONF_FREE_BOOT_EXECUTE)
            continue;
        bool ok = run(boot, item, result);
        result->done += ok;
        result->failed += !ok;
        if (!ok && boot->conf.on_execute == CONF_STOP)
            return;
    }
    if (result->detail[0] == '\0')
        snprintf(result->detail, sizeof(result->detail), "%u commands", result->done);
}
