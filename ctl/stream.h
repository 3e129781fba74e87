/* Answers that come when they come are lib's matter. */
#pragma once

#include "lib/stream.h"
