/* Boot: the run directory, the lock, users, ports, and the display number. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/conf-items.h"
#include "common/log.h"
#include "common/text.h"
#include "sessionmgr/devices.h"
#include "sessionmgr/smss.h"

#define BACKLOG 1024

static bool find_users(struct smss *smss)
{
    const struct {
        const char *key, *name;
        uid_t *uid;
        gid_t *gid;
    } users[] = {{"BrokerUser", smss->conf.broker_user, &smss->broker_uid, &smss->broker_gid},
                 {"FrontUser", smss->conf.front_user, &smss->front_uid, NULL}};
    for (size_t i = 0; i < 2; i++) {
        const struct passwd *user = getpwnam(users[i].name);
        if (user == NULL || user->pw_uid == 0) {
            log_error(users[i].key,
                      "\"%s\" is not an account that a service can run as; make it (a system account, not "
                      "root), or set %s in lodge.conf",
                      users[i].name, users[i].key);
            return false;
        }
        *users[i].uid = user->pw_uid;
        if (users[i].gid != NULL)
            *users[i].gid = user->pw_gid;
    }
    if (smss->broker_uid != smss->front_uid)
        return true;
    log_error(NULL, "BrokerUser and FrontUser must be two accounts");
    return false;
}

static bool make_folder(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
    if (mkdir(path, mode) != 0 && errno != EEXIST) {
        log_error(path, "cannot be made: %m");
        return false;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat status;
    /* Nothing is written where nothing has to change: a read-only state directory is no reason to stop. */
    bool done = fd >= 0 && fstat(fd, &status) == 0 &&
                ((status.st_uid == uid && status.st_gid == gid && (status.st_mode & 07777) == mode) ||
                 (fchown(fd, uid, gid) == 0 && fchmod(fd, mode) == 0));
    if (!done)
        log_error(path, "cannot be given its owner and mode: %m");
    close_descriptor(&fd);
    return done;
}

static bool make_folders(struct smss *smss)
{
    const struct {
        const char *(*in)(const struct conf *conf, const char *name, char *path, size_t size);
        const char *name;
        mode_t mode;
        uid_t uid;
        gid_t gid;
    } folders[] = {
        {conf_run_path, ".", 0755, 0, 0},
        {conf_run_path, "ports", 0755, 0, 0},
        {conf_run_path, "winstation", 0750, 0, smss->broker_gid},
        {conf_run_path, "sessions", 0711, 0, 0},
        {conf_run_path, "programs", 0755, 0, 0},
        {conf_run_path, DEVICES_FOLDER, 0755, 0, 0},
        {conf_state_path, ".", 0755, 0, 0},
        {conf_state_path, "homes", 0700, 0, 0},
        {conf_state_path, "db", 0700, smss->broker_uid, smss->broker_gid},
    };
    char path[512];
    if ((mkdir(smss->conf.run_directory, 0755) != 0 && errno != EEXIST) ||
        (mkdir(smss->conf.state_directory, 0755) != 0 && errno != EEXIST)) {
        log_error(NULL, "the run directory %s or the state directory %s cannot be made: %m",
                  smss->conf.run_directory, smss->conf.state_directory);
        return false;
    }
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        folders[i].in(&smss->conf, folders[i].name, path, sizeof(path));
        if (!make_folder(path, folders[i].mode, folders[i].uid, folders[i].gid))
            return false;
    }
    return true;
}

/* True when this is the only lodge-smss of this run directory. The lock is the process's alone: one that it
 * has just forked does not hold it on when this one dies. */
