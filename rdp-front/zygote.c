/* lodge-rdp-worker: the zygote. It loads what workers need, takes the certificate, gives up its privileges,
 * and then forks a worker for each client. It never reads a client's byte. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/packet.h"
#include "rdp-front/control.h"
#include "rdp-front/options.h"
#include "rdp-front/sandbox.h"
#include "rdp-front/worker.h"

#define PEM_WAIT_MS 10000

struct child {
    uint64_t connection;
    pid_t pid;
};

struct zygote {
    struct worker_setup setup;
    int channel, signals;
    struct child *children;
    size_t count, room;
};

/* Waits for the certificate and its key, and readies everything with them. */
static bool set_up(struct zygote *zygote)
{
    static struct control_pem pem; /* large */
    char error[512] = "the listener sent no certificate";
    struct message message;
    const char *problem = "";
    struct pollfd wait = {.fd = zygote->channel, .events = POLLIN};
    bool done = poll(&wait, 1, PEM_WAIT_MS) == 1 &&
                message_receive(zygote->channel, &control_protocol, CONTROL_BY_LISTENER, &pem, sizeof(pem),
                                &message, &problem) == 1 &&
                message.number == CONTROL_PEM && pem.certificate_count < sizeof(pem.certificate) &&
                pem.key_count < sizeof(pem.key);
    if (done) {
        pem.certificate[pem.certificate_count] = '\0';
        pem.key[pem.key_count] = '\0';
        done = worker_warm_up(&zygote->setup, (char *)pem.certificate, (char *)pem.key, error, sizeof(error));
    }
    explicit_bzero(&pem, sizeof(pem));
    if (!done)
        log_error(NULL, "%s", error);
    return done;
}

/* A thread would not be there in the forked workers, but its locks would. */
static bool has_one_thread(void)
{
    int entries = 0;
    DIR *tasks = opendir("/proc/self/task");
    if (tasks == NULL)
        return true;
    while (readdir(tasks) != NULL)
        entries++;
    closedir(tasks);
    return entries == 3; /* with . and .. */
}

static bool confine(const struct conf *conf)
{
    struct passwd *user = getpwnam(conf->front_user);
    if (user == NULL) {
        log_error(NULL, "there is no user %s; see FrontUser in the configuration", conf->front_user);
        return false;
    }
    int failed = sandbox_enter(NULL);
    if (!failed)
        failed = sandbox_drop(user->pw_uid, user->pw_gid, (gid_t)-1);
    if (failed)
        log_error(NULL, "cannot enter the sandbox: %s", strerror(-failed));
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    return !failed;
}

static void tell_exit(struct zygote *zygote, uint64_t connection, uint32_t status)
{
    message_send(zygote->channel, &control_protocol, CONTROL_EXITED,
                 &(struct control_exited){connection, status}, -1);
}

static bool children_room(struct zygote *zygote)
{
    if (zygote->count < zygote->room)
        return true;
    size_t room = zygote->room ? 2 * zygote->room : 64;
    struct child *children = reallocarray(zygote->children, room, sizeof(*children));
    if (children == NULL)
        return false;
    zygote->children = children;
    zygote->room = room;
    return true;
}

static _Noreturn void become_worker(struct zygote *zygote, int control)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    close(zygote->channel);
    close(zygote->signals);
    free(zygote->children);
    int status = worker_run(&zygote->setup, control);
    _exit(status);
}

static void spawn(struct zygote *zygote, uint64_t connection, int control)
{
    pid_t pid = children_room(zygote) ? fork() : -1;
    if (pid == 0)
        become_worker(zygote, control);
    if (pid < 0) {
        log_error(NULL, "cannot fork a worker: %s", strerror(errno));
        tell_exit(zygote, connection, (uint32_t)-1);
        return;
    }
    zygote->children[zygote->count++] = (struct child){connection, pid};
}

static void kill_child(struct zygote *zygote, uint64_t connection)
{
    for (size_t i = 0; i < zygote->count; i++)
        if (zygote->children[i].connection == connection)
            kill(zygote->children[i].pid, SIGKILL); /* not yet reaped, so the number is still its own */
}

static void reap(struct zygote *zygote)
{
    struct signalfd_siginfo info;
    while (read(zygote->signals, &info, sizeof(info)) > 0)
        ;
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (size_t i = 0; i < zygote->count; i++)
            if (zygote->children[i].pid == pid) {
                tell_exit(zygote, zygote->children[i].connection, (uint32_t)status);
                zygote->children[i] = zygote->children[--zygote->count];
                break;
            }
}

/* Returns false when the listener is gone. */
static bool serve_one(struct zygote *zygote)
{
    union control_body body;
    struct message message;
    const char *problem = "";
    int got = message_receive(zygote->channel, &control_protocol, CONTROL_BY_LISTENER, &body, sizeof(body),
                              &message, &problem);
    if (got == -EAGAIN)
        return true;
    if (got <= 0)
        return false;
    if (message.number == CONTROL_SPAWN)
        spawn(zygote, body.spawn.connection, message.descriptor);
    else if (message.number == CONTROL_KILL)
        kill_child(zygote, body.kill.connection);
    else if (message.number == CONTROL_ALIVE)
        message_send(zygote->channel, &control_protocol, CONTROL_ALIVE, &body.alive, -1);
    close_descriptor(&message.descriptor);
    return true;
}

static void serve(struct zygote *zygote)
{
    struct pollfd waits[] = {{.fd = zygote->channel, .events = POLLIN},
                             {.fd = zygote->signals, .events = POLLIN}};
    for (;;) {
        if (poll(waits, 2, -1) < 0 && errno != EINTR)
            return;
        if (waits[1].revents)
            reap(zygote);
        if (waits[0].revents && !serve_one(zygote))
            return;
    }
}

static bool signals_open(struct zygote *zygote)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    zygote->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    return zygote->signals >= 0;
}

int main(int argc, char **argv)
{
    static struct zygote zygote = {.signals = -1}; /* large */
    static const char usage[] = "usage: lodge-rdp-worker --zygote --config FILE --channel-fd N\n"
                                "Started by lodge-rdp; serves one RDP client in each of its children.\n";
    struct options options;
    int status;
    if (!options_parse(&options, argc, argv, "lodge-rdp-worker", "--channel-fd", "--zygote", usage, &status))
        return status;
    zygote.setup.conf = options.conf;
    zygote.channel = options.fd;
    if (!signals_open(&zygote) || !set_up(&zygote))
        return EXIT_FAILURE;
    if (!has_one_thread())
        log_warning(NULL, "a library has started a thread before the first fork");
    if (!confine(&zygote.setup.conf))
        return EXIT_FAILURE;
    message_send(zygote.channel, &control_protocol, CONTROL_READY, &(struct control_ready){0}, -1);
    serve(&zygote);
    _exit(EXIT_SUCCESS); /* nothing is worth tidying, and a leak check could not run in here */
}
