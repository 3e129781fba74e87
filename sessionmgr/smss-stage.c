#include "sessionmgr/smss-stage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/packet.h"
#include "common/reason.h"
#include "common/text.h"
#include "common/tree.h"
#include "rpc/sm.h"
#include "sessionmgr/cgroup.h"
#include "sessionmgr/proc.h"
#include "tests/check.h"

#define PATIENT 20000 /* ms */

struct stage test;
union sm_body body;

void wait_readable(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    CHECK(poll(&wait, 1, PATIENT) == 1);
}

static void copy_program(const char *from, const char *name)
{
    char source[PATH_MAX], target[256], own[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);
    CHECK(length > 0);
    own[length] = '\0';
    *strrchr(own, '/') = '\0';
    snprintf(source, sizeof(source), "%.3000s/%s", own, from);
    snprintf(target, sizeof(target), "%s/%s", test.programs, name);
    int in = open(source, O_RDONLY), out = open(target, O_WRONLY | O_CREAT | O_EXCL, 0755);
    CHECK(in >= 0 && out >= 0);
    char data[65536];
    ssize_t got;
    while ((got = read(in, data, sizeof(data))) > 0)
        CHECK(write(out, data, (size_t)got) == got);
    close(in);
    close(out);
}

static int bind_port(uint16_t *port_r)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 1) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    *port_r = ntohs(address.sin_port);
    return fd;
}

void prepare(void)
{
    uint16_t port;
    if (geteuid() != 0 || getpwnam("lodge") == NULL || getpwnam("lodge-rdp") == NULL) {
        fprintf(stderr, "needs root, and the users lodge and lodge-rdp\n");
        exit(SKIP);
    }
    CHECK(text_copy(test.folder, sizeof(test.folder), "/tmp/lodge-smss-XXXXXX"));
    CHECK(mkdtemp(test.folder) != NULL && chmod(test.folder, 0755) == 0);
    snprintf(test.run, sizeof(test.run), "%s/run", test.folder);
    snprintf(test.conf, sizeof(test.conf), "%s/lodge.conf", test.folder);
    snprintf(test.log, sizeof(test.log), "%s/log", test.folder);
    snprintf(test.programs, sizeof(test.programs), "%s/bin", test.folder);
    CHECK(mkdir(test.programs, 0755) == 0);
    copy_program("lodge-smss", "lodge-smss");
    copy_program("lodge-boot", "lodge-boot");
    copy_program("test-relay", "lodge-broker");
    copy_program("test-relay", "lodge-rdp");
    copy_program("test-relay", "lodge-logon");
    close(bind_port(&port));
    test.port = port;
    FILE *file = fopen(test.conf, "w");
    CHECK(file != NULL);
    fprintf(file,
            "[Server]\nRunDirectory = %s\nStateDirectory = %s/state\n[Listener]\nAddress = 127.0.0.1\nPort = "
            "%d\n[Sessions]\nLogoffSeconds = 1\n[Group staff]\nDesktop = a desktop\nHome = /srv/%%u\n"
            "TasksMax = 77\n",
            test.run, test.folder, test.port);
    CHECK(fclose(file) == 0);
    char path[128];
    snprintf(path, sizeof(path), "%s/control", test.folder);
    test.control = packet_listen(path, 0600);
    CHECK(test.control >= 0);
}

void start_smss(void)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/lodge-smss", test.programs);
    test.smss = fork();
    CHECK(test.smss >= 0);
    if (test.smss == 0) {
        int log = open(test.log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(log, STDERR_FILENO);
        execl(path, path, "--config", test.conf, NULL);
        _exit(127);
    }
}

int wait_smss(void)
{
    int status, pidfd = pidfd_open(test.smss, 0);
    CHECK(pidfd >= 0);
    wait_readable(pidfd);
    close(pidfd);
    CHECK(waitpid(test.smss, &status, 0) == test.smss);
    return status;
}

bool log_has(const char *text)
{
    static char log[262144];
    CHECK(proc_read(test.log, log, sizeof(log)) >= 0);
    return strstr(log, text) != NULL;
}

struct relay accept_relay(uint32_t role)
{
    struct relay relay;
    size_t none = 0;
    wait_readable(test.control);
    relay.fd = packet_accept(test.control);
    CHECK(relay.fd >= 0);
    wait_readable(relay.fd);
    CHECK(packet_receive(relay.fd, &relay.who, sizeof(relay.who), NULL, &none) == sizeof(relay.who));
    CHECK(relay.who.role == role && relay.who.descriptors == (role == SM_LOGON ? 2 : 1));
    return relay;
}

