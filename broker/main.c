/* lodge-broker: the Local Session Manager. Parses its arguments, opens what needs root, drops root, serves.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/broker.h"
#include "broker/link.h"
#include "broker/logons.h"
#include "broker/methods-events.h"
#include "broker/peers.h"
#include "broker/privilege.h"
#include "broker/reload.h"
#include "broker/survey.h"
#include "broker/unended.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/packet.h"
#include "common/text.h"

static const char usage[] =
    "usage: lodge-broker --config FILE --port-fd N\n"
    "       lodge-broker --config FILE --check\n"
    "       lodge-broker --help | --version\n\n"
    "Lodge's Local Session Manager. lodge-smss starts it.\n\n"
    "  --config FILE  the configuration (" CONF_DEFAULT_FILE ")\n"
    "  --port-fd N    the descriptor of the listening lsm.port\n"
    "  --check        print the configuration that holds, or what is wrong with it, and exit\n";

struct arguments {
    const char *config;
    long port;
    bool check;
};

struct accounts {
    uid_t broker_uid, front_uid;
    gid_t broker_gid;
};

/* Returns -1 to go on, or the exit status. */
static int take_arguments(int count, char **words, struct arguments *arguments_r)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"port-fd", required_argument, NULL, 'p'},
        {"check", no_argument, NULL, 'k'},        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},      {NULL, 0, NULL, 0},
    };
    *arguments_r = (struct arguments){.config = CONF_DEFAULT_FILE, .port = -1};
    for (int option; (option = getopt_long(count, words, "", options, NULL)) != -1;) {
        bool fine = true;
        if (option == 'h' || option == 'v') {
            fputs(option == 'h' ? usage : "lodge-broker " LODGE_VERSION "\n", stdout);
            return EXIT_SUCCESS;
        }
        if (option == 'c')
            arguments_r->config = optarg;
        else if (option == 'p')
            fine = text_number(optarg, 3, 1000000, &arguments_r->port);
        else if (option == 'k')
            arguments_r->check = true;
        else
            fine = false;
        if (!fine) {
            fputs(usage, stderr);
            return EXIT_FAILURE;
        }
    }
    if (optind == count && (arguments_r->check || arguments_r->port >= 0))
        return -1;
    fputs(usage, stderr);
    return EXIT_FAILURE;
}

static bool find_accounts(const struct conf *conf, struct accounts *accounts_r)
{
    struct accounts accounts = {0};
    const struct passwd *entry = getpwnam(conf->broker_user);
    if (entry == NULL || entry->pw_uid == 0) {
        log_error(conf->broker_user, "BrokerUser must name an account that is not root");
        return false;
    }
    accounts.broker_uid = entry->pw_uid;
    accounts.broker_gid = entry->pw_gid;
    entry = getpwnam(conf->front_user);
    if (entry == NULL || entry->pw_uid == 0 || entry->pw_uid == accounts.broker_uid) {
        log_error(conf->front_user, "FrontUser must name an account that is neither root nor BrokerUser");
        return false;
    }
    accounts.front_uid = entry->pw_uid;
    *accounts_r = accounts;
    return true;
}

/* Makes STATE/db the broker's own. Trouble is logged; the broker does without its events then. */
static void make_database_folder(const struct conf *conf, const struct accounts *accounts, char *path,
                                 size_t size)
{
    if (geteuid() == 0 && mkdir(conf->state_directory, 0755) != 0 && errno != EEXIST)
        log_error(conf->state_directory, "cannot be made: %s", strerror(errno));
    conf_state_path(conf, "db", path, size);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        log_error(path, "cannot be made: %s", strerror(errno));
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || (geteuid() == 0 &&
                   (fchown(fd, accounts->broker_uid, accounts->broker_gid) != 0 || fchmod(fd, 0700) != 0)))
        log_error(path, "cannot be made the broker's: %s", strerror(errno));
    close_descriptor(&fd);
}

