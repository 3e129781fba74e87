/* The account commands: they work on the account file itself, so the server need not run. */
#include <err.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"
#include "ctl/json.h"
#include "ctl/password.h"
#include "ctl/say.h"
#include "ctl/table.h"
#include "logon/accounts.h"

#define ERROR_ROOM 1024

static enum ctl_exit outcome(bool done, const char *error, const char *name, const char *what)
{
    if (!done) {
        ctl_say("%s", error); /* names the account */
        return CTL_FAILED;
    }
    printf("Account %s %s.\n", name, what);
    return CTL_DONE;
}

/* Gets the new password where the arguments say. Returns false, having said why, when there is none. */
static bool get_password(const struct ctl_arguments *arguments, char *password)
{
    const char *wrong = (arguments->options & CTL_BIT(PASSWORD_STDIN)) != 0
                            ? password_read(STDIN_FILENO, password)
                            : password_ask(arguments->name, password);
    if (wrong != NULL)
        ctl_say("%s: %s Nothing was changed.", arguments->name, wrong);
    return wrong == NULL;
}

/* Fills *account_r from the arguments. Returns false, having said why, for what no account may be. */
static bool account_of(const struct ctl_arguments *arguments, struct account *account_r)
{
    *account_r = (struct account){.throwaway = (arguments->options & CTL_BIT(THROWAWAY)) != 0,
                                  .expires_day = arguments->expires_day};
    if (!accounts_name_valid(arguments->name) ||
        !text_copy(account_r->name, sizeof(account_r->name), arguments->name)) {
        ctl_say("\"%s\" cannot be an account's name: 1 to %d of a-z, 0-9, _ and -, starting with a letter "
                "or _.",
                arguments->name, ACCOUNT_NAME_MAX);
        return false;
    }
    if (!text_copy(account_r->full_name, sizeof(account_r->full_name), arguments->full_name)) {
        ctl_say("the full name is too long: %d bytes are allowed", ACCOUNT_FULL_NAME_MAX);
        return false;
    }
    return true;
}

enum ctl_exit ctl_account_add(const struct ctl_arguments *arguments, const struct conf *conf)
{
    struct account account, made;
    char password[PASSWORD_ROOM], error[ERROR_ROOM] = "";
    bool found = false;
    if (!account_of(arguments, &account))
        return CTL_FAILED;
    /* Before a password is asked for in vain; accounts_add looks again under its lock. */
    if (accounts_find(conf, account.name, &found, &made, error, sizeof(error)) && found) {
        ctl_say("%s: there is an account of this name. lodgectl account passwd sets its password.",
                account.name);
        return CTL_FAILED;
    }
    if (!get_password(arguments, password))
        return CTL_FAILED;
    bool done = accounts_add(conf, &account, password, &made, error, sizeof(error));
    explicit_bzero(password, sizeof(password));
    char what[64];
    snprintf(what, sizeof(what), "is there, with uid %" PRIu32, done ? made.uid : 0);
    explicit_bzero(made.hash, sizeof(made.hash));
    return outcome(done, error, arguments->name, what);
}

enum ctl_exit ctl_account_remove(const struct ctl_arguments *arguments, const struct conf *conf)
{
    char error[ERROR_ROOM] = "";
    bool home = (arguments->options & CTL_BIT(HOME)) != 0;
    return outcome(accounts_remove(conf, arguments->name, home, error, sizeof(error)), error, arguments->name,
                   home ? "is removed, and its home" : "is removed; a home that it had is kept");
}

enum ctl_exit ctl_account_passwd(const struct ctl_arguments *arguments, const struct conf *conf)
{
    char password[PASSWORD_ROOM], error[ERROR_ROOM] = "";
    struct account account;
    bool found = false;
    if (accounts_find(conf, arguments->name, &found, &account, error, sizeof(error)) && !found) {
        ctl_say("account %s: there is no such lab account; lodgectl account list shows them.",
                arguments->name);
        return CTL_FAILED;
    }
    explicit_bzero(&account, sizeof(account));
    if (!get_password(arguments, password))
        return CTL_FAILED;
    bool done = accounts_set_password(conf, arguments->name, password, error, sizeof(error));
    explicit_bzero(password, sizeof(password));
    return outcome(done, error, arguments->name, "has its new password");
}

