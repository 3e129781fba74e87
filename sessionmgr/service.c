/* The two services of session 0: started in order, started again when they die, taken over after a restart.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "sessionmgr/smss.h"

#define READY_MS        30000
#define READY_NEW_MS    10000 /* after an upgrade, where there is a way back */
#define STOP_MS         5000
#define STOP_FAST_MS    500
#define BACK_OFF_MOST   5000
#define STABLE_AFTER_MS 10000
#define STOP_LOOK_MS    20

static const struct {
    const char *name, *program, *option;
} kinds[] = {
    [SERVICE_BROKER] = {"broker", "lodge-broker", "--port-fd"},
    [SERVICE_LISTENER] = {"listener", "lodge-rdp", "--listen-fd"},
};
_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == SERVICE_COUNT, "each service has its row");

const char *service_name(const struct service *service)
{
    return kinds[service->which].name;
}

const char *service_group(const struct service *service)
{
    return kinds[service->which].name;
}

const char *service_state_name(const struct service *service)
{
    static const char *const names[] = {"down", "awaited", "waiting", "starting", "ready", "stopping"};
    return names[service->state];
}

static void set_state(struct service *service, enum service_state state)
{
    service->state = state;
    if (service->which == SERVICE_LISTENER)
        facts_tell(service->smss);
}

static void program_path(const struct service *service, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", service->smss->programs, kinds[service->which].program);
}

static const char *log_path(const struct service *service, char *path, size_t size)
{
    char name[32];
    snprintf(name, sizeof(name), "%s.log", kinds[service->which].name);
    return conf_run_path(&service->smss->conf, name, path, size);
}

/* None of them holds the server's log itself: they deal with strangers, and could fill it or cut it off. */
void service_open_logs(struct smss *smss)
{
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        struct service *service = &smss->services[i];
        char path[512];
        int failed = lines_open_named(&service->lines, smss->loop, log_path(service, path, sizeof(path)),
                                      kinds[i].name, kinds[i].program);
        errno = -failed;
        if (failed)
            log_warning(path, "cannot be made, so the %s writes to the log itself: %m", kinds[i].name);
    }
}

void service_close_logs(struct smss *smss)
{
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        char path[512];
        lines_close(&smss->services[i].lines);
        unlink(log_path(&smss->services[i], path, sizeof(path)));
    }
}

static void ended(void *context, uint32_t events);

/* The first start after a death is at once, then the pause doubles from 100 ms. */
static int64_t back_off(const struct service *service)
{
    if (service->failures <= 1)
        return 0;
    int64_t pause = INT64_C(100) << (service->failures < 8 ? service->failures - 2 : 6);
    return pause < BACK_OFF_MOST ? pause : BACK_OFF_MOST;
}

/* How often it has ended within the time that is looked at, this time included. */
static unsigned count_ends(struct service *service)
{
    int64_t now = clock_monotonic_ms(), since = now - (int64_t)service->smss->conf.restart_seconds * 1000;
    unsigned count = 0;
    service->ends[service->end_count++ % SERVICE_ENDS_MOST] = now;
    for (size_t i = 0; i < SERVICE_ENDS_MOST; i++)
        count += service->ends[i] != 0 && service->ends[i] >= since;
    return count;
}

/* It cannot be kept alive: does what is configured for that. */
static void give_up(struct service *service, unsigned count)
{
    static const char *const actions[] = {
        [1] = "it is started on and on", [2] = "the server shuts down", [3] = "the machine is restarted"};
    struct smss *smss = service->smss;
    long action = smss->conf.service_failure;
    memset(service->ends, 0, sizeof(service->ends));
    event_tell(smss, EVENT_SERVICE_FAILED, 0, "%s ended %u times within %ld s: %s", service_name(service),
               count, smss->conf.restart_seconds, actions[action]);
    if (action == 1 || smss->phase > SMSS_SERVING)
        return;
    smss->failed = true;
    struct sm_shutdown asked = {.action = action == 3 ? SM_REBOOT : SM_STOP,
                                .reason = "a service cannot be kept alive"};
    shutdown_asked(smss, &asked);
}

static void retry(struct service *service)
{
    unsigned count = count_ends(service);
    service->failures++;
    set_state(service, SERVICE_WAITING);
    loop_timer_set(service->smss->loop, &service->timer, back_off(service));
    if (count > (unsigned)service->smss->conf.service_restarts)
        give_up(service, count);
}

