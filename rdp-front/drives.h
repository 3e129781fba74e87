/* The drives of the client: the worker's part of MS-RDPEFS, which is its headers (rpc/drives.h says what is
 * passed on). Of the client's devices only file systems are taken; requests that this worker has not made
 * have no answers, and files that were not opened through it are not used. */
#pragma once

#include "rdp-front/redirect.h"

extern const struct redirect_part drives_part;
