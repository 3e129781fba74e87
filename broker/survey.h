/* Looks at the processes of sessions, in threads of their own: a session's user can arrange that whoever
 * reads about their processes is kept waiting, and that must never be the broker. One short-lived thread a
 * look, few at once, fewer at the same session; who asks gets an answer in time whatever the thread does. */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define SURVEY_MOST        16 /* at once, of each kind */
#define SURVEY_PER_SESSION 2
#define SURVEY_MS          5000

struct broker;
struct peer;
struct surveys;

enum survey_kind {
    SURVEY_PROCESSES, /* reads what may keep it waiting */
    SURVEY_USAGE,
    SURVEY_KINDS
};

/* One look; the first member of what its maker needs besides. All but `work` is for the loop's thread. */
struct survey {
    TAILQ_ENTRY(survey) running;
    STAILQ_ENTRY(survey) finished;
    struct surveys *surveys;
    struct peer *peer; /* who asked; NULL: nobody waits any more */
    uint64_t serial;
    enum survey_kind kind;
    uint16_t session; /* 0: several */
    struct event *deadline;
    void (*work)(struct survey *survey);   /* in the thread; touches nothing but its own survey */
    void (*answer)(struct survey *survey); /* when the work is done and the peer is there still */
    void (*release)(struct survey *survey);
};

/* Returns NULL when memory runs out. */
struct surveys *surveys_start(struct event_base *base);
/* Answers nobody any more, and clears *surveys. A thread that is kept waiting ends with the program. */
void surveys_stop(struct surveys **surveys);
/* Starts the work for `peer`, which may have one survey. `survey` is taken: it is released when that is done,
 * or at once, the peer then being refused. */
void survey_begin(struct peer *peer, uint64_t serial, struct survey *survey);
/* The peer is gone. */
void survey_forget_peer(struct peer *peer);
