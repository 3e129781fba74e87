#include "sessionmgr/heartbeat.h"

#include "common/clock.h"
#include "sessionmgr/proc.h"

bool heartbeat_ask(struct heartbeat *heartbeat)
{
    if (heartbeat->asked != 0)
        return false;
    *heartbeat = (struct heartbeat){.asked = clock_monotonic_ms()};
    return true;
}

void heartbeat_answered(struct heartbeat *heartbeat)
{
    *heartbeat = (struct heartbeat){0};
}

enum heartbeat_verdict heartbeat_judge(const struct proc_stat *stat, int64_t cpu_ms, int64_t elapsed_ms)
{
    switch (stat->state) {
    case 'T':
        return HEARTBEAT_STOPPED;
    case 'R':
        return cpu_ms * 2 >= elapsed_ms ? HEARTBEAT_LOOPS : HEARTBEAT_WAIT;
    case 'S':
    case 'I':
        return HEARTBEAT_STUCK;
    default: /* t: a debugger has it; D: the disk; Z, X: its end is seen elsewhere */
        return HEARTBEAT_WAIT;
    }
}

enum heartbeat_verdict heartbeat_look(struct heartbeat *heartbeat, pid_t pid, int64_t limit_ms)
{
    int64_t now = clock_monotonic_ms();
    struct proc_stat stat;
    if (heartbeat->asked == 0)
        return HEARTBEAT_GOOD;
    if (!proc_stat_of(pid, &stat))
        return HEARTBEAT_WAIT;
    enum heartbeat_verdict verdict = HEARTBEAT_WAIT;
    if (heartbeat->looked != 0 && now - heartbeat->asked >= limit_ms)
        verdict = heartbeat_judge(&stat, stat.cpu_ms - heartbeat->cpu_ms, now - heartbeat->looked);
    bool sure = heartbeat->suspected;
    heartbeat->suspected = verdict != HEARTBEAT_WAIT;
    heartbeat->looked = now;
    heartbeat->cpu_ms = stat.cpu_ms;
    return sure ? verdict : HEARTBEAT_WAIT;
}

const char *heartbeat_describe(enum heartbeat_verdict verdict)
{
    static const char *const words[] = {
        [HEARTBEAT_GOOD] = "answers",       [HEARTBEAT_WAIT] = "has not answered yet",
        [HEARTBEAT_STOPPED] = "is stopped", [HEARTBEAT_LOOPS] = "loops",
        [HEARTBEAT_STUCK] = "is stuck",
    };
    return words[verdict];
}
