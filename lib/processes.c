/* processes, terminate. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "lib/ask.h"

/* What lodge_processes gives, in one piece but for the answer. */
struct page {
    struct lodge_processes processes;
    Lodge__Lsm__Answer *answer;
    const struct lodge_process **pointers;
    struct lodge_process entries[];
};

void lodge_processes_free(struct lodge_processes *processes)
{
    if (processes == NULL)
        return;
    struct page *page = (struct page *)((char *)processes - offsetof(struct page, processes));
    lodge__lsm__answer__free_unpacked(page->answer, NULL);
    free(page->pointers);
    free(page);
}

static void page_fill(struct page *page, const Lodge__Lsm__Processes *from)
{
    for (size_t i = 0; i < from->n_process; i++) {
        const Lodge__Lsm__Process *one = from->process[i];
        page->entries[i] = (struct lodge_process){
            .pid = one->pid,
            .parent = one->parent,
            .inside = one->inside,
            .name = one->name,
            .command = one->command,
            .uid = one->uid,
            .user = one->user,
            .state = one->state,
            .started_ms = one->started_ms,
            .cpu_ms = one->cpu_ms,
            .memory = one->memory,
        };
        page->pointers[i] = &page->entries[i];
    }
    page->processes =
        (struct lodge_processes){.count = from->n_process, .process = page->pointers, .more = from->more};
}

/* Takes `answer`. NULL without memory. */
static struct page *page_new(Lodge__Lsm__Answer *answer)
{
    size_t count = answer->processes->n_process;
    struct page *page = malloc(sizeof(*page) + count * sizeof(page->entries[0]));
    const struct lodge_process **pointers = calloc(count + 1, sizeof(*pointers));
    if (page == NULL || pointers == NULL) {
        free(page);
        free(pointers);
        lodge__lsm__answer__free_unpacked(answer, NULL);
        return NULL;
    }
    page->answer = answer;
    page->pointers = pointers;
    page_fill(page, answer->processes);
    return page;
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
    processes.session = session;
    processes.after = after;
    processes.limit = limit;
    request.method_case = LODGE__LSM__REQUEST__METHOD_PROCESSES;
    request.processes = &processes;
    int failed = lodge_ask(lodge, &request, LODGE__LSM__ANSWER__RESULT_PROCESSES, &answer, error);
    if (failed != 0)
        return failed;
    if (!page_is_right(answer->processes, after)) {
        lodge__lsm__answer__free_unpacked(answer, NULL);
        client_close(&lodge->client);
        return lodge_failed(error, -EPROTO, "the processes are not in the order of their numbers");
    }
    struct page *page = page_new(answer);
    if (page == NULL)
        return lodge_failed(error, -ENOMEM, NULL);
    *processes_r = &page->processes;
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
