/* lodge-display in front of real X servers. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xcb/xtest.h>

#include "common/packet.h"
#include "common/reason.h"
#include "display/testbed.h"
#include "tests/check.h"

#define XORG      "/usr/lib/xorg/Xorg"
#define XORG_LOG  "/tmp/lodge-test-display-xorg.log"

#define LAYOUT_US 0x409
#define LAYOUT_DE 0x407

static void attach_and_fill(struct bed *bed, struct view *view, uint64_t id, uint16_t width, uint16_t height,
                            uint32_t layout)
{
    broker_attach(bed, view, id, width, height, layout);
    VIEW_UNTIL(view, view->damages > 0 && view->pointers > 0);
}

/* The first attach: what comes, and how fast. */
static void test_attach(struct bed *bed, uint16_t width, uint16_t height)
{
    union winstation_body body;
    struct view view;
    bed_connect_broker(bed);
    broker_expect(bed, WINSTATION_CAPABILITIES, &body);
    CHECK(body.capabilities.bits == (WINSTATION_CAN_REDIRECT | WINSTATION_CAN_SHADOW));
    broker_expect(bed, WINSTATION_SYNCED, &body);
    CHECK(body.synced.width == width && body.synced.height == height);
    double began = bed_now();
    broker_attach(bed, &view, 1, width, height, LAYOUT_US);
    VIEW_UNTIL(&view, view.screens > 0);
    double screen = bed_now() - began;
    VIEW_UNTIL(&view, view.damages > 0);
    double damage = bed_now() - began;
    CHECK(view.everything && view.width == width && view.height == height && view.stride == width * 4u);
    VIEW_UNTIL(&view, view.pointers > 0);
    printf("  attach at %ux%u: SCREEN after %.2f ms, first frame after %.2f ms\n", width, height, screen,
           damage);
    view_close(&view);
    broker_expect(bed, WINSTATION_VIEWER_GONE, &body);
    CHECK(body.viewer_gone.viewer == 1);
}

/* What a program paints is in the memory, and a small change is told as one. */
static void test_frames(struct view *view, struct program *program)
{
    program_fill(program, 0x336699, 0, 0, 300, 200);
    VIEW_UNTIL(view, view_pixel(view, 150, 150) == 0x336699 && view_pixel(view, 399, 299) == 0x336699);
    CHECK(view_pixel(view, 99, 99) != 0x336699);
    while (view_take(view, 300))
        view_answer(view);
    double worst = 0, sum = 0;
    for (unsigned i = 0; i < 20; i++) {
        unsigned before = view->damages;
        double began = bed_now();
        program_fill(program, 0x100000 + i, (int16_t)(8 * i), 10, 8, 16);
        while (view->damages == before)
            CHECK(view_take(view, WAIT_MS) && bed_now() - began < WAIT_MS);
        double took = bed_now() - began;
        sum += took;
        worst = took > worst ? took : worst;
        CHECK(view->damaged_area == 8 * 16);
        CHECK(view_pixel(view, 100 + 8 * i, 110) == 0x100000 + i);
        view_answer(view);
    }
    printf("  damage of a character to DAMAGE: %.2f ms on average, %.2f ms at worst\n", sum / 20, worst);
    /* no attempt gets write access to what the server writes */
    CHECK(mprotect((void *)view->pixels, 4096, PROT_READ | PROT_WRITE) != 0);
}