/* The next packet, without its descriptors. Returns its size. */
static ssize_t take_packet(const struct relay *relay, uint8_t *data, size_t size)
{
    int descriptors[PACKET_MAX_DESCRIPTORS];
    size_t count = PACKET_MAX_DESCRIPTORS;
    wait_readable(relay->fd);
    ssize_t got = packet_receive(relay->fd, data, size, descriptors, &count);
    for (size_t i = 0; got > 0 && i < count; i++)
        close(descriptors[i]);
    return got;
}

void expect_hello(const struct relay *relay)
{
    static uint8_t data[PACKET_MAX_BYTES];
    ssize_t size;
    do {
        size = take_packet(relay, data, sizeof(data));
    } while (size > 1 && relay->who.role == SM_LISTENER);
    CHECK(size == 1 && data[0] == 'H');
}

/* The next message of lodge-smss, in `body`. A relay may have said HELLO once more meanwhile: it can reach
 * the old sm.port while the old lodge-smss dies. Returns its number. */
static unsigned receive_any(const struct relay *relay)
{
    static uint8_t data[PACKET_MAX_BYTES];
    const struct message_type *type;
    const char *problem = "";
    ssize_t size;
    do {
        size_t none = 0;
        wait_readable(relay->fd);
        size = packet_receive(relay->fd, data, sizeof(data), NULL, &none);
        CHECK(size > 0);
    } while (size == 1 && data[0] == 'H');
    CHECK(message_decode(&sm_protocol, SM_SMSS, data, (size_t)size, 0, &body, sizeof(body), &type,
                         &problem) == 0);
    if (type->number == SM_SHUTDOWN_STATUS)
        test.status = body.shutdown_status;
    else if (type->number == SM_LISTENER_STATE)
        test.listening = body.listener_state;
    else
        return type->number;
    return receive_any(relay); /* those come at any time */
}

unsigned receive(const struct relay *relay)
{
    for (;;) {
        unsigned number = receive_any(relay);
        if (number == SM_EVENT)
            test.event = body.event;
        else if (number == SM_FACTS)
            test.facts = body.facts;
        else
            return number;
    }
}

void expect_event(uint32_t event, uint16_t session)
{
    while (test.event.event != event || test.event.session != session) {
        unsigned number = receive_any(&test.broker);
        CHECK(number == SM_EVENT || number == SM_FACTS);
        if (number == SM_EVENT)
            test.event = body.event;
        else
            test.facts = body.facts;
    }
    test.event.event = 0;
}

void expect_fact(const char *line)
{
    while (strstr(test.facts.text, line) == NULL) {
        unsigned number = receive_any(&test.broker);
        CHECK(number == SM_EVENT || number == SM_FACTS);
        if (number == SM_EVENT)
            test.event = body.event;
        else
            test.facts = body.facts;
    }
}

void expect(const struct relay *relay, unsigned number)
{
    unsigned got = receive(relay);
    if (got != number)
        fprintf(stderr, "wanted message %u, got %u\n", number, got);
    CHECK(got == number);
}

void expect_end(const struct relay *relay)
{
    static uint8_t data[PACKET_MAX_BYTES];
    ssize_t size;
    do {
        size = take_packet(relay, data, sizeof(data));
    } while (size > 0);
    CHECK(size == 0);
    close(relay->fd);
}

void say(const struct relay *relay, unsigned number, const void *what)
{
    CHECK(message_send(relay->fd, &sm_protocol, number, what, -1) == 0);
}

void greet_broker(void)
{
    expect_hello(&test.broker);
    say(&test.broker, SM_READY, &(struct sm_ready){.role = SM_BROKER});
}

static void start_broker(void)
{
    test.broker = accept_relay(SM_BROKER);
    greet_broker();
}

void start_services(void)
{
    start_broker();
    expect(&test.broker, SM_SYNCED);
    CHECK(body.synced.sessions == 0);
    CHECK(strncmp(test.facts.text, "limits=", 7) == 0 && strstr(test.facts.text, "\nmissing=") != NULL);
    test.listener = accept_relay(SM_LISTENER);
    expect_hello(&test.listener);
    say(&test.listener, SM_READY, &(struct sm_ready){.role = SM_LISTENER});
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)test.port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    close(fd);
    expect_fact("\nlistener=ready\n");
}

void say_logon_start(uint64_t number)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    struct sm_logon_start start = {.logon = number, .client = "192.0.2.1:5"};
    CHECK(message_send(test.broker.fd, &sm_protocol, SM_LOGON_START, &start, ends[0]) == 0);
    close(ends[0]);
    close(ends[1]);
}

struct relay start_logon(uint64_t number)
{
    say_logon_start(number);
    struct relay logon = accept_relay(SM_LOGON);
    CHECK(logon.who.logon == number);
    expect_hello(&logon);
    return logon;
}

