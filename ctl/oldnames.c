/* change logon, and the words of shutdown, as administrators of Windows type them. */
#include <stdio.h>
#include <strings.h>

#include "ctl/commands.h"
#include "ctl/say.h"

enum ctl_exit ctl_change_logon(const struct ctl_arguments *arguments, const struct conf *conf)
{
    static const struct {
        const char *old, *mode;
    } modes[] = {{"/query", NULL},
                 {"/enable", "off"},
                 {"/drain", "reconnects"},
                 {"/drainuntilrestart", "until-restart"}};
    struct ctl_arguments drain = *arguments;
    if (arguments->name == NULL)
        return ctl_drain(&drain, conf);
    if (strcasecmp(arguments->name, "/disable") == 0) {
        ctl_say("/disable is DenyConnections in %s, and lodgectl policy reload.", arguments->config);
        return CTL_USAGE;
    }
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcasecmp(modes[i].old, arguments->name) == 0) {
            drain.name = modes[i].mode;
            return ctl_drain(&drain, conf);
        }
    }
    ctl_say("\"%s\" is none of /query, /enable, /drain and /drainuntilrestart.", arguments->name);
    return CTL_USAGE;
}

bool oldnames_take_shutdown(const struct ctl_arguments *arguments, struct ctl_arguments *arguments_r)
{
    static const struct {
        const char *old;
        uint64_t options;
        int value; /* the option whose value is the next word, -1: none */
    } words[] = {
        {"/s", CTL_BIT(HALT), -1},
        {"/r", CTL_BIT(REBOOT), -1},
        {"/a", CTL_BIT(ABORT), -1},
        {"/f", CTL_BIT(FORCE), -1},
        {"/t", CTL_BIT(IN), CTL_OPTION_IN},
        {"/d", CTL_BIT(REASON), CTL_OPTION_REASON},
        {"/c", CTL_BIT(MESSAGE), CTL_OPTION_MESSAGE},
    };
    *arguments_r = *arguments;
    for (const char *const *at = arguments->old; *at != NULL; at++) {
        size_t i = 0;
        while (i < sizeof(words) / sizeof(words[0]) && strcasecmp(words[i].old, *at) != 0)
            i++;
        if (i == sizeof(words) / sizeof(words[0])) {
            ctl_say("\"%s\" is none of /s, /r, /a, /f, /t SECONDS, /c TEXT and /d TEXT.", *at);
            return false;
        }
        arguments_r->options |= words[i].options;
        if (words[i].value >= 0 && at[1] == NULL) {
            ctl_say("%s lacks its value.", *at);
            return false;
        }
        if (words[i].value >= 0)
            arguments_r->values[words[i].value] = *++at;
    }
    return true;
}
