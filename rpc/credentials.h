/* Credentials on their way from a worker to lodge-logon, through a pipe that nobody between them reads. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define CREDENTIALS_USER_MAX     255
#define CREDENTIALS_PASSWORD_MAX 511

struct credentials {
    char user[CREDENTIALS_USER_MAX + 1];
    char password[CREDENTIALS_PASSWORD_MAX + 1];
};

/* Writes `credentials` into a new pipe and returns its reading end, the caller's to pass on and close; or a
 * negative errno. Nothing is left in memory but the caller's own copy. */
int credentials_pipe(const struct credentials *credentials);
/* Reads what credentials_pipe wrote until the end of the stream. Returns 0, -EPROTO (cut short, too long,
 * names that are not UTF-8: *credentials_r is wiped), -ETIMEDOUT after a second without the end, or another
 * negative errno. */
int credentials_read(int fd, struct credentials *credentials_r);
void credentials_wipe(struct credentials *credentials);