enum ctl_exit ctl_account_lock(const struct ctl_arguments *arguments, const struct conf *conf)
{
    char error[ERROR_ROOM] = "";
    return outcome(accounts_set_locked(conf, arguments->name, true, error, sizeof(error)), error,
                   arguments->name, "is locked; sessions that it has go on");
}

enum ctl_exit ctl_account_unlock(const struct ctl_arguments *arguments, const struct conf *conf)
{
    char error[ERROR_ROOM] = "";
    return outcome(accounts_set_locked(conf, arguments->name, false, error, sizeof(error)), error,
                   arguments->name, "is unlocked");
}

enum ctl_exit ctl_account_expire(const struct ctl_arguments *arguments, const struct conf *conf)
{
    char error[ERROR_ROOM] = "", what[64], day[16];
    snprintf(what, sizeof(what), "expires: %s",
             accounts_day_format(arguments->expires_day, day, sizeof(day)));
    return outcome(accounts_set_expiry(conf, arguments->name, arguments->expires_day, error, sizeof(error)),
                   error, arguments->name, what);
}

struct listing {
    struct json_writer writer; /* where `table` is NULL */
    struct table *table;
    size_t count;
};

static void list_one(void *context, const struct account *account)
{
    struct listing *listing = context;
    char uid[16], day[16];
    listing->count++;
    accounts_day_format(account->expires_day, day, sizeof(day));
    if (listing->table != NULL) {
        snprintf(uid, sizeof(uid), "%" PRIu32, account->uid);
        const char *const cells[] = {account->name,
                                     uid,
                                     account->locked ? "locked" : "open",
                                     account->throwaway ? "throwaway" : "kept",
                                     day,
                                     account->full_name};
        table_add_row(listing->table, cells);
        return;
    }
    json_open_object(&listing->writer, NULL);
    json_put_text(&listing->writer, "name", account->name);
    json_put_number(&listing->writer, "uid", account->uid);
    json_put_bool(&listing->writer, "locked", account->locked);
    json_put_bool(&listing->writer, "throwaway", account->throwaway);
    json_put_text(&listing->writer, "expires", day);
    json_put_text(&listing->writer, "full_name", account->full_name);
    json_close_object(&listing->writer);
}

static void complain(void *context, const char *complaint)
{
    (void)context;
    ctl_say("%s", complaint);
}

static const char *state_colour(const char *cell)
{
    return strcmp(cell, "locked") == 0 ? "33" : NULL;
}

static const struct table_column columns[] = {
    {"NAME", false, false, NULL}, {"UID", true, false, NULL},      {"STATE", false, false, state_colour},
    {"HOME", false, false, NULL}, {"EXPIRES", false, false, NULL}, {"FULL NAME", false, true, NULL},
};

/* Writes to memory first: what fails half-way prints nothing. */
static enum ctl_exit list_json(const struct conf *conf)
{
    char error[ERROR_ROOM] = "", *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        err(CTL_FAILED, "the list of accounts");
    struct listing listing = {.writer = json_writer_on(out)};
    json_open_object(&listing.writer, NULL);
    json_open_array(&listing.writer, "accounts");
    bool done = accounts_list(conf, list_one, complain, &listing, error, sizeof(error));
    json_close_array(&listing.writer);
    json_close_object(&listing.writer);
    if (fclose(out) != 0)
        err(CTL_FAILED, "the list of accounts");
    if (done)
        puts(text);
    else
        ctl_say("%s", error);
    free(text);
    return done ? CTL_DONE : CTL_FAILED;
}

static enum ctl_exit list_table(const struct conf *conf)
{
    struct listing listing = {.table = table_new(columns, sizeof(columns) / sizeof(columns[0]))};
    char error[ERROR_ROOM] = "";
    bool done = accounts_list(conf, list_one, complain, &listing, error, sizeof(error));
    if (!done)
        ctl_say("%s", error);
    else if (listing.count == 0)
        puts("There are no lab accounts. lodgectl account add NAME adds one.");
    else
        table_print(listing.table, stdout, terminal_width(STDOUT_FILENO), terminal_has_colour(STDOUT_FILENO));
    table_free(listing.table);
    return done ? CTL_DONE : CTL_FAILED;
}

enum ctl_exit ctl_account_list(const struct ctl_arguments *arguments, const struct conf *conf)
{
    return (arguments->options & CTL_BIT(JSON)) != 0 ? list_json(conf) : list_table(conf);
}
