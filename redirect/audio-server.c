#include "redirect/audio-server.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int audio_server_address(char *address_r, size_t size)
{
    const char *folder = getenv("XDG_RUNTIME_DIR");
    if (folder == NULL || folder[0] != '/' ||
        (size_t)snprintf(address_r, size, "unix:%s/pulse/native", folder) >= size)
        return -ENOENT;
    return 0;
}

static bool is_installed(const char *program)
{
    const char *path = getenv("PATH");
    while (path != NULL && *path != '\0') {
        char full[PATH_MAX];
        size_t length = strcspn(path, ":");
        if ((size_t)snprintf(full, sizeof(full), "%.*s/%s", (int)length, path, program) < sizeof(full) &&
            access(full, X_OK) == 0)
            return true;
        path += length + (path[length] == ':');
    }
    return false;
}

/* With a life of its own, which is the session's, and nothing to say: its log is nobody's. */
static int start(char *const arguments[], pid_t *pid_r)
{
    posix_spawnattr_t attributes;
    sigset_t all;
    sigfillset(&all);
    int failed = posix_spawnattr_init(&attributes);
    if (failed)
        return -failed;
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawn_file_actions_t actions;
    failed = posix_spawn_file_actions_init(&actions);
    if (!failed) {
        failed = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDWR, 0);
        for (int fd = STDOUT_FILENO; !failed && fd <= STDERR_FILENO; fd++)
            failed = posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, fd);
        if (!failed)
            failed = posix_spawnp(pid_r, arguments[0], &actions, &attributes, arguments, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    posix_spawnattr_destroy(&attributes);
    return -failed;
}

/* Its first process ends when the server answers, or cannot. */
static int start_pulseaudio(void)
{
    static char *const arguments[] = {
        "pulseaudio",
        "-n",
        "--daemonize=yes",
        "--exit-idle-time=-1",
        "--realtime=no",
        "--high-priority=no",
        "-L",
        "module-native-protocol-unix auth-cookie-enabled=0", /* the socket is in the session's own folder */
        "-L",
        "module-null-sink " AUDIO_SINK_ARGUMENTS,
        "-L",
        "module-suspend-on-idle timeout=2",
        NULL,
    };
    pid_t pid;
    int failed = start(arguments, &pid);
    while (!failed && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return failed;
}

/* wireplumber does not start without a bus; it gets one of its own. */
static int start_pipewire(void)
{
    static char *const programs[] = {"pipewire", "wireplumber", "pipewire-pulse"};
    static char *const commands[][4] = {
        {"pipewire", NULL}, {"dbus-run-session", "--", "wireplumber", NULL}, {"pipewire-pulse", NULL}};
    int failed = 0;
    pid_t pid;
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        if (!is_installed(programs[i]))
            return -ENOENT;
    }
    for (size_t i = 0; !failed && i < sizeof(commands) / sizeof(commands[0]); i++)
        failed = start(commands[i], &pid);
    return failed;
}

/* With no bus: a server is not to start one, nor to look for hardware by it. */
int audio_server_start(void)
{
    if (setenv("DBUS_SESSION_BUS_ADDRESS", "disabled:", 1) != 0)
        return -errno;
    return is_installed("pulseaudio") ? start_pulseaudio() : start_pipewire();
}
