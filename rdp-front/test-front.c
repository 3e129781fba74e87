#include "rdp-front/test-front.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/reason.h"
#include "tests/check.h"

#define SKIPPED           77
#define STOPPED_MS        11000
#define FRAMES_UNREAD_MAX 40
#define ORANGE            0xe07020
#define BLUE              0x2040c0
#define GREEN             0x208040

/* Keys of the X server. */
#define CONTROL         37
#define KEYPAD_MULTIPLY 63

/* Exit codes of xfreerdp for an error info. */
#define EXIT_REPLACED 5
#define EXIT_OUT      6

static const char *const ways[] = {"/gfx:RFX", "/gfx:progressive", "/network:modem"};

/* Waits for the key A with these flags. Clients release keys of their own when they get the focus. */
static void expect_key(int channel, unsigned flags)
{
    union winstation_body body;
    do
        agent_expect(channel, WINSTATION_KEY, &body);
    while (body.key.scancode != 0x1e);
    CHECK(body.key.flags == flags);
}

/* The picture has all this colour, and the client shows it. */
static void show(const struct front *front, int channel, unsigned width, unsigned height, uint32_t colour)
{
    union winstation_body body;
    agent_show(channel, width, height, colour);
    agent_expect(channel, WINSTATION_FRAME_DONE, &body);
    display_expect(front, colour);
}

/* A client with this option (NULL: none) logs on, and shows its session, which is orange. *channel_r is the
 * agent's end. */
static pid_t log_on(const struct front *front, const char *option, uint32_t session, uint64_t viewer,
                    struct broker *broker_r, int *channel_r)
{
    pid_t client = client_start(front, "ada", "secret", option);
    broker_accept(front, broker_r);
    broker_expect_logon(broker_r, "ada", "secret");
    *channel_r = broker_attach(broker_r, session, viewer);
    show(front, *channel_r, 1024, 768, ORANGE);
    return client;
}

/* From logon to picture, keys, and the reason at the end. */
static void check_session(const struct front *front, const char *option)
{
    struct broker broker;
    int channel, fd;
    pid_t client = log_on(front, option, 7, 42, &broker, &channel);
    Lodge__Lsm__Request *told = broker_receive(&broker, LODGE__LSM__REQUEST__METHOD_CLIENT, &fd);
    fprintf(stderr, "%s: %s, %s\n", option, told->client->client->codec, told->client->client->security);
    CHECK(told->client->client->codec[0] != '\0');
    lodge__lsm__request__free_unpacked(told, NULL);
    display_type(front, "a");
    expect_key(channel, WINSTATION_KEY_DOWN);
    expect_key(channel, 0);
    workers_sleep(front);
    show(front, channel, 800, 600, BLUE); /* another size: the client follows */
    agent_bye(channel, REASON_TAKEN_OVER);
    CHECK(client_wait(client) == EXIT_REPLACED);
    close(channel);
    close(broker.fd);
}

/* A wrong password leads to the logon screen; what is typed there logs on. */
static void check_logon_screen(const struct front *front)
{
    struct broker broker;
    union winstation_body body;
    pid_t client = client_start(front, "ada", "wrong", NULL);
    broker_accept(front, &broker);
    broker_expect_logon(&broker, "ada", "wrong");
    uint32_t before = display_centre(front);
    broker_refuse(&broker, REASON_CREDENTIALS);
    display_expect_change(front, before);
    workers_sleep(front);
    display_type(front, "right\n");
    broker_expect_logon(&broker, "ada", "right");
    int channel = broker_attach(&broker, 8, 43);
    show(front, channel, 1024, 768, GREEN);
    client_kill(client);
    struct message message;
    const char *problem;
    int got;
    do { /* the worker goes with its client */
        wait_readable(channel, "the end of the channel");
        got = message_receive(channel, &winstation_protocol, WINSTATION_BY_VIEWER, &body, sizeof(body),
                              &message, &problem);
    } while (got == 1);
    CHECK(got == 0);
    close(channel);
    close(broker.fd);
}

