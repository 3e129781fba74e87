#include "broker/methods-process.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/broker.h"
#include "broker/methods.h"
#include "broker/procs.h"
#include "broker/survey.h"
#include "broker/terminate.h"
#include "common/clock.h"
#include "common/text.h"

#define PAGE_MAX   100
#define PAGE_BYTES 60000 /* of a packet's 65536 */
#define GROUP_ROOM (CONF_TEXT_MAX + 64)
#define NAME_ROOM  64
#define ENTRY_ROOM 16384

static void group_path(const struct broker *broker, uint16_t session, char *path, size_t size)
{
    char name[40];
    snprintf(name, sizeof(name), "cgroup/session-%u", session);
    conf_run_path(&broker->conf, name, path, size);
}

static uint32_t bound_limit(uint32_t limit)
{
    return limit == 0 || limit > PAGE_MAX ? PAGE_MAX : limit;
}

/* A page of a session's processes. */
struct process_list {
    struct survey survey;
    char group[GROUP_ROOM], owner[SM_USER_ROOM];
    uid_t owner_uid;
    pid_t after;
    size_t limit;
    ssize_t count;
    bool more;
    struct procs_one at[PAGE_MAX];
    char users[PAGE_MAX][NAME_ROOM];
};

/* Lab accounts are in no database, and the session's own user is known. */
static void name_user(const struct process_list *list, uid_t uid, char *name)
{
    struct passwd entry, *found = NULL;
    char room[ENTRY_ROOM];
    name[0] = '\0';
    if (uid == list->owner_uid)
        text_copy(name, NAME_ROOM, list->owner);
    else if (uid != (uid_t)-1 && getpwuid_r(uid, &entry, room, sizeof(room), &found) == 0 && found != NULL)
        text_copy(name, NAME_ROOM, found->pw_name);
}

static void read_processes(struct survey *survey)
{
    struct process_list *list = (struct process_list *)survey;
    list->count = procs_list(list->group, list->after, list->at, list->limit, &list->more);
    for (ssize_t i = 0; i < list->count; i++)
        name_user(list, list->at[i].uid, list->users[i]);
}

static void tell_process(struct process_list *list, size_t i, Lodge__Lsm__Process *told, char state[2])
{
    struct procs_one *one = &list->at[i];
    lodge__lsm__process__init(told);
    state[0] = one->state;
    state[1] = '\0';
    told->pid = (uint32_t)one->pid;
    told->parent = (uint32_t)one->parent;
    told->inside = (uint32_t)one->inside;
    told->name = one->name;
    told->command = one->command;
    told->uid = one->uid;
    told->user = list->users[i];
    told->state = state;
    told->started_ms = one->started_ms;
    told->cpu_ms = one->cpu_ms;
    told->memory = one->memory;
}

static void answer_processes(struct survey *survey)
{
    struct process_list *list = (struct process_list *)survey;
    Lodge__Lsm__Process told[PAGE_MAX], *pointers[PAGE_MAX];
    char states[PAGE_MAX][2];
    Lodge__Lsm__Processes page = LODGE__LSM__PROCESSES__INIT;
    size_t bytes = 0;
    if (list->count < 0) {
        peer_refuse(survey->peer, survey->serial,
                    list->count == -ENOENT ? REASON_NO_SESSION : REASON_INTERNAL,
                    list->count == -EACCES ? "/proc hides the processes of others from the broker (hidepid)."
                    : list->count == -ENOENT ? "Nothing of it runs."
                                             : strerror((int)-list->count));
        return;
    }
    while (page.n_process < (size_t)list->count && bytes < PAGE_BYTES) {
        size_t i = page.n_process++;
        tell_process(list, i, &told[i], states[i]);
        pointers[i] = &told[i];
        bytes += lodge__lsm__process__get_packed_size(&told[i]) + 8;
    }
    page.process = pointers;
    page.more = list->more || page.n_process < (size_t)list->count;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_PROCESSES;
    answer.processes = &page;
    peer_answer(survey->peer, survey->serial, &answer, -1);
}

static void free_survey(struct survey *survey)
{
    free(survey);
}

void process_call_list(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    const Lodge__Lsm__ProcessesRequest *asked = request->processes;
    struct session *session = methods_take_session(peer, request->serial, asked->session);
    (void)descriptor;
    if (session == NULL)
        return;
    struct process_list *list = calloc(1, sizeof(*list));
    if (list == NULL) {
        peer_refuse(peer, request->serial, REASON_INTERNAL, "");
        return;
    }
    list->survey = (struct survey){.kind = SURVEY_PROCESSES,
                                   .session = session->id,
                                   .work = read_processes,
                                   .answer = answer_processes,
                                   .release = free_survey};
    group_path(peer->broker, session->id, list->group, sizeof(list->group));
    text_copy(list->owner, sizeof(list->owner), session->name);
    list->owner_uid = session->user->uid;
    list->after = asked->after <= INT_MAX ? (pid_t)asked->after : INT_MAX;
    list->limit = bound_limit(asked->limit);
    survey_begin(peer, request->serial, &list->survey);
}

