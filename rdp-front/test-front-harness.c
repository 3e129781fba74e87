#include "rdp-front/test-front.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xcb/xcb.h>
#include <xcb/xtest.h>

#include "common/clock.h"
#include "common/packet.h"
#include "rpc/sm.h"
#include "tests/check.h"

#define POLL_US   50000
#define TOLERANCE 12 /* RemoteFX loses a little */

void wait_readable(int fd, const char *what)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int got;
    do
        got = poll(&wait, 1, FRONT_WAIT_MS);
    while (got < 0 && errno == EINTR);
    if (got != 1) {
        fprintf(stderr, "in vain waited for %s\n", what);
        exit(1);
    }
}

/* The listener changes its user, and so loses its death signal: it is killed when a check has failed. */
static pid_t listener = -1;

static void listener_kill(void)
{
    if (listener > 0)
        kill(listener, SIGKILL);
}

/* Children end with the test, however it ends. */
static pid_t start(char *const argv[], int keep)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (keep >= 0 && keep != 3)
            dup2(keep, 3);
        else if (keep == 3)
            fcntl(3, F_SETFD, 0);
        execvp(argv[0], argv);
        fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    return pid;
}

static void x_start(struct front *front)
{
    int ends[2];
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    char *argv[] = {"Xvfb", "-displayfd", "3", "-screen", "0", "1024x768x24", "-nolisten", "tcp", NULL};
    front->x = start(argv, ends[1]);
    close(ends[1]);
    char number[8] = "";
    for (size_t used = 0; strchr(number, '\n') == NULL; used++) {
        wait_readable(ends[0], "the X server's display number");
        CHECK(used < sizeof(number) - 1 && read(ends[0], number + used, 1) == 1);
    }
    close(ends[0]);
    snprintf(front->display, sizeof(front->display), ":%d", atoi(number));
    CHECK(setenv("DISPLAY", front->display, 1) == 0);
    front->xcb = xcb_connect(front->display, NULL);
    CHECK(xcb_connection_has_error(front->xcb) == 0);
}

static int tcp_listen(unsigned short *port_r)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 64) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    *port_r = ntohs(address.sin_port);
    return fd;
}

static void conf_write(const struct front *front, const char *listener_lines)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/lodge.conf", front->directory);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    fprintf(file, "[Server]\nRunDirectory = %s\nStateDirectory = %s/state\n[Listener]\n%s\n",
            front->directory, front->directory, listener_lines);
    CHECK(fclose(file) == 0);
}

static void ports_open(struct front *front)
{
    char path[128];
    const struct passwd *broker = getpwnam("lodge");
    CHECK(broker != NULL);
    snprintf(path, sizeof(path), "%s/ports", front->directory);
    CHECK(mkdir(path, 0755) == 0);
    snprintf(path, sizeof(path), "%s/ports/sm.port", front->directory);
    front->sm_listen = packet_listen(path, 0660);
    CHECK(front->sm_listen >= 0 && chown(path, 0, broker->pw_gid) == 0);
    snprintf(path, sizeof(path), "%s/ports/lsm.port", front->directory);
    front->lsm_listen = packet_listen(path, 0666);
    CHECK(front->lsm_listen >= 0);
}

static void rdp_start(struct front *front)
{
    char program[PATH_MAX], config[128];
    ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 16);
    CHECK(length > 0);
    program[length] = '\0';
    char *name = strrchr(program, '/') + 1;
    snprintf(name, sizeof(program) - (size_t)(name - program), "lodge-rdp");
    snprintf(config, sizeof(config), "%s/lodge.conf", front->directory);
    char *argv[] = {program, "--config", config, "--listen-fd", "3", NULL};
    front->rdp = listener = start(argv, front->listen);
    CHECK(atexit(listener_kill) == 0);
}

/* As smss: the listener must say HELLO with its socket, then READY. */
static void sm_expect(struct front *front)
{
    union sm_body body;
    struct message message;
    const char *problem = "";
    wait_readable(front->sm_listen, "the listener on sm.port");
    front->sm = packet_accept(front->sm_listen);
    CHECK(front->sm >= 0);
    static const unsigned expected[] = {SM_HELLO, SM_READY};
    for (int i = 0; i < 2; i++) {
        do { /* how many clients there are may be told in between */
            wait_readable(front->sm, "HELLO and READY");
            CHECK(message_receive(front->sm, &sm_protocol, SM_LISTENER, &body, sizeof(body), &message,
                                  &problem) == 1);
        } while (message.number == SM_LISTENER_STATE);
        CHECK(message.number == expected[i] &&
              (i > 0 || (message.descriptor >= 0 && body.hello.role == SM_LISTENER)));
        close_descriptor(&message.descriptor);
    }
}

