/* Lab accounts: people of a lab or a course who exist in Lodge alone, not on the machine. They are in
 * STATE/accounts (root, 0600), one line an account:
 *
 *     name:uid:hash:open|locked:never|YYYY-MM-DD:kept|throwaway:full name
 *
 * Empty lines and lines from # on are kept as they are. A line that breaks the format, or names an account or
 * a uid a second time, is no account: it is complained about with file and line, stays in the file, and the
 * others go on. Changes are made under a lock file and by renaming a whole new file into place.
 *
 * Functions that return bool give false with a sentence for people in `error` (room for error_size bytes),
 * and log nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf.h"

#define ACCOUNTS_NAME         "accounts" /* in the state directory */
#define ACCOUNTS_LOCK_NAME    "accounts.lock"
#define ACCOUNT_NAME_MAX      32
#define ACCOUNT_HASH_MAX      383
#define ACCOUNT_FULL_NAME_MAX 127
#define ACCOUNT_PASSWORD_MAX  511
#define ACCOUNT_NEVER         (-1)
#define ACCOUNT_NO_PASSWORD   "!" /* as a hash: no password is right */

struct account {
    char name[ACCOUNT_NAME_MAX + 1];
    uint32_t uid; /* and gid: each has its own group */
    char hash[ACCOUNT_HASH_MAX + 1];
    bool locked;
    int64_t expires_day; /* days since 1970 (UTC): the first day it is no longer valid; ACCOUNT_NEVER */
    bool throwaway;      /* the home is empty at each logon and gone at logoff */
    char full_name[ACCOUNT_FULL_NAME_MAX + 1]; /* "": none */
};

/* What accounts_verify found. */
enum accounts_verdict {
    ACCOUNTS_RIGHT,   /* the account and its password; *account_r is filled (but for the hash) */
    ACCOUNTS_WRONG,   /* not its password, or it has none */
    ACCOUNTS_UNKNOWN, /* no such account */
    ACCOUNTS_LOCKED,  /* right password, but locked */
    ACCOUNTS_EXPIRED, /* right password, but expired */
    ACCOUNTS_FAILED,  /* the file could not be read; the error says why */
};

/* Called for each line of the file that is no account, with a sentence that has file and line. */
typedef void accounts_complain(void *context, const char *complaint);
typedef void accounts_each(void *context, const struct account *account);

/* True for what may be an account's name: 1 to 32 of a-z, 0-9, _ and -, starting with a letter or _. */
bool accounts_name_valid(const char *name);
/* Reads YYYY-MM-DD (1970 to 9999) or "never" into *day_r. False, *day_r untouched, for anything else. */
bool accounts_day_parse(const char *text, int64_t *day_r);
/* Writes the day as accounts_day_parse reads it; `size` at least 16. Returns `text`. */
const char *accounts_day_format(int64_t day, char *text, size_t size);

/* Makes an account from account->name, full_name, throwaway, locked and expires_day with this password (NULL:
 * none yet, nobody can log on). uid and hash are chosen here: a uid from LabFirstUid on that no account, no
 * group, no kept home, no running process and no range of /etc/subuid or /etc/subgid has; the uid of a home
 * that was kept when an account of this name was removed. Refuses names that a lab account, a system account
 * or a group has. *made_r (may be NULL) gets what was made. */
bool accounts_add(const struct conf *conf, const struct account *account, const char *password,
                  struct account *made_r, char *error, size_t error_size);
/* Removes an account, and its kept home where `with_home`. Sessions that it has go on until they end. */
bool accounts_remove(const struct conf *conf, const char *name, bool with_home, char *error,
                     size_t error_size);
/* Sets the password: 1 to ACCOUNT_PASSWORD_MAX bytes. */
bool accounts_set_password(const struct conf *conf, const char *name, const char *password, char *error,
                           size_t error_size);
bool accounts_set_locked(const struct conf *conf, const char *name, bool locked, char *error,
                         size_t error_size);
bool accounts_set_expiry(const struct conf *conf, const char *name, int64_t expires_day, char *error,
                         size_t error_size);

/* Calls `each` for every account in the order of the file, and `complain` (may be NULL) for lines that are
 * none. A missing file has no accounts. */
bool accounts_list(const struct conf *conf, accounts_each *each, accounts_complain *complain, void *context,
                   char *error, size_t error_size);
/* Looks an account up by its exact name. Returns true with *found_r, and where that is true *account_r. */
bool accounts_find(const struct conf *conf, const char *name, bool *found_r, struct account *account_r,
                   char *error, size_t error_size);
/* Checks a password. Takes one hash's time whatever the outcome. `complain` may be NULL; its context too. */
enum accounts_verdict accounts_verify(const struct conf *conf, const char *name, const char *password,
                                      struct account *account_r, accounts_complain *complain, void *context,
                                      char *error, size_t error_size);