/* A refusal that nothing can be done about is read, and dismissed by a key. */
static void check_refusal(const struct front *front)
{
    struct broker broker;
    pid_t client = client_start(front, "ada", "secret", NULL);
    broker_accept(front, &broker);
    broker_expect_logon(&broker, "ada", "secret");
    broker_refuse(&broker, REASON_DRAIN);
    CHECK(client_wait(client) == EXIT_OUT);
    close(broker.fd);
}

/* Broker and agent die; the worker finds both again. */
static void check_recovery(const struct front *front)
{
    struct broker broker;
    int channel, fd;
    pid_t client = log_on(front, NULL, 9, 44, &broker, &channel);
    close(broker.fd);
    broker_accept(front, &broker);
    Lodge__Lsm__Request *request = broker_receive(&broker, LODGE__LSM__REQUEST__METHOD_ANNOUNCE, &fd);
    CHECK(request->announce->session == 9 && request->announce->viewer == 44 && fd < 0);
    lodge__lsm__request__free_unpacked(request, NULL);
    broker_refuse(&broker, REASON_NONE);
    close(channel);
    request = broker_receive(&broker, LODGE__LSM__REQUEST__METHOD_ATTACH, &fd);
    CHECK(request->attach->session == 9 && request->attach->viewer == 44);
    lodge__lsm__request__free_unpacked(request, NULL);
    channel = broker_attach(&broker, 9, 44);
    show(front, channel, 1024, 768, GREEN);
    client_kill(client);
    broker_end(&broker);
    close(channel);
}

/* An administrator moves the client from session to session, more often than one agent may end. */
static void check_moves(const struct front *front)
{
    struct broker broker;
    int channel, fd;
    pid_t client = log_on(front, NULL, 9, 44, &broker, &channel);
    for (uint32_t i = 0; i < 25; i++) {
        agent_bye(channel, REASON_MOVED);
        close(channel);
        Lodge__Lsm__Request *request = broker_receive(&broker, LODGE__LSM__REQUEST__METHOD_ATTACH, &fd);
        lodge__lsm__request__free_unpacked(request, NULL);
        channel = broker_attach(&broker, 10 + i % 2, 45 + i);
    }
    show(front, channel, 1024, 768, GREEN);
    client_kill(client);
    broker_end(&broker);
    close(channel);
}

/* The worker closes this channel. Nothing that the person does may have gone there. */
static void expect_untouched_end(int channel)
{
    union winstation_body body;
    struct message message;
    const char *problem;
    int got;
    do {
        wait_readable(channel, "the end of a channel");
        got = message_receive(channel, &winstation_protocol, WINSTATION_BY_VIEWER, &body, sizeof(body),
                              &message, &problem);
        if (got == 1)
            CHECK(message.number == WINSTATION_FRAME_DONE || message.number == WINSTATION_SUPPRESS);
    } while (got == 1);
    CHECK(got == 0);
    close(channel);
}

static void expect_suppressed(int channel, bool suppressed)
{
    union winstation_body body;
    agent_expect(channel, WINSTATION_SUPPRESS, &body);
    CHECK(body.suppress.suppressed == suppressed);
}

/* Another session is shown instead of the own one, which is put aside. */
static int begin_shadow(const struct front *front, struct broker *broker, int own, uint64_t viewer,
                        bool control)
{
    int channel = broker_shadow(broker, 12, viewer, control);
    expect_suppressed(own, true);
    show(front, channel, 800, 600, BLUE);
    return channel;
}