static void test_pointer(struct view *view, struct program *program)
{
    xcb_connection_t *c = program->connection;
    xcb_font_t font = xcb_generate_id(c);
    xcb_cursor_t cursor = xcb_generate_id(c), empty = xcb_generate_id(c);
    xcb_pixmap_t pixmap = xcb_generate_id(c);
    xcb_gcontext_t gc = xcb_generate_id(c);
    unsigned before = view->pointers;
    xcb_open_font(c, font, 6, "cursor");
    xcb_create_glyph_cursor(c, cursor, font, font, 34, 35, 0, 0, 0, 0xFFFF, 0xFFFF, 0xFFFF);
    xcb_create_pixmap(c, 1, pixmap, program->root, 8, 8);
    xcb_create_gc(c, gc, pixmap, 0, NULL);
    xcb_poly_fill_rectangle(c, pixmap, gc, 1, &(xcb_rectangle_t){0, 0, 8, 8});
    xcb_create_cursor(c, empty, pixmap, pixmap, 0, 0, 0, 0, 0, 0, 0, 0);
    xcb_change_window_attributes(c, program->window, XCB_CW_CURSOR, &cursor);
    xcb_flush(c);
    VIEW_UNTIL(view, view->pointers > before && view->pointer.width > 0);
    CHECK(view->pointer.pixels_count == view->pointer.width * view->pointer.height * 4);
    CHECK(view->pointer.hot_x < view->pointer.width && view->pointer.hot_y < view->pointer.height);
    program_fill(program, 0x0A0B0C, 0, 0, 300, 200); /* the pointer itself is in no frame */
    VIEW_UNTIL(view, view_pixel(view, 110, 110) == 0x0A0B0C && view_pixel(view, 390, 290) == 0x0A0B0C);
    for (unsigned i = 0; i < 60 * 60; i++)
        CHECK(view_pixel(view, 170 + i % 60, 150 + i / 60) == 0x0A0B0C);
    before = view->pointers;
    uint32_t foreground = 0; /* an empty mask: a hidden pointer */
    xcb_change_gc(c, gc, XCB_GC_FOREGROUND, &foreground);
    xcb_poly_fill_rectangle(c, pixmap, gc, 1, &(xcb_rectangle_t){0, 0, 8, 8});
    xcb_cursor_t hidden = xcb_generate_id(c);
    xcb_create_cursor(c, hidden, pixmap, pixmap, 0, 0, 0, 0, 0, 0, 0, 0);
    xcb_change_window_attributes(c, program->window, XCB_CW_CURSOR, &hidden);
    xcb_flush(c);
    VIEW_UNTIL(view, view->pointers > before && view->pointer.width == 0);
    CHECK(view->pointer.pixels_count == 0);
    xcb_change_window_attributes(c, program->window, XCB_CW_CURSOR, &cursor);
    unsigned moves = view->moves;
    xcb_warp_pointer(c, XCB_NONE, program->root, 0, 0, 0, 0, 333, 222);
    xcb_flush(c);
    program_fill(program, 0x445566, 0, 0, 10, 10);
    VIEW_UNTIL(view, view->moves > moves);
    CHECK(view->moved.x == 333 && view->moved.y == 222);
    view_mouse(view, 200, 180, 0, 0, 0);
}

static void expect_size(struct view *view, uint16_t width, uint16_t height)
{
    double began = bed_now();
    view_send(view, WINSTATION_RESIZE, &(struct winstation_resize){width, height});
    VIEW_UNTIL(view, view->width == width && view->height == height);
    unsigned before = view->damages;
    VIEW_UNTIL(view, view->damages > before && view->everything);
    printf("  resize to %ux%u: frame after %.2f ms\n", width, height, bed_now() - began);
}

static void test_resize(struct view *view, struct program *program)
{
    expect_size(view, 1366, 767);
    expect_size(view, 801, 601);
    expect_size(view, 800, 1000);
    expect_size(view, 1920, 1080);
    expect_size(view, 1024, 768);
    program_fill(program, 0x00AA55, 0, 0, 300, 200);
    VIEW_UNTIL(view, view_pixel(view, 250, 200) == 0x00AA55);
    view_send(view, WINSTATION_RESIZE, &(struct winstation_resize){0, 65535});
    VIEW_UNTIL(view, view->width == WINSTATION_MIN_SIZE);
    expect_size(view, 1024, 768);
}