void process_call_terminate(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    const Lodge__Lsm__TerminateRequest *asked = request->terminate;
    struct session *session = methods_take_session(peer, request->serial, asked->session);
    (void)descriptor;
    if (session == NULL)
        return;
    if (asked->pid == 0 || asked->pid > INT_MAX)
        peer_refuse(peer, request->serial, REASON_NO_PROCESS, "");
    else
        terminate_ask(peer, request->serial, session, asked->pid, asked->kill);
}

void process_call_traffic(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    const Lodge__Lsm__Traffic *told = request->traffic;
    (void)descriptor;
    if (peer->session == NULL) {
        peer_refuse(peer, request->serial, REASON_WRONG_STATE, "This connection has no session.");
        return;
    }
    peer->has_traffic = true;
    peer->traffic.sent = told->sent;
    peer->traffic.received = told->received;
    peer->traffic.frames = told->frames;
    peer->traffic.pixels = told->pixels;
    peer->traffic.coded = told->coded;
    peer->traffic.rtt_us = told->rtt_us;
    peer_done(peer, request->serial);
}

/* Of the client that is connected now. False when nothing is known. */
static bool tell_traffic(const struct peer *asker, const struct session *session, Lodge__Lsm__Traffic *told)
{
    const struct peer *worker = session != NULL && methods_may_see(asker, session) ? session->worker : NULL;
    if (worker == NULL || !worker->has_traffic)
        return false;
    lodge__lsm__traffic__init(told);
    told->sent = worker->traffic.sent;
    told->received = worker->traffic.received;
    told->frames = worker->traffic.frames;
    told->pixels = worker->traffic.pixels;
    told->coded = worker->traffic.coded;
    told->rtt_us = worker->traffic.rtt_us;
    return true;
}

/* A page of what sessions use. */
struct use_list {
    struct survey survey;
    size_t count;
    bool more;
    struct {
        uint16_t session;
        bool known;
        char group[GROUP_ROOM];
        struct procs_use use;
    } at[];
};

static void read_use(struct survey *survey)
{
    struct use_list *list = (struct use_list *)survey;
    for (size_t i = 0; i < list->count; i++)
        list->at[i].known = procs_use(list->at[i].group, &list->at[i].use) == 0;
}

static void answer_use(struct survey *survey)
{
    struct use_list *list = (struct use_list *)survey;
    Lodge__Lsm__Use told[PAGE_MAX], *pointers[PAGE_MAX];
    Lodge__Lsm__Traffic traffic[PAGE_MAX];
    Lodge__Lsm__Usage usage = LODGE__LSM__USAGE__INIT;
    for (size_t i = 0; i < list->count; i++) {
        Lodge__Lsm__Use *use = &told[i];
        lodge__lsm__use__init(use);
        pointers[usage.n_use++] = use;
        use->session = list->at[i].session;
        use->cpu_ms = list->at[i].use.cpu_ms;
        use->memory = list->at[i].use.memory;
        use->tasks = list->at[i].use.tasks;
        const struct session *session = session_find(survey->peer->broker, use->session);
        if (tell_traffic(survey->peer, session, &traffic[i]))
            use->traffic = &traffic[i];
    }
    usage.use = pointers;
    usage.more = list->more;
    usage.now_ms = (uint64_t)clock_real_ms();
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_USAGE;
    answer.usage = &usage;
    peer_answer(survey->peer, survey->serial, &answer, -1);
}

static void add_use(struct use_list *list, const struct session *session)
{
    size_t i = list->count++;
    list->at[i].session = session->id;
    group_path(session->broker, session->id, list->at[i].group, sizeof(list->at[i].group));
}

void process_call_usage(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    const Lodge__Lsm__UsageRequest *asked = request->usage;
    size_t limit = bound_limit(asked->limit);
    (void)descriptor;
    struct session *session = asked->session != 0
                                  ? methods_take_session(peer, request->serial, asked->session)
                                  : methods_next_session(peer, NULL, asked->after);
    if (asked->session != 0 && session == NULL)
        return;
    struct use_list *list = calloc(1, sizeof(*list) + limit * sizeof(list->at[0]));
    if (list == NULL) {
        peer_refuse(peer, request->serial, REASON_INTERNAL, "");
        return;
    }
    list->survey =
        (struct survey){.kind = SURVEY_USAGE, .work = read_use, .answer = answer_use, .release = free_survey};
    for (; session != NULL && !list->more; session = methods_next_session(peer, session, 0)) {
        if (list->count == limit)
            list->more = asked->session == 0;
        else
            add_use(list, session);
        if (asked->session != 0)
            break;
    }
    survey_begin(peer, request->serial, &list->survey);
}
