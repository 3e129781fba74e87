#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/packet.h"
#include "rdp-front/control.h"
#include "rdp-front/listener-state.h"
#include "rpc/sm.h"

#define ZYGOTE         "lodge-rdp-worker"
#define ZYGOTE_CHANNEL 3

/* The zygote lies beside this program. Returns false where the path does not fit. */
static bool zygote_path(char *path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", path, size - 1);
    if (length <= 0)
        return false;
    path[length] = '\0';
    char *slash = strrchr(path, '/');
    size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
    return (size_t)snprintf(path + folder, size - folder, ZYGOTE) < size - folder;
}

static bool is_program(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

bool zygote_find(void)
{
    char path[PATH_MAX];
    if (is_program(SM_ZYGOTE_FD)) {
        fcntl(SM_ZYGOTE_FD, F_SETFD, FD_CLOEXEC);
        return true;
    }
    int fd = zygote_path(path, sizeof(path)) ? open(path, O_PATH | O_CLOEXEC) : -1;
    bool held = fd == SM_ZYGOTE_FD || (fd >= 0 && dup3(fd, SM_ZYGOTE_FD, O_CLOEXEC) >= 0);
    if (!held)
        log_error(NULL, "there is no " ZYGOTE " beside this program: %s", strerror(errno));
    if (fd != SM_ZYGOTE_FD)
        close_descriptor(&fd);
    return held;
}

static _Noreturn void become_zygote(const char *config, int channel)
{
    const char *const argv[] = {ZYGOTE, "--zygote", "--config", config, "--channel-fd", "3", NULL};
    if (channel == ZYGOTE_CHANNEL)
        fcntl(channel, F_SETFD, 0);
    else
        dup2(channel, ZYGOTE_CHANNEL);
    execveat(SM_ZYGOTE_FD, "", (char *const *)argv, environ, AT_EMPTY_PATH);
    _exit(127);
}

static int send_pair(int channel, const char *certificate, size_t certificate_size, const char *key,
                     size_t key_size)
{
    struct control_pem *pem = calloc(1, sizeof(*pem));
    if (pem == NULL || certificate_size > sizeof(pem->certificate) || key_size > sizeof(pem->key)) {
        free(pem);
        return -EMSGSIZE;
    }
    memcpy(pem->certificate, certificate, certificate_size);
    memcpy(pem->key, key, key_size);
    pem->certificate_count = (uint16_t)certificate_size;
    pem->key_count = (uint16_t)key_size;
    int failed = message_send(channel, &control_protocol, CONTROL_PEM, pem, -1);
    explicit_bzero(pem, sizeof(*pem));
    free(pem);
    return failed;
}

int zygote_start(const char *config, const char *certificate, size_t certificate_size, const char *key,
                 size_t key_size)
{
    int pair[2];
    int failed = packet_pair(pair);
    if (failed)
        return failed;
    pid_t pid = fork();
    if (pid == 0)
        become_zygote(config, pair[1]);
    failed = pid < 0 ? -errno : send_pair(pair[0], certificate, certificate_size, key, key_size);
    close(pair[1]);
    if (failed)
        close(pair[0]);
    return failed ? failed : pair[0];
}

static void on_zygote(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    struct listener *listener = user;
    union control_body body;
    struct message message;
    const char *problem = "";
    int got =
        message_receive(fd, &control_protocol, CONTROL_BY_ZYGOTE, &body, sizeof(body), &message, &problem);
    if (got == -EAGAIN)
        return;
    if (got <= 0) {
        log_error(NULL, "the zygote has gone %s: no worker can be started", problem);
        listener->failed = true;
        event_base_loopbreak(listener->base);
    } else if (message.number == CONTROL_EXITED) {
        connection_exited(listener, body.exited.connection, body.exited.status);
    } else if (message.number == CONTROL_ALIVE) {
        sm_say_alive(listener);
    } else if (message.number == CONTROL_READY && !listener->ready) {
        listener->ready = true;
        connections_start(listener);
        sm_say_ready(listener);
    }
}

void zygote_watch(struct listener *listener)
{
    listener->zygote_event =
        event_new(listener->base, listener->zygote, EV_READ | EV_PERSIST, on_zygote, listener);
    event_add(listener->zygote_event, NULL);
}

int zygote_spawn(struct listener *listener, uint64_t connection, int control)
{
    return message_send(listener->zygote, &control_protocol, CONTROL_SPAWN,
                        &(struct control_spawn){connection}, control);
}

void zygote_hold(struct listener *listener, uint64_t connection, int control)
{
    message_send(listener->zygote, &control_protocol, CONTROL_HOLD, &(struct control_hold){connection},
                 control);
}

void zygote_ask(struct listener *listener)
{
    message_send(listener->zygote, &control_protocol, CONTROL_ALIVE, &(struct control_alive){0}, -1);
}

void zygote_kill(struct listener *listener, uint64_t connection)
{
    message_send(listener->zygote, &control_protocol, CONTROL_KILL, &(struct control_kill){connection}, -1);
}
