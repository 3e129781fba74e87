/* Becoming the session's user, and the environment of the session. */
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/log.h"
#include "common/text.h"
#include "sessionmgr/init.h"

#define GROUPS_MOST 65536

/* The groups that name the user; a lab account is in no database and has its own group alone. */
static bool take_groups(const struct sm_run *run)
{
    int count = 64;
    gid_t *groups = NULL;
    for (;;) {
        int room = count;
        groups = reallocarray(groups, (size_t)room, sizeof(*groups));
        if (groups == NULL)
            abort();
        if (getgrouplist(run->user, run->gid, groups, &count) >= 0)
            break;
        count = count > room ? count : 2 * room;
        if (count > GROUPS_MOST) {
            free(groups);
            return false;
        }
    }
    bool done = setgroups((size_t)count, groups) == 0;
    free(groups);
    return done;
}

static bool is_back_closed(uid_t uid)
{
    return uid == 0 || (setuid(0) != 0 && seteuid(0) != 0 && geteuid() == uid && getuid() == uid);
}

bool user_become(const struct sm_run *run, int channel)
{
    if (!take_groups(run) || setresgid(run->gid, run->gid, run->gid) != 0 ||
        setresuid(run->uid, run->uid, run->uid) != 0 || !is_back_closed(run->uid)) {
        log_error(run->user, "cannot become the user: %m");
        return false;
    }
    /* What came from root (the log, the channel) is not for the user's other programs to take from this one.
     * Whether changing users alone sees to that, the machine's fs.suid_dumpable says. */
    prctl(PR_SET_DUMPABLE, 0);
    /* Changing users has taken back the death signal that lodge-logon asked for. */
    struct pollfd parent = {.fd = channel};
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || poll(&parent, 1, 0) < 0 || (parent.revents & POLLHUP) != 0) {
        log_error(run->user, "lodge-logon is gone");
        return false;
    }
    return true;
}

static void set_if_unset(const char *name, const char *value)
{
    if (setenv(name, value, 0) != 0)
        abort();
}

static void set(const char *name, const char *value)
{
    if (setenv(name, value, 1) != 0)
        abort();
}

static bool is_locale_name(const char *name)
{
    return strcmp(name, "LANG") == 0 || strcmp(name, "LANGUAGE") == 0 || strncmp(name, "LC_", 3) == 0;
}

static void take_locale_line(char *line)
{
    char *value = strchr(line, '=');
    if (value == NULL)
        return;
    *value++ = '\0';
    size_t length = strlen(value);
    if (length >= 2 && (value[0] == '"' || value[0] == '\'') && value[length - 1] == value[0]) {
        value[length - 1] = '\0';
        value++;
    }
    if (is_locale_name(line) && value[0] != '\0' && text_is_printable(value))
        set_if_unset(line, value);
}

void user_take_locale(const char *text)
{
    char line[512];
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        if (length < sizeof(line)) {
            memcpy(line, text, length);
            line[length] = '\0';
            take_locale_line(line);
        }
        text += length + (text[length] == '\n');
    }
}

bool user_environment(const struct sm_run *run, const char *objects)
{
    char text[PROC_PATH_ROOM + 32], locale[4096];
    set("HOME", run->home);
    set("USER", run->user);
    set("LOGNAME", run->user);
    set("SHELL", run->shell[0] != '\0' ? run->shell : "/bin/sh");
    set_if_unset("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games");
    if (proc_read("/etc/default/locale", locale, sizeof(locale)) > 0)
        user_take_locale(locale);
    snprintf(text, sizeof(text), "/run/user/%u", (unsigned)run->uid);
    set_if_unset("XDG_RUNTIME_DIR", text);
    set("XDG_SESSION_TYPE", "x11");
    set("XDG_SESSION_CLASS", "user");
    snprintf(text, sizeof(text), ":%u", run->display);
    set("DISPLAY", text);
    snprintf(text, sizeof(text), "%u", run->id);
    set("LODGE_SESSION", text);
    snprintf(text, sizeof(text), "%s/Xauthority", objects);
    set("XAUTHORITY", text);
    int failed = xauthority_write(text, run->display);
    if (!failed)
        return true;
    errno = -failed;
    log_error(text, "cannot be written: %m");
    return false;
}
