/* The account file in memory: every line in order, so that a change keeps what it does not understand. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "logon/accounts.h"

#define ACCOUNTS_FILE_MAX (16 * 1024 * 1024)

struct accounts_line {
    char *text; /* without the newline; NULL where the account is what counts */
    size_t size;
    bool is_account;
    struct account account;
};

struct accounts_file {
    struct accounts_line *lines;
    size_t count, room;
};

/* Reads a whole file's text. Lines that are no accounts go to `complain` (may be NULL). Returns false when
 * memory runs out: *file is freed. `file` is zeroed before. */
bool accounts_file_parse(struct accounts_file *file, const char *name, const char *text, size_t size,
                         accounts_complain *complain, void *context);
/* Reads STATE/accounts; a missing one is empty. Refuses a file that others than its owner may write. */
bool accounts_file_load(struct accounts_file *file, const struct conf *conf, accounts_complain *complain,
                        void *context, char *error, size_t error_size);
/* Puts the whole file in place of the one that is there: written, synced, renamed. */
bool accounts_file_save(const struct accounts_file *file, const struct conf *conf, char *error,
                        size_t error_size);
/* Takes the lock that every change needs, waiting up to ten seconds; makes the state directory where it is
 * missing. Returns the descriptor (closing it lets go), or -1 with an error. */
int accounts_file_lock(const struct conf *conf, char *error, size_t error_size);

struct account *accounts_file_find(struct accounts_file *file, const char *name);
/* Adds a line for this account. False when memory runs out. */
bool accounts_file_append(struct accounts_file *file, const struct account *account);
void accounts_file_drop(struct accounts_file *file, const struct account *account);
/* Frees and wipes. */
void accounts_file_free(struct accounts_file *file);