/* The second viewer stalls; the first one notices nothing, and the second gets the newest when it goes on. */
static void test_two_viewers(struct bed *bed, struct view *view, struct program *program)
{
    struct view other;
    union winstation_body body;
    attach_and_fill(bed, &other, 22, 1024, 768, LAYOUT_US);
    CHECK(view_pixel(&other, 250, 200) == view_pixel(view, 250, 200));
    while (view_take(&other, 200))
        view_answer(&other);
    unsigned before = other.damages;
    for (uint32_t i = 0; i < 30; i++) {
        program_fill(program, 0x400000 + i, 0, 0, 300, 200);
        VIEW_UNTIL(view, view_pixel(view, 150, 150) == 0x400000 + i);
    }
    VIEW_UNTIL(&other, view_pixel(&other, 150, 150) == 0x40001D && other.damages > before);
    CHECK(other.damages <= before + 2);
    view_send(&other, WINSTATION_SUPPRESS, &(struct winstation_suppress){1});
    broker_detach(bed, 22, REASON_DISCONNECTED);
    VIEW_UNTIL(&other, other.bye);
    CHECK(other.last_words.reason == REASON_DISCONNECTED);
    CHECK_TEXT(other.last_words.detail, "because");
    CHECK(view_take(&other, WAIT_MS) && other.ended);
    view_close(&other);
    /* One that never reads at all: what it sends is done, and its end is told. */
    broker_attach(bed, &other, 23, 1024, 768, LAYOUT_US);
    for (uint32_t i = 0; i < 30; i++) {
        program_fill(program, 0x500000 + i, 0, 0, 300, 200);
        VIEW_UNTIL(view, view_pixel(view, 150, 150) == 0x500000 + i);
    }
    view_tap(&other, 0x20, 0);
    CHECK(program_key(program) == 'd');
    view_close(&other);
    broker_expect(bed, WINSTATION_VIEWER_GONE, &body);
    CHECK(body.viewer_gone.viewer == 23);
}

static void test_suppress(struct view *view, struct program *program)
{
    while (view_take(view, 200))
        view_answer(view);
    unsigned before = view->damages;
    view_send(view, WINSTATION_SUPPRESS, &(struct winstation_suppress){1});
    view_tap(view, 0x1E, 0);
    CHECK(program_key(program) == 'a'); /* so it has been seen */
    program_fill(program, 0x112233, 0, 0, 300, 200);
    while (view_take(view, 300))
        view_answer(view);
    CHECK(view->damages == before);
    view_send(view, WINSTATION_SUPPRESS, &(struct winstation_suppress){0});
    VIEW_UNTIL(view, view->damages > before);
    CHECK(view->everything && view_pixel(view, 150, 150) == 0x112233);
}

/* A program that holds the server: neither input nor frames wait for it. */
static void test_grab(struct view *view, struct program *program)
{
    xcb_connection_t *c = program->connection;
    xcb_grab_server(c);
    xcb_flush(c);
    free(xcb_get_input_focus_reply(c, xcb_get_input_focus(c), NULL));
    double began = bed_now();
    view_tap(view, 0x1F, 0);
    CHECK(program_key(program) == 's');
    printf("  key while the server is grabbed: %.2f ms\n", bed_now() - began);
    program_fill(program, 0x778899, 0, 0, 300, 200);
    VIEW_UNTIL(view, view_pixel(view, 150, 150) == 0x778899);
    xcb_ungrab_server(c);
    program_fill(program, 0x998877, 0, 0, 300, 200);
    VIEW_UNTIL(view, view_pixel(view, 150, 150) == 0x998877);
}

/* Keys that come right after ATTACH are of the new layout. */
static void test_layout(struct bed *bed, struct program *program)
{
    struct view view;
    union winstation_body body;
    double began = bed_now();
    broker_attach(bed, &view, 31, 1024, 768, LAYOUT_DE);
    view_tap(&view, 0x15, 0);
    view_tap(&view, 0x1A, 0);
    CHECK(program_key(program) == 'z');
    printf("  first key in a new layout: %.2f ms\n", bed_now() - began);
    CHECK(program_key(program) == 0xFC);
    view_text(&view, 0xFC);
    CHECK(program_key(program) == 0xFC);
    view_close(&view);
    broker_expect(bed, WINSTATION_VIEWER_GONE, &body);
    broker_attach(bed, &view, 32, 1024, 768, LAYOUT_US);
    view_tap(&view, 0x15, 0);
    CHECK(program_key(program) == 'y');
    view_close(&view);
    broker_expect(bed, WINSTATION_VIEWER_GONE, &body);
}

