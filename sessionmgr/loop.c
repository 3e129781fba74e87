#include "sessionmgr/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"

#define EVENTS_A_TURN 64

struct loop_source {
    struct loop *loop;
    int fd;
    bool dead;
    loop_ready *ready;
    void *context;
    struct loop_source *next_dead;
};

struct loop {
    int epoll;
    struct loop_timer *timers;
    struct loop_source *dead; /* unwatched within this turn: events of theirs may still be in hand */
};

void *memory_new(size_t size)
{
    void *memory = calloc(1, size);
    if (memory == NULL)
        abort();
    return memory;
}

struct loop *loop_new(void)
{
    struct loop *loop = memory_new(sizeof(*loop));
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll < 0)
        abort();
    return loop;
}

static void bury(struct loop *loop)
{
    while (loop->dead != NULL) {
        struct loop_source *source = loop->dead;
        loop->dead = source->next_dead;
        free(source);
    }
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    bury(loop);
    close(loop->epoll);
    free(loop);
}

struct loop_source *loop_watch(struct loop *loop, int fd, uint32_t events, loop_ready *ready, void *context)
{
    struct loop_source *source = memory_new(sizeof(*source));
    *source = (struct loop_source){.loop = loop, .fd = fd, .ready = ready, .context = context};
    struct epoll_event event = {.events = events, .data = {.ptr = source}};
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        log_error(NULL, "epoll refuses a descriptor: %m");
        abort();
    }
    return source;
}

void loop_unwatch(struct loop_source **source)
{
    struct loop_source *gone = *source;
    if (gone == NULL)
        return;
    *source = NULL;
    epoll_ctl(gone->loop->epoll, EPOLL_CTL_DEL, gone->fd, NULL);
    gone->dead = true;
    gone->next_dead = gone->loop->dead;
    gone->loop->dead = gone;
}

void loop_timer_stop(struct loop *loop, struct loop_timer *timer)
{
    struct loop_timer **at = &loop->timers;
    if (!timer->armed)
        return;
    while (*at != NULL && *at != timer)
        at = &(*at)->next;
    if (*at != NULL)
        *at = timer->next;
    timer->armed = false;
    timer->next = NULL;
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t ms)
{
    loop_timer_stop(loop, timer);
    timer->due = clock_monotonic_ms() + ms;
    timer->armed = true;
    struct loop_timer **at = &loop->timers;
    while (*at != NULL && (*at)->due <= timer->due)
        at = &(*at)->next;
    timer->next = *at;
    *at = timer;
}

/* Calls the timers that were due when it began; one that is armed again meanwhile waits for the next turn. */
static void run_timers(struct loop *loop)
{
    int64_t now = clock_monotonic_ms();
    for (unsigned most = 1024; most > 0 && loop->timers != NULL && loop->timers->due <= now; most--) {
        struct loop_timer *timer = loop->timers;
        loop_timer_stop(loop, timer);
        timer->expired(timer->context);
    }
}

static int until_next_timer(const struct loop *loop)
{
    if (loop->timers == NULL)
        return -1;
    int64_t left = loop->timers->due - clock_monotonic_ms();
    return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

void loop_turn(struct loop *loop)
{
    struct epoll_event events[EVENTS_A_TURN];
    int count = epoll_wait(loop->epoll, events, EVENTS_A_TURN, until_next_timer(loop));
    if (count < 0 && errno != EINTR)
        abort();
    for (int i = 0; i < count; i++) {
        struct loop_source *source = events[i].data.ptr;
        if (!source->dead)
            source->ready(source->context, events[i].events);
    }
    run_timers(loop);
    bury(loop);
}
