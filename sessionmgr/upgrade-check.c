/* What a new lodge-smss finds out about itself and the programs beside it, before the old one gives way to
 * it. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sessionmgr/upgrade.h"

#define PATIENCE_S 20

/* Runs a program beside this one and takes the first bytes of what it prints. Returns its status as wait(2).
 */
static int run(const char *programs, char *const argv[], char *text, size_t size)
{
    char path[PATH_MAX + 32];
    int ends[2], status = -1;
    size_t used = 0;
    ssize_t got;
    snprintf(path, sizeof(path), "%s/%s", programs, argv[0]);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execv(path, argv);
        _exit(127);
    }
    close(ends[1]);
    char rest[512];
    while ((got = read(ends[0], used + 1 < size ? text + used : rest,
                       used + 1 < size ? size - 1 - used : sizeof(rest))) > 0)
        used += used + 1 < size ? (size_t)got : 0;
    text[used] = '\0';
    close(ends[0]);
    return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

int upgrade_check(const char *programs, const char *conf_path)
{
    static const char *const names[] = {"lodge-smss",  "lodge-broker", "lodge-rdp",    "lodge-rdp-worker",
                                        "lodge-logon", "lodge-init",   "lodge-display"};
    char text[256], wanted[64];
    alarm(PATIENCE_S); /* a program that hangs is the end of this one, which says enough */
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char *argv[] = {(char *)names[i], (char *)"--version", NULL};
        int status = run(programs, argv, text, sizeof(text));
        snprintf(wanted, sizeof(wanted), "%s " LODGE_VERSION "\n", names[i]);
        if (status == 0 && strcmp(text, wanted) == 0)
            continue;
        text[strcspn(text, "\n")] = '\0';
        if (status != 0)
            fprintf(stderr, "%s/%s does not start\n", programs, names[i]);
        else
            fprintf(stderr, "%s/%s is \"%s\", but version " LODGE_VERSION " is needed\n", programs, names[i],
                    text);
        return 1;
    }
    char *argv[] = {(char *)"lodge-broker", (char *)"--config", (char *)conf_path, (char *)"--check", NULL};
    if (run(programs, argv, text, sizeof(text)) != 0) {
        fprintf(stderr, "%s is not in order for version " LODGE_VERSION "\n", conf_path);
        return 1;
    }
    fputs(UPGRADE_CHECKED LODGE_VERSION "\n", stderr);
    return 0;
}
