/* The connection to lsm.port is lib's. */
#pragma once

#include "lib/client.h"
