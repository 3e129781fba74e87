/* lodge-rdp: the listener. It accepts clients, throttles them, and hands each to a worker of its own. */
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "rdp-front/certificate.h"
#include "rdp-front/listener-state.h"
#include "rdp-front/options.h"
#include "rdp-front/sandbox.h"

/* One that does not listen is the socket of a listener that is stopped. */
static bool is_socket(int fd)
{
    int type = 0;
    socklen_t size = sizeof(type);
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM)
        return true;
    log_error(NULL, "descriptor %d is not the listener's socket", fd);
    return false;
}

/* Needs root: the certificate's key, and a zygote that begins as root. */
static bool zygote_open(struct listener *listener, const char *config)
{
    struct certificate certificate;
    char error[512];
    if (!certificate_load(&listener->conf, &certificate, error, sizeof(error))) {
        log_error(NULL, "%s", error);
        return false;
    }
    if (certificate.warning[0] != '\0')
        log_warning(NULL, "%s", certificate.warning);
    log_info(NULL, "the certificate%s has the SHA-256 fingerprint %s",
             certificate.made ? ", made just now," : "", certificate.fingerprint);
    listener->zygote = zygote_start(config, certificate.certificate, certificate.certificate_size,
                                    certificate.key, certificate.key_size);
    if (listener->zygote < 0)
        log_error(NULL, "cannot start the zygote: %s", strerror(-listener->zygote));
    certificate_free(&certificate);
    return listener->zygote >= 0;
}

/* Only the ports can be seen from here on, and they are reached as the broker's group. */
static bool confine(const struct conf *conf)
{
    char ports[CONF_TEXT_MAX + 32];
    struct passwd *broker = getpwnam(conf->broker_user);
    gid_t group = broker ? broker->pw_gid : (gid_t)-1;
    struct passwd *front = broker ? getpwnam(conf->front_user) : NULL;
    if (front == NULL) {
        log_error(NULL, "there is no user %s; see BrokerUser and FrontUser in the configuration",
                  broker ? conf->front_user : conf->broker_user);
        return false;
    }
    uid_t uid = front->pw_uid;
    gid_t gid = front->pw_gid;
    int failed = sandbox_enter(conf_run_path(conf, "ports", ports, sizeof(ports)));
    if (!failed)
        failed = sandbox_drop(uid, gid, group);
    if (!failed)
        failed = sandbox_filter_listener();
    if (failed)
        log_error(NULL, "cannot enter the sandbox with %s: %s", ports, strerror(-failed));
    return !failed;
}

static void descriptors_raise(void)
{
    struct rlimit bound;
    if (getrlimit(RLIMIT_NOFILE, &bound) == 0) {
        bound.rlim_cur = bound.rlim_max;
        setrlimit(RLIMIT_NOFILE, &bound);
    }
}

static bool serve(struct listener *listener, const struct left_clients *left)
{
    const struct conf *conf = &listener->conf;
    struct throttle_limits limits = {(unsigned)conf->max_connections, (unsigned)conf->max_per_address,
                                     (unsigned)conf->max_unauthenticated, conf->logon_seconds * 1000};
    listener->base = event_base_new();
    listener->throttle = throttle_new(&limits);
    if (listener->base == NULL || listener->throttle == NULL) {
        log_error(NULL, "memory is short");
        return false;
    }
    connections_init(listener);
    zygote_watch(listener);
    sm_watch(listener);
    connections_count_in(listener, left);
    event_base_dispatch(listener->base);
    return !listener->failed;
}

int main(int argc, char **argv)
{
    static struct listener listener = {.zygote = -1, .sm = -1}; /* large */
    static const char usage[] = "usage: lodge-rdp --config FILE --listen-fd N\n"
                                "Started by lodge-smss; N is the listening TCP socket.\n";
    struct options options;
    int status;
    static const struct options_plan plan = {
        .program = "lodge-rdp", .usage = usage, .fd_option = "--listen-fd", .kept = 1};
    if (!options_parse(&options, argc, argv, &plan, &status))
        return status;
    listener.conf = options.conf;
    listener.listen = options.fd;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    descriptors_raise();
    if (!zygote_find())
        return EXIT_FAILURE;
    struct left_clients left;
    left_clients_find(&listener.conf, &left);
    if (!is_socket(listener.listen) || !zygote_open(&listener, options.config) || !confine(&listener.conf))
        return EXIT_FAILURE;
    bool served = serve(&listener, &left);
    left_clients_free(&left);
    return served ? EXIT_SUCCESS : EXIT_FAILURE;
}
