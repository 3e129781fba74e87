/* What the system's shadow file says where PAM's answer does not tell the cause. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/reason.h"

/* True when the account is locked as passwd -l and usermod -L do it, by a ! before the hash, and this would
 * be its password otherwise: who does not know the password must not learn that the account is locked. Takes
 * the time of a hash for a locked account. */
bool shadow_is_locked(const char *user, const char *password);
/* REASON_EXPIRED, REASON_PASSWORD_EXPIRED (so long ago that it cannot be renewed), or REASON_NONE. */
enum reason shadow_expiry(const char *user, int64_t now_ms);
