#include "redirect/drives-mount.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_log.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/packet.h"

#define REQUESTS_A_TURN 64
#define STALE_MOST      8 /* mounts on one folder that are left from programs that were killed */
#define HELPER          "fusermount3"

extern char **environ;

/* A folder's list has the attributes of all its files: each read brings them along, also of long ones. */
static void on_begin(void *user, struct fuse_conn_info *connection)
{
    (void)user;
    connection->want &= ~(unsigned)FUSE_CAP_READDIRPLUS_AUTO;
    connection->max_background = CLIENT_WINDOW;
}

static const struct fuse_lowlevel_ops operations = {
    .init = on_begin,
    .lookup = drives_lookup,
    .forget = drives_forget,
    .forget_multi = drives_forget_many,
    .getattr = drives_getattr,
    .setattr = drives_setattr,
    .mkdir = drives_mkdir,
    .unlink = drives_unlink,
    .rmdir = drives_rmdir,
    .rename = drives_rename,
    .open = drives_open,
    .create = drives_create,
    .read = drives_read,
    .write = drives_write,
    .flush = drives_flush,
    .fsync = drives_fsync,
    .release = drives_release,
    .opendir = drives_opendir,
    .readdir = drives_readdir,
    .readdirplus = drives_readdirplus,
    .releasedir = drives_releasedir,
    .statfs = drives_statfs,
};

int mount_wait_turn(void)
{
    const char *folder = getenv("XDG_RUNTIME_DIR");
    char *path = NULL;
    if (folder == NULL || asprintf(&path, "%s/lodge-drives.lock", folder) < 0)
        return -1;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    free(path);
    while (fd >= 0 && flock(fd, LOCK_EX) != 0 && errno == EINTR)
        ;
    return fd;
}

/* Takes away a mount whose program is gone. */
static void unmount_stale(const char *path)
{
    char *arguments[] = {(char *)HELPER, (char *)"-u", (char *)"-z", (char *)"-q", (char *)path, NULL};
    pid_t pid;
    if (posix_spawnp(&pid, HELPER, NULL, NULL, arguments, environ) == 0)
        waitpid(pid, NULL, 0);
}

/* Has a shell wait for the end of this process, whatever ends it, and take the mount away then. It holds the
 * lock too: the next lodge-drives does not mount before that. (fusermount3's own auto_unmount may not look at
 * a mount that is the user's alone.) Returns the pipe that it waits on, or -1. */
static int guard_start(char *path, int lock)
{
    char *arguments[] = {
        (char *)"sh", (char *)"-c", (char *)"read -r done || exec " HELPER " -u -z -q \"$1\" 2>/dev/null",
        (char *)"sh", path,         NULL};
    posix_spawn_file_actions_t actions;
    int ends[2];
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    bool ok = posix_spawn_file_actions_init(&actions) == 0;
    bool started = ok && posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO) == 0 &&
                   (lock < 0 || posix_spawn_file_actions_adddup2(&actions, lock, 3) == 0) &&
                   posix_spawn(&pid, "/bin/sh", &actions, NULL, arguments, environ) == 0;
    if (ok)
        posix_spawn_file_actions_destroy(&actions);
    close_descriptor(&ends[0]);
    if (!started)
        close_descriptor(&ends[1]);
    return ends[1];
}

static bool is_empty(int folder)
{
    DIR *stream = fdopendir(folder);
    struct dirent *entry;
    size_t count = 0;
    if (stream == NULL) {
        close_descriptor(&folder);
        return false;
    }
    while ((entry = readdir(stream)) != NULL)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(stream);
    return count == 0;
}

/* An empty folder of that path, made where there is none. */
static bool folder_is_free(const char *path)
{
    int fd = -1;
    for (int i = 0; i < STALE_MOST; i++) {
        if (mkdir(path, 0700) == 0)
            return true;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 || errno != ENOTCONN)
            break;
        unmount_stale(path);
    }
    return fd >= 0 && is_empty(fd);
}