static bool try_lock(struct smss *smss, char *path, size_t size)
{
    if (smss->lock < 0)
        smss->lock = open(conf_run_path(&smss->conf, "lock", path, size),
                          O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return smss->lock >= 0 && fcntl(smss->lock, F_SETLK, &lock) == 0;
}

static bool take_lock(struct smss *smss)
{
    char path[512];
    if (try_lock(smss, path, sizeof(path)))
        return true;
    if (smss->lock >= 0 && (errno == EAGAIN || errno == EACCES))
        log_error(
            NULL,
            "another lodge-smss runs with the run directory %s; stop it, or set RunDirectory in lodge.conf",
            smss->conf.run_directory);
    else
        log_error(path, "cannot be locked: %m");
    return false;
}

static bool listen_sm(struct smss *smss)
{
    char path[512];
    smss->sm_port = packet_listen(conf_run_path(&smss->conf, "ports/sm.port", path, sizeof(path)), 0600);
    if (smss->sm_port < 0) {
        errno = -smss->sm_port;
        log_error(path, "cannot listen: %m");
        return false;
    }
    if (chown(path, 0, smss->broker_gid) == 0 && chmod(path, 0660) == 0)
        return true;
    log_error(path, "cannot be given its owner and mode: %m");
    return false;
}

/* Binds the abstract name of display `number`, so that no X server on the host listens there. */
static int bind_display(unsigned number)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "/tmp/.X11-unix/X%u", number);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, size) != 0)
        close_descriptor(&fd);
    return fd;
}

/* The number that RUN/NAME holds, 0 when there is none. */
static long saved_number(const struct smss *smss, const char *name)
{
    char path[512], text[32];
    long number;
    if (proc_read(conf_run_path(&smss->conf, name, path, sizeof(path)), text, sizeof(text)) <= 0)
        return 0;
    text[strcspn(text, "\n")] = '\0';
    return text_number(text, 0, UINT16_MAX, &number) ? number : 0;
}

static void save_number(const struct smss *smss, const char *name, unsigned number)
{
    char path[512], fresh[520], text[32];
    conf_run_path(&smss->conf, name, path, sizeof(path));
    snprintf(fresh, sizeof(fresh), "%s.new", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    int length = snprintf(text, sizeof(text), "%u\n", number);
    if (fd < 0 || write(fd, text, (size_t)length) != length || rename(fresh, path) != 0)
        log_warning(path, "cannot be written: %m");
    close_descriptor(&fd);
}

void boot_save_next_id(const struct smss *smss)
{
    save_number(smss, "next-id", smss->ids.next);
}

/* The number of an earlier life first: its sessions may live on with it. */
static bool reserve_display(struct smss *smss)
{
    long first = saved_number(smss, "display");
    smss->display = (uint16_t)first;
    if (smss->display_socket >= 0) /* kept through an upgrade */
        return true;
    smss->display_socket = bind_display((unsigned)first);
    for (uint16_t number = 0; smss->display_socket < 0 && number < 1000; number++) {
        smss->display_socket = bind_display(number);
        smss->display = number;
    }
    if (smss->display_socket < 0) {
        log_error(NULL, "no display number from 0 to 999 is free on this host");
        return false;
    }
    save_number(smss, "display", smss->display);
    return true;
}

/* Says once which limits hold. Without a pids controller lodge-logon bounds the user's processes instead. */
static void open_limits(struct smss *smss)
{
    char holding[64], missing[64];
    cgroup_limits_open(&smss->cgroup, smss->conf.run_directory);
    cgroup_describe(&smss->cgroup, true, holding, sizeof(holding));
    cgroup_describe(&smss->cgroup, false, missing, sizeof(missing));
    log_info("cgroups", "limits of sessions that hold: %s", holding[0] != '\0' ? holding : "none");
    if (missing[0] != '\0')
        log_info("cgroups", "that cannot hold here, for want of controllers in %s: %s%s", smss->cgroup.path,
                 missing,
                 smss->cgroup.fixed ? " (systemd 254 or later would place lodge-smss so that they can)" : "");
}

static bool open_cgroups(struct smss *smss)
{
    static const char *const groups[] = {"broker", "listener", "logons"};
    char error[512];
    if (cgroup_open(&smss->cgroup, smss->conf.run_directory, error, sizeof(error)) != 0) {
        log_error("cgroups", "%s", error);
        return false;
    }
    if (strlen(smss->cgroup.path) + GROUP_ROOM >= SM_PATH_ROOM) {
        log_error("cgroups", "%s is too long a path; choose a shorter RunDirectory", smss->cgroup.path);
        return false;
    }
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        unlinkat(smss->cgroup.fd, groups[i], AT_REMOVEDIR); /* an empty one may have been killed: process.h */
        int failed = cgroup_make(&smss->cgroup, groups[i]);
        if (failed) {
            errno = -failed;
            log_error(groups[i], "the cgroup cannot be made: %m");
            return false;
        }
    }
    open_limits(smss);
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        cgroup_prefer(&smss->cgroup, groups[i]);
    return true;
}

