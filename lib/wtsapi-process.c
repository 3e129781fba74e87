/* WTSEnumerateProcesses and its kin, WTSTerminateProcess. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <winpr/error.h>

#include "lib/wtsapi.h"

WTSAPI_SAME_PLACE(WTS_PROCESS_INFO, pProcessName);
WTSAPI_SAME_PLACE(WTS_PROCESS_INFO_EX, pProcessName);
WTSAPI_SAME_PLACE(WTS_PROCESS_INFO_EX, WorkingSetSize);
WTSAPI_SAME_PLACE(WTS_PROCESS_INFO_EX, UserTime);

struct part {
    uint32_t session;
    struct lodge_processes *processes;
};

/* The processes of some sessions, page by page. */
struct found {
    struct part *parts;
    size_t count;
};

static void found_free(struct found *found)
{
    for (size_t i = 0; i < found->count; i++)
        lodge_processes_free(found->parts[i].processes);
    free(found->parts);
}

/* Takes `processes`. */
static int found_add(struct found *found, uint32_t session, struct lodge_processes *processes)
{
    struct part *more = reallocarray(found->parts, found->count + 1, sizeof(*more));
    if (more == NULL) {
        lodge_processes_free(processes);
        return -ENOMEM;
    }
    found->parts = more;
    found->parts[found->count++] = (struct part){.session = session, .processes = processes};
    return 0;
}

static int find_in(struct lodge *lodge, uint32_t session, struct found *found)
{
    uint32_t after = 0;
    for (bool more = true; more;) {
        struct lodge_processes *page;
        int code = lodge_processes(lodge, session, after, 0, &page, NULL);
        if (code != 0)
            return code;
        more = page->more;
        after = page->count > 0 ? page->process[page->count - 1]->pid : after;
        code = found_add(found, session, page);
        if (code != 0)
            return code;
    }
    return 0;
}

/* Whether a session has gone since it was listed, or has nothing that runs. */
static bool is_without(int code)
{
    return code == LODGE_REASON_NO_SESSION || code == LODGE_REASON_WRONG_STATE;
}

static int find_in_all(struct lodge *lodge, struct found *found)
{
    struct lodge_sessions *sessions;
    int code = lodge_list_all(lodge, &sessions, NULL);
    if (code != 0)
        return code;
    for (size_t i = 0; i < sessions->count && code == 0; i++) {
        code = find_in(lodge, sessions->session[i]->id, found);
        if (is_without(code))
            code = 0;
    }
    lodge_sessions_free(sessions);
    return code;
}

/* False with the error set, and nothing found. */
static bool find(HANDLE server, DWORD which, struct found *found)
{
    uint32_t id = 0;
    if (which != WTS_ANY_SESSION && !wtsapi_session_id(which, &id))
        return false;
    struct lodge *lodge = wtsapi_connect(server);
    if (lodge == NULL)
        return false;
    int code = which == WTS_ANY_SESSION ? find_in_all(lodge, found) : find_in(lodge, id, found);
    lodge_close(lodge);
    if (code == 0)
        return true;
    found_free(found);
    wtsapi_result(code);
    return false;
}

typedef void fill_fn(void *info, size_t i, const struct part *part, const struct lodge_process *process,
                     char **texts_r, bool wide);

static void fill(void *info, size_t i, const struct part *part, const struct lodge_process *process,
                 char **texts_r, bool wide)
{
    WTS_PROCESS_INFOA *one = (WTS_PROCESS_INFOA *)info + i;
    one->SessionId = part->session;
    one->ProcessId = process->pid;
    one->pProcessName = wtsapi_text_put(texts_r, process->name, wide);
}

static void fill_ex(void *info, size_t i, const struct part *part, const struct lodge_process *process,
                    char **texts_r, bool wide)
{
    WTS_PROCESS_INFO_EXA *one = (WTS_PROCESS_INFO_EXA *)info + i;
    one->SessionId = part->session;
    one->ProcessId = process->pid;
    one->pProcessName = wtsapi_text_put(texts_r, process->name, wide);
    one->WorkingSetSize = wtsapi_dword(process->memory);
    one->UserTime.QuadPart = (LONGLONG)(process->cpu_ms * 10000); /* with the kernel's */
}

