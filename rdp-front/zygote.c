/* lodge-rdp-worker: the zygote. It loads what workers need, takes the certificate, gives up its privileges,
 * and then forks a worker for each client. It never reads a client's byte. When its listener has died it
 * stays for as long as workers with a session live, and gets them a new connection to lsm.port when they need
 * one. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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
#include "common/slice.h"
#include "rdp-front/control.h"
#include "rdp-front/options.h"
#include "rdp-front/sandbox.h"
#include "rdp-front/worker.h"

#define PEM_WAIT_MS 10000
#define RETRY_MS    100

struct child {
    uint64_t connection;
    pid_t pid;
    int held;   /* the listener's end of its control pair, -1: it has no session */
    bool wants; /* a connection to lsm.port, which could not be had yet */
};

struct zygote {
    struct worker_setup setup;
    int channel, signals; /* channel -1: the listener has gone */
    int ports;            /* the folder of lsm.port; never a worker's */
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

static bool confine(const struct conf *conf, int *ports_r)
{
    struct passwd *user = getpwnam(conf->front_user);
    if (user == NULL) {
        log_error(NULL, "there is no user %s; see FrontUser in the configuration", conf->front_user);
        return false;
    }
    char path[CONF_TEXT_MAX + 32];
    *ports_r = open(conf_run_path(conf, "ports", path, sizeof(path)), O_PATH | O_DIRECTORY | O_CLOEXEC);
    int failed = *ports_r < 0 ? -errno : sandbox_enter(NULL);
    if (!failed)
        failed = sandbox_drop(user->pw_uid, user->pw_gid, (gid_t)-1);
    if (failed)
        log_error(NULL, "cannot enter the sandbox beside %s: %s", path, strerror(-failed));
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    return !failed;
}

static void tell_exit(struct zygote *zygote, uint64_t connection, uint32_t status)
{
    if (zygote->channel < 0)
        return;
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
    close(zygote->ports);
    for (size_t i = 0; i < zygote->count; i++)
        close_descriptor(&zygote->children[i].held);
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
    zygote->children[zygote->count++] = (struct child){connection, pid, -1, false};
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
                close_descriptor(&zygote->children[i].held);
                zygote->children[i] = zygote->children[--zygote->count];
                break;
            }
}

static void hold(struct zygote *zygote, uint64_t connection, int *control)
{
    for (size_t i = 0; i < zygote->count; i++)
        if (zygote->children[i].connection == connection && zygote->children[i].held < 0) {
            zygote->children[i].held = *control;
            *control = -1;
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
    else if (message.number == CONTROL_HOLD)
        hold(zygote, body.hold.connection, &message.descriptor);
    else if (message.number == CONTROL_KILL)
        kill_child(zygote, body.kill.connection);
    else if (message.number == CONTROL_ALIVE)
        message_send(zygote->channel, &control_protocol, CONTROL_ALIVE, &body.alive, -1);
    close_descriptor(&message.descriptor);
    return true;
}

/* A connection to lsm.port, by the folder that was opened before this process had an empty root. Returns the
 * descriptor or a negative errno. */
static int lsm_connect(const struct zygote *zygote)
{
    int fd = fchdir(zygote->ports) == 0 ? packet_connect("lsm.port") : -errno;
    if (chdir("/") != 0)
        _exit(EXIT_FAILURE);
    return fd;
}

/* False: not now. */
static bool broker_give(const struct zygote *zygote, const struct child *child)
{
    int fd = lsm_connect(zygote);
    if (fd < 0)
        return false;
    int failed = message_send(child->held, &control_protocol, CONTROL_LSM, &(struct control_lsm){0}, fd);
    close(fd);
    return failed != -EAGAIN;
}

/* In the listener's place: what the worker says. */
static void hear_worker(struct zygote *zygote, struct child *child)
{
    union control_body body;
    struct message message;
    const char *problem = "";
    int got = message_receive(child->held, &control_protocol, CONTROL_BY_WORKER, &body, sizeof(body),
                              &message, &problem);
    if (got == -EAGAIN)
        return;
    if (got <= 0)
        close_descriptor(&child->held);
    else if (message.number == CONTROL_LSM_WANTED)
        child->wants = !broker_give(zygote, child);
}

/* Waits for those who are cared for, and cares. Returns false when there is nobody. */
static bool care_once(struct zygote *zygote)
{
    struct pollfd *waits = calloc(zygote->count + 1, sizeof(*waits));
    size_t cared = 0;
    int timeout = -1;
    if (waits == NULL)
        return false;
    waits[0] = (struct pollfd){.fd = zygote->signals, .events = POLLIN};
    for (size_t i = 0; i < zygote->count; i++) {
        struct child *child = &zygote->children[i];
        if (child->wants)
            child->wants = !broker_give(zygote, child);
        if (child->wants)
            timeout = RETRY_MS;
        waits[i + 1] = (struct pollfd){.fd = child->held, .events = POLLIN};
        cared += child->held >= 0;
    }
    if (cared > 0 && poll(waits, zygote->count + 1, timeout) > 0) {
        for (size_t i = 0; i < zygote->count; i++)
            if (waits[i + 1].revents)
                hear_worker(zygote, &zygote->children[i]);
        if (waits[0].revents)
            reap(zygote); /* last: it moves the children about */
    }
    free(waits);
    return cared > 0;
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
            break;
    }
    close_descriptor(&zygote->channel);
    /* the listener may have died owing one: who has one closes this */
    for (size_t i = 0; i < zygote->count; i++)
        zygote->children[i].wants = zygote->children[i].held >= 0;
    while (care_once(zygote))
        ;
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
    static struct zygote zygote = {.signals = -1, .ports = -1}; /* large */
    static const char usage[] = "usage: lodge-rdp-worker --zygote --config FILE --channel-fd N\n"
                                "Started by lodge-rdp; serves one RDP client in each of its children.\n";
    struct options options;
    int status;
    static const struct options_plan plan = {
        .program = "lodge-rdp-worker", .usage = usage, .fd_option = "--channel-fd", .must = "--zygote"};
    if (!options_parse(&options, argc, argv, &plan, &status))
        return status;
    prctl(PR_SET_NAME,
          "lodge-rdp-worker"); /* the kernel's name for a program by its descriptor is a number */
    zygote.setup.conf = options.conf;
    zygote.channel = options.fd;
    if (!signals_open(&zygote) || !set_up(&zygote))
        return EXIT_FAILURE;
    if (!has_one_thread())
        log_warning(NULL, "a library has started a thread before the first fork");
    if (!confine(&zygote.setup.conf, &zygote.ports))
        return EXIT_FAILURE;
    slice_shorten(0); /* the workers inherit it; their filter lets no one change it */
    message_send(zygote.channel, &control_protocol, CONTROL_READY, &(struct control_ready){0}, -1);
    serve(&zygote);
    _exit(EXIT_SUCCESS); /* nothing is worth tidying, and a leak check could not run in here */
}