/* The own one is shown again, of what was there; nothing that the person did came to it meanwhile. */
static void expect_own(const struct front *front, int own)
{
    union winstation_body body;
    struct message message;
    const char *problem;
    do {
        wait_readable(own, "the own session to be shown");
        CHECK(message_receive(own, &winstation_protocol, WINSTATION_BY_VIEWER, &body, sizeof(body), &message,
                              &problem) == 1);
        CHECK(message.number != WINSTATION_KEY && message.number != WINSTATION_TEXT &&
              message.number != WINSTATION_MOUSE);
    } while (message.number != WINSTATION_SUPPRESS);
    CHECK(!body.suppress.suppressed);
    display_expect(front, ORANGE);
}

static void press_hotkey(const struct front *front)
{
    display_key(front, CONTROL, true);
    display_key(front, KEYPAD_MULTIPLY, true);
    display_key(front, KEYPAD_MULTIPLY, false);
    display_key(front, CONTROL, false);
}

/* A new broker is told whose viewer the worker is, and of the shadowing that no broker has confirmed. */
static void expect_announced(const struct front *front, struct broker *broker, uint64_t viewer,
                             uint32_t session)
{
    int fd;
    broker_accept(front, broker);
    Lodge__Lsm__Request *request = broker_receive(broker, LODGE__LSM__REQUEST__METHOD_ANNOUNCE, &fd);
    CHECK(request->announce->session == 11 && request->announce->viewer == 46);
    lodge__lsm__request__free_unpacked(request, NULL);
    broker_refuse(broker, REASON_NONE);
    broker_expect_shadow_channel(broker, viewer, session);
}

/* Looking on, with control, and each way in which that ends. */
static void check_shadow(const struct front *front)
{
    struct broker broker;
    union winstation_body body;
    int own;
    pid_t client = log_on(front, NULL, 11, 46, &broker, &own);
    broker_expect_shadow_channel(&broker, 0, 0);

    int channel = begin_shadow(front, &broker, own, 47, false);
    display_type(front, "a");
    press_hotkey(front);
    expect_untouched_end(channel);
    expect_own(front, own);
    broker_expect_shadow_channel(&broker, 47, 12);
    display_type(front, "a");
    expect_key(own, WINSTATION_KEY_DOWN); /* the first that it gets since */
    expect_key(own, 0);

    channel = begin_shadow(front, &broker, own, 48, true);
    display_type(front, "a");
    expect_key(channel, WINSTATION_KEY_DOWN);
    expect_key(channel, 0);
    CHECK(broker_shadow(&broker, 0, 47, false) < 0); /* of an earlier one: nothing happens */
    display_type(front, "a");
    expect_key(channel, WINSTATION_KEY_DOWN);
    CHECK(broker_shadow(&broker, 0, 48, false) < 0);
    expect_own(front, own);
    close(channel);
    broker_expect_shadow_channel(&broker, 0, 0); /* it knows */

    channel = begin_shadow(front, &broker, own, 49, true);
    close(channel); /* its agent is gone */
    expect_own(front, own);
    broker_expect_shadow_channel(&broker, 49, 12);

    /* that agent has nothing to say about the client's devices, nor about its connection */
    channel = begin_shadow(front, &broker, own, 50, true);
    CHECK(message_send(channel, &winstation_protocol, WINSTATION_REDIRECT,
                       &(struct winstation_redirect){.kind = 1}, STDIN_FILENO) == 0);
    expect_own(front, own);
    close(channel);
    broker_expect_shadow_channel(&broker, 50, 12);
    channel = begin_shadow(front, &broker, own, 51, true);
    agent_bye(channel, REASON_LOGOFF);
    expect_own(front, own);
    close(channel);
    broker_expect_shadow_channel(&broker, 51, 12);

    channel = begin_shadow(front, &broker, own, 52, false);
    agent_show(own, 1024, 768, GREEN); /* what happens meanwhile is not seen, and is there afterwards */
    agent_expect(own, WINSTATION_FRAME_DONE, &body);
    CHECK(display_centre(front) != GREEN);
    close(broker.fd);
    expect_untouched_end(channel);
    expect_suppressed(own, false);
    display_expect(front, GREEN);
    expect_announced(front, &broker, 52, 12);
    close(broker.fd); /* it has not answered: whether it knew nobody can tell */
    expect_announced(front, &broker, 52, 12);
    CHECK(broker_shadow(&broker, 0, 52, false) < 0);
    close(broker.fd);
    expect_announced(front, &broker, 0, 0);
    client_kill(client);
    broker_end(&broker);
    close(own);
}

