#include "display/messages.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "common/log.h"
#include "common/packet.h"
#include "display/child.h"
#include "display/message-style.h"

void messages_init(struct messages *messages_r)
{
    for (size_t i = 0; i < MESSAGES_MOST; i++)
        messages_r->at[i].fd = -1;
}

void messages_end(struct messages *messages)
{
    for (size_t i = 0; i < MESSAGES_MOST; i++) {
        if (messages->at[i].fd != -1)
            child_kill(&messages->at[i].fd);
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

/* Returns a descriptor of the process, or a negative errno. */
static int start(const struct winstation_message *message)
{
    char style[16], timeout[16];
    int words = words_pipe(message);
    if (words < 0)
        return words;
    snprintf(style, sizeof(style), "%u", message->style);
    snprintf(timeout, sizeof(timeout), "%u", message->timeout_s);
    char *const arguments[] = {(char *)"lodge-message", (char *)"--style", style,
                               (char *)"--timeout",     timeout,           NULL};
    int fd = child_start("lodge-message", arguments, words);
    close_descriptor(&words);
    return fd;
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
    int status;
    if (!child_ended(&messages->at[place].fd, &status))
        return false;
    *answer_r = (struct winstation_message_answer){messages->at[place].serial, message_response_of(status)};
    return true;
}
