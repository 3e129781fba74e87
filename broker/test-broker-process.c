/* Processes of sessions: listed in pages, ended by way of lodge-smss, what they use; and nothing of it for
 * somebody else. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/harness.h"
#include "common/event.h"

#define CHILDREN 150

static struct harness harness;
static union sm_body sm;
static pid_t children[CHILDREN];

/* A group of files, as the kernel's: nothing of it is a real cgroup. */
static void write_group(unsigned session, const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof(path), "%s/run/cgroup", harness.directory);
    mkdir(path, 0755);
    snprintf(path, sizeof(path), "%s/run/cgroup/session-%u", harness.directory, session);
    mkdir(path, 0755);
    snprintf(path, sizeof(path), "%s/run/cgroup/session-%u/%s", harness.directory, session, name);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void remove_groups(void)
{
    char command[200];
    snprintf(command, sizeof(command), "rm -r '%s/run/cgroup'", harness.directory);
    CHECK(system(command) == 0);
}

static void start_children(void)
{
    char text[CHILDREN * 12] = "";
    for (size_t i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        CHECK(children[i] >= 0);
        if (children[i] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            pause();
            _exit(0);
        }
    }
    for (size_t i = CHILDREN; i-- > 0;) /* in no order, and once too often */
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%d\n", (int)children[i]);
    write_group(1, "cgroup.procs", text);
}

static uint64_t ask_processes(int fd, uint32_t session, uint32_t after, uint32_t limit)
{
    Lodge__Lsm__ProcessesRequest processes = LODGE__LSM__PROCESSES_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    processes.session = session;
    processes.after = after;
    processes.limit = limit;
    request.method_case = LODGE__LSM__REQUEST__METHOD_PROCESSES;
    request.processes = &processes;
    return lsm_ask(&harness, fd, &request, -1);
}

static void check_process(const Lodge__Lsm__Process *process)
{
    CHECK(process->parent == (uint32_t)getpid() && process->uid == 0 && process->started_ms > 0);
    CHECK_TEXT(process->user, "root");
    CHECK(process->memory > 0 && strstr(process->command, "test-broker-process") != NULL);
    CHECK_TEXT(process->name, "test-broker-pro");
    CHECK(process->inside != 0 && strlen(process->state) == 1);
}

static void processes_come_in_pages(int fd, uint32_t limit)
{
    uint32_t after = 0;
    size_t count = 0;
    for (bool more = true; more;) {
        Lodge__Lsm__Answer *answer = lsm_expect(fd, ask_processes(fd, 1, after, limit), NULL);
        CHECK(answer->reason == REASON_NONE && answer->result_case == LODGE__LSM__ANSWER__RESULT_PROCESSES);
        const Lodge__Lsm__Processes *page = answer->processes;
        CHECK(page->n_process > 0 && page->n_process <= (limit > 0 ? limit : 100));
        for (size_t i = 0; i < page->n_process; i++) {
            check_process(page->process[i]);
            CHECK(page->process[i]->pid > after);
            after = page->process[i]->pid;
            count++;
        }
        more = page->more;
        lodge__lsm__answer__free_unpacked(answer, NULL);
    }
    CHECK(count == CHILDREN);
}

static uint64_t ask_terminate(int fd, uint32_t session, uint32_t pid, bool at_once)
{
    Lodge__Lsm__TerminateRequest terminate = LODGE__LSM__TERMINATE_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    terminate.session = session;
    terminate.pid = pid;
    terminate.kill = at_once;
    request.method_case = LODGE__LSM__REQUEST__METHOD_TERMINATE;
    request.terminate = &terminate;
    return lsm_ask(&harness, fd, &request, -1);
}

static void tell_ended(uint64_t number, enum reason reason, const char *detail)
{
    struct sm_process_ended ended = {
        .serial = number, .session = 1, .pid = (uint32_t)children[0], .reason = (uint16_t)reason};
    snprintf(ended.detail, sizeof(ended.detail), "%s", detail);
    sm_tell(&harness, SM_PROCESS_ENDED, &ended);
}