void front_start(struct front *front, const char *listener_lines)
{
    memset(front, 0, sizeof(*front));
    snprintf(front->directory, sizeof(front->directory), "/tmp/lodge-front-XXXXXX");
    CHECK(mkdtemp(front->directory) != NULL && chmod(front->directory, 0755) == 0);
    conf_write(front, listener_lines);
    ports_open(front);
    front->listen = tcp_listen(&front->port);
    rdp_start(front);
    x_start(front);
    sm_expect(front);
}

void front_stop(struct front *front)
{
    char command[128];
    xcb_disconnect(front->xcb);
    kill(front->rdp, SIGTERM);
    kill(front->x, SIGTERM);
    CHECK(waitpid(front->rdp, NULL, 0) == front->rdp && waitpid(front->x, NULL, 0) == front->x);
    listener = -1;
    close_descriptor(&front->sm);
    close_descriptor(&front->sm_listen);
    close_descriptor(&front->lsm_listen);
    close_descriptor(&front->listen);
    snprintf(command, sizeof(command), "rm -rf %s", front->directory);
    CHECK(system(command) == 0);
}

pid_t client_start(const struct front *front, const char *user, const char *password, const char *option)
{
    char to[64], as[64], with[64];
    snprintf(to, sizeof(to), "/v:127.0.0.1:%u", front->port);
    snprintf(as, sizeof(as), "/u:%s", user);
    snprintf(with, sizeof(with), "/p:%s", password);
    char *argv[] = {"xfreerdp3",
                    to,
                    as,
                    with,
                    "/cert:ignore",
                    "-clipboard",
                    "/sec:tls",
                    "/log-level:ERROR",
                    "-decorations",
                    "/size:1024x768",
                    (char *)option,
                    NULL};
    return start(argv, -1);
}

int client_wait(pid_t client)
{
    int64_t deadline = clock_monotonic_ms() + FRONT_WAIT_MS;
    int status = 0;
    pid_t got;
    while ((got = waitpid(client, &status, WNOHANG)) == 0 && clock_monotonic_ms() < deadline)
        usleep(POLL_US);
    CHECK(got == client && WIFEXITED(status));
    return WEXITSTATUS(status);
}

void client_kill(pid_t client)
{
    kill(client, SIGKILL);
    CHECK(waitpid(client, NULL, 0) == client);
}

/* The first child of a process, or -1. */
static pid_t child_of(pid_t parent)
{
    char path[64];
    int child = -1;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent, parent);
    FILE *file = fopen(path, "r");
    if (file != NULL && fscanf(file, "%d", &child) != 1)
        child = -1;
    if (file != NULL)
        fclose(file);
    return child;
}

/* In clock ticks. */
static long cpu_of(pid_t pid)
{
    char path[64];
    long user = 0, system_time = 0;
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    CHECK(fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user,
                 &system_time) == 2);
    fclose(file);
    return user + system_time;
}

void workers_sleep(const struct front *front)
{
    pid_t worker = child_of(child_of(front->rdp)); /* the zygote's; there is one client at a time */
    CHECK(worker > 0);
    long before = cpu_of(worker);
    usleep(1000000); /* the time that is watched */
    long ticks = cpu_of(worker) - before;
    if (ticks > sysconf(_SC_CLK_TCK) / 5)
        fprintf(stderr, "an idle worker took %ld ticks in a second\n", ticks);
    CHECK(ticks <= sysconf(_SC_CLK_TCK) / 5);
}

void broker_accept(const struct front *front, struct broker *broker_r)
{
    struct packet_peer peer;
    const struct passwd *user = getpwnam("lodge-rdp");
    wait_readable(front->lsm_listen, "a worker's connection to lsm.port");
    broker_r->fd = packet_accept(front->lsm_listen);
    CHECK(broker_r->fd >= 0 && packet_peer_of(broker_r->fd, &peer) == 0);
    CHECK(user != NULL && peer.uid == user->pw_uid);
}

void broker_end(struct broker *broker)
{
    Lodge__Lsm__Request *request;
    int descriptor = -1, got = 1;
    while (got > 0) {
        wait_readable(broker->fd, "the worker's end");
        got = lsm_receive_request(broker->fd, &request, &descriptor);
        if (got > 0)
            lodge__lsm__request__free_unpacked(request, NULL);
        close_descriptor(&descriptor);
    }
    close_descriptor(&broker->fd);
}

