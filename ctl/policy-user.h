/* policy show --user. */
#pragma once

#include "ctl/commands.h"
#include "ctl/json.h"
#include "rpc/lsm.h"

/* As a handler of ctl/commands.h, with --user there. */
enum ctl_exit policy_show_user(const struct ctl_arguments *arguments, const struct conf *conf);
/* The array "policy" of `policy show`, with or without --user. */
void policy_put_values(struct json_writer *writer, Lodge__Lsm__PolicyValue *const *values, size_t count);