/* Bad peers end alone. */
static void test_hostile(struct bed *bed, struct view *view, struct program *program)
{
    struct view bad;
    union winstation_body body;
    static const char garbage[] = "\x01\x00\x21\x00nonsense", later[] = "\x01\x00\x63\x00nonsense";
    for (uint64_t id = 41; id < 44; id++) {
        attach_and_fill(bed, &bad, id, 1024, 768, 0);
        CHECK(packet_send(bad.fd, later, sizeof(later), NULL, 0) == 0); /* passed over */
        if (id == 41)
            CHECK(packet_send(bad.fd, garbage, sizeof(garbage), NULL, 0) == 0);
        else if (id == 42) /* may not send this */
            view_send(&bad, WINSTATION_DETACH, &(struct winstation_detach){.viewer = view->id});
        else /* with a descriptor that has no business there */
            CHECK(message_send(bad.fd, &winstation_protocol, WINSTATION_KEY, &(struct winstation_key){1, 30},
                               bad.fd) == 0);
        while (!bad.ended)
            CHECK(view_take(&bad, WAIT_MS));
        view_close(&bad);
        broker_expect(bed, WINSTATION_VIEWER_GONE, &body);
        CHECK(body.viewer_gone.viewer == id);
    }
    program_fill(program, 0xABCDEF, 0, 0, 300, 200);
    VIEW_UNTIL(view, view_pixel(view, 150, 150) == 0xABCDEF);
}

/* The session's own user is no broker, and does not take the broker's place. */
static void test_own_user(struct bed *bed, struct view *view)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (setgid(65534) != 0 || setuid(65534) != 0)
            _exit(1);
        int fd = packet_connect(bed->port);
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        char byte;
        _exit(fd >= 0 && poll(&wait, 1, WAIT_MS) == 1 && read(fd, &byte, 1) <= 0 ? 0 : 2);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    union winstation_body body;
    int old = fcntl(bed->broker_fd, F_DUPFD_CLOEXEC, 3);
    bed_connect_broker(bed); /* a new connection of the broker is told everything, and replaces the old one */
    broker_expect(bed, WINSTATION_VIEWER, &body);
    CHECK(body.viewer.viewer == view->id);
    broker_expect(bed, WINSTATION_SYNCED, &body);
    char byte;
    CHECK(recv(old, &byte, 1, 0) <= 0);
    close(old);
}

/* What a viewer holds down goes up with it. */
static void test_release(struct bed *bed, struct program *program)
{
    struct view view;
    broker_attach(bed, &view, 51, 1024, 768, LAYOUT_US);
    view_mouse(&view, 150, 150, WINSTATION_LEFT, 0, 0);
    view_key(&view, 0x2D, WINSTATION_KEY_DOWN);
    CHECK(program_key(program) == 'x');
    broker_detach(bed, 51, REASON_TAKEN_OVER);
    xcb_generic_event_t *key = program_wait(program, XCB_KEY_RELEASE, WAIT_MS);
    xcb_generic_event_t *button = program_wait(program, XCB_BUTTON_RELEASE, WAIT_MS);
    CHECK(key != NULL && button != NULL);
    free(key);
    free(button);
    while (!view.ended)
        CHECK(view_take(&view, WAIT_MS));
    CHECK(view.last_words.reason == REASON_TAKEN_OVER);
    view_close(&view);
}

/* The agent dies and another takes its place at the same port. */
static void test_restart(struct bed *bed, struct program *program)
{
    struct view view;
    union winstation_body body;
    attach_and_fill(bed, &view, 61, 1024, 768, LAYOUT_US);
    view_key(&view, 0x2D, WINSTATION_KEY_DOWN);
    CHECK(program_key(program) == 'x');
    bed_end_agent(bed, SIGKILL);
    while (!view.ended)
        CHECK(view_take(&view, WAIT_MS));
    CHECK(!view.bye);
    view_close(&view);
    bed_start_agent(bed);
    xcb_generic_event_t *release = program_wait(program, XCB_KEY_RELEASE, WAIT_MS);
    CHECK(release != NULL);
    free(release);
    bed_connect_broker(bed);
    broker_expect(bed, WINSTATION_SYNCED, &body);
    attach_and_fill(bed, &view, 62, 1024, 768, LAYOUT_US);
    program_fill(program, 0x654321, 0, 0, 300, 200);
    VIEW_UNTIL(&view, view_pixel(&view, 150, 150) == 0x654321);
    view_close(&view);
    broker_expect(bed, WINSTATION_VIEWER_GONE, &body);
}

