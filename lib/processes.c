/* processes, terminate, environment. */
#include <errno.h>

#include "lib/result.h"

RESULT_FREE(lodge_processes_free, struct lodge_processes)
RESULT_FREE(lodge_environment_free, struct lodge_environment)

static void fill(void *entry, const Lodge__Lsm__Answer *answer, size_t i)
{
    const Lodge__Lsm__Process *from = answer->processes->process[i];
    *(struct lodge_process *)entry = (struct lodge_process){
        .pid = from->pid,
        .parent = from->parent,
        .inside = from->inside,
        .name = from->name,
        .command = from->command,
        .uid = from->uid,
        .user = from->user,
        .state = from->state,
        .started_ms = from->started_ms,
        .cpu_ms = from->cpu_ms,
        .memory = from->memory,
    };
}

/* The pids are above `after` and ascend, and where there are more, the page is not empty. */
static bool page_is_right(const Lodge__Lsm__Processes *page, uint32_t after)
{
    for (size_t i = 0; i < page->n_process; i++) {
        if (page->process[i]->pid <= after)
            return false;
        after = page->process[i]->pid;
    }
    return page->n_process > 0 || !page->more;
}

int lodge_processes(struct lodge *lodge, uint32_t session, uint32_t after, uint32_t limit,
                    struct lodge_processes **processes_r, struct lodge_error *error)
{
    Lodge__Lsm__ProcessesRequest processes = LODGE__LSM__PROCESSES_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    const void *entries;
    processes.session = session;
    processes.after = after;
    processes.limit = limit;
    request.method_case = LODGE__LSM__REQUEST__METHOD_PROCESSES;
    request.processes = &processes;
    int failed = lodge_ask(lodge, &request, LODGE__LSM__ANSWER__RESULT_PROCESSES, &answer, error);
    if (failed != 0)
        return failed;
    const Lodge__Lsm__Processes *page = answer->processes;
    if (!page_is_right(page, after))
        return lodge_wrong(lodge, answer, "the processes are not in the order of their numbers", error);
    struct lodge_processes *given = result_new(answer, sizeof(*given), page->n_process,
                                               sizeof(struct lodge_process), fill, &entries, error);
    if (given == NULL)
        return -ENOMEM;
    *given = (struct lodge_processes){.count = page->n_process, .process = entries, .more = page->more};
    *processes_r = given;
    return 0;
}

int lodge_terminate(struct lodge *lodge, uint32_t session, uint32_t pid, bool kill, struct lodge_error *error)
{
    Lodge__Lsm__TerminateRequest terminate = LODGE__LSM__TERMINATE_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    terminate.session = session;
    terminate.pid = pid;
    terminate.kill = kill;
    request.method_case = LODGE__LSM__REQUEST__METHOD_TERMINATE;
    request.terminate = &terminate;
    return lodge_ask_plainly(lodge, &request, error);
}

int lodge_environment(struct lodge *lodge, uint32_t session, struct lodge_environment **environment_r,
                      struct lodge_error *error)
{
    Lodge__Lsm__Answer *answer;
    int failed = lodge_ask_of_session(lodge, LODGE__LSM__REQUEST__METHOD_ENVIRONMENT, session,
                                      LODGE__LSM__ANSWER__RESULT_ENVIRONMENT, &answer, error);
    if (failed != 0)
        return failed;
    struct lodge_environment *environment = result_new_plain(answer, sizeof(*environment), error);
    if (environment == NULL)
        return -ENOMEM;
    *environment = (struct lodge_environment){
        .count = answer->environment->n_variable,
        .variable = (const char *const *)answer->environment->variable,
    };
    *environment_r = environment;
    return 0;
}