static bool is_listening_port(int fd)
{
    int listening = 0, type = 0;
    socklen_t size = sizeof(int), type_size = sizeof(int);
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening == 1 &&
           getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) == 0 && type == SOCK_SEQPACKET &&
           fcntl(fd, F_SETFL, O_NONBLOCK) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
    struct broker *broker = context;
    (void)what;
    log_info(NULL, "ends on signal %d", (int)number);
    event_base_loopbreak(broker->base);
}

static void on_hangup(evutil_socket_t number, short what, void *context)
{
    struct reload_outcome outcome;
    (void)number, (void)what;
    reload_run(context, "by SIGHUP", &outcome);
}

static void on_answers(evutil_socket_t fd, short what, void *context)
{
    struct broker *broker = context;
    (void)fd, (void)what;
    db_dispatch(broker->db);
    record_look_at_file(broker);
    events_look(broker);
    licences_look_at_file(broker);
}

static bool start(struct broker *broker, const char *folder)
{
    TAILQ_INIT(&broker->logons);
    TAILQ_INIT(&broker->peers);
    TAILQ_INIT(&broker->dead_peers);
    TAILQ_INIT(&broker->early_announcers);
    TAILQ_INIT(&broker->watches);
    TAILQ_INIT(&broker->event_waits);
    broker->counters.started_ms = clock_monotonic_ms();
    broker->counters.started_real_ms = clock_real_ms();
    broker->sm.fd = -1;
    /* not that of a message of an earlier broker, which may still be shown */
    broker->message_number = (uint64_t)broker->counters.started_real_ms << 16;
    limits_load(broker);
    broker->base = event_base_new();
    broker->db = db_open(folder);
    if (broker->base == NULL || broker->db == NULL || (broker->groups = groups_start(broker->base)) == NULL ||
        (broker->surveys = surveys_start(broker->base)) == NULL ||
        getrandom(&broker->addresses.seed, sizeof(broker->addresses.seed), 0) < 0)
        return false;
    broker->answers = event_new(broker->base, db_fd(broker->db), EV_READ | EV_PERSIST, on_answers, broker);
    broker->terminate = evsignal_new(broker->base, SIGTERM, on_signal, broker);
    broker->interrupt = evsignal_new(broker->base, SIGINT, on_signal, broker);
    broker->hangup = evsignal_new(broker->base, SIGHUP, on_hangup, broker);
    if (broker->hangup == NULL || event_add(broker->hangup, NULL) != 0 || broker->answers == NULL ||
        broker->terminate == NULL || broker->interrupt == NULL || event_add(broker->answers, NULL) != 0 ||
        event_add(broker->terminate, NULL) != 0 || event_add(broker->interrupt, NULL) != 0)
        return false;
    record_configure(broker);
    licences_configure(broker);
    return health_start(broker) && shutdown_load(broker) && clockjump_start(broker) &&
           licences_start(broker) && smlink_start(broker) && peers_start(broker);
}

static void free_event(struct event *event)
{
    if (event != NULL)
        event_free(event);
}

/* Leaves everything as it stands: sessions and clients live on, and are found again by the next broker. */
static void stop(struct broker *broker)
{
    smlink_stop(broker);
    for (struct session *session; (session = session_next(broker, 0)) != NULL;) {
        link_stop(session);
        session_forget(session);
    }
    peers_stop(broker);
    logons_free_all(broker);
    licences_stop(broker);
    shutdown_free(broker);
    clockjump_stop(broker);
    surveys_stop(&broker->surveys);
    groups_stop(&broker->groups);
    free_event(broker->answers);
    free_event(broker->terminate);
    free_event(broker->interrupt);
    free_event(broker->hangup);
    health_stop(broker);
    unended_free(broker);
    db_close(&broker->db);
    outlet_close(&broker->outlet);
    if (broker->base != NULL)
        event_base_free(broker->base);
}

