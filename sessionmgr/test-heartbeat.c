#include "sessionmgr/heartbeat.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "sessionmgr/proc.h"
#include "tests/check.h"

#define LIMIT_MS 100

static void what_a_process_does_decides(void)
{
    static const struct {
        int64_t cpu_ms;
        enum heartbeat_verdict verdict;
        char state;
    } cases[] = {
        {0, HEARTBEAT_STOPPED, 'T'}, {900, HEARTBEAT_LOOPS, 'R'}, {100, HEARTBEAT_WAIT, 'R'} /* starved */,
        {0, HEARTBEAT_STUCK, 'S'},   {0, HEARTBEAT_WAIT, 'D'},    {0, HEARTBEAT_WAIT, 't'} /* a debugger */,
        {0, HEARTBEAT_WAIT, 'Z'},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct proc_stat stat = {.pid = 1, .state = cases[i].state};
        CHECK(heartbeat_judge(&stat, cases[i].cpu_ms, 1000) == cases[i].verdict);
    }
}

static void an_answer_closes_the_question(void)
{
    struct heartbeat heartbeat = {0};
    CHECK(heartbeat_look(&heartbeat, getpid(), LIMIT_MS) == HEARTBEAT_GOOD);
    CHECK(heartbeat_ask(&heartbeat) && !heartbeat_ask(&heartbeat));
    CHECK(heartbeat_look(&heartbeat, getpid(), LIMIT_MS) == HEARTBEAT_WAIT);
    heartbeat_answered(&heartbeat);
    CHECK(heartbeat_look(&heartbeat, getpid(), LIMIT_MS) == HEARTBEAT_GOOD);
    CHECK(heartbeat_ask(&heartbeat));
}

static pid_t child(bool loops)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (loops)
        ;
    for (;;)
        pause();
}

/* Looks every 50 ms until there is a verdict; returns how many looks that took. */
static unsigned look_until(struct heartbeat *heartbeat, pid_t pid, enum heartbeat_verdict wanted)
{
    int64_t deadline = clock_monotonic_ms() + 30000;
    for (unsigned looks = 1;; looks++) {
        enum heartbeat_verdict verdict = heartbeat_look(heartbeat, pid, LIMIT_MS);
        if (verdict == wanted)
            return looks;
        CHECK(verdict == HEARTBEAT_WAIT && clock_monotonic_ms() < deadline);
        poll(NULL, 0, 50);
    }
}

static void hung_processes_are_found(void)
{
    static const struct {
        bool loops;
        int signal;
        enum heartbeat_verdict verdict;
    } cases[] = {
        {true, 0, HEARTBEAT_LOOPS}, {false, 0, HEARTBEAT_STUCK}, {false, SIGSTOP, HEARTBEAT_STOPPED}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct heartbeat heartbeat = {0};
        pid_t pid = child(cases[i].loops);
        int status;
        if (cases[i].signal != 0)
            CHECK(kill(pid, cases[i].signal) == 0 && waitpid(pid, &status, WUNTRACED) == pid &&
                  WIFSTOPPED(status));
        int64_t began = clock_monotonic_ms();
        CHECK(heartbeat_ask(&heartbeat));
        CHECK(look_until(&heartbeat, pid, cases[i].verdict) >= 3);
        CHECK(clock_monotonic_ms() - began >= LIMIT_MS);
        CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
        CHECK(heartbeat_look(&heartbeat, pid, LIMIT_MS) == HEARTBEAT_WAIT); /* it is gone */
    }
}

int main(void)
{
    what_a_process_does_decides();
    an_answer_closes_the_question();
    hung_processes_are_found();
    return 0;
}