/* Waits until the frame is taken, or the time is over. */
static void frame_wait(int channel, int64_t until)
{
    union winstation_body body;
    struct message message = {0};
    const char *problem = "";
    struct pollfd wait = {.fd = channel, .events = POLLIN};
    while (message.number != WINSTATION_FRAME_DONE) {
        int64_t left = until - clock_monotonic_ms();
        if (left <= 0 || poll(&wait, 1, (int)left) != 1)
            return;
        CHECK(message_receive(channel, &winstation_protocol, WINSTATION_BY_VIEWER, &body, sizeof(body),
                              &message, &problem) == 1);
    }
}

/* A client that stops reading, for longer than the library alone would suffer it, gets its picture later. */
static void check_stopped_client(const struct front *front)
{
    struct broker broker;
    int channel;
    pid_t client = log_on(front, NULL, 10, 45, &broker, &channel);
    CHECK(kill(client, SIGSTOP) == 0);
    unsigned shown = 0;
    int64_t until = clock_monotonic_ms() + STOPPED_MS;
    while (clock_monotonic_ms() < until) {
        CHECK(shown < FRAMES_UNREAD_MAX); /* frames must not pile up */
        agent_show_noise(channel, 1024, 768, ++shown);
        frame_wait(channel, until);
    }
    CHECK(kill(client, SIGCONT) == 0);
    agent_show(channel, 1024, 768, GREEN);
    display_expect(front, GREEN);
    client_kill(client);
    broker_end(&broker);
    close(channel);
}

static int tcp_connect(const struct front *front)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(front->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    return fd;
}

/* True when the other end has closed; what it still sends is passed over. */
static void expect_closed(int fd, const char *what)
{
    char bytes[512];
    ssize_t got;
    do {
        wait_readable(fd, what);
        got = read(fd, bytes, sizeof(bytes));
    } while (got > 0);
    close(fd);
}

/* Silence, garbage and a crowd end those connections and nothing else. MaxUnauthenticated is 3 here. */
static void check_strangers(const struct front *front)
{
    int silent = tcp_connect(front);
    expect_closed(silent, "the deadline of a silent client");
    int garbage = tcp_connect(front);
    char noise[300];
    memset(noise, 0xa5, sizeof(noise));
    CHECK(write(garbage, noise, sizeof(noise)) == (ssize_t)sizeof(noise));
    expect_closed(garbage, "the end of a connection with garbage");
    int64_t start = clock_monotonic_ms();
    int crowd[4];
    for (int i = 0; i < 4; i++)
        crowd[i] = tcp_connect(front);
    expect_closed(crowd[0], "the oldest of a crowd to be given up");
    CHECK(clock_monotonic_ms() - start < 4500); /* well before its deadline */
    for (int i = 1; i < 4; i++)
        close(crowd[i]);
}

int main(void)
{
    if (geteuid() != 0 || access("/usr/bin/xfreerdp3", X_OK) != 0 || access("/usr/bin/Xvfb", X_OK) != 0) {
        fprintf(stderr, "skipped: needs root, xfreerdp3 and Xvfb\n");
        return SKIPPED;
    }
    struct front front;
    front_start(&front, "LogonSeconds = 60");
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        check_session(&front, ways[i]);
    check_logon_screen(&front);
    check_refusal(&front);
    check_recovery(&front);
    check_moves(&front);
    check_shadow(&front);
    check_stopped_client(&front);
    front_stop(&front);
    front_start(&front, "LogonSeconds = 6\nMaxUnauthenticated = 3");
    check_strangers(&front);
    front_stop(&front);
    return 0;
}
