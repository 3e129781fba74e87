/* Upgrade in place, and the way back. */
#include "sessionmgr/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/reason.h"
#include "sessionmgr/smss.h"

#define CHECK_MS 30000
#define QUIET_MS 10000 /* what is under way by then is lost, and tried again by people */
#define LOOK_MS  50

static void answer(struct smss *smss, enum reason reason, const char *detail)
{
    struct sm_upgrade_begun begun = {.reason = (uint16_t)reason};
    snprintf(begun.detail, sizeof(begun.detail), "%s", detail);
    if (smss->upgrade.asked)
        peer_send(smss, smss->services[SERVICE_BROKER].peer, SM_UPGRADE_BEGUN, &begun);
    smss->upgrade.asked = false;
}

static void refuse(struct smss *smss, const char *why)
{
    event_tell(smss, EVENT_UPGRADE_REFUSED, 0, "asked for by %s: %s", smss->upgrade.by, why);
    answer(smss, REASON_UPGRADE_REFUSED, why);
    smss->upgrade.state = UPGRADE_NONE;
}

/* Becomes the program at `path`, with the same process, children and display number. Returns when that fails.
 */
static void become(struct smss *smss, const char *path, int previous, const char *mark, const char *value)
{
    char old[16], display[16], own[PATH_MAX + 32];
    snprintf(old, sizeof(old), "%d", previous);
    snprintf(display, sizeof(display), "%d", smss->display_socket);
    snprintf(own, sizeof(own), "%s/lodge-smss", smss->programs);
    char *argv[] = {own,
                    (char *)"--config",
                    (char *)smss->conf_path,
                    (char *)"--display-fd",
                    display,
                    (char *)mark,
                    (char *)value,
                    (char *)"--previous-fd",
                    old,
                    NULL};
    if (previous < 0)
        argv[7] = NULL;
    if (smss->display_socket >= 0)
        fcntl(smss->display_socket, F_SETFD, 0);
    if (previous >= 0)
        fcntl(previous, F_SETFD, 0);
    setrlimit(RLIMIT_NOFILE, &smss->files);
    execv(path, argv);
    int failed = errno;
    if (smss->display_socket >= 0)
        fcntl(smss->display_socket, F_SETFD, FD_CLOEXEC);
    if (previous >= 0)
        fcntl(previous, F_SETFD, FD_CLOEXEC);
    errno = failed;
}

/* Nothing is lost by the exec: whoever has a connection to sm.port comes again, as after a death. */
static void take_over(struct smss *smss)
{
    char path[PATH_MAX + 32];
    struct upgrade *upgrade = &smss->upgrade;
    snprintf(path, sizeof(path), "%s/lodge-smss", smss->programs);
    upgrade->previous = open("/proc/self/exe", O_PATH | O_CLOEXEC);
    log_info("upgrade", "becomes the new lodge-smss");
    become(smss, path, upgrade->previous, "--upgrade-from", LODGE_VERSION);
    event_tell(smss, EVENT_UPGRADE_FAILED, 0, "%s cannot be executed: %s; the old lodge-smss goes on", path,
               strerror(errno));
    close_descriptor(&upgrade->previous);
    upgrade->state = UPGRADE_NONE;
}

void upgrade_roll_back(struct smss *smss)
{
    char path[32];
    if (smss->upgrade.previous < 0)
        return;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", smss->upgrade.previous);
    log_error("upgrade",
              "the new lodge-smss, version " LODGE_VERSION ", cannot start: goes back to the old one");
    become(smss, path, -1, "--upgrade-failed", LODGE_VERSION);
    log_error("upgrade", "the old one cannot be executed: %m");
}

static bool is_quiet(const struct smss *smss)
{
    if (smss->logon_count > 0 || smss->events.first != NULL)
        return false;
    for (const struct session *session = smss->sessions; session != NULL; session = session->next) {
        if (session->state == SESSION_CREATING)
            return false;
    }
    return true;
}

static void checked(struct smss *smss, const char *how)
{
    struct upgrade *upgrade = &smss->upgrade;
    const char *version = strstr(upgrade->lines.last, UPGRADE_CHECKED);
    char why[512];
    if (upgrade->check.status != 0 || version == NULL) {
        snprintf(why, sizeof(why), "%s (lodge-smss --check %s)",
                 upgrade->lines.last[0] != '\0' ? upgrade->lines.last : "the new lodge-smss is not in order",
                 how);
        process_forget(&upgrade->check);
        refuse(smss, why);
        return;
    }
    process_forget(&upgrade->check);
    event_tell(smss, EVENT_UPGRADE_STARTED, 0, "from version " LODGE_VERSION " to %s, by %s",
               version + strlen(UPGRADE_CHECKED), upgrade->by);
    answer(smss, REASON_NONE, version + strlen(UPGRADE_CHECKED));
    upgrade->state = UPGRADE_WAITING;
    upgrade->deadline = clock_monotonic_ms() + QUIET_MS;
    loop_timer_set(smss->loop, &upgrade->timer, LOOK_MS);
}