Lodge__Lsm__Request *broker_receive(struct broker *broker, Lodge__Lsm__Request__MethodCase method,
                                    int *descriptor_r)
{
    for (;;) {
        Lodge__Lsm__Request *request = NULL;
        int descriptor = -1;
        wait_readable(broker->fd, "a request of the worker");
        CHECK(lsm_receive_request(broker->fd, &request, &descriptor) == 1);
        broker->serial = request->serial;
        if (request->method_case == method) {
            *descriptor_r = descriptor;
            return request;
        }
        CHECK((request->method_case == LODGE__LSM__REQUEST__METHOD_CLIENT ||
               request->method_case == LODGE__LSM__REQUEST__METHOD_SHADOW_CHANNEL) &&
              descriptor < 0);
        lodge__lsm__request__free_unpacked(request, NULL);
    }
}

void broker_expect_logon(struct broker *broker, const char *user, const char *password)
{
    int pipe = -1;
    struct credentials credentials;
    Lodge__Lsm__Request *request = broker_receive(broker, LODGE__LSM__REQUEST__METHOD_LOGON, &pipe);
    CHECK(pipe >= 0 && credentials_read(pipe, &credentials) == 0);
    close(pipe);
    CHECK_TEXT(credentials.user, user);
    CHECK_TEXT(credentials.password, password);
    CHECK(request->logon->client->width == 1024 && request->logon->client->height == 768);
    CHECK(strncmp(request->logon->client->address, "127.0.0.1:", 10) == 0);
    CHECK(strncmp(request->logon->client->security, "TLSv1.", 6) == 0);
    lodge__lsm__request__free_unpacked(request, NULL);
}

void broker_refuse(struct broker *broker, uint32_t reason)
{
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    answer.serial = broker->serial;
    answer.reason = reason;
    CHECK(lsm_send_answer(broker->fd, &answer, -1) == 0);
}

int broker_attach(struct broker *broker, uint32_t session, uint64_t viewer)
{
    int pair[2];
    Lodge__Lsm__Attached attached = LODGE__LSM__ATTACHED__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    CHECK(packet_pair(pair) == 0);
    attached.session = session;
    attached.viewer = viewer;
    attached.user = "ada";
    answer.serial = broker->serial;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_ATTACHED;
    answer.attached = &attached;
    CHECK(lsm_send_answer(broker->fd, &answer, pair[1]) == 0);
    close(pair[1]);
    return pair[0];
}

void broker_expect_shadow_channel(struct broker *broker, uint64_t viewer, uint32_t session)
{
    int none;
    Lodge__Lsm__Request *request = broker_receive(broker, LODGE__LSM__REQUEST__METHOD_SHADOW_CHANNEL, &none);
    CHECK(request->shadow_channel->viewer == viewer && request->shadow_channel->session == session);
    lodge__lsm__request__free_unpacked(request, NULL);
}

int broker_shadow(struct broker *broker, uint32_t session, uint64_t viewer, bool control)
{
    int pair[2] = {-1, -1};
    Lodge__Lsm__ShadowChannel told = LODGE__LSM__SHADOW_CHANNEL__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    CHECK(session == 0 || packet_pair(pair) == 0);
    told.session = session;
    told.viewer = viewer;
    told.control = control;
    told.hotkey = 0x6A; /* VK_MULTIPLY */
    told.modifiers = 2; /* Ctrl */
    answer.serial = broker->serial;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_SHADOW_CHANNEL;
    answer.shadow_channel = &told;
    CHECK(lsm_send_answer(broker->fd, &answer, pair[1]) == 0);
    close_descriptor(&pair[1]);
    return pair[0];
}