static int serve(struct broker *broker, const struct accounts *accounts)
{
    char folder[CONF_TEXT_MAX + 32], problem[256];
    make_database_folder(&broker->conf, accounts, folder, sizeof(folder));
    broker->front_uid = accounts->front_uid;
    broker->admin_gid = broker->membership.admin;
    reload_apply(broker);
    outlet_configure(&broker->outlet, &broker->conf); /* while every socket can be reached */
    signal(SIGPIPE, SIG_IGN);
    if (privilege_drop(accounts->broker_uid, accounts->broker_gid, problem, sizeof(problem)) != 0) {
        log_error(NULL, "cannot drop root: %s", problem);
        return EXIT_FAILURE;
    }
    umask(0077);
    int status = EXIT_FAILURE;
    if (start(broker, folder)) {
        record_event(broker, EVENT_BROKER_START, 0, NULL, NULL, REASON_NONE, LODGE_VERSION);
        log_info(NULL, "serves lsm.port");
        if (broker->conf.virtual_sessions == 1)
            log_warning(NULL, "this server is for load tests ([LoadTest] VirtualSessions): sessions have no "
                              "processes, and nobody can log on");
        status = event_base_dispatch(broker->base) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        record_event(broker, EVENT_BROKER_STOP, 0, NULL, NULL, REASON_NONE, NULL);
    } else {
        log_error(NULL, "cannot start: %s", strerror(errno));
    }
    stop(broker);
    return status;
}

/* What holds, as a configuration file; above a value, where it comes from unless it is the default. */
static int print_configuration(const struct broker *broker)
{
    const char *section = "";
    char value[CONF_TEXT_MAX + 1];
    for (size_t i = 0; i < CONF_KEY_COUNT; i++) {
        const struct conf_key *key = &conf_keys[i];
        if (strcmp(section, key->section) != 0)
            printf("%s[%s]\n", i > 0 ? "\n" : "", key->section);
        section = key->section;
        if (broker->conf_lines[i] != 0)
            printf("# %s:%u\n", broker->conf_path, broker->conf_lines[i]);
        printf("%s = %s\n", key->key, conf_value(&broker->conf, key, value, sizeof(value)));
    }
    for (size_t i = 0; i < broker->conf.group_count; i++) {
        const struct conf_group *group = &broker->conf.groups[i];
        printf("\n[Group %s]\n", group->name);
        for (size_t key = 0; key < CONF_GROUP_KEY_COUNT; key++) {
            if (group->lines[key] != 0)
                printf("# %s:%u\n%s = %s\n", broker->conf_path, group->lines[key], conf_group_key(key)->key,
                       conf_group_value(group, key, value, sizeof(value)));
        }
    }
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int count, char **words)
{
    struct arguments arguments;
    struct accounts accounts;
    char error[512];
    int status = take_arguments(count, words, &arguments);
    if (status >= 0)
        return status;
    log_start("lodge-broker", LOG_LEVEL_INFO);
    struct broker *broker = calloc(1, sizeof(*broker));
    if (broker == NULL)
        return EXIT_FAILURE;
    status = EXIT_FAILURE;
    broker->port = (int)arguments.port;
    broker->conf_path = arguments.config;
    if (!conf_load_lines(&broker->conf, broker->conf_lines, arguments.config, error, sizeof(error))) {
        log_error(NULL, "%s", error);
    } else if (!membership_find(&broker->membership, &broker->conf, error, sizeof(error))) {
        log_error(arguments.config, "%s", error);
    } else if (!licences_check(&broker->conf, error, sizeof(error))) {
        log_error(NULL, "%s: %s", arguments.config, error);
    } else if (!outlet_check(&broker->conf, error, sizeof(error))) {
        log_error(NULL, "%s: %s", arguments.config, error);
    } else if (find_accounts(&broker->conf, &accounts)) {
        log_start("lodge-broker", (enum log_level)broker->conf.log_level);
        if (arguments.check)
            status = print_configuration(broker);
        else if (!is_listening_port(broker->port))
            log_error(NULL, "descriptor %d is not a listening lsm.port", broker->port);
        else
            status = serve(broker, &accounts);
    }
    free(broker);
    return status;
}
