/* The life of lodge-smss as a whole: recovery, then serving; shutdown.c has the rest. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/reason.h"
#include "common/text.h"
#include "sessionmgr/smss.h"

#define SESSION_GROUP "session-"

static struct session *find_again(struct smss *smss, const char *number)
{
    long id;
    if (!text_number(number, 1, UINT16_MAX, &id))
        return NULL;
    if (smss->session_of[id] == NULL && ids_take_this(&smss->ids, (uint16_t)id))
        session_new(smss, (uint16_t)id, SESSION_ORPHAN);
    return smss->session_of[id];
}

static void found_group(const char *group, void *context)
{
    if (strncmp(group, SESSION_GROUP, sizeof(SESSION_GROUP) - 1) == 0)
        find_again(context, group + sizeof(SESSION_GROUP) - 1);
}

/* Sessions whose cgroup, files or port an earlier life left. */
static void find_sessions(struct smss *smss)
{
    static const char *const folders[] = {"sessions", "winstation"};
    cgroup_each_group(&smss->cgroup, found_group, smss);
    for (size_t i = 0; i < 2; i++) {
        char path[512];
        DIR *directory = opendir(conf_run_path(&smss->conf, folders[i], path, sizeof(path)));
        struct dirent *entry;
        while (directory != NULL && (entry = readdir(directory)) != NULL) {
            entry->d_name[strcspn(entry->d_name, ".")] = '\0';
            find_again(smss, entry->d_name);
        }
        if (directory != NULL)
            closedir(directory);
    }
}

/* Cleans the orphans: all of them, or those that nobody can come by for: no process is in their cgroup, and
 * no lodge-logon lives that could be closing up. */
static void clean_orphans(struct smss *smss, bool all)
{
    struct session *next;
    bool logons = cgroup_is_populated(&smss->cgroup, "logons");
    for (struct session *session = smss->sessions; session != NULL; session = next) {
        next = session->next;
        if (session->state == SESSION_ORPHAN &&
            (all || (!logons && !cgroup_is_populated(&smss->cgroup, session->group))))
            session_event(session, SESSION_LATE);
    }
}

static bool waits(const struct smss *smss)
{
    for (const struct session *session = smss->sessions; session != NULL; session = session->next) {
        if (session->state == SESSION_ORPHAN)
            return true;
    }
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        if (smss->services[i].state == SERVICE_AWAITED)
            return true;
    }
    return false;
}

/* Nothing at a first start, nor at an upgrade, which tells its own end. */
static void tell_recovered(struct smss *smss)
{
    unsigned known = 0, left = 0;
    for (const struct session *session = smss->sessions; session != NULL; session = session->next) {
        bool gone = session->state == SESSION_ORPHAN || session->state >= SESSION_KILLING;
        left += gone;
        known += !gone;
    }
    if (smss->upgrade.from == NULL && known + left > 0)
        event_tell(smss, EVENT_RECOVERED, 0, "sessions of the last lodge-smss: %u go on, %u are swept up",
                   known, left);
}

/* Recovery is over, or there was nothing to recover. */
static void serve(struct smss *smss)
{
    loop_timer_stop(smss->loop, &smss->timer);
    smss->phase = SMSS_SERVING;
    tell_recovered(smss);
    clean_orphans(smss, true);
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        service_give_up_waiting(&smss->services[i]);
    struct service *broker = &smss->services[SERVICE_BROKER], *listener = &smss->services[SERVICE_LISTENER];
    if (broker->state == SERVICE_DOWN)
        service_start(broker);
    else if (broker->state == SERVICE_READY && listener->state == SERVICE_DOWN)
        service_start(listener);
    phase_sync_broker(smss);
    boot_look_whether_ready(smss);
    upgrade_go_on(smss);
    if (smss->stop_asked)
        shutdown_signalled(smss);
}

/* True when the boot ends here: a step failed, or somebody asked. */
static bool boot_ends(struct smss *smss)
{
    if (!smss->stop_asked && !smss->steps.stopped)
        return false;
    if (smss->steps.stopped)
        log_error("boot",
                  "stops at a step that failed, as the section [Boot] has it; lodgectl boot shows it");
    boot_save_steps(smss);
    smss->phase = SMSS_STOPPED;
    return true;
}

static void subsystems_started(struct smss *smss)
{
    if (!boot_ends(smss))
        serve(smss);
}

/* What lodge-boot does on a first start is over; nothing runs yet. */
static void booted(struct smss *smss)
{
    if (!boot_ends(smss))
        subsystems_start(smss, subsystems_started);
}

static void recovery_late(void *context)
{
    serve(context);
}

/* On a first start a port that is taken ends it with an explanation; after a restart there is something to
 * keep alive, and the service tries again. */
static bool open_ports(struct smss *smss, bool first)
{
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        struct service *service = &smss->services[i];
        if (service->state == SERVICE_AWAITED)
            continue;
        service->listening = boot_listen(smss, service->which);
        if (service->listening < 0 && first)
            return false;
    }
    return true;
}

bool phase_begin(struct smss *smss)
{
    smss->phase = SMSS_RECOVERING;
    smss->timer = (struct loop_timer){.expired = recovery_late, .context = smss};
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        struct service *service = &smss->services[i];
        if (cgroup_is_populated(&smss->cgroup, service_group(service)))
            service->state = SERVICE_AWAITED;
    }
    find_sessions(smss);
    clean_orphans(smss, false);
    bool first = !waits(smss);
    if (!open_ports(smss, first))
        return false;
    if (!first) {
        log_info(NULL, "waits up to %d s for what outlived the last lodge-smss", RECOVERY_MS / 1000);
        loop_timer_set(smss->loop, &smss->timer, RECOVERY_MS);
    }
    boot_work(smss, !first, first ? booted : NULL);
    if (!first)
        subsystems_start(smss, NULL);
    return true;
}

void phase_sync_broker(struct smss *smss)
{
    struct peer *broker = smss->services[SERVICE_BROKER].peer;
    struct sm_synced synced = {0};
    if (broker == NULL || smss->phase == SMSS_RECOVERING)
        return;
    logon_tell_all(smss);
    for (struct session *session = smss->sessions; session != NULL; session = session->next) {
        struct sm_viewer viewer = {.id = session->id, .viewer = session->viewer};
        session_tell(session);
        if (viewer.viewer != 0)
            peer_send(smss, broker, SM_VIEWER, &viewer);
        synced.sessions += session_is_known(session);
    }
    facts_tell(smss);
    peer_send(smss, broker, SM_SYNCED, &synced);
    event_tell_all(smss);
    listener_tell(smss, false);
    if (smss->phase > SMSS_SERVING)
        peer_send(smss, broker, SM_STOPPING, &(struct sm_stopping){.reason = REASON_SHUTDOWN});
    shutdown_tell(smss);
}

void phase_check(struct smss *smss)
{
    if (smss->phase == SMSS_RECOVERING && smss->timer.armed && !waits(smss))
        serve(smss);
    else
        shutdown_check(smss);
}
