#include "display/messages.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/packet.h"
#include "display/message-style.h"

extern char **environ;

void messages_init(struct messages *messages_r)
{
    for (size_t i = 0; i < MESSAGES_MOST; i++)
        messages_r->at[i].fd = -1;
}

/* Ends a process by the number that is only its own, and takes its end. */
static void end_child(int *fd)
{
    siginfo_t info;
    pidfd_send_signal(*fd, SIGKILL, NULL, 0);
    waitid(P_PIDFD, (id_t)*fd, &info, WEXITED);
    close_descriptor(fd);
}

void messages_end(struct messages *messages)
{
    for (size_t i = 0; i < MESSAGES_MOST; i++) {
        if (messages->at[i].fd != -1)
            end_child(&messages->at[i].fd);
    }
}

/* A pipe that already holds all of the words: nobody waits for anybody. Returns the end to read, or a
 * negative errno. */
static int words_pipe(const struct winstation_message *message)
{
    int ends[2];
    char words[sizeof(message->title) + sizeof(message->text)];
    size_t title = strlen(message->title) + 1, text = strlen(message->text) + 1;
    memcpy(words, message->title, title);
    memcpy(words + title, message->text, text);
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return -errno;
    ssize_t written = write(ends[1], words, title + text);
    int failed = written < 0 ? -errno : (size_t)written < title + text ? -ENOBUFS : 0;
    close_descriptor(&ends[1]);
    if (failed)
        close_descriptor(&ends[0]);
    return failed ? failed : ends[0];
}

/* lodge-message is in the folder of this program. */
static bool program_path(char *path_r, size_t size)
{
    static const char name[] = "lodge-message";
    ssize_t length = readlink("/proc/self/exe", path_r, size - 1);
    if (length <= 0)
        return false;
    path_r[length] = '\0';
    char *slash = strrchr(path_r, '/');
    if (slash == NULL || (size_t)(slash + 1 - path_r) + sizeof(name) > size)
        return false;
    memcpy(slash + 1, name, sizeof(name));
    return true;
}

static int spawn(pid_t *pid_r, const char *path, int words, const struct winstation_message *message)
{
    char style[16], timeout[16];
    snprintf(style, sizeof(style), "%u", message->style);
    snprintf(timeout, sizeof(timeout), "%u", message->timeout_s);
    char *const arguments[] = {(char *)"lodge-message", (char *)"--style", style,
                               (char *)"--timeout",     timeout,           NULL};
    posix_spawn_file_actions_t actions;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed)
        return -failed;
    failed = posix_spawn_file_actions_adddup2(&actions, words, STDIN_FILENO);
    if (!failed)
        failed = posix_spawn(pid_r, path, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return -failed;
}

/* Returns a descriptor of the process, or a negative errno. */
static int start(const struct winstation_message *message)
{
    char path[PATH_MAX];
    pid_t pid = -1;
    if (!program_path(path, sizeof(path)))
        return -ENOENT;
    int words = words_pipe(message);
    if (words < 0)
        return words;
    int failed = spawn(&pid, path, words, message);
    close_descriptor(&words);
    if (failed)
        return failed;
    int fd = pidfd_open(pid, 0);
    if (fd >= 0)
        return fd;
    failed = -errno; /* out of descriptors */
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return failed;
}

bool messages_show(struct messages *messages, const struct winstation_message *message)
{
    size_t place = 0;
    while (place < MESSAGES_MOST && messages->at[place].fd != -1)
        place++;
    if (place == MESSAGES_MOST) {
        log_warning(NULL, "a message is not shown: %d are", MESSAGES_MOST);
        return false;
    }
    int fd = start(message);
    if (fd < 0) {
        log_warning(NULL, "a message is not shown: lodge-message cannot be started: %s", strerror(-fd));
        return false;
    }
    messages->at[place].fd = fd;
    messages->at[place].serial = message->serial;
    return true;
}

void messages_cancel(struct messages *messages, uint64_t serial)
{
    for (size_t i = 0; i < MESSAGES_MOST; i++) {
        if (messages->at[i].fd != -1 && messages->at[i].serial == serial)
            pidfd_send_signal(messages->at[i].fd, SIGKILL, NULL, 0);
    }
}

bool messages_child_ended(struct messages *messages, size_t place, struct winstation_message_answer *answer_r)
{
    int *fd = &messages->at[place].fd;
    siginfo_t info = {0};
    if (waitid(P_PIDFD, (id_t)*fd, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0)
        return false;
    close_descriptor(fd);
    *answer_r = (struct winstation_message_answer){
        messages->at[place].serial, info.si_code == CLD_EXITED ? message_response_of(info.si_status) : 0};
    return true;
}
