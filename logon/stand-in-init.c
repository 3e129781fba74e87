/* Stands where lodge-init does in the tests of lodge-logon: looks at its surroundings, says STARTED where all
 * is as it should be or SESSION_ENDED with what is not, and ends when it is told to. RUN's `desktop` names a
 * file that is in the host's /tmp and /dev/shm under that name and must not be seen. A grace time of 1 ms:
 * dies without a word. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <shadow.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/event.h"
#include "common/reason.h"
#include "common/text.h"
#include "logon/birth.h"
#include "logon/play.h"
#include "rpc/sm.h"

#define CHANNEL 3
#define PORT    4

static bool mode_is(const char *path, mode_t mode, uid_t uid)
{
    struct stat status;
    return lstat(path, &status) == 0 && (status.st_mode & 07777) == mode && status.st_uid == uid;
}

/* How many entries the folder has for which `counts` holds; -1: no folder. */
static int entries(const char *path, bool (*counts)(const char *name))
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    int count = directory != NULL ? 0 : -1;
    while (directory != NULL && (entry = readdir(directory)) != NULL)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && counts(entry->d_name);
    if (directory != NULL)
        closedir(directory);
    return count;
}

static bool any(const char *name)
{
    return name[0] != '\0';
}

static bool is_process(const char *name)
{
    return name[0] >= '1' && name[0] <= '9';
}

/* Does what `action` does as the user; true when it returned true. */
static bool as_user(const struct sm_run *run, bool (*action)(const struct sm_run *run))
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        if (initgroups(run->user, run->gid) != 0 || setresgid(run->gid, run->gid, run->gid) != 0 ||
            setresuid(run->uid, run->uid, run->uid) != 0)
            _exit(2);
        _exit(action(run) ? 0 : 1);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool can_use_folders(const struct sm_run *run)
{
    static const char *const folders[] = {"/tmp", "/dev/shm"};
    char path[SM_PATH_ROOM + 64];
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/mine", folders[i]);
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
            return false;
        close(fd);
    }
    snprintf(path, sizeof(path), "%s/kept", run->home);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    close(fd);
    snprintf(path, sizeof(path), "%s/lodge-init", run->programs);
    if (access(path, R_OK | X_OK) != 0)
        return false;
    snprintf(path, sizeof(path), "%s/../ports", run->programs);
    return access(path, X_OK) == 0;
}

static bool sees_winstation(const struct sm_run *run)
{
    char path[SM_PATH_ROOM + 32];
    snprintf(path, sizeof(path), "%s/../winstation", run->programs);
    return entries(path, any) >= 0;
}

