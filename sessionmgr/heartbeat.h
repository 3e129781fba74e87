/* Is a process hung? It is asked (PING); while it has not answered this looks at what it does. One that is
 * merely starved of processors, waits for a disk, or is being debugged is left alone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_stat;

/* All zero: nothing has been asked. */
struct heartbeat {
    int64_t asked;          /* monotonic ms, when the open question was put; 0: none is open */
    int64_t looked, cpu_ms; /* when it was looked at last, and what it had used of the processors by then */
    bool suspected;         /* the last look found it hung */
};

enum heartbeat_verdict {
    HEARTBEAT_GOOD,
    HEARTBEAT_WAIT,
    HEARTBEAT_STOPPED,
    HEARTBEAT_LOOPS,
    HEARTBEAT_STUCK
};

/* A question is put. Returns false, and none is to be put, while one is open. */
bool heartbeat_ask(struct heartbeat *heartbeat);
void heartbeat_answered(struct heartbeat *heartbeat);
/* Looks at the process; several looks are needed, some time apart. It is hung (STOPPED by a signal, LOOPS, or
 * is STUCK waiting for something else) when it has had `limit_ms` for the answer and two looks found it so:
 * one look alone may be that of a process that has just begun to run again, with the whole machine. */
enum heartbeat_verdict heartbeat_look(struct heartbeat *heartbeat, pid_t pid, int64_t limit_ms);
/* What one look says, of a process that has used `cpu_ms` in the last `elapsed_ms`. */
enum heartbeat_verdict heartbeat_judge(const struct proc_stat *stat, int64_t cpu_ms, int64_t elapsed_ms);
/* "is stopped", "loops", "is stuck". */
const char *heartbeat_describe(enum heartbeat_verdict verdict);
