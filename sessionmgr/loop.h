/* The event loop of lodge-smss and lodge-init: descriptors and timers, one thread, epoll(7). Running out of
 * memory or of kernel resources here aborts: who watches a session must not go on half blind. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct loop_source;
typedef void loop_ready(void *context, uint32_t events);

/* A timer lies inside its owner's object. `expired` and `context` are set once by the owner. */
struct loop_timer {
    void (*expired)(void *context);
    void *context;
    int64_t due;
    bool armed;
    struct loop_timer *next;
};

struct loop *loop_new(void);
void loop_free(struct loop *loop);

/* Calls `ready` for the EPOLL `events` on `fd`, which stays the caller's and must outlive the source. */
struct loop_source *loop_watch(struct loop *loop, int fd, uint32_t events, loop_ready *ready, void *context);
/* Ends the watch and sets *source to NULL; fine within any callback, and for NULL. */
void loop_unwatch(struct loop_source **source);

/* Arms the timer, or moves it, to `ms` milliseconds from now. */
void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t ms);
void loop_timer_stop(struct loop *loop, struct loop_timer *timer);

/* Waits for the next events and calls what they belong to. */
void loop_turn(struct loop *loop);

/* Zeroed memory for `size` bytes; aborts where there is none. */
void *memory_new(size_t size);