/* Ends the step that was begun last, one that has an answer to its failure. False when the boot is to stop.
 */
static bool end_configured(struct smss *smss, bool failed, bool any, enum conf_answer answer,
                           const char *detail)
{
    steps_end(&smss->steps, failed ? steps_failure(answer) : any ? "done" : "none", detail);
    bootwork_tell_step(smss, &smss->steps.steps[smss->steps.count - 1]);
    return !smss->steps.stopped;
}

static bool set_environment(struct smss *smss, const struct conf_items *items)
{
    char detail[STEP_DETAIL_ROOM];
    unsigned count;
    smss->environment = conf_environment_full(items, environ, &count);
    bool failed = smss->environment == NULL;
    if (failed)
        snprintf(detail, sizeof(detail), "out of memory");
    else
        snprintf(detail, sizeof(detail), "%u variables", count);
    return end_configured(smss, failed, count > 0, smss->conf.on_environment, detail);
}

static bool make_devices(struct smss *smss, const struct conf_items *items)
{
    char detail[STEP_DETAIL_ROOM];
    unsigned count, failed = devices_make(&smss->conf, items, &count, detail, sizeof(detail));
    if (failed == 0)
        snprintf(detail, sizeof(detail), "%u names", count);
    return end_configured(smss, failed > 0, count > 0, smss->conf.on_devices, detail);
}

/* Environment and device names: the sections that this process needs itself. */
static bool take_sections(struct smss *smss)
{
    struct conf_items items;
    char error[512];
    if (!conf_load_items(&items, smss->conf_path, error, sizeof(error))) {
        log_error(NULL, "%s", error);
        return false;
    }
    for (size_t i = 0; i < items.count; i++)
        smss->execute_count += items.items[i].section == CONF_FREE_BOOT_EXECUTE;
    steps_begin(&smss->steps, "Environment");
    bool ok = set_environment(smss, &items);
    if (ok)
        steps_begin(&smss->steps, "DosDevices");
    ok = ok && make_devices(smss, &items);
    conf_items_free(&items);
    return ok;
}

void boot_save_steps(const struct smss *smss)
{
    int failed = steps_save(&smss->steps, &smss->conf);
    errno = -failed;
    if (failed)
        log_warning(smss->conf.run_directory, "the steps of the boot cannot be written there: %m");
}

static bool find_ids(struct smss *smss)
{
    ids_init(&smss->ids, (uint16_t)saved_number(smss, "next-id"));
    return true;
}

static const struct {
    const char *name;
    bool (*run)(struct smss *smss);
} frame[] = {{"users", find_users},     {"folders", make_folders}, {"lock", take_lock},
             {"cgroups", open_cgroups}, {"sm.port", listen_sm},    {"display", reserve_display},
             {"IDs", find_ids}};

/* What another lodge-smss has written in that run directory stays. */
static bool stop_boot(struct smss *smss)
{
    char path[512];
    mkdir(smss->conf.run_directory, 0755);
    if (try_lock(smss, path, sizeof(path)))
        boot_save_steps(smss);
    return false;
}

