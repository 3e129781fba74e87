#include "rdp-front/test-graphics-display.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xcb/xfixes.h>

#include "tests/check.h"

bool program_exists(const char *program)
{
    const char *path = getenv("PATH");
    char *copy = strdup(path != NULL ? path : "/usr/bin:/bin"), *next = copy, *folder;
    bool found = false;
    while (!found && (folder = strsep(&next, ":")) != NULL) {
        char file[512];
        snprintf(file, sizeof file, "%s/%s", folder, program);
        found = access(file, X_OK) == 0;
    }
    free(copy);
    return found;
}

pid_t program_start(const char *display, const char *const arguments[])
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed check leaves no client behind */
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    if (getenv("LODGE_TEST_VERBOSE") == NULL) {
        dup2(null, 1);
        dup2(null, 2);
    }
    if (display != NULL)
        setenv("DISPLAY", display, 1);
    execvp(arguments[0], (char *const *)arguments);
    _exit(127);
}

void program_end(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* Xvfb writes its number and, apart from it, the end of the line once it takes clients; false when it ends
 * instead. */
static bool display_ready(int fd)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    char byte = 0;
    while (byte != '\n')
        if (poll(&waiting, 1, 20000) != 1 || read(fd, &byte, 1) != 1)
            return false;
    return true;
}

static bool display_try(struct test_display *display, int number)
{
    int pipes[2];
    char fd[16];
    snprintf(display->name, sizeof display->name, ":%d", number);
    CHECK(pipe(pipes) == 0);
    CHECK(fcntl(pipes[0], F_SETFD, FD_CLOEXEC) == 0);
    snprintf(fd, sizeof fd, "%d", pipes[1]);
    const char *const arguments[] = {"Xvfb",      display->name, "-screen",    "0", "1280x800x24",
                                     "-nolisten", "tcp",         "-displayfd", fd,  NULL};
    display->server = program_start(NULL, arguments);
    close(pipes[1]);
    bool ready = display_ready(pipes[0]);
    close(pipes[0]);
    if (!ready)
        program_end(display->server);
    return ready;
}

void display_open(struct test_display *display)
{
    int number = 95;
    while (number <= 98 && !display_try(display, number))
        number++;
    CHECK(number <= 98);
    display->connection = xcb_connect(display->name, NULL);
    CHECK(xcb_connection_has_error(display->connection) == 0);
    display->root = xcb_setup_roots_iterator(xcb_get_setup(display->connection)).data->root;
    xcb_xfixes_query_version_cookie_t cookie = xcb_xfixes_query_version(display->connection, 4, 0);
    free(xcb_xfixes_query_version_reply(display->connection, cookie, NULL));
}

void display_close(struct test_display *display)
{
    xcb_disconnect(display->connection);
    kill(display->server, SIGTERM); /* so that it removes its socket and its lock */
    waitpid(display->server, NULL, 0);
}

static void capture(struct test_display *display, unsigned x, unsigned y, unsigned width, unsigned height,
                    uint8_t *pixels)
{
    xcb_get_image_cookie_t cookie =
        xcb_get_image(display->connection, XCB_IMAGE_FORMAT_Z_PIXMAP, display->root, (int16_t)x, (int16_t)y,
                      (uint16_t)width, (uint16_t)height, UINT32_MAX);
    xcb_get_image_reply_t *reply = xcb_get_image_reply(display->connection, cookie, NULL);
    CHECK(reply != NULL);
    CHECK(xcb_get_image_data_length(reply) == (int)(width * height * 4));
    memcpy(pixels, xcb_get_image_data(reply), (size_t)width * height * 4);
    free(reply);
}

void display_capture(struct test_display *display, unsigned width, unsigned height)
{
    capture(display, 0, 0, width, height, display->pixels);
}

uint32_t display_pixel(struct test_display *display, unsigned x, unsigned y)
{
    uint32_t pixel = 0;
    capture(display, x, y, 1, 1, (uint8_t *)&pixel);
    return pixel & 0xffffff;
}

void display_move_pointer(struct test_display *display, unsigned x, unsigned y)
{
    xcb_warp_pointer(display->connection, XCB_NONE, display->root, 0, 0, 0, 0, (int16_t)x, (int16_t)y);
    xcb_flush(display->connection);
}

bool display_pointer(struct test_display *display, unsigned *width_r, unsigned *height_r, uint32_t *middle_r)
{
    xcb_xfixes_get_cursor_image_cookie_t cookie = xcb_xfixes_get_cursor_image(display->connection);
    xcb_xfixes_get_cursor_image_reply_t *reply =
        xcb_xfixes_get_cursor_image_reply(display->connection, cookie, NULL);
    if (reply == NULL)
        return false;
    const uint32_t *pixels = xcb_xfixes_get_cursor_image_cursor_image(reply);
    *width_r = reply->width;
    *height_r = reply->height;
    *middle_r = pixels[(size_t)(reply->height / 2) * reply->width + reply->width / 2];
    free(reply);
    return true;
}