/* The window is asked to close, and init is not told that it has as long as it has not. */
static xcb_client_message_event_t expect_closing(struct bed *bed, struct program *program)
{
    init_close_windows(bed);
    xcb_client_message_event_t *message =
        (xcb_client_message_event_t *)program_wait(program, XCB_CLIENT_MESSAGE, WAIT_MS);
    CHECK(message != NULL && message->data.data32[0] == program->delete_window);
    xcb_client_message_event_t copy = *message;
    free(message);
    CHECK(init_take(bed, 300) == 0);
    return copy;
}

/* init is told when the last window goes, and at once when there is none. */
static void expect_closed(struct bed *bed, struct program *program)
{
    /* A program that has hidden its window may still be saving. */
    xcb_unmap_window(program->connection, program->window);
    xcb_flush(program->connection);
    CHECK(init_take(bed, 300) == 0);
    program_end(program);
    CHECK(init_take(bed, WAIT_MS) == SM_WINDOWS_CLOSED);
    init_close_windows(bed);
    CHECK(init_take(bed, WAIT_MS) == SM_WINDOWS_CLOSED);
}

static void test_end(struct bed *bed, struct program *program)
{
    struct view view;
    union winstation_body body;
    printf("  disconnected: %ld KiB PSS\n", bed_pss(bed->agent));
    attach_and_fill(bed, &view, 71, 1024, 768, LAYOUT_US);
    init_send(bed, SM_NOTICE, &(struct sm_notice){.reason = REASON_LOGOFF, .detail = "bye"});
    VIEW_UNTIL(&view, view.bye);
    CHECK(view.last_words.reason == REASON_LOGOFF);
    CHECK_TEXT(view.last_words.detail, "bye");
    view_close(&view);
    broker_expect(bed, WINSTATION_VIEWER_GONE, &body);
    expect_closing(bed, program);
}

/* Through a window manager, windows are asked to close as it does that. */
static void test_window_manager(struct bed *bed)
{
    struct program program;
    pid_t manager = fork();
    CHECK(manager >= 0);
    if (manager == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        setenv("DISPLAY", bed->display, 1);
        setenv("HOME", "/dev/null", 1);
        execlp("openbox", "openbox", "--sm-disable", NULL);
        _exit(77);
    }
    program_wait_for_manager(bed);
    program_start(&program, bed);
    program_wait_listed(&program);
    CHECK((expect_closing(bed, &program).response_type & 0x80) != 0);
    expect_closed(bed, &program);
    kill(manager, SIGTERM);
    waitpid(manager, NULL, 0);
}

/* The X server stands still: the agent neither blocks nor piles up input, and lets viewers go. */
static void test_server_stopped(struct bed *bed, struct program *program)
{
    struct view view;
    struct winstation_mouse mouse = {150, 150, 0, 4000, 4000};
    int sent = 0, failed = 0;
    attach_and_fill(bed, &view, 81, 1024, 768, LAYOUT_US);
    view_key(&view, 0x2D, WINSTATION_KEY_DOWN);
    CHECK(program_key(program) == 'x');
    kill(bed->server, SIGSTOP);
    double end = bed_now() + WAIT_MS;
    struct pollfd wait = {.fd = view.fd, .events = POLLOUT};
    while (!failed || poll(&wait, 1, 500) == 1) { /* until nothing has been taken for half a second */
        failed = message_send(view.fd, &winstation_protocol, WINSTATION_MOUSE, &mouse, -1);
        CHECK(failed == 0 || failed == -EAGAIN);
        sent += failed == 0;
        CHECK(bed_now() < end);
    }
    printf("  the server stands still: %d messages until the channel is full\n", sent);
    broker_detach(bed, 81, REASON_DISCONNECTED);
    while (!view.bye)
        CHECK(view_take(&view, WAIT_MS));
    view_close(&view);
    kill(bed->server, SIGCONT);
    xcb_generic_event_t *release = program_wait(program, XCB_KEY_RELEASE, WAIT_MS);
    CHECK(release != NULL);
    free(release);
}

/* The X server dies: the agent says so by its status, and lodge-init decides. */
static void test_server_gone(struct bed *bed)
{
    struct view view;
    int status;
    attach_and_fill(bed, &view, 81, 1024, 768, LAYOUT_US);
    kill(bed->server, SIGTERM);
    CHECK(waitpid(bed->agent, &status, 0) == bed->agent && WIFEXITED(status) && WEXITSTATUS(status) == 1);
    bed->agent = 0;
    while (!view.ended)
        CHECK(view_take(&view, WAIT_MS));
    CHECK(!view.bye);
    view_close(&view);
}

