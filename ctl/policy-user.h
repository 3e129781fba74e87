/* policy show --user. */
#pragma once

#include "ctl/commands.h"

/* As a handler of ctl/commands.h, with --user there. */
enum ctl_exit policy_show_user(const struct ctl_arguments *arguments, const struct conf *conf);