static void one_is_ended_by_smss(int own, int other)
{
    uint32_t pid = (uint32_t)children[0];
    CHECK(lsm_expect_reason(other, ask_terminate(other, 1, pid, true)) == REASON_NO_SESSION);
    CHECK(lsm_expect_reason(own, ask_terminate(own, 1, 0, true)) == REASON_NO_PROCESS);
    CHECK(lsm_expect_reason(own, ask_terminate(own, 1, UINT32_MAX, true)) == REASON_NO_PROCESS);
    uint64_t serial = ask_terminate(own, 1, pid, true);
    sm_expect(&harness, SM_PROCESS_END, &sm, NULL);
    CHECK(sm.process_end.session == 1 && sm.process_end.pid == pid && sm.process_end.kill == 1);
    CHECK(lsm_expect_reason(own, ask_terminate(own, 1, pid, false)) == REASON_WRONG_STATE);
    tell_ended(sm.process_end.serial + 7, REASON_NONE, "of nobody");
    tell_ended(sm.process_end.serial, REASON_NONE, "sleep");
    CHECK(lsm_expect_reason(own, serial) == REASON_NONE);
    lsm_await_event(&harness, EVENT_PROCESS_TERMINATED, 1);
    serial = ask_terminate(own, 1, pid, false);
    sm_expect(&harness, SM_PROCESS_END, &sm, NULL);
    CHECK(sm.process_end.kill == 0);
    tell_ended(sm.process_end.serial, REASON_FORBIDDEN, "It is lodge-init.");
    CHECK(lsm_expect_reason(own, serial) == REASON_FORBIDDEN);
}

static void ask_usage(int fd, uint32_t session, uint32_t after, uint32_t limit, Lodge__Lsm__Answer **answer_r)
{
    Lodge__Lsm__UsageRequest usage = LODGE__LSM__USAGE_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    usage.session = session;
    usage.after = after;
    usage.limit = limit;
    request.method_case = LODGE__LSM__REQUEST__METHOD_USAGE;
    request.usage = &usage;
    *answer_r = lsm_expect(fd, lsm_ask(&harness, fd, &request, -1), NULL);
}

static void use_is_told(int admin, int own, int other)
{
    Lodge__Lsm__Answer *answer;
    write_group(1, "cpu.stat", "usage_usec 2500000\nuser_usec 1\nsystem_usec 2\n");
    write_group(1, "memory.current", "1048576\n");
    write_group(1, "pids.current", "151\n");
    ask_usage(own, 0, 0, 0, &answer);
    CHECK(answer->usage->n_use == 1 && !answer->usage->more && answer->usage->now_ms > 0);
    const Lodge__Lsm__Use *use = answer->usage->use[0];
    CHECK(use->session == 1 && use->cpu_ms == 2500 && use->memory == 1048576 && use->tasks == 151);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    ask_usage(admin, 0, 0, 1, &answer);
    CHECK(answer->usage->n_use == 1 && answer->usage->use[0]->session == 1 && answer->usage->more);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    ask_usage(admin, 0, 1, 1, &answer);
    CHECK(answer->usage->n_use == 1 && answer->usage->use[0]->session == 2 && !answer->usage->more);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    ask_usage(other, 1, 0, 0, &answer);
    CHECK(answer->reason == REASON_NO_SESSION);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    ask_usage(admin, 1, 0, 0, &answer);
    CHECK(answer->usage->n_use == 1 && !answer->usage->more);
    lodge__lsm__answer__free_unpacked(answer, NULL);
}

static uint64_t ask_traffic(int fd, uint64_t sent)
{
    Lodge__Lsm__Traffic traffic = LODGE__LSM__TRAFFIC__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    traffic.sent = sent;
    traffic.received = 2;
    traffic.frames = 3;
    traffic.pixels = 4096;
    traffic.coded = 512;
    traffic.rtt_us = 700;
    request.method_case = LODGE__LSM__REQUEST__METHOD_TRAFFIC;
    request.traffic = &traffic;
    return lsm_ask(&harness, fd, &request, -1);
}