static char *folder_find(void)
{
    static const char *const names[] = {"Drives", "Drives (client)"};
    const char *home = getenv("HOME");
    for (size_t i = 0; home != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
        char *path = NULL;
        if (asprintf(&path, "%s/%s", home, names[i]) < 0)
            return NULL;
        if (folder_is_free(path))
            return path;
        free(path);
    }
    return NULL;
}

/* The library's own lines, as one of ours. */
__attribute__((format(printf, 2, 0))) static void library_log(enum fuse_log_level level, const char *format,
                                                              va_list arguments)
{
    char text[512];
    (void)level;
    vsnprintf(text, sizeof(text), format, arguments);
    text[strcspn(text, "\n")] = '\0';
    log_warning("fuse", "%s", text);
}

static bool has_helper(void)
{
    const char *path = getenv("PATH");
    char *copy = strdup(path != NULL ? path : "/usr/bin:/bin"), *rest = copy, *folder, file[4096];
    bool found = false;
    while (!found && rest != NULL && (folder = strsep(&rest, ":")) != NULL)
        found =
            snprintf(file, sizeof(file), "%s/" HELPER, folder) < (int)sizeof(file) && access(file, X_OK) == 0;
    free(copy);
    return found;
}

/* What is missing; NULL: nothing. */
static const char *missing(void)
{
    if (access("/dev/fuse", R_OK | W_OK) != 0)
        return "/dev/fuse cannot be opened";
    return has_helper() ? NULL : "fusermount3 (package fuse3) is not installed";
}

static struct fuse_session *session_new(struct drives *drives)
{
    char *words[] = {(char *)"lodge-drives", (char *)"-o", (char *)"fsname=lodge-drives,default_permissions",
                     NULL};
    struct fuse_args arguments = {.argc = 3, .argv = words};
    struct fuse_session *session = fuse_session_new(&arguments, &operations, sizeof(operations), drives);
    fuse_opt_free_args(&arguments);
    return session;
}

bool mount_begin(struct mount *mount, struct drives *drives, int lock)
{
    const char *lacks = missing();
    if (lacks != NULL) {
        log_warning(NULL, "the client's drives are not seen: %s", lacks);
        return false;
    }
    fuse_set_log_func(library_log);
    char *path = folder_find();
    if (path == NULL) {
        log_warning(NULL,
                    "the client's drives are not seen: neither ~/Drives nor ~/Drives (client) is an empty "
                    "folder or can be made");
        return false;
    }
    struct fuse_session *session = session_new(drives);
    if (session == NULL || fuse_session_mount(session, path) != 0) {
        log_warning(NULL, "the client's drives are not seen: nothing can be mounted on %s", path);
        if (session != NULL)
            fuse_session_destroy(session);
        free(path);
        return false;
    }
    int fd = fuse_session_fd(session);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    mount->session = session;
    mount->path = path;
    mount->guard = guard_start(path, lock);
    log_info(NULL, "the client's drives are in %s", path);
    return true;
}

int mount_fd(const struct mount *mount)
{
    return mount->session != NULL ? fuse_session_fd(mount->session) : -1;
}

bool mount_serve(struct mount *mount)
{
    struct fuse_buf buffer = {0};
    int got = 1;
    for (int i = 0; i < REQUESTS_A_TURN && got > 0; i++) {
        got = fuse_session_receive_buf(mount->session, &buffer);
        if (got > 0)
            fuse_session_process_buf(mount->session, &buffer);
    }
    free(buffer.mem);
    return !fuse_session_exited(mount->session) && (got > 0 || got == -EAGAIN || got == -EINTR);
}

void mount_end(struct mount *mount)
{
    if (mount->session != NULL) {
        fuse_session_unmount(mount->session);
        fuse_session_destroy(mount->session);
        if (mount->guard >= 0 && write(mount->guard, "done\n", 5) != 5)
            log_debug(NULL, "the guard of %s has gone", mount->path);
        close_descriptor(&mount->guard);
    }
    mount->session = NULL;
    free(mount->path);
    mount->path = NULL;
}