/* The structs, of `size` bytes each, and their texts, in one piece. NULL without memory. */
static void *make(const struct found *found, size_t size, fill_fn *how, bool wide, DWORD *count_r)
{
    size_t count = 0, texts = 0, next = 0;
    for (size_t i = 0; i < found->count; i++) {
        const struct lodge_processes *page = found->parts[i].processes;
        count += page->count;
        for (size_t j = 0; j < page->count; j++)
            texts += wtsapi_text_room(page->process[j]->name, wide);
    }
    char *memory = calloc(1, count * size + texts + 1);
    if (memory == NULL)
        return NULL;
    char *at = memory + count * size;
    for (size_t i = 0; i < found->count; i++) {
        const struct lodge_processes *page = found->parts[i].processes;
        for (size_t j = 0; j < page->count; j++)
            how(memory, next++, &found->parts[i], page->process[j], &at, wide);
    }
    *count_r = (DWORD)count;
    return memory;
}

/* All four forms; `right`: the other arguments are as the API has them. Level 0 or 1 of the structs, to which
 * *processes_r is a pointer. */
static BOOL enumerate(HANDLE server, bool right, DWORD session, DWORD level, bool wide, void *processes_r,
                      DWORD *count_r)
{
    struct found found = {0};
    if (!right || processes_r == NULL || count_r == NULL)
        return wtsapi_fail(ERROR_INVALID_PARAMETER);
    if (!find(server, session, &found))
        return FALSE;
    void *info = level == WTS_PROCESS_INFO_LEVEL_0
                     ? make(&found, sizeof(WTS_PROCESS_INFOA), fill, wide, count_r)
                     : make(&found, sizeof(WTS_PROCESS_INFO_EXA), fill_ex, wide, count_r);
    found_free(&found);
    if (info == NULL)
        return wtsapi_fail(ERROR_NOT_ENOUGH_MEMORY);
    memcpy(processes_r, &info, sizeof(info));
    return TRUE;
}

static BOOL enumerate_all(HANDLE server, DWORD reserved, DWORD version, bool wide, void *processes_r,
                          DWORD *count_r)
{
    return enumerate(server, reserved == 0 && version == 1, WTS_ANY_SESSION, WTS_PROCESS_INFO_LEVEL_0, wide,
                     processes_r, count_r);
}

static BOOL enumerate_ex(HANDLE server, const DWORD *level, DWORD session, bool wide, void *processes_r,
                         DWORD *count_r)
{
    bool right = level != NULL && *level <= WTS_PROCESS_INFO_LEVEL_1;
    return enumerate(server, right, session, right ? *level : 0, wide, processes_r, count_r);
}

BOOL WINAPI wtsapi_processes_a(HANDLE server, DWORD reserved, DWORD version, PWTS_PROCESS_INFOA *processes_r,
                               DWORD *count_r)
{
    return enumerate_all(server, reserved, version, false, processes_r, count_r);
}

BOOL WINAPI wtsapi_processes_w(HANDLE server, DWORD reserved, DWORD version, PWTS_PROCESS_INFOW *processes_r,
                               DWORD *count_r)
{
    return enumerate_all(server, reserved, version, true, processes_r, count_r);
}

BOOL WINAPI wtsapi_processes_ex_a(HANDLE server, DWORD *level, DWORD session, LPSTR *processes_r,
                                  DWORD *count_r)
{
    return enumerate_ex(server, level, session, false, processes_r, count_r);
}

BOOL WINAPI wtsapi_processes_ex_w(HANDLE server, DWORD *level, DWORD session, LPWSTR *processes_r,
                                  DWORD *count_r)
{
    return enumerate_ex(server, level, session, true, processes_r, count_r);
}

/* Kills it in the session that has it. Returns as liblodge. */
static int terminate_in_one(struct lodge *lodge, const struct lodge_sessions *sessions, DWORD pid)
{
    int code = LODGE_REASON_NO_PROCESS;
    for (size_t i = 0; i < sessions->count; i++) {
        code = lodge_terminate(lodge, sessions->session[i]->id, pid, true, NULL);
        if (is_without(code))
            code = LODGE_REASON_NO_PROCESS;
        if (code != LODGE_REASON_NO_PROCESS)
            break;
    }
    return code;
}

BOOL WINAPI wtsapi_terminate(HANDLE server, DWORD pid, DWORD code)
{
    struct lodge_sessions *sessions;
    (void)code; /* what is killed has none */
    struct lodge *lodge = wtsapi_connect(server);
    if (lodge == NULL)
        return FALSE;
    int failed = lodge_list_all(lodge, &sessions, NULL);
    if (failed == 0) {
        failed = terminate_in_one(lodge, sessions, pid);
        lodge_sessions_free(sessions);
    }
    lodge_close(lodge);
    return wtsapi_result(failed);
}
