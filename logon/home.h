/* The home that the configuration gives a system account instead of the one in the machine's user database.
 */
#pragma once

#include "logon/failure.h"
#include "logon/identity.h"

/* Sets identity.home by the template ("": leaves it; %u is the user's name). Lab accounts keep theirs. It has
 * to be a folder of the user's own that is there already: nothing is made. Returns false with *failure_r. */
bool home_find(struct identity *identity, const char *template, struct failure *failure_r);