/* `width` and `height` are what the server starts with, and can do at least. */
static void run(const char *display, const char *const *words, uint16_t width, uint16_t height)
{
    struct bed bed;
    struct program program;
    struct view view;
    printf("%s\n", words[0]);
    bed_start_server(&bed, display, words);
    bed_start_agent(&bed);
    printf("  - attach\n");
    test_attach(&bed, width, height);
    program_start(&program, &bed);
    attach_and_fill(&bed, &view, 2, 1024, 768, LAYOUT_US);
    printf("  - frames\n");
    test_frames(&view, &program);
    test_input(&bed, &view, &program);
    printf("  - pointer\n");
    test_pointer(&view, &program);
    printf("  - resize\n");
    test_resize(&view, &program);
    printf("  - two_viewers\n");
    test_two_viewers(&bed, &view, &program);
    printf("  - shadowing\n");
    test_shadowing(&bed, &view, &program);
    printf("  - suppress\n");
    test_suppress(&view, &program);
    printf("  - grab\n");
    test_grab(&view, &program);
    printf("  - messages\n");
    test_messages(&bed, &view, &program);
    printf("  - hostile\n");
    test_hostile(&bed, &view, &program);
    printf("  - own_user\n");
    test_own_user(&bed, &view);
    printf("  one viewer: %ld KiB PSS\n", bed_pss(bed.agent));
    broker_detach(&bed, 0, REASON_DISCONNECTED);
    VIEW_UNTIL(&view, view.bye);
    view_close(&view);
    printf("  - layout\n");
    test_layout(&bed, &program);
    printf("  - release\n");
    test_release(&bed, &program);
    printf("  - restart\n");
    test_restart(&bed, &program);
    printf("  - end\n");
    test_end(&bed, &program);
    printf("  - server_stopped\n");
    test_server_stopped(&bed, &program);
    expect_closed(&bed, &program);
    printf("  - window_manager\n");
    test_window_manager(&bed);
    printf("  - server_gone\n");
    test_server_gone(&bed);
    bed_stop(&bed);
}

int main(int count, char **words)
{
    static char rfb[64]; /* newer ones do not start without a place for clients of their own */
    snprintf(rfb, sizeof(rfb), "/tmp/lodge-test-rfb-%d", (int)getpid());
    const char *const tigervnc[] = {
        "Xtigervnc", "-geometry", "1024x768",     "-depth",     "24",           "-rfbport",
        "-1",        "-nolisten", "tcp",          "-extension", "GLX",          "-SecurityTypes",
        "None",      "-ac",       "-rfbunixpath", rfb,          "-rfbunixmode", "0",
        NULL};
    static const char *const xvfb[] = {"Xvfb",      "-screen", "0",   "1920x1200x24",
                                       "-nolisten", "tcp",     "-ac", NULL};
    static const char *const copying[] = {"Xvfb", "-screen",    "0",       "1920x1200x24", "-nolisten",
                                          "tcp",  "-extension", "MIT-SHM", "-ac",          NULL};
    static const char *const xorg[] = {
        XORG,        "-config", LODGE_XORG_CONF, "-logfile",  XORG_LOG, "-novtswitch", "-sharevts",
        "-nolisten", "tcp",     "-noreset",      "-nocursor", "-ac",    NULL};
    if (geteuid() != 0) {
        printf("skipped: the agent must run as another user than the broker, so this needs root\n");
        return 77;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    if (count < 2 || strcmp(words[1], "Xtigervnc") == 0)
        run(":110", tigervnc, 1024, 768);
    unlink(rfb);
    if (count < 2 || strcmp(words[1], "Xvfb") == 0)
        run(":111", xvfb, 1920, 1200);
    if (count < 2 || strcmp(words[1], "copying") == 0)
        run(":112", copying, 1920, 1200);
    if (count == 2 && strcmp(words[1], "Xorg") == 0) {
        if (access(XORG, X_OK) != 0)
            return 77;
        run(":113", xorg, 2048, 1536);
        unlink(XORG_LOG);
    }
    return 0;
}