bool boot_prepare(struct smss *smss)
{
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof(frame) / sizeof(frame[0]); i++) {
        steps_begin(&smss->steps, frame[i].name);
        ok = frame[i].run(smss);
        steps_end(&smss->steps, ok ? "done" : "stopped", ok ? "" : "the log says why");
    }
    return (ok && take_sections(smss)) || stop_boot(smss);
}

void boot_work(struct smss *smss, bool again, void (*over)(struct smss *smss))
{
    boot_save_steps(smss);
    bootwork_start(smss, again ? "--again" : "--first", over);
}

void boot_service_ready(struct smss *smss, enum service_which which)
{
    struct steps *steps = &smss->steps;
    struct step step = {
        .start_us = smss->services[which].started_us, .end_us = steps_now_us(), .result = "done"};
    if (steps->ready_us != 0)
        return;
    text_copy(step.name, sizeof(step.name), service_name(&smss->services[which]));
    steps_add(steps, &step);
    boot_look_whether_ready(smss);
}

void boot_look_whether_ready(struct smss *smss)
{
    struct steps *steps = &smss->steps;
    if (steps->ready_us != 0)
        return;
    bool ready = smss->phase == SMSS_SERVING;
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        ready = ready && smss->services[i].state == SERVICE_READY;
    if (ready) {
        steps->ready_us = steps_now_us();
        event_tell(smss, EVENT_BOOT, 0, "logons are accepted after %lld ms%s",
                   (long long)(steps->ready_us - steps->began_us) / 1000,
                   steps_are_degraded(steps) ? "; degraded, lodgectl boot tells why" : "");
    }
    boot_save_steps(smss);
}

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Resolves Address; empty is every address of both kinds, or of IPv4 where there is no IPv6. Returns false
 * when it is no address. */
static bool address_of(const struct conf *conf, bool v6_works, union address *address_r)
{
    uint16_t port = htons((uint16_t)conf->port);
    memset(address_r, 0, sizeof(*address_r));
    if (conf->address[0] == '\0' && v6_works) {
        address_r->v6.sin6_family = AF_INET6;
        address_r->v6.sin6_port = port;
        return true;
    }
    if (conf->address[0] == '\0' || inet_pton(AF_INET, conf->address, &address_r->v4.sin_addr) == 1) {
        address_r->v4.sin_family = AF_INET;
        address_r->v4.sin_port = port;
        return true;
    }
    if (inet_pton(AF_INET6, conf->address, &address_r->v6.sin6_addr) != 1)
        return false;
    address_r->v6.sin6_family = AF_INET6;
    address_r->v6.sin6_port = port;
    return true;
}

static int bind_tcp(const struct conf *conf, const union address *address)
{
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int yes = 1, only_v6 = conf->address[0] != '\0';
    if (fd < 0)
        return -errno;
    socklen_t size = sizeof(address->v4);
    if (address->any.sa_family == AF_INET6) {
        size = sizeof(address->v6);
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof(only_v6));
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(fd, &address->any, size) != 0 || listen(fd, BACKLOG) != 0) {
        int failed = -errno;
        close(fd);
        return failed;
    }
    return fd;
}

static void explain_tcp(const struct conf *conf, int failed)
{
    char owner[128];
    const char *address = conf->address[0] != '\0' ? conf->address : "every address";
    errno = -failed;
    if (failed != -EADDRINUSE)
        log_error("listener", "cannot listen on %s, port %ld: %m", address, conf->port);
    else if (proc_port_owner((uint16_t)conf->port, owner, sizeof(owner)))
        log_error("listener",
                  "port %ld is in use by %s; choose another with Port in lodge.conf, or `make run PORT=...`",
                  conf->port, owner);
    else
        log_error(
            "listener",
            "port %ld is in use by a process that cannot be seen from here; choose another with Port in "
            "lodge.conf, or `make run PORT=...`",
            conf->port);
}

