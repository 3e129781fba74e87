/* X servers: how each is started so that it listens on its socket file alone. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/log.h"
#include "common/packet.h"
#include "common/slice.h"
#include "common/text.h"
#include "sessionmgr/init.h"

#define X_START_MS     60000
#define ARGUMENTS_MOST 40
#define ARGUMENT_ROOM  (PROC_PATH_ROOM + 32)

/* In the argument lists these words stand for what differs from session to session. */
#define DISPLAY  "%display"
#define AUTH     "%auth"
#define GEOMETRY "%geometry"
#define SCREEN   "%screen"
#define CONFIG   "%config"
#define LOG_FILE "%log"
#define RFB      "%rfb"

/* A TigerVNC of late does not start unless it may wait somewhere for clients of its own: it gets a socket
 * that admits nobody, and is taken away when the server is ready.
 *
 * For all: no TCP and no abstract socket, no reset when the last client leaves, no screen saver; ready when
 * the number is written to descriptor 3. Without GLX a server starts sooner and needs 17 MB less. */
#define COMMON                                                                                              \
    DISPLAY, "-auth", AUTH, "-displayfd", "3", "-nolisten", "tcp", "-nolisten", "local", "-noreset", "-br", \
        "-s", "0", "-extension", "GLX"

static bool write_xorg_conf(const struct init *init, const char *path);

static const struct x_server {
    const char *name;
    const char *paths[4];
    bool (*prepare)(const struct init *init, const char *config);
    const char *arguments[ARGUMENTS_MOST];
} servers[] = {
    {"Xtigervnc",
     {"/usr/bin/Xtigervnc", "/usr/bin/Xvnc"},
     NULL,
     {COMMON, "-depth", "24", "-geometry", GEOMETRY, "-rfbport", "-1", "-rfbunixpath", RFB, "-rfbunixmode",
      "0", "-SecurityTypes", "None", "-desktop", "Lodge"}},
    {"Xvfb", {"/usr/bin/Xvfb"}, NULL, {COMMON, "-screen", "0", SCREEN}},
    {"Xorg",
     {"/usr/lib/xorg/Xorg", "/usr/libexec/Xorg", "/usr/bin/Xorg"},
     write_xorg_conf,
     {COMMON, "-config", CONFIG, "-logfile", LOG_FILE, "-novtswitch", "-sharevts", "-nocursor"}},
};

/* A screen of the dummy driver with one mode of the wanted size, at 60 Hz, and no input device. */
static bool write_xorg_conf(const struct init *init, const char *path)
{
    unsigned width = init->run.width, height = init->run.height;
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return false;
    fprintf(file,
            "Section \"ServerFlags\"\n"
            "  Option \"AutoAddDevices\" \"false\"\n"
            "  Option \"AutoAddGPU\" \"false\"\n"
            "  Option \"DontVTSwitch\" \"true\"\n"
            "EndSection\n"
            "Section \"Device\"\n"
            "  Identifier \"dummy\"\n  Driver \"dummy\"\n  VideoRam 262144\n"
            "EndSection\n"
            "Section \"Monitor\"\n"
            "  Identifier \"monitor\"\n  HorizSync 1-2000\n  VertRefresh 1-500\n"
            "  Modeline \"%ux%u\" %.2f %u %u %u %u %u %u %u %u\n"
            "EndSection\n"
            "Section \"Screen\"\n"
            "  Identifier \"screen\"\n  Device \"dummy\"\n  Monitor \"monitor\"\n  DefaultDepth 24\n"
            "  SubSection \"Display\"\n    Depth 24\n    Modes \"%ux%u\"\n    Virtual 8192 8192\n  "
            "EndSubSection\n"
            "EndSection\n",
            width, height, (width + 160) * (height + 30) * 60 / 1e6, width, width + 48, width + 80,
            width + 160, height, height + 3, height + 13, height + 30, width, height);
    bool written = ferror(file) == 0;
    return fclose(file) == 0 && written;
}

static const struct x_server *find_server(const char *name)
{
    for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
        if (strcmp(servers[i].name, name) == 0)
            return &servers[i];
    }
    return NULL;
}

static const char *find_program(const struct x_server *server)
{
    size_t i = 0;
    while (server->paths[i + 1] != NULL && access(server->paths[i], X_OK) != 0)
        i++;
    return server->paths[i];
}

