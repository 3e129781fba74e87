/* What test-smss puts in the place of lodge-broker, lodge-rdp and lodge-logon, under their names: it takes
 * the same command line, becomes the same user and speaks true sm.port, but leaves what to say to the test:
 * each packet goes between sm.port and the socket "control" beside the configuration, with its descriptors.
 * The first packet to the test says who this is; one with the byte 'H' says that it has said HELLO. While
 * there is a file "elsewhere" beside the configuration, a listener that comes back brings a socket of another
 * address. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/conf.h"
#include "common/packet.h"
#include "rpc/sm.h"
#include "sessionmgr/test-relay.h"

static int give_up(const char *what)
{
    perror(what);
    return 1;
}

static bool become(const char *user, const char *group)
{
    struct passwd *entry = getpwnam(group);
    gid_t more = entry != NULL ? entry->pw_gid : 0;
    entry = getpwnam(user);
    return entry != NULL && setgroups(1, &more) == 0 && setgid(entry->pw_gid) == 0 &&
           setuid(entry->pw_uid) == 0;
}

/* Listens at the configured port of 127.0.0.2. */
static int listen_elsewhere(const struct conf *conf)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1),
                                  .sin_port = htons((uint16_t)conf->port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 1) != 0)
        exit(give_up("another address"));
    return fd;
}

/* Says HELLO on a new connection; a service that has done so before brings its socket. */
static int say_hello(const struct conf *conf, const struct relay_who *who, const char *elsewhere, bool again)
{
    char path[512];
    int fd;
    conf_run_path(conf, "ports/sm.port", path, sizeof(path));
    while ((fd = packet_connect(path)) < 0)
        poll(NULL, 0, 100);
    struct sm_hello hello = {.role = who->role, .logon = who->logon};
    bool service = who->role != SM_LOGON;
    bool away = again && who->role == SM_LISTENER && access(elsewhere, F_OK) == 0;
    int other = away ? listen_elsewhere(conf) : -1;
    if (message_send(fd, &sm_protocol, SM_HELLO, &hello, other >= 0 ? other : again && service ? 3 : -1) != 0)
        close_descriptor(&fd);
    close_descriptor(&other);
    return fd;
}

/* One packet from `from` to `to`. Returns false at the end of the stream. */
static bool pass(int from, int to)
{
    static unsigned char data[PACKET_MAX_BYTES];
    int descriptors[PACKET_MAX_DESCRIPTORS];
    size_t count = PACKET_MAX_DESCRIPTORS;
    ssize_t size = packet_receive(from, data, sizeof(data), descriptors, &count);
    if (size == -EAGAIN)
        return true;
    if (size <= 0)
        return false;
    packet_send(to, data, (size_t)size, descriptors, count);
    for (size_t i = 0; i < count; i++)
        close(descriptors[i]);
    return true;
}

/* Asked to end: first passes on what has come, as the one who asked may have said its last word before. */
static int end(int port, int control)
{
    struct pollfd wait = {.fd = port, .events = POLLIN};
    while (poll(&wait, 1, 0) == 1 && pass(port, control))
        continue;
    return 0;
}

static int relay(const struct conf *conf, const struct relay_who *who, const char *elsewhere, int control)
{
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    int terminate = signalfd(-1, &term, SFD_CLOEXEC);
    for (bool again = false;; again = true) {
        int port = say_hello(conf, who, elsewhere, again);
        if (port < 0)
            return 1;
        packet_send(control, "H", 1, NULL, 0);
        for (;;) {
            struct pollfd wait[] = {{.fd = port, .events = POLLIN},
                                    {.fd = control, .events = POLLIN},
                                    {.fd = terminate, .events = POLLIN}};
            poll(wait, 3, -1);
            if (wait[2].revents != 0)
                return end(port, control);
            if (wait[1].revents != 0 && !pass(control, port))
                return 0;
            if (wait[0].revents != 0 && !pass(port, control))
                break;
        }
        close(port);
    }
}

int main(int argc, char **argv)
{
    struct conf conf;
    char error[512], path[512];
    const char *name = strrchr(argv[0], '/') + 1;
    struct relay_who who = {.pid = getpid()};
    if (argc < 5 || strcmp(argv[1], "--config") != 0)
        return 2;
    who.role = strcmp(name, "lodge-broker") == 0 ? SM_BROKER
               : strcmp(name, "lodge-rdp") == 0  ? SM_LISTENER
                                                 : SM_LOGON;
    if (who.role == SM_LOGON)
        who.logon = strtoull(argv[4], NULL, 10);
    for (int fd = 3; fd < 64; fd++)
        who.descriptors += fcntl(fd, F_GETFD) >= 0;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN); /* as a broker does not end of it */
    if (!conf_load(&conf, argv[2], error, sizeof(error)))
        return give_up(error);
    snprintf(path, sizeof(path), "%.*s/control", (int)(strrchr(argv[2], '/') - argv[2]), argv[2]);
    int control = packet_connect(path);
    if (control < 0 || packet_send(control, &who, sizeof(who), NULL, 0) != 0)
        return give_up(path);
    if (who.role == SM_BROKER && !become(conf.broker_user, conf.broker_user))
        return give_up(conf.broker_user);
    if (who.role == SM_LISTENER && !become(conf.front_user, conf.broker_user))
        return give_up(conf.front_user);
    snprintf(path, sizeof(path), "%.*s/elsewhere", (int)(strrchr(argv[2], '/') - argv[2]), argv[2]);
    return relay(&conf, &who, path, control);
}