void say_result(const struct relay *logon, enum reason reason)
{
    struct sm_logon_result result = {
        .logon = logon->who.logon, .reason = (uint16_t)reason, .uid = 600001, .user = "demo"};
    say(logon, SM_LOGON_RESULT, &result);
    expect(&test.broker, SM_LOGON_RESULT);
    CHECK(body.logon_result.logon == logon->who.logon && body.logon_result.reason == reason);
}

void say_state(const struct relay *logon, uint16_t id, enum sm_life life)
{
    struct sm_session_state state = {.id = id,
                                     .state = (uint8_t)life,
                                     .logon = logon->who.logon,
                                     .uid = 600001,
                                     .started_ms = 1,
                                     .user = "demo"};
    say(logon, SM_SESSION_STATE, &state);
}

static void enter_group(const char *folder, pid_t pid)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof(path), "%s/cgroup.procs", folder);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fprintf(file, "%d", (int)pid) > 0 && fclose(file) == 0);
}

pid_t add_straggler(const char *folder, const char *name)
{
    prctl(PR_SET_NAME, name); /* which the child takes over */
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        close_range(3, ~0U, 0); /* not to keep this test's ends open */
        signal(SIGTERM, SIG_IGN);
        for (;;)
            pause();
    }
    prctl(PR_SET_NAME, "test-smss");
    enter_group(folder, pid);
    return pid;
}

uint16_t make_session(const struct relay *logon)
{
    struct sm_logon_admit admit = {
        .logon = logon->who.logon, .width = 800, .height = 600, .cpu_weight = 100, .tasks = 77};
    snprintf(admit.desktop, sizeof(admit.desktop), "a desktop");
    snprintf(admit.home, sizeof(admit.home), "/srv/%%u");
    say(&test.broker, SM_LOGON_ADMIT, &admit);
    expect(&test.broker, SM_SESSION_STATE);
    CHECK(body.session_state.state == SM_SESSION_STARTING && body.session_state.logon == logon->who.logon);
    CHECK_TEXT(body.session_state.user, "demo");
    expect(logon, SM_SESSION_CREATE);
    uint16_t id = body.session_create.id;
    CHECK(id != 0 && body.session_create.width == 800 && body.session_create.height == 600);
    CHECK(body.session_create.tasks == 77);
    CHECK_TEXT(body.session_create.desktop, "a desktop");
    CHECK_TEXT(body.session_create.home, "/srv/%u");
    snprintf(test.cgroup, sizeof(test.cgroup), "%s", body.session_create.cgroup);
    char path[160];
    snprintf(path, sizeof(path), "%s/sessions/%u", test.run, id);
    CHECK(mkdir(path, 0700) == 0);
    snprintf(path, sizeof(path), "%s/sessions/%u/link", test.run, id);
    CHECK(symlink(test.programs, path) == 0);
    snprintf(path, sizeof(path), "%s/winstation/%u.port", test.run, id);
    close(packet_listen(path, 0660));
    say_state(logon, id, SM_SESSION_UP);
    expect(&test.broker, SM_SESSION_STATE);
    CHECK(body.session_state.id == id && body.session_state.state == SM_SESSION_UP);
    return id;
}

void check_nothing_left(uint16_t id)
{
    char path[160];
    snprintf(path, sizeof(path), "%s/sessions/%u", test.run, id);
    CHECK(access(path, F_OK) != 0);
    snprintf(path, sizeof(path), "%s/winstation/%u.port", test.run, id);
    CHECK(access(path, F_OK) != 0 && access(test.cgroup, F_OK) != 0);
    snprintf(path, sizeof(path), "%s/lodge-smss", test.programs);
    CHECK(access(path, F_OK) == 0); /* behind the link */
}

void expect_ended(uint16_t id, enum reason reason)
{
    while (receive(&test.broker) != SM_SESSION_ENDED)
        CHECK(body.session_state.id == id && body.session_state.state == SM_SESSION_ENDING);
    CHECK(body.session_ended.id == id && body.session_ended.reason == reason);
    check_nothing_left(id);
}

void clean_up(void)
{
    unsigned budget = 100000;
    char folder[512], group[PATH_MAX + 64];
    if (test.smss > 0)
        kill(test.smss, SIGKILL);
    snprintf(group, sizeof(group), "%s/cgroup", test.run);
    struct cgroup_base base = {.fd = open(group, O_DIRECTORY | O_RDONLY)};
    if (base.fd >= 0) {
        cgroup_kill(&base, ".");
        fprintf(stderr, "left in %s: see %s\n", group, test.log);
        close(base.fd);
        return;
    }
    snprintf(folder, sizeof(folder), "%s", strrchr(test.folder, '/') + 1);
    int tmp = open("/tmp", O_DIRECTORY | O_RDONLY);
    tree_remove(tmp, folder, &budget);
    close(tmp);
}
