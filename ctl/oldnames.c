/* change logon, as administrators of Windows type it. */
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