static void check_ended(void *context, uint32_t events)
{
    (void)events;
    struct smss *smss = context;
    char how[128];
    loop_timer_stop(smss->loop, &smss->upgrade.timer);
    process_reap(&smss->upgrade.check);
    process_describe(&smss->upgrade.check, how, sizeof(how));
    lines_close(&smss->upgrade.lines);
    checked(smss, how);
}

static void timer_expired(void *context)
{
    struct smss *smss = context;
    struct upgrade *upgrade = &smss->upgrade;
    if (upgrade->state == UPGRADE_CHECKING) {
        process_signal(&upgrade->check, SIGKILL);
    } else if (upgrade->state == UPGRADE_WAITING && smss->phase != SMSS_SERVING) {
        upgrade->state = UPGRADE_NONE; /* a shutdown came between */
    } else if (upgrade->state == UPGRADE_WAITING) {
        if (is_quiet(smss) || clock_monotonic_ms() >= upgrade->deadline)
            take_over(smss);
        else
            loop_timer_set(smss->loop, &upgrade->timer, LOOK_MS);
    }
}

void upgrade_init(struct smss *smss)
{
    struct upgrade *upgrade = &smss->upgrade;
    upgrade->check = PROCESS_NONE;
    upgrade->lines = LINES_NONE;
    upgrade->timer = (struct loop_timer){.expired = timer_expired, .context = smss};
    if (upgrade->from != NULL && !upgrade->back)
        upgrade->state = UPGRADE_TAKEN_OVER;
}

void upgrade_begin(struct smss *smss, const char *by, bool asked)
{
    struct upgrade *upgrade = &smss->upgrade;
    char path[PATH_MAX + 32];
    if (upgrade->state != UPGRADE_NONE || smss->phase != SMSS_SERVING) {
        log_warning("upgrade", "not begun: %s",
                    upgrade->state != UPGRADE_NONE ? "one is under way" : "the server is not serving");
        if (asked)
            peer_send(smss, smss->services[SERVICE_BROKER].peer, SM_UPGRADE_BEGUN,
                      &(struct sm_upgrade_begun){.reason = REASON_WRONG_STATE});
        return;
    }
    upgrade->asked = asked;
    snprintf(upgrade->by, sizeof(upgrade->by), "%s", by);
    snprintf(path, sizeof(path), "%s/lodge-smss", smss->programs);
    char *argv[] = {path, (char *)"--config", (char *)smss->conf_path, (char *)"--check", NULL};
    int errors = lines_open(&upgrade->lines, smss->loop, "upgrade", LOG_LEVEL_INFO);
    struct process_plan plan = {
        .path = path, .argv = argv, .error_fd = errors, .directory = "/", .files = &smss->files};
    int failed = errors < 0 ? errors : process_start(&upgrade->check, &plan, smss->loop, check_ended, smss);
    close_descriptor(&errors);
    if (failed) {
        lines_close(&upgrade->lines);
        refuse(smss, strerror(-failed));
        return;
    }
    upgrade->state = UPGRADE_CHECKING;
    loop_timer_set(smss->loop, &upgrade->timer, CHECK_MS);
}

/* One after the other, in the order of their start; one that is not ready starts with the new program anyway.
 */
static void replace_next(struct smss *smss)
{
    struct upgrade *upgrade = &smss->upgrade;
    while (upgrade->service < SERVICE_COUNT) {
        if (service_replace(&smss->services[upgrade->service++]))
            return;
    }
    upgrade->state = UPGRADE_NONE;
    if (upgrade->failed == 0)
        event_tell(smss, EVENT_UPGRADED, 0,
                   "from version %s to " LODGE_VERSION "; sessions that there are keep their programs",
                   upgrade->from);
    else
        event_tell(smss, EVENT_UPGRADE_FAILED, 0,
                   "to version " LODGE_VERSION ": %u of %d services run the old program", upgrade->failed,
                   SERVICE_COUNT);
}

void upgrade_go_on(struct smss *smss)
{
    struct upgrade *upgrade = &smss->upgrade;
    close_descriptor(&upgrade->previous);
    if (upgrade->back) {
        upgrade->back = false;
        event_tell(smss, EVENT_UPGRADE_FAILED, 0,
                   "lodge-smss version %s could not start; version " LODGE_VERSION " goes on", upgrade->from);
    } else if (upgrade->state == UPGRADE_TAKEN_OVER) {
        upgrade->state = UPGRADE_REPLACING;
        replace_next(smss);
    }
}

void upgrade_service_ready(struct service *service)
{
    replace_next(service->smss);
}

void upgrade_service_failed(struct service *service, const char *how)
{
    service->smss->upgrade.failed++;
    event_tell(service->smss, EVENT_UPGRADE_ROLLED_BACK, 0,
               "the new program of the %s %s before it was ready; the old one goes on", service_name(service),
               how);
}
