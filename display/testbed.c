#include "display/testbed.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/packet.h"
#include "tests/check.h"

#define NOBODY 65534

double bed_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}

void bed_pass_ms(double since)
{
    while (bed_now() < since + 2)
        poll(NULL, 0, 1);
}

static bool readable(int fd, int wait_ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, wait_ms) == 1;
}

void bed_start_server(struct bed *bed, const char *display, const char *const *words)
{
    memset(bed, 0, sizeof(*bed));
    bed->listen_fd = bed->channel_fd = bed->broker_fd = -1;
    snprintf(bed->display, sizeof(bed->display), "%s", display);
    int ready[2];
    CHECK(pipe(ready) == 0);
    bed->server = fork();
    CHECK(bed->server >= 0);
    if (bed->server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* even when it stands still */
        char number[16];
        char *arguments[40] = {(char *)words[0], (char *)display, "-displayfd", number};
        snprintf(number, sizeof(number), "%d", ready[1]);
        for (int i = 1, at = 4; words[i] != NULL; i++)
            arguments[at++] = (char *)words[i];
        close(ready[0]);
        execvp(arguments[0], arguments);
        _exit(127);
    }
    close(ready[1]);
    char byte = 0;
    while (byte != '\n') { /* the whole line: the server dies when it cannot write its end */
        CHECK(readable(ready[0], WAIT_MS));
        CHECK(read(ready[0], &byte, 1) == 1);
    }
    close(ready[0]);
    snprintf(bed->port, sizeof(bed->port), "/tmp/lodge-test-display-%d.port", (int)getpid());
    bed->listen_fd = packet_listen(bed->port, 0666);
    CHECK(bed->listen_fd >= 0);
}

static void copy_program(const char *from, const char *folder)
{
    char to[PATH_MAX], chunk[65536];
    snprintf(to, sizeof(to), "%s%s", folder, strrchr(from, '/'));
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    CHECK(in >= 0 && out >= 0);
    ssize_t got;
    while ((got = read(in, chunk, sizeof(chunk))) > 0)
        CHECK(write(out, chunk, (size_t)got) == got);
    CHECK(got == 0 && fchmod(out, 0755) == 0);
    close(in);
    close(out);
}

/* A folder that the agent's user may go to, with what the agent starts beside it. */
static void make_programs(struct bed *bed)
{
    if (bed->programs[0] != '\0')
        return;
    snprintf(bed->programs, sizeof(bed->programs), "/tmp/lodge-test-display-XXXXXX");
    CHECK(mkdtemp(bed->programs) != NULL && chmod(bed->programs, 0755) == 0);
    copy_program(LODGE_DISPLAY, bed->programs);
    copy_program(LODGE_MESSAGE, bed->programs);
    copy_program(LODGE_ENDSESSION, bed->programs);
}

static void remove_programs(struct bed *bed)
{
    static const char *const names[] = {"lodge-display", "lodge-message", "lodge-endsession"};
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", bed->programs, names[i]);
        unlink(path);
    }
    rmdir(bed->programs);
}

static void become_agent(const struct bed *bed, int channel)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    int listen_copy = fcntl(bed->listen_fd, F_DUPFD, 100), channel_copy = fcntl(channel, F_DUPFD, 100);
    dup2(listen_copy, 3);
    dup2(channel_copy, 4);
    close(listen_copy);
    close(channel_copy);
    setenv("DISPLAY", bed->display, 1);
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* it cannot trace what cannot be traced */
    unsetenv("XAUTHORITY");
    if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
        _exit(126);
    char program[PATH_MAX];
    snprintf(program, sizeof(program), "%s/lodge-display", bed->programs);
    char *const arguments[] = {"lodge-display", "--winstation-fd", "3", "--channel-fd", "4", NULL};
    execv(program, arguments);
    _exit(127);
}

unsigned init_take(struct bed *bed, int wait_ms)
{
    union sm_body body;
    struct message message;
    const char *problem;
    if (!readable(bed->channel_fd, wait_ms))
        return 0;
    CHECK(message_receive(bed->channel_fd, &sm_protocol, SM_AGENT, &body, sizeof(body), &message, &problem) ==
          1);
    return message.number;
}

void bed_start_agent(struct bed *bed)
{
    int pair[2];
    make_programs(bed);
    CHECK(packet_pair(pair) == 0);
    bed->agent = fork();
    CHECK(bed->agent >= 0);
    if (bed->agent == 0)
        become_agent(bed, pair[1]);
    close(pair[1]);
    bed->channel_fd = pair[0];
    CHECK(init_take(bed, WAIT_MS) == SM_READY);
}