static int listen_tcp(const struct conf *conf)
{
    union address address;
    if (!address_of(conf, true, &address)) {
        log_error("listener", "Address is \"%s\", but must be an IPv4 or IPv6 address, or empty",
                  conf->address);
        return -1;
    }
    int fd = bind_tcp(conf, &address);
    if ((fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) && conf->address[0] == '\0' &&
        address_of(conf, false, &address))
        fd = bind_tcp(conf, &address);
    if (fd >= 0)
        return fd;
    explain_tcp(conf, fd);
    return -1;
}

static int listen_lsm(const struct conf *conf)
{
    char path[512];
    int fd = packet_listen(conf_run_path(conf, "ports/lsm.port", path, sizeof(path)), 0666);
    if (fd >= 0)
        return fd;
    errno = -fd;
    log_error(path, "cannot listen: %m");
    return -1;
}

int boot_listen(const struct smss *smss, enum service_which which)
{
    return which == SERVICE_BROKER ? listen_lsm(&smss->conf) : listen_tcp(&smss->conf);
}

static int socket_option(int fd, int option)
{
    int value = -1;
    socklen_t size = sizeof(value);
    return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

/* Is this where the configuration has the listener? */
static bool is_configured(const struct conf *conf, const union address *name)
{
    union address wanted;
    for (int v6_works = 0; v6_works < 2; v6_works++) {
        if (!address_of(conf, v6_works, &wanted) || name->any.sa_family != wanted.any.sa_family)
            continue;
        bool same =
            wanted.any.sa_family == AF_INET
                ? name->v4.sin_port == wanted.v4.sin_port &&
                      name->v4.sin_addr.s_addr == wanted.v4.sin_addr.s_addr
                : name->v6.sin6_port == wanted.v6.sin6_port &&
                      memcmp(&name->v6.sin6_addr, &wanted.v6.sin6_addr, sizeof(wanted.v6.sin6_addr)) == 0;
        if (same)
            return true;
    }
    return false;
}

bool boot_is_listening(const struct smss *smss, enum service_which which, int fd)
{
    union {
        union address tcp;
        struct sockaddr_un local;
    } name;
    char path[512];
    socklen_t size = sizeof(name);
    memset(&name, 0, sizeof(name));
    int listens = socket_option(fd, SO_ACCEPTCONN);
    if (listens < 0 || getsockname(fd, (struct sockaddr *)&name, &size) != 0)
        return false;
    bool nowhere = listens == 0 && name.tcp.any.sa_family == AF_INET && name.tcp.v4.sin_port == 0;
    if (which == SERVICE_LISTENER) /* one that is stopped is bound nowhere (listener_set), or was shut down */
        return socket_option(fd, SO_TYPE) == SOCK_STREAM &&
               (nowhere || is_configured(&smss->conf, &name.tcp));
    if (listens != 1)
        return false;
    return name.local.sun_family == AF_UNIX &&
           strcmp(name.local.sun_path, conf_run_path(&smss->conf, "ports/lsm.port", path, sizeof(path))) == 0;
}

void boot_undo(struct smss *smss, bool whole)
{
    static const char *const files[] = {"ports/sm.port", "ports/lsm.port", "display"};
    static const char *const groups[] = {"broker", "listener", "logons", "boot"};
    static const char *const folders[] = {"ports", "winstation", "sessions", "programs"};
    char path[512];
    if (whole)
        bootwork_finish(smss);
    close_descriptor(&smss->sm_port);
    devices_remove(&smss->conf);
    conf_environment_free(smss->environment);
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        cgroup_remove(&smss->cgroup, groups[i]);
    cgroup_limits_close(&smss->cgroup, smss->conf.run_directory);
    cgroup_close(&smss->cgroup, smss->conf.run_directory);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        unlink(conf_run_path(&smss->conf, files[i], path, sizeof(path)));
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        rmdir(conf_run_path(&smss->conf, folders[i], path, sizeof(path)));
}