static void traffic_is_that_of_the_client_who_is_there(int admin)
{
    struct agent agent;
    struct attached attached;
    Lodge__Lsm__Answer *answer;
    int worker = lsm_connect_front(&harness);
    harness_log_on(&harness, worker, 5003, 3, &agent, &attached);
    write_group(3, "cpu.stat", "usage_usec 1000\n");
    ask_usage(admin, 3, 0, 0, &answer);
    CHECK(answer->usage->n_use == 1 && answer->usage->use[0]->traffic == NULL);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    CHECK(lsm_expect_reason(worker, ask_traffic(worker, UINT64_MAX)) == REASON_NONE);
    ask_usage(admin, 3, 0, 0, &answer);
    const Lodge__Lsm__Traffic *told = answer->usage->use[0]->traffic;
    CHECK(told != NULL && told->sent == UINT64_MAX && told->received == 2 && told->frames == 3);
    CHECK(told->pixels == 4096 && told->coded == 512 && told->rtt_us == 700);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    close(worker);
    lsm_await_state(&harness, 3, LODGE__LSM__STATE__DISCONNECTED);
    ask_usage(admin, 3, 0, 0, &answer);
    CHECK(answer->usage->n_use == 1 && answer->usage->use[0]->traffic == NULL);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    close(attached.channel);
    sm_tell_ended(&harness, 3, attached.logon, REASON_LOGOFF, "");
    lsm_await_state(&harness, 3, SESSION_NONE);
    agent_end(&harness, &agent);
}

/* What is read may never come: the one who asks is told so in time, and the broker goes on meanwhile. */
static void a_look_that_hangs_holds_up_nobody(int admin, int own)
{
    char path[200];
    snprintf(path, sizeof(path), "%s/run/cgroup/session-1/cgroup.procs", harness.directory);
    CHECK(unlink(path) == 0 && mkfifo(path, 0644) == 0);
    uint64_t serial = ask_processes(own, 1, 0, 0);
    CHECK(lsm_expect_reason(own, ask_processes(own, 1, 0, 0)) == REASON_BUSY);
    uint64_t second = ask_processes(admin, 1, 0, 0);
    int third = lsm_connect_as(&harness, 0);
    CHECK(lsm_expect_reason(third, ask_processes(third, 1, 0, 0)) == REASON_BUSY);
    CHECK(lsm_state_of(&harness, 1) == LODGE__LSM__STATE__DISCONNECTED);
    CHECK(lsm_expect_reason(own, serial) == REASON_TIMED_OUT);
    CHECK(lsm_expect_reason(admin, second) == REASON_TIMED_OUT);
    close(third);
    FILE *fifo = fopen(path, "w");
    CHECK(fifo != NULL && fclose(fifo) == 0);
}

static void smss_goes_away(int own)
{
    uint64_t serial = ask_terminate(own, 1, 7, true);
    sm_expect(&harness, SM_PROCESS_END, &sm, NULL);
    close(harness.sm);
    CHECK(lsm_expect_reason(own, serial) == REASON_BUSY);
    harness_take_broker(&harness);
    sm_tell_state(&harness, 1, SM_SESSION_UP, 5, 5001, "somebody");
    sm_tell_synced(&harness);
}

int main(void)
{
    harness_begin(&harness, "");
    start_children();
    harness_start_broker(&harness);
    sm_tell_state(&harness, 1, SM_SESSION_UP, 5, 5001, "somebody");
    sm_tell_state(&harness, 2, SM_SESSION_UP, 6, 5002, "another");
    sm_tell_synced(&harness);
    lsm_await_state(&harness, 2, LODGE__LSM__STATE__DISCONNECTED);
    int admin = lsm_connect_as(&harness, 0), own = lsm_connect_as(&harness, 5001);
    int other = lsm_connect_as(&harness, 5002);
    processes_come_in_pages(own, 0);
    processes_come_in_pages(admin, 7);
    CHECK(lsm_expect_reason(other, ask_processes(other, 1, 0, 0)) == REASON_NO_SESSION);
    CHECK(lsm_expect_reason(admin, ask_processes(admin, 2, 0, 0)) == REASON_NO_SESSION); /* it has no group */
    one_is_ended_by_smss(own, other);
    use_is_told(admin, own, other);
    traffic_is_that_of_the_client_who_is_there(admin);
    a_look_that_hangs_holds_up_nobody(admin, own);
    smss_goes_away(own);
    for (size_t i = 0; i < CHILDREN; i++) {
        kill(children[i], SIGKILL);
        waitpid(children[i], NULL, 0);
    }
    close(admin), close(own), close(other);
    remove_groups();
    harness_end(&harness);
    return 0;
}