void service_start(struct service *service)
{
    struct smss *smss = service->smss;
    char path[PATH_MAX + 32], log[512];
    program_path(service, path, sizeof(path));
    if (service->listening < 0)
        service->listening = boot_listen(smss, service->which);
    if (service->listening < 0) {
        retry(service);
        return;
    }
    char *argv[] = {
        path, (char *)"--config", (char *)smss->conf_path, (char *)kinds[service->which].option, (char *)"3",
        NULL};
    int errors = service->lines.fd >= 0 ? lines_named_end(log_path(service, log, sizeof(log))) : -1;
    const int descriptors[] = {service->listening, service->previous_zygote};
    char previous[32];
    snprintf(previous, sizeof(previous), "/proc/self/fd/%d", service->previous);
    struct process_plan plan = {.path = service->back ? previous : path,
                                .argv = argv,
                                .fds = descriptors,
                                .fd_count = service->back && service->previous_zygote >= 0 ? 2 : 1,
                                .error_fd = errors,
                                .directory = "/",
                                .environment = smss->environment,
                                .files = &smss->files,
                                .cgroup = &smss->cgroup,
                                .group = service_group(service)};
    int failed = process_start(&service->process, &plan, smss->loop, ended, service);
    close_descriptor(&errors);
    if (failed) {
        errno = -failed;
        log_error(service_name(service), "cannot be started: %m");
        retry(service);
        return;
    }
    set_state(service, SERVICE_STARTING);
    service->started = clock_monotonic_ms();
    service->started_us = steps_now_us();
    loop_timer_set(smss->loop, &service->timer, service->replaced ? READY_NEW_MS : READY_MS);
    log_info(service_name(service), "started as process %d", (int)service->process.pid);
}

/* The old program has made room for the new one, or the new one for the old one. False: it has simply ended.
 */
static bool goes_on_replaced(struct service *service, const char *how)
{
    if (service->state == SERVICE_STARTING && (service->back || service->previous < 0))
        return false;
    if (service->state == SERVICE_STARTING) {
        service->back = true;
        upgrade_service_failed(service, how);
    }
    service->state = SERVICE_WAITING;
    loop_timer_set(service->smss->loop, &service->timer, 0);
    return true;
}

static void ended(void *context, uint32_t events)
{
    (void)events;
    struct service *service = context;
    char how[128];
    lines_drain(&service->lines);
    process_reap(&service->process);
    process_describe(&service->process, how, sizeof(how));
    pid_t pid = service->process.pid;
    process_forget(&service->process);
    peer_close(service->smss, service->peer);
    heartbeat_answered(&service->heart);
    if (service->state == SERVICE_STOPPING) {
        loop_timer_set(service->smss->loop, &service->timer, 0);
        return;
    }
    if (service->which == SERVICE_LISTENER) {
        service->smss->listener = (struct sm_listener_state){0};
        listener_tell(service->smss, false);
    }
    if (service->replaced && goes_on_replaced(service, how))
        return;
    event_tell(service->smss, EVENT_SERVICE_EXIT, 0, "%s, process %d, %s", service_name(service), (int)pid,
               how);
    if (service->state == SERVICE_READY && clock_monotonic_ms() - service->started >= STABLE_AFTER_MS)
        service->failures = 0;
    retry(service);
}

/* Stopping goes on until nothing is left in the cgroup: the listener's clients are in it too. */
static void look_whether_down(struct service *service)
{
    struct smss *smss = service->smss;
    bool populated = cgroup_is_populated(&smss->cgroup, service_group(service));
    int64_t since = clock_monotonic_ms() - service->started;
    if (!populated && service->process.pidfd < 0) {
        set_state(service, SERVICE_DOWN);
        phase_check(smss);
        return;
    }
    int64_t limit = smss->fast ? STOP_FAST_MS : STOP_MS;
    if (since >= limit) {
        char names[256];
        if (since < limit + 2 * STOP_LOOK_MS)
            log_warning(service_name(service), "killed, as it does not stop: %s",
                        cgroup_names(&smss->cgroup, service_group(service), names, sizeof(names)));
        cgroup_kill(&smss->cgroup, service_group(service));
        process_signal(&service->process, SIGKILL);
    }
    loop_timer_set(smss->loop, &service->timer, STOP_LOOK_MS);
}

static void timer_expired(void *context)
{
    struct service *service = context;
    switch (service->state) {
    case SERVICE_WAITING:
        service_start(service);
        break;
    case SERVICE_STARTING:
        log_error(service_name(service), "said no READY within %d s and is killed",
                  (service->replaced ? READY_NEW_MS : READY_MS) / 1000);
        process_signal(&service->process, SIGKILL);
        break;
    case SERVICE_STOPPING:
        look_whether_down(service);
        break;
    case SERVICE_READY: /* it is to make room for its new program */
        process_signal(&service->process, SIGKILL);
        break;
    default:
        break;
    }
}

void service_init(struct smss *smss)
{
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        struct service *service = &smss->services[i];
        *service = (struct service){.smss = smss,
                                    .which = (enum service_which)i,
                                    .process = PROCESS_NONE,
                                    .lines = LINES_NONE,
                                    .previous = -1,
                                    .previous_zygote = -1,
                                    .listening = -1};
        service->timer = (struct loop_timer){.expired = timer_expired, .context = service};
    }
}

