#include "tests/bench/load.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/packet.h"
#include "common/reason.h"

#define EVENTS 64

void load_fail(const char *format, ...)
{
    va_list arguments;
    fputs("lodge-load: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

struct load_peer *load_open(const char *path, unsigned count)
{
    struct load_peer *peers = calloc(count, sizeof(*peers));
    int64_t deadline = clock_monotonic_ms() + LOAD_PATIENCE_MS;
    if (peers == NULL)
        load_fail("no memory");
    for (unsigned i = 0; i < count; i++) {
        /* so many at once may be more than wait to be accepted */
        while ((peers[i].fd = packet_connect(path)) == -EAGAIN && clock_monotonic_ms() < deadline)
            poll(NULL, 0, 1);
        if (peers[i].fd < 0)
            load_fail("%s: %s", path, strerror(-peers[i].fd));
    }
    return peers;
}

void load_close(struct load_peer *peers, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        close_descriptor(&peers[i].fd);
    free(peers);
}

/* Returns false when there is nothing. */
static bool receive(struct load_peer *peer, Lodge__Lsm__Answer **answer_r)
{
    int descriptor = -1;
    int got = lsm_receive_answer(peer->fd, answer_r, &descriptor);
    if (got == -EAGAIN)
        return false;
    if (got <= 0)
        load_fail("the server ended a connection: %s", got == 0 ? "no reason given" : strerror(-got));
    close_descriptor(&descriptor);
    return true;
}

/* As many as the window allows, or the socket. */
static void ask_some(struct load_peer *peer, unsigned window, uint64_t *left, const struct load_work *work)
{
    while (peer->under_way<window && * left> 0) {
        Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
        work->ask(work->context, peer, &request);
        request.serial = ++peer->serial;
        int failed;
        while ((failed = lsm_send_request(peer->fd, &request, -1)) == -EAGAIN)
            poll(&(struct pollfd){.fd = peer->fd, .events = POLLOUT}, 1, LOAD_PATIENCE_MS);
        if (failed)
            load_fail("the server takes no request: %s", strerror(-failed));
        peer->under_way++;
        (*left)--;
    }
}

static void take_one(struct load_peer *peer, const Lodge__Lsm__Answer *answer, const struct load_work *work)
{
    if (peer->under_way == 0 || answer->serial > peer->serial)
        load_fail("an answer to nothing that was asked");
    peer->under_way--;
    if (work->take != NULL)
        work->take(work->context, peer, answer);
    else if (answer->reason != REASON_NONE)
        load_fail("refused: %s %s", reason_name(answer->reason), answer->detail);
}

void load_run(struct load_peer *peers, unsigned count, unsigned window, uint64_t total,
              const struct load_work *work)
{
    uint64_t left = total, awaited = total;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = &peers[i]}};
        if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, peers[i].fd, &event) != 0)
            load_fail("epoll: %s", strerror(errno));
        ask_some(&peers[i], window, &left, work);
    }
    while (awaited > 0) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(epoll, events, EVENTS, LOAD_PATIENCE_MS);
        if (ready == 0 || (ready < 0 && errno != EINTR))
            load_fail("no answer comes; %llu are awaited", (unsigned long long)awaited);
        for (int i = 0; i < ready; i++) {
            struct load_peer *peer = events[i].data.ptr;
            Lodge__Lsm__Answer *answer;
            for (unsigned took = 0; took < window && receive(peer, &answer); took++) {
                take_one(peer, answer, work);
                lodge__lsm__answer__free_unpacked(answer, NULL);
                awaited--;
            }
            ask_some(peer, window, &left, work);
        }
    }
    close(epoll);
}

Lodge__Lsm__Answer *load_next(struct load_peer *peer, int64_t deadline)
{
    Lodge__Lsm__Answer *answer;
    while (!receive(peer, &answer)) {
        int64_t left = deadline - clock_monotonic_ms();
        if (left <= 0 || poll(&(struct pollfd){.fd = peer->fd, .events = POLLIN}, 1, (int)left) == 0)
            return NULL;
    }
    return answer;
}

Lodge__Lsm__Answer *load_ask(struct load_peer *peer, Lodge__Lsm__Request *request)
{
    request->serial = ++peer->serial;
    int failed = lsm_send_request(peer->fd, request, -1);
    if (failed)
        load_fail("the server takes no request: %s", strerror(-failed));
    Lodge__Lsm__Answer *answer = load_next(peer, clock_monotonic_ms() + LOAD_PATIENCE_MS);
    if (answer == NULL || answer->serial != peer->serial)
        load_fail("no answer comes");
    if (answer->reason != REASON_NONE)
        load_fail("refused: %s %s", reason_name(answer->reason), answer->detail);
    return answer;
}