void bed_end_agent(struct bed *bed, int signal)
{
    int status;
    if (signal != 0)
        kill(bed->agent, signal);
    close_descriptor(&bed->channel_fd);
    CHECK(waitpid(bed->agent, &status, 0) == bed->agent);
    CHECK(signal != 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
    bed->agent = 0;
}

void bed_connect_broker(struct bed *bed)
{
    close_descriptor(&bed->broker_fd);
    bed->broker_fd = packet_connect(bed->port);
    CHECK(bed->broker_fd >= 0);
}

void bed_stop(struct bed *bed)
{
    if (bed->agent > 0)
        bed_end_agent(bed, 0);
    kill(bed->server, SIGTERM);
    waitpid(bed->server, NULL, 0);
    close_descriptor(&bed->broker_fd);
    close_descriptor(&bed->listen_fd);
    unlink(bed->port);
    remove_programs(bed);
}

long bed_pss(pid_t pid)
{
    char path[64], line[128];
    long size = -1;
    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    while (size < 0 && fgets(line, sizeof(line), file) != NULL)
        sscanf(line, "Pss: %ld", &size);
    fclose(file);
    return size;
}

bool broker_take(struct bed *bed, struct message *message_r, union winstation_body *body_r, int wait_ms)
{
    const char *problem;
    if (!readable(bed->broker_fd, wait_ms))
        return false;
    CHECK(message_receive(bed->broker_fd, &winstation_protocol, WINSTATION_BY_AGENT, body_r, sizeof(*body_r),
                          message_r, &problem) == 1);
    return true;
}

void broker_expect(struct bed *bed, unsigned number, union winstation_body *body_r)
{
    struct message message;
    do
        CHECK(broker_take(bed, &message, body_r, WAIT_MS));
    while ((message.number == WINSTATION_INPUT || message.number == WINSTATION_DESKTOP ||
            message.number == WINSTATION_CAPABILITIES) &&
           message.number != number);
    CHECK(message.number == number);
}

void broker_attach(struct bed *bed, struct view *view, uint64_t id, uint16_t width, uint16_t height,
                   uint32_t layout)
{
    int pair[2];
    CHECK(packet_pair(pair) == 0);
    memset(view, 0, sizeof(*view));
    view->id = id;
    view->fd = pair[0];
    struct winstation_attach attach = {id, width, height, layout};
    CHECK(message_send(bed->broker_fd, &winstation_protocol, WINSTATION_ATTACH, &attach, pair[1]) == 0);
    close(pair[1]);
}

void broker_shadow(struct bed *bed, struct view *view, uint64_t id, bool control)
{
    int pair[2];
    CHECK(packet_pair(pair) == 0);
    memset(view, 0, sizeof(*view));
    view->id = id;
    view->fd = pair[0];
    struct winstation_shadow shadow = {id, control};
    CHECK(message_send(bed->broker_fd, &winstation_protocol, WINSTATION_SHADOW, &shadow, pair[1]) == 0);
    close(pair[1]);
}

void broker_detach(struct bed *bed, uint64_t id, unsigned reason)
{
    struct winstation_detach detach = {.viewer = id, .reason = (uint16_t)reason, .detail = "because"};
    CHECK(message_send(bed->broker_fd, &winstation_protocol, WINSTATION_DETACH, &detach, -1) == 0);
}

void init_close_windows(struct bed *bed)
{
    init_send(bed, SM_CLOSE_WINDOWS, &(struct sm_close_windows){3 * WAIT_MS});
    CHECK(init_take(bed, WAIT_MS) == SM_MANAGER_ANSWER);
}

void init_send(struct bed *bed, unsigned number, const void *body)
{
    CHECK(message_send(bed->channel_fd, &sm_protocol, number, body, -1) == 0);
}

static void view_unmap(struct view *view)
{
    if (view->pixels != NULL)
        munmap((void *)view->pixels, (size_t)view->stride * view->height);
    view->pixels = NULL;
}

/* The memory can be mapped for reading, and in no way for writing. */
static void take_screen(struct view *view, const struct winstation_screen *screen, int descriptor)
{
    view_unmap(view);
    view->width = screen->width;
    view->height = screen->height;
    view->stride = screen->stride;
    size_t size = (size_t)screen->stride * screen->height;
    view->pixels = mmap(NULL, size, PROT_READ, MAP_SHARED, descriptor, 0);
    CHECK(view->pixels != MAP_FAILED);
    CHECK(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0) == MAP_FAILED);
    int seals = fcntl(descriptor, F_GET_SEALS);
    CHECK((seals & (F_SEAL_SHRINK | F_SEAL_GROW)) == (F_SEAL_SHRINK | F_SEAL_GROW));
    view->screens++;
}

