/* The environment that lodge-init starts with. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "logon/identity.h"
#include "logon/pam.h"

/* PAM's variables (`pam` may be NULL: a lab account gets the machine's locale), those of [Environment] that
 * these do not set, a PATH where there is none, and what environment_own_runtime sets. NULL without memory;
 * the caller's to free with environment_free. */
char **environment_make(struct pam_logon *pam, const struct identity *identity);
/* XDG_RUNTIME_DIR is the session's own /run/user/UID, and there is no session bus yet: those that pam_systemd
 * names are shared by all that the user has on the machine, and what their bus and service manager start runs
 * outside the session: without its display, its /tmp and its limits. Returns the environment, moved perhaps;
 * freed and NULL without memory. */
char **environment_own_runtime(char **environment, uid_t uid);
void environment_free(char **environment);
/* Frees and takes out every variable that would make root's lodge-init load or trust a user's file. */
void environment_drop_unsafe(char **environment);
/* The value of a variable, or NULL. */
const char *environment_get(char *const *environment, const char *name);
/* Takes LANG=, LANGUAGE= and LC_*= lines of a text such as /etc/default/locale: the value of the first line
 * that sets `name`, without quotes, into value_r of `size` bytes. False where there is none or it is unsafe.
 */
bool environment_locale(const char *text, const char *name, char *value_r, size_t size);