static const char *check_process(const struct sm_run *run, bool own_pids)
{
    int signal_number = 0, listening = 0;
    socklen_t size = sizeof(listening);
    (void)run;
    if (own_pids && getpid() != 1)
        return "not pid 1";
    if (own_pids && entries("/proc", is_process) != 1)
        return "/proc shows other processes";
    if (prctl(PR_GET_PDEATHSIG, &signal_number) != 0 || signal_number != SIGKILL)
        return "would outlive the logon";
    if (getsockopt(PORT, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || !listening)
        return "descriptor 4 does not listen";
    /* 0 to 4, and the one that looks. */
    if (entries("/proc/self/fd", any) != 6)
        return "descriptors are left open";
    sigset_t blocked;
    if (sigprocmask(SIG_BLOCK, NULL, &blocked) != 0 || sigismember(&blocked, SIGTERM) ||
        signal(SIGINT, SIG_DFL) != SIG_DFL || signal(SIGPIPE, SIG_DFL) != SIG_DFL)
        return "signals are blocked or ignored";
    return NULL;
}

/* True when the session is somebody else's for the machine's audit, where root (as now) may say whose it is.
 */
static bool is_misaudited(const struct sm_run *run)
{
    char text[32] = "";
    int fd = open("/proc/self/loginuid", O_RDWR | O_CLOEXEC);
    bool wrong = fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && strtoul(text, NULL, 10) != run->uid &&
                 dprintf(fd, "%u", run->uid) > 0;
    if (fd >= 0)
        close(fd);
    return wrong;
}

static const char *check_private(const struct sm_run *run)
{
    char path[SM_PATH_ROOM + 64];
    if (!mode_is("/tmp", 01777, 0) || !mode_is("/tmp/.X11-unix", 01777, 0))
        return "/tmp is not as it should be";
    snprintf(path, sizeof(path), "/tmp/%s", run->desktop);
    if (access(path, F_OK) == 0)
        return "/tmp is the host's";
    snprintf(path, sizeof(path), "/dev/shm/%s", run->desktop);
    if (access(path, F_OK) == 0)
        return "/dev/shm is the host's";
    snprintf(path, sizeof(path), "%s/../winstation/%u.port", run->programs, run->id);
    if (access(path, F_OK) == 0)
        return "the winstation port can be seen";
    if (as_user(run, sees_winstation))
        return "the user can look into the winstation folder";
    snprintf(path, sizeof(path), "%s/../sessions/%u", run->programs, run->id);
    if (!mode_is(path, 0700, run->uid))
        return "the object directory is not the user's";
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (runtime == NULL || !mode_is(runtime, 0700, run->uid))
        return "XDG_RUNTIME_DIR is not the user's";
    if (getenv("PATH") == NULL)
        return "no PATH";
    struct rlimit limit = {0};
    if (run->uid >= 70000 && run->uid < 80000 &&
        (getrlimit(RLIMIT_NPROC, &limit) != 0 || limit.rlim_max > BIRTH_LAB_PROCESSES))
        return "a lab account may have any number of processes";
    if (run->width == PLAY_WIDTH_BOUNDED &&
        (getrlimit(RLIMIT_NPROC, &limit) != 0 || limit.rlim_max > PLAY_TASKS || limit.rlim_cur > PLAY_TASKS))
        return "TasksMax does not hold";
    return is_misaudited(run) ? "the audit does not know whose session it is" : NULL;
}

static const char *check_user(const struct sm_run *run, bool lab)
{
    char path[SM_PATH_ROOM + 64];
    const struct passwd *user = getpwnam(run->user);
    if (user == NULL || user->pw_uid != run->uid || user->pw_gid != run->gid ||
        strcmp(user->pw_dir, run->home) != 0 || strcmp(user->pw_shell, run->shell) != 0)
        return "the user is not found by name";
    user = getpwuid(run->uid);
    if (user == NULL || strcmp(user->pw_name, run->user) != 0)
        return "the user is not found by uid";
    const struct group *group = getgrgid(run->gid);
    if (group == NULL || (lab && strcmp(group->gr_name, run->user) != 0))
        return "the group is not found";
    if (getpwnam("root") == NULL || getgrnam("tty") == NULL)
        return "the machine's own accounts are gone";
    const struct spwd *password = getspnam(run->user);
    if (lab && (password == NULL || strncmp(password->sp_pwdp, "$y$", 3) != 0))
        return "the password is not there for the screen lock";
    if (lab && (!mode_is(run->home, 0700, run->uid) || entries("/home", any) != 1))
        return "the home is not as it should be";
    snprintf(path, sizeof(path), "%s/.bashrc", run->home);
    if (lab && access("/etc/skel/.bashrc", F_OK) == 0 && !mode_is(path, 0644, run->uid))
        return "the home has not been filled";
    if (!as_user(run, can_use_folders))
        return "the user cannot use /tmp, /dev/shm, the home or the programs";
    snprintf(path, sizeof(path), "%s/new", run->programs);
    if (mkdir(path, 0700) == 0 || errno != EROFS)
        return "the programs can be changed";
    return NULL;
}

static bool receive(unsigned number, union sm_body *body)
{
    struct message message;
    const char *problem;
    for (;;) {
        struct pollfd wait = {.fd = CHANNEL, .events = POLLIN};
        if (poll(&wait, 1, -1) < 0)
            continue;
        int got = message_receive(CHANNEL, &sm_protocol, SM_LOGON, body, sizeof(*body), &message, &problem);
        if (got == -EAGAIN || (got == 1 && message.number == SM_PING))
            continue; /* whether it is alive, it does not say */
        return got == 1 && message.number == number;
    }
}

int main(int count, char **words)
{
    union sm_body body;
    if (count != 5 || strcmp(words[1], "--channel-fd") != 0 || strcmp(words[3], "--winstation-fd") != 0 ||
        !receive(SM_RUN, &body))
        return 3;
    struct sm_run run = body.run;
    bool lab = run.uid >= 70000 && run.uid < 80000, own_pids = run.width != 801;
    const char *problem = check_process(&run, own_pids);
    if (problem == NULL)
        problem = check_private(&run);
    if (problem == NULL)
        problem = check_user(&run, lab);
    struct sm_session_ended ended = {.id = run.id, .reason = REASON_DESKTOP_FAILED};
    if (problem == NULL) {
        struct sm_started started = {.id = run.id};
        struct sm_event false_event = {.event = EVENT_LOGON}; /* that is not a session's to tell */
        if (message_send(CHANNEL, &sm_protocol, SM_EVENT, &false_event, -1) != 0 ||
            message_send(CHANNEL, &sm_protocol, SM_STARTED, &started, -1) != 0 ||
            !receive(SM_SESSION_END, &body))
            return 4;
        if (body.session_end.grace_ms == 1)
            return 7;
        ended.reason = body.session_end.reason;
    } else {
        text_copy(ended.detail, sizeof(ended.detail), problem);
    }
    return message_send(CHANNEL, &sm_protocol, SM_SESSION_ENDED, &ended, -1) == 0 ? 0 : 5;
}
