#include "rdp-front/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/text.h"

static bool finish(int *status_r, int status)
{
    *status_r = status;
    return false;
}

static bool load(struct options *options, const char *program, const char *config)
{
    char error[512];
    if (!conf_load(&options->conf, config, error, sizeof(error))) {
        log_start(program, LOG_LEVEL_INFO);
        log_error(NULL, "%s", error);
        return false;
    }
    log_start(program, (enum log_level)options->conf.log_level);
    int flags = fcntl(options->fd, F_GETFL);
    if (flags < 0 || fcntl(options->fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(options->fd, F_SETFD, FD_CLOEXEC) != 0) {
        log_error(NULL, "descriptor %d: %s", options->fd, strerror(errno));
        return false;
    }
    return true;
}

bool options_parse(struct options *options_r, int argc, char **argv, const struct options_plan *plan,
                   int *status_r)
{
    const char *config = CONF_DEFAULT_FILE;
    bool seen = plan->must == NULL;
    long fd = -1;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--help") == 0) {
            fputs(plan->usage, stdout);
            return finish(status_r, EXIT_SUCCESS);
        }
        if (strcmp(argv[i], "--version") == 0) {
            printf("%s %s\n", plan->program, LODGE_VERSION);
            return finish(status_r, EXIT_SUCCESS);
        }
        if (plan->must != NULL && strcmp(argv[i], plan->must) == 0)
            seen = true;
        else if (strcmp(argv[i], "--config") == 0 && value != NULL)
            config = argv[++i];
        else if (strcmp(argv[i], plan->fd_option) == 0 && value != NULL && text_number(value, 3, 1000, &fd))
            i++;
        else
            fd = -2;
        if (fd == -2)
            break;
    }
    if (fd < 0 || !seen) {
        fputs(plan->usage, stderr);
        return finish(status_r, 2);
    }
    close_range((unsigned)fd + 1 + plan->kept, ~0u,
                0); /* what else was inherited is not for these programs */
    options_r->fd = (int)fd;
    options_r->config = config;
    return load(options_r, plan->program, config) || finish(status_r, EXIT_FAILURE);
}