static void take_damage(struct view *view, const struct rectangles *rectangles)
{
    CHECK(!view->owes);
    CHECK(rectangles->count > 0 && view->pixels != NULL);
    view->damaged_area = 0;
    for (size_t i = 0; i < rectangles->count; i++) {
        const struct rectangle *at = &rectangles->at[i];
        CHECK(at->x + at->width <= view->width && at->y + at->height <= view->height);
        view->damaged_area += (uint32_t)at->width * at->height;
    }
    view->everything = view->damaged_area >= (uint32_t)view->width * view->height;
    view->damages++;
    view->owes = true;
}

static void take_message(struct view *view, const struct message *message, const union winstation_body *body)
{
    switch (message->number) {
    case WINSTATION_SCREEN:
        take_screen(view, &body->screen, message->descriptor);
        break;
    case WINSTATION_DAMAGE:
        take_damage(view, &body->damage.rectangles);
        break;
    case WINSTATION_POINTER:
        view->pointer = body->pointer;
        view->pointers++;
        break;
    case WINSTATION_POINTER_MOVED:
        view->moved = body->pointer_moved;
        view->moves++;
        break;
    case WINSTATION_BYE:
        view->last_words = body->bye;
        view->bye = true;
        break;
    }
}

bool view_take(struct view *view, int wait_ms)
{
    union winstation_body body;
    struct message message;
    const char *problem = "";
    if (view->ended || !readable(view->fd, wait_ms))
        return false;
    int got = message_receive(view->fd, &winstation_protocol, WINSTATION_BY_AGENT, &body, sizeof(body),
                              &message, &problem);
    if (got == 0) {
        view->ended = true;
        return true;
    }
    CHECK(got == 1);
    take_message(view, &message, &body);
    close_descriptor(&message.descriptor);
    return true;
}

void view_send(struct view *view, unsigned number, const void *body)
{
    CHECK(message_send(view->fd, &winstation_protocol, number, body, -1) == 0);
}

void view_answer(struct view *view)
{
    if (view->owes && !view->ended)
        message_send(view->fd, &winstation_protocol, WINSTATION_FRAME_DONE,
                     &(struct winstation_frame_done){0}, -1);
    view->owes = false;
}

void view_key(struct view *view, uint8_t scancode, uint8_t flags)
{
    view_send(view, WINSTATION_KEY, &(struct winstation_key){flags, scancode});
}

void view_tap(struct view *view, uint8_t scancode, uint8_t flags)
{
    view_key(view, scancode, flags | WINSTATION_KEY_DOWN);
    view_key(view, scancode, flags);
}

static void text_unit(struct view *view, uint32_t unit)
{
    view_send(view, WINSTATION_TEXT, &(struct winstation_text){1, (uint16_t)unit});
    view_send(view, WINSTATION_TEXT, &(struct winstation_text){0, (uint16_t)unit});
}

void view_text(struct view *view, uint32_t point)
{
    if (point >= 0x10000) {
        text_unit(view, 0xD800 + ((point - 0x10000) >> 10));
        text_unit(view, 0xDC00 + ((point - 0x10000) & 0x3FF));
    } else {
        text_unit(view, point);
    }
}

void view_mouse(struct view *view, uint16_t x, uint16_t y, uint8_t buttons, int wheel, int horizontal)
{
    struct winstation_mouse mouse = {x, y, buttons, (uint16_t)wheel, (uint16_t)horizontal};
    view_send(view, WINSTATION_MOUSE, &mouse);
}

void view_close(struct view *view)
{
    view_unmap(view);
    close_descriptor(&view->fd);
}

uint32_t view_pixel(const struct view *view, unsigned x, unsigned y)
{
    const uint8_t *pixel = view->pixels + (size_t)y * view->stride + (size_t)x * 4;
    return (uint32_t)pixel[2] << 16 | (uint32_t)pixel[1] << 8 | pixel[0];
}