/* A service that outlived the last lodge-smss: its program, in its cgroup, with the socket it was given. */
static bool adopt(struct service *service, const struct packet_peer *who, int pidfd, int descriptor)
{
    struct smss *smss = service->smss;
    char path[PATH_MAX + 32];
    program_path(service, path, sizeof(path));
    if (service->state != SERVICE_AWAITED || !proc_runs(who->pid, path) ||
        !cgroup_has(&smss->cgroup, service_group(service), who->pid) || descriptor < 0 ||
        !boot_is_listening(smss, service->which, descriptor))
        return false;
    service->listening = descriptor;
    set_state(service, SERVICE_READY);
    service->started = clock_monotonic_ms();
    process_adopt(&service->process, who->pid, pidfd, smss->loop, ended, service);
    log_info(service_name(service), "process %d goes on", (int)who->pid);
    if (service->which == SERVICE_LISTENER)
        notify_manager("READY=1");
    return true;
}

bool service_hello(struct service *service, struct peer *peer, const struct packet_peer *who, int pidfd,
                   int descriptor)
{
    struct smss *smss = service->smss;
    if (service->process.pidfd >= 0 && service->process.pid == who->pid) {
        close_descriptor(&descriptor);
        close_descriptor(&pidfd);
    } else if (!adopt(service, who, pidfd, descriptor)) {
        close_descriptor(&descriptor);
        close_descriptor(&pidfd);
        return false;
    }
    struct peer *old = service->peer;
    heartbeat_answered(&service->heart);
    service->peer = peer;
    peer_close(smss, old);
    if (service->which == SERVICE_LISTENER)
        listener_give(smss); /* it may have changed while there was no connection */
    if (service->which == SERVICE_BROKER)
        phase_sync_broker(smss);
    phase_check(smss);
    return true;
}

void service_ready(struct service *service)
{
    if (service->state != SERVICE_STARTING)
        return;
    set_state(service, SERVICE_READY);
    loop_timer_stop(service->smss->loop, &service->timer);
    log_info(service_name(service), "ready after %lld ms",
             (long long)(clock_monotonic_ms() - service->started));
    boot_service_ready(service->smss, service->which);
    struct service *listener = &service->smss->services[SERVICE_LISTENER];
    if (!service->back) {
        close_descriptor(&service->previous);
        close_descriptor(&service->previous_zygote);
    }
    if (service->replaced) {
        service->replaced = false;
        upgrade_service_ready(service);
    }
    if (service == listener) {
        notify_manager("READY=1");
        listener_tell(service->smss, false);
    }
    if (service->which == SERVICE_BROKER && listener->state == SERVICE_DOWN &&
        service->smss->phase == SMSS_SERVING)
        service_start(listener);
}

void service_peer_gone(struct service *service)
{
    service->peer = NULL;
}

static void kill_when_it_is(pid_t pid, void *context)
{
    char path[PATH_MAX + 32];
    program_path(context, path, sizeof(path));
    if (proc_runs(pid, path))
        kill(pid, SIGKILL);
}

void service_give_up_waiting(struct service *service)
{
    if (service->state != SERVICE_AWAITED)
        return;
    log_warning(service_name(service), "did not come by and is started anew");
    cgroup_each(&service->smss->cgroup, service_group(service), kill_when_it_is, service);
    set_state(service, SERVICE_DOWN);
}

void service_stop(struct service *service)
{
    if (service->state == SERVICE_STOPPING)
        return;
    set_state(service, SERVICE_STOPPING);
    service->started = clock_monotonic_ms();
    process_signal(&service->process, SIGTERM);
    loop_timer_set(service->smss->loop, &service->timer, 0);
}

/* Takes a program of the service for root to run again, and closes what *kept_r was. Which file it is, the
 * service decides, which may have been taken over: so only one whose owner and mode are those of this program
 * is taken. Its file system may be the service's too: nothing is asked of that. */
static void keep(const struct service *service, int *kept_r, const char *what)
{
    const unsigned asked = STATX_TYPE | STATX_MODE | STATX_UID | STATX_GID;
    struct statx own, file;
    char path[48];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)service->process.pid, what);
    close_descriptor(kept_r);
    *kept_r = open(path, O_PATH | O_CLOEXEC);
    if (statx(AT_FDCWD, "/proc/self/exe", 0, asked, &own) == 0 &&
        statx(*kept_r, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, asked, &file) == 0 &&
        file.stx_mode == own.stx_mode && file.stx_uid == own.stx_uid && file.stx_gid == own.stx_gid)
        return;
    log_error(service_name(service), "%s is no program of this server: there is no way back to it", path);
    close_descriptor(kept_r);
}

bool service_replace(struct service *service)
{
    if (service->state != SERVICE_READY)
        return false;
    keep(service, &service->previous, "exe");
    if (service->which == SERVICE_LISTENER)
        keep(service, &service->previous_zygote, SM_ZYGOTE_LINK);
    service->back = false;
    service->replaced = true;
    log_info(service_name(service), "makes room for its new program");
    process_signal(&service->process, SIGTERM);
    loop_timer_set(service->smss->loop, &service->timer, STOP_MS);
    return true;
}

bool service_is_down(const struct service *service)
{
    return service->state == SERVICE_DOWN;
}
