#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/commands.h"
#include "ctl/help.h"
#include "ctl/say.h"

/* Output that could not be written is a failure too. */
static enum ctl_exit finish(enum ctl_exit result)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return result;
    ctl_say("standard output: %s", strerror(errno));
    return result == CTL_DONE ? CTL_FAILED : result;
}

static enum ctl_exit run(const struct ctl_arguments *arguments)
{
    static struct conf conf;
    char error[512];
    if (arguments->command->needs_root && geteuid() != 0) {
        ctl_say("%s needs root: its files are root's alone. Use sudo.", arguments->command->name);
        return CTL_FAILED;
    }
    if (!conf_load(&conf, arguments->config, error, sizeof(error))) {
        ctl_say("%s. Mend the configuration, or name another with --config FILE.", error);
        return CTL_FAILED;
    }
    return arguments->command->run(arguments, &conf);
}

int main(int argc, char **argv)
{
    struct ctl_arguments arguments;
    char error[256];
    if (!ctl_arguments_parse(&arguments, argc, argv, error, sizeof(error))) {
        ctl_say("%s; lodgectl --help tells what there is.", error);
        return CTL_USAGE;
    }
    if ((arguments.options & CTL_BIT(HELP)) != 0) {
        ctl_help_print(arguments.command, stdout);
        return (int)finish(CTL_DONE);
    }
    if ((arguments.options & CTL_BIT(VERSION)) != 0) {
        puts("lodgectl " LODGE_VERSION);
        return (int)finish(CTL_DONE);
    }
    return (int)finish(run(&arguments));
}
