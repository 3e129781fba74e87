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
#include <time.h>
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
    pid_t pid = -1;
    int failed = start(arguments, &pid);
    while (!failed && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return failed;
}

/* The two that follow end where they find no pipewire: so its socket is waited for, not for ever. */
static void wait_for_pipewire(void)
{
    char path[PATH_MAX];
    struct timespec moment = {.tv_nsec = 20000000};
    snprintf(path, sizeof(path), "%s/pipewire-0", getenv("XDG_RUNTIME_DIR"));
    for (int i = 0; i < 250 && access(path, F_OK) != 0; i++)
        nanosleep(&moment, NULL);
}

/* wireplumber does not start without a bus; it gets one of its own. */
static int start_pipewire(void)
{
    static const char *const programs[] = {"pipewire", "dbus-run-session", "wireplumber", "pipewire-pulse"};
    static char *const first[] = {"pipewire", NULL}, *const last[] = {"pipewire-pulse", NULL};
    static char *const manager[] = {"dbus-run-session", "--", "wireplumber", NULL};
    pid_t pid;
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        if (!is_installed(programs[i]))
            return -ENOENT;
    }
    int failed = start(first, &pid);
    if (!failed)
        wait_for_pipewire();
    if (!failed)
        failed = start(manager, &pid);
    return failed ? failed : start(last, &pid);
}

/* With no bus: a server is not to start one, nor to look for hardware by it. */
int audio_server_start(void)
{
    if (setenv("DBUS_SESSION_BUS_ADDRESS", "disabled:", 1) != 0)
        return -errno;
    return is_installed("pulseaudio") ? start_pulseaudio() : start_pipewire();
}