/* Sends a frame; each pixel is the last one times `factor` plus `step`. */
static void show(int channel, unsigned width, unsigned height, uint32_t first, uint32_t factor, uint32_t step)
{
    size_t count = (size_t)width * height;
    int memory = memfd_create("frame", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK(memory >= 0 && ftruncate(memory, (off_t)(4 * count)) == 0);
    uint32_t *pixels = mmap(NULL, 4 * count, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    CHECK(pixels != MAP_FAILED);
    uint32_t pixel = first;
    for (size_t i = 0; i < count; i++, pixel = pixel * factor + step)
        pixels[i] = pixel;
    munmap(pixels, 4 * count);
    CHECK(fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0);
    struct winstation_screen screen = {(uint16_t)width, (uint16_t)height, 4 * width};
    struct winstation_damage damage = {{1, {{0, 0, (uint16_t)width, (uint16_t)height}}}};
    CHECK(message_send(channel, &winstation_protocol, WINSTATION_SCREEN, &screen, memory) == 0);
    CHECK(message_send(channel, &winstation_protocol, WINSTATION_DAMAGE, &damage, -1) == 0);
    close(memory);
}

void agent_show(int channel, unsigned width, unsigned height, uint32_t colour)
{
    show(channel, width, height, colour, 1, 0);
}

void agent_show_noise(int channel, unsigned width, unsigned height, unsigned seed)
{
    show(channel, width, height, seed, 1664525, 1013904223);
}

void agent_expect(int channel, unsigned number, union winstation_body *body_r)
{
    struct message message;
    const char *problem = "";
    do {
        wait_readable(channel, "a message of the viewer");
        int got = message_receive(channel, &winstation_protocol, WINSTATION_BY_VIEWER, body_r,
                                  sizeof(*body_r), &message, &problem);
        if (got != 1)
            fprintf(stderr, "instead of message %u: %d %s\n", number, got, problem);
        CHECK(got == 1);
    } while (message.number != number);
}

void agent_bye(int channel, unsigned reason)
{
    struct winstation_bye bye = {.reason = (uint16_t)reason};
    CHECK(message_send(channel, &winstation_protocol, WINSTATION_BYE, &bye, -1) == 0);
}

static xcb_window_t root_of(const struct front *front)
{
    return xcb_setup_roots_iterator(xcb_get_setup(front->xcb)).data->root;
}

uint32_t display_centre(const struct front *front)
{
    xcb_get_image_cookie_t cookie =
        xcb_get_image(front->xcb, XCB_IMAGE_FORMAT_Z_PIXMAP, root_of(front), 512, 384, 1, 1, ~0u);
    xcb_get_image_reply_t *reply = xcb_get_image_reply(front->xcb, cookie, NULL);
    CHECK(reply != NULL && xcb_get_image_data_length(reply) >= 4);
    uint32_t pixel;
    memcpy(&pixel, xcb_get_image_data(reply), sizeof(pixel));
    free(reply);
    return pixel & 0xffffff;
}

static bool is_near(uint32_t one, uint32_t other)
{
    for (int shift = 0; shift < 24; shift += 8)
        if (abs((int)(one >> shift & 0xff) - (int)(other >> shift & 0xff)) > TOLERANCE)
            return false;
    return true;
}

void display_expect(const struct front *front, uint32_t colour)
{
    int64_t deadline = clock_monotonic_ms() + FRONT_WAIT_MS;
    uint32_t pixel;
    while (!is_near(pixel = display_centre(front), colour) && clock_monotonic_ms() < deadline)
        usleep(POLL_US);
    if (!is_near(pixel, colour))
        fprintf(stderr, "the display shows %06x, not %06x\n", pixel, colour);
    CHECK(is_near(pixel, colour));
}

void display_expect_change(const struct front *front, uint32_t from)
{
    int64_t deadline = clock_monotonic_ms() + FRONT_WAIT_MS;
    while (is_near(display_centre(front), from) && clock_monotonic_ms() < deadline)
        usleep(POLL_US);
    CHECK(!is_near(display_centre(front), from));
}

/* Evdev keycodes of what the tests type. */
static uint8_t keycode_of(char letter)
{
    static const char rows[] = "qwertyuiop..\n.asdfghjkl.....zxcvbnm";
    const char *at = letter == '.' ? NULL : strchr(rows, letter);
    CHECK(at != NULL);
    return (uint8_t)(24 + (at - rows));
}

void display_key(const struct front *front, uint8_t keycode, bool down)
{
    xcb_test_fake_input(front->xcb, down ? XCB_KEY_PRESS : XCB_KEY_RELEASE, keycode, 0, root_of(front), 0, 0,
                        0);
    CHECK(xcb_flush(front->xcb) > 0);
}

void display_type(const struct front *front, const char *text)
{
    for (; *text; text++) {
        uint8_t code = keycode_of(*text);
        xcb_test_fake_input(front->xcb, XCB_KEY_PRESS, code, 0, root_of(front), 0, 0, 0);
        xcb_test_fake_input(front->xcb, XCB_KEY_RELEASE, code, 0, root_of(front), 0, 0, 0);
    }
    CHECK(xcb_flush(front->xcb) > 0);
}
