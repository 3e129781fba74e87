/* lodge-drives: the client's drives in a session. docs/architecture.md says who starts it, and rpc/drives.h
 * what it speaks with the worker. */
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/packet.h"
#include "common/redirect.h"
#include "common/text.h"
#include "common/wire.h"
#include "redirect/drives-mount.h"

#define PACKETS_A_TURN 64
#define LINGER_MS      5000 /* at a logoff, for programs that write their files to the end */
#define WORKER         STDIN_FILENO

static const char usage[] =
    "usage: lodge-drives --redirect BITS\n"
    "Shows the drives of a Lodge session's client in ~/Drives; lodge-display starts it,\n"
    "with a socket to the client's worker as standard input.\n"
    "  --help, --version\n";

struct program {
    struct drives drives;
    struct mount mount;
    bool tried; /* whether it can be mounted is known */
    int signals, lock;
    int64_t ends_ms; /* at the latest; 0: nobody has asked it to end */
    uint8_t packet[REDIRECT_PACKET_MAX];
};

static int worker_send(void *user, const void *data, size_t size)
{
    (void)user;
    return packet_send(WORKER, data, size, NULL, 0);
}

static void take_add(struct program *program, struct wire_reader *reader)
{
    uint32_t device = wire_get_u32(reader);
    const uint8_t *name = wire_get_bytes(reader, DRIVES_DOS_NAME);
    size_t size = reader->size - reader->used;
    const uint8_t *data = wire_get_bytes(reader, size);
    if (name == NULL || data == NULL)
        return;
    drives_device_add(&program->drives, device, name, data, size);
    if (!program->tried)
        mount_begin(&program->mount, &program->drives, program->lock);
    program->tried = true;
}

static void take_packet(struct program *program, size_t size)
{
    struct wire_reader reader = wire_reader_over(program->packet, size);
    uint8_t type = wire_get_u8(&reader);
    uint32_t tag, status;
    switch (type) {
    case DRIVES_ADD:
        take_add(program, &reader);
        break;
    case DRIVES_REMOVE:
        tag = wire_get_u32(&reader);
        if (wire_reader_ended(&reader))
            drives_device_remove(&program->drives, tag);
        break;
    case DRIVES_ANSWER:
        tag = wire_get_u32(&reader);
        status = wire_get_u32(&reader);
        if (!reader.failed)
            client_answer(program->drives.client, tag, status, program->packet + reader.used,
                          size - reader.used, program->drives.now_ms);
        break;
    default: /* of a later worker */
        break;
    }
}

/* Returns false when the worker has gone. */
static bool worker_read(struct program *program)
{
    for (int i = 0; i < PACKETS_A_TURN; i++) {
        size_t none = 0;
        ssize_t got = packet_receive(WORKER, program->packet, sizeof(program->packet), NULL, &none);
        if (got == -EAGAIN)
            return true;
        if (got <= 0)
            return false;
        take_packet(program, (size_t)got);
    }
    return true;
}

static int wait_ms(const struct program *program)
{
    int wait = client_wait_ms(program->drives.client, program->drives.now_ms);
    int64_t left = program->ends_ms - program->drives.now_ms;
    if (program->ends_ms == 0 || (wait >= 0 && wait < left))
        return wait;
    return left > 0 ? (int)left : 0;
}

/* The first signal lets open files be written to their end, another one does not. Returns false at the end.
 */
static bool goes_on(struct program *program)
{
    struct signalfd_siginfo information;
    while (read(program->signals, &information, sizeof(information)) == sizeof(information)) {
        if (program->ends_ms != 0)
            return false;
        program->ends_ms = program->drives.now_ms + LINGER_MS;
    }
    return program->ends_ms == 0 ||
           (program->drives.open_files > 0 && program->drives.now_ms < program->ends_ms);
}

/* Returns false at the end. */
static bool turn(struct program *program)
{
    struct client *client = program->drives.client;
    struct pollfd fds[] = {{.fd = program->signals, .events = POLLIN},
                           {.fd = WORKER, .events = POLLIN},
                           {.fd = mount_fd(&program->mount), .events = POLLIN}};
    if (client_is_blocked(client))
        fds[1].events |= POLLOUT;
    if (poll(fds, 3, wait_ms(program)) < 0 && errno != EINTR)
        return false;
    program->drives.now_ms = clock_monotonic_ms();
    if (fds[1].revents != 0 && !worker_read(program))
        return false;
    if (program->mount.session != NULL && fds[2].revents != 0 && !mount_serve(&program->mount)) {
        log_info(NULL, "%s has been unmounted", program->mount.path);
        mount_end(&program->mount);
    }
    client_expire(client, program->drives.now_ms);
    return client_flush(client, program->drives.now_ms) && goes_on(program);
}

static bool program_init(struct program *program, int lock)
{
    program->lock = lock;
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    program->signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    program->drives.client = client_new(worker_send, NULL);
    program->drives.nodes = nodes_new();
    program->drives.now_ms = clock_monotonic_ms();
    program->drives.began_s = time(NULL);
    return program->signals >= 0 && program->drives.client != NULL && program->drives.nodes != NULL;
}

/* Whoever waits has an answer first. */
static void program_finish(struct program *program)
{
    if (program->drives.client != NULL)
        client_fail(program->drives.client, NULL, STATUS_IO_TIMEOUT);
    mount_end(&program->mount);
    client_free(program->drives.client);
    nodes_free(program->drives.nodes);
    close_descriptor(&program->signals);
}

/* What it has of the client's files is in no core file. */
static void harden(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
}

static int serve(void)
{
    struct program *program = calloc(1, sizeof(*program));
    int lock = mount_wait_turn(); /* a signal still ends it here */
    bool ok = program != NULL && program_init(program, lock);
    if (!ok)
        log_error(NULL, "cannot begin: %s", strerror(errno));
    while (ok && turn(program))
        ;
    if (program != NULL)
        program_finish(program);
    free(program);
    close_descriptor(&lock);
    return ok ? 0 : 1;
}

/* The signals are those of who started it: none is blocked, and a broken pipe is no end. */
static void signals_reset(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
}

int main(int count, char **words)
{
    long bits;
    log_start("lodge-drives", LOG_LEVEL_INFO);
    if (count == 2 && strcmp(words[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (count == 2 && strcmp(words[1], "--version") == 0) {
        puts("lodge-drives " LODGE_VERSION);
        return 0;
    }
    if (count != 3 || strcmp(words[1], "--redirect") != 0 || !text_number(words[2], 0, REDIRECT_ALL, &bits) ||
        (bits & REDIRECT_DRIVES) == 0) {
        fputs(usage, stderr);
        return 2;
    }
    harden();
    signals_reset();
    mallopt(M_TRIM_THRESHOLD, 1 << 20);
    if (chdir("/") != 0)
        log_warning(NULL, "cannot leave the folder that this was started in: %s", strerror(errno));
    return serve();
}