/* Writes the argument that `word` stands for. */
static void expand(const struct init *init, const char *word, char *text)
{
    unsigned width = init->run.width, height = init->run.height;
    if (strcmp(word, DISPLAY) == 0)
        snprintf(text, ARGUMENT_ROOM, ":%u", init->run.display);
    else if (strcmp(word, AUTH) == 0)
        snprintf(text, ARGUMENT_ROOM, "%s/Xauthority", init->objects);
    else if (strcmp(word, GEOMETRY) == 0)
        snprintf(text, ARGUMENT_ROOM, "%ux%u", width, height);
    else if (strcmp(word, SCREEN) == 0)
        snprintf(text, ARGUMENT_ROOM, "%ux%ux24", width, height);
    else if (strcmp(word, CONFIG) == 0)
        snprintf(text, ARGUMENT_ROOM, "%s/xorg.conf", init->objects);
    else if (strcmp(word, LOG_FILE) == 0)
        snprintf(text, ARGUMENT_ROOM, "%s/xorg.log", init->objects);
    else if (strcmp(word, RFB) == 0)
        snprintf(text, ARGUMENT_ROOM, "%s/rfb", init->objects);
    else
        snprintf(text, ARGUMENT_ROOM, "%s", word);
}

static void number_came(void *context, uint32_t events)
{
    (void)events;
    struct init *init = context;
    char text[16];
    ssize_t got = read(init->x_ready, text, sizeof(text));
    if (got < 0 || (got > 0 && memchr(text, '\n', (size_t)got) == NULL))
        return;
    loop_unwatch(&init->x_ready_source);
    close_descriptor(&init->x_ready);
    char rfb[ARGUMENT_ROOM];
    expand(init, RFB, rfb);
    unlink(rfb);
    if (got > 0)
        subsystem_x_ready(init);
}

/* Starts the program; both pipes' writing ends are closed here whatever comes of it. */
static int start(struct init *init, const struct x_server *server, int ready, int errors)
{
    static char words[ARGUMENTS_MOST + 1][ARGUMENT_ROOM];
    char *argv[ARGUMENTS_MOST + 2];
    const char *program = find_program(server);
    size_t count = 0;
    argv[count++] = (char *)program;
    for (size_t i = 0; i < ARGUMENTS_MOST && server->arguments[i] != NULL; i++) {
        expand(init, server->arguments[i], words[i]);
        argv[count++] = words[i];
    }
    argv[count] = NULL;
    struct process_plan plan = {
        .path = program, .argv = argv, .fds = &ready, .fd_count = 1, .error_fd = errors, .directory = "/"};
    int failed = process_start(&init->x, &plan, init->loop, subsystem_x_ended, init);
    close(ready);
    close(errors);
    if (!failed)
        slice_shorten(init->x.pid);
    return failed;
}

static int prepare(struct init *init, const struct x_server *server, int ready[2], int *errors_r)
{
    char config[ARGUMENT_ROOM];
    expand(init, CONFIG, config);
    if (server->prepare != NULL && !server->prepare(init, config))
        return -EIO;
    if (pipe2(ready, O_CLOEXEC | O_NONBLOCK) != 0)
        return -errno;
    *errors_r = lines_open(&init->x_lines, init->loop, init->run.x_server, LOG_LEVEL_DEBUG);
    if (*errors_r < 0) {
        close(ready[0]);
        close(ready[1]);
        return *errors_r;
    }
    return 0;
}

void x_server_start(struct init *init)
{
    const struct x_server *server = find_server(init->run.x_server);
    int ready[2] = {-1, -1}, errors = -1;
    int failed = server == NULL ? -ENOENT : prepare(init, server, ready, &errors);
    if (!failed) {
        init->x_ready = ready[0];
        init->x_ready_source = loop_watch(init->loop, ready[0], EPOLLIN, number_came, init);
        failed = start(init, server, ready[1], errors);
    }
    if (!failed) {
        loop_timer_set(init->loop, &init->timer, X_START_MS);
        return;
    }
    snprintf(init->x_lines.last, sizeof(init->x_lines.last), "%s",
             server == NULL ? "lodge-init knows no X server of this name" : strerror(-failed));
    subsystem_x_ended(init, 0);
}
