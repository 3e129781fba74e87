/* The system's own accounts, by PAM: one logon from its password to the end of its session. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/reason.h"
#include "logon/failure.h"

#define PAM_LOGON_SERVICE "lodge"

struct pam_logon;

/* True when this machine has a PAM service for Lodge. Without one nobody but lab accounts can log on. */
bool pam_logon_available(void);

/* Checks `password` and whether the account may log on from `host` ("": not known). REASON_NONE: *pam_r is
 * the caller's, and user_r (of `size` bytes) the name that PAM made of it. Else the reason, and in *failure_r
 * PAM's own words. Takes PAM's time, which for a wrong password is seconds. The password is not kept. */
enum reason pam_logon_authenticate(const char *user, const char *password, const char *host,
                                   struct pam_logon **pam_r, char *user_r, size_t size,
                                   struct failure *failure_r);

/* Establishes credentials and opens the session. False with *failure_r, and nothing open. */
bool pam_logon_open(struct pam_logon *pam, struct failure *failure_r);
/* The session's environment, ended by NULL, of strings "NAME=value"; NULL without memory. The caller's to
 * free with pam_logon_environment_free. */
char **pam_logon_environment(struct pam_logon *pam);
void pam_logon_environment_free(char **environment);
/* Closes what is open and frees. Clears the pointer; NULL is fine. */
void pam_logon_end(struct pam_logon **pam);
