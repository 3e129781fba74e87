#include "logon/accounts.h"

#include <crypt.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/packet.h"
#include "common/text.h"
#include "common/tree.h"
#include "logon/accounts-file.h"
#include "logon/accounts-line.h"

/* A hash with the cost of real ones that no password is compared with, so that an unknown name takes as long.
 */
#define DUMMY_HASH "$y$j9T$aWFcrb/3lHPKGXEJ0TGaB1$bMnhCYSQbNzDtQ2HJvP3Ctx1tQbYsDQbC9qyN2jzBr8"

struct change {
    const struct conf *conf;
    int lock;
    struct accounts_file file;
    char *error;
    size_t error_size;
};

/* Locks and loads. */
static bool change_begin(struct change *change_r, const struct conf *conf, char *error, size_t error_size)
{
    *change_r = (struct change){.conf = conf, .lock = -1, .error = error, .error_size = error_size};
    change_r->lock = accounts_file_lock(conf, error, error_size);
    if (change_r->lock < 0)
        return false;
    if (accounts_file_load(&change_r->file, conf, NULL, NULL, error, error_size))
        return true;
    close_descriptor(&change_r->lock);
    return false;
}

/* Saves where `ok`, frees, unlocks. Returns whether all went well. */
static bool change_end(struct change *change, bool ok)
{
    ok = ok && accounts_file_save(&change->file, change->conf, change->error, change->error_size);
    accounts_file_free(&change->file);
    close_descriptor(&change->lock);
    return ok;
}

static bool refuse(const struct change *change, const char *name, const char *why)
{
    snprintf(change->error, change->error_size, "account %s: %s", name, why);
    return false;
}

/* Hashes with yescrypt at the library's usual cost into hash_r of ACCOUNT_HASH_MAX + 1 bytes. Returns NULL or
 * what is wrong. */
static const char *password_hash(const char *password, char *hash_r)
{
    size_t length = strlen(password);
    if (length == 0)
        return "the password is empty";
    if (length > ACCOUNT_PASSWORD_MAX)
        return "the password is too long";
    struct crypt_data *data = calloc(1, sizeof(*data));
    char *setting = data != NULL ? crypt_gensalt_ra("$y$", 0, NULL, 0) : NULL;
    const char *hash = setting != NULL ? crypt_r(password, setting, data) : NULL;
    bool ok = hash != NULL && hash[0] == '$' && text_copy(hash_r, ACCOUNT_HASH_MAX + 1, hash);
    free(setting);
    if (data != NULL)
        explicit_bzero(data, sizeof(*data));
    free(data);
    return ok ? NULL : "the system's crypt library cannot make a yescrypt hash";
}

/* Takes the time of one hash, whatever comes out. */
static bool password_right(const char *password, const char *hash)
{
    bool real = strcmp(hash, ACCOUNT_NO_PASSWORD) != 0;
    struct crypt_data *data = calloc(1, sizeof(*data));
    const char *got = data != NULL ? crypt_r(password, real ? hash : DUMMY_HASH, data) : NULL;
    bool right = false;
    if (got != NULL && got[0] == '$') {
        size_t length = strlen(hash);
        unsigned char differs = strlen(got) != length;
        for (size_t i = 0; i < length && got[i] != '\0'; i++)
            differs |= (unsigned char)(got[i] ^ hash[i]);
        right = real && differs == 0;
    }
    if (data != NULL)
        explicit_bzero(data, sizeof(*data));
    free(data);
    return right;
}

/* The uids that a new account may not have: one byte for each of the range. */
struct taken {
    uint32_t first, count;
    unsigned char *at;
};

static void taken_mark(struct taken *taken, uint32_t uid)
{
    if (uid >= taken->first && uid - taken->first < taken->count)
        taken->at[uid - taken->first] = 1;
}

/* Marks what /etc/subuid or /etc/subgid gives to users, as NAME:FIRST:COUNT: they can be these by themselves
 * (newuidmap(1)), and so would be the account. */
static void taken_mark_subordinate(struct taken *taken, const char *path)
{
    FILE *file = fopen(path, "re");
    char line[512];
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        uint64_t first, count, end = (uint64_t)taken->first + taken->count;
        const char *numbers = strchr(line, ':');
        if (numbers == NULL || sscanf(numbers, ":%" SCNu64 ":%" SCNu64, &first, &count) != 2)
            continue;
        for (uint64_t uid = first > taken->first ? first : taken->first; uid < end && uid - first < count;
             uid++)
            taken_mark(taken, (uint32_t)uid);
    }
    if (file != NULL)
        fclose(file);
}

/* Marks who owns what is in this directory: kept homes, and processes in /proc. */
static void taken_mark_owners(struct taken *taken, const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        struct stat status;
        if (fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0)
            taken_mark(taken, status.st_uid);
    }
    if (directory != NULL)
        closedir(directory);
}

static bool uid_is_systems(uint32_t uid)
{
    return getpwuid(uid) != NULL || getgrgid(uid) != NULL;
}

static void home_path(const struct conf *conf, const char *name, char *path, size_t size)
{
    char relative[ACCOUNT_NAME_MAX + 16];
    snprintf(relative, sizeof(relative), "homes/%s", name);
    conf_state_path(conf, relative, path, size);
}

/* The first free uid after the highest that an account has, around the range; 0: none. */
static uint32_t uid_choose(const struct change *change)
{
    struct taken taken = {.first = (uint32_t)change->conf->lab_first_uid,
                          .count = (uint32_t)change->conf->lab_uids};
    taken.at = calloc(taken.count, 1);
    if (taken.at == NULL)
        return 0;
    char homes[CONF_TEXT_MAX + 16];
    taken_mark_owners(&taken, conf_state_path(change->conf, "homes", homes, sizeof(homes)));
    taken_mark_owners(&taken, "/proc");
    for (size_t i = 0; i < change->file.count; i++)
        if (change->file.lines[i].is_account)
            taken_mark(&taken, change->file.lines[i].account.uid);
    uint32_t next = 0, chosen = 0;
    for (uint32_t i = 0; i < taken.count; i++)
        if (taken.at[i])
            next = i + 1;
    taken_mark_subordinate(&taken, "/etc/subuid");
    taken_mark_subordinate(&taken, "/etc/subgid");
    for (uint32_t i = 0; i < taken.count && chosen == 0; i++) {
        uint32_t at = (next + i) % taken.count;
        if (!taken.at[at] && !uid_is_systems(taken.first + at))
            chosen = taken.first + at;
    }
    free(taken.at);
    return chosen;
}

static bool uid_has_account(const struct change *change, uint32_t uid)
{
    for (size_t i = 0; i < change->file.count; i++)
        if (change->file.lines[i].is_account && change->file.lines[i].account.uid == uid)
            return true;
    return false;
}

/* Sets account->uid: the owner's of a home that is there already, or a fresh one. */
static bool uid_set(const struct change *change, struct account *account)
{
    char path[CONF_TEXT_MAX + 64];
    struct stat status;
    home_path(change->conf, account->name, path, sizeof(path));
    if (!account->throwaway && lstat(path, &status) == 0) {
        long above = (long)status.st_uid - change->conf->lab_first_uid;
        if (!S_ISDIR(status.st_mode) || above < 0 || above >= change->conf->lab_uids ||
            uid_has_account(change, status.st_uid) || uid_is_systems(status.st_uid)) {
            snprintf(change->error, change->error_size,
                     "account %s: %s is there and is not a free lab account's home; move it away",
                     account->name, path);
            return false;
        }
        account->uid = status.st_uid;
        return true;
    }
    account->uid = uid_choose(change);
    return account->uid != 0 ||
           refuse(change, account->name,
                  "every uid of LabFirstUid and LabUids is taken, or a user's by /etc/subuid or /etc/subgid");
}

static const char *new_account_problem(const struct account *account)
{
    if (!accounts_name_valid(account->name))
        return "a name is 1 to 32 of a-z, 0-9, _ and -, starting with a letter or _";
    if (!account_full_name_valid(account->full_name))
        return "the full name is too long, or has a control character, a colon or a comma";
    if (getpwnam(account->name) != NULL)
        return "the system has an account of this name";
    if (getgrnam(account->name) != NULL)
        return "the system has a group of this name";
    return NULL;
}

bool accounts_add(const struct conf *conf, const struct account *account, const char *password,
                  struct account *made_r, char *error, size_t error_size)
{
    struct account made = *account;
    struct change change = {.error = error, .error_size = error_size};
    const char *problem = new_account_problem(account);
    snprintf(made.hash, sizeof(made.hash), "%s", ACCOUNT_NO_PASSWORD);
    if (problem == NULL && password != NULL)
        problem = password_hash(password, made.hash);
    if (problem != NULL) {
        char shown[ACCOUNT_NAME_MAX * 4 + 1];
        return refuse(&change, text_escape(shown, sizeof(shown), account->name), problem);
    }
    if (!change_begin(&change, conf, error, error_size))
        return false;
    bool ok = true;
    if (accounts_file_find(&change.file, made.name) != NULL)
        ok = refuse(&change, made.name, "there is a lab account of this name");
    ok = ok && uid_set(&change, &made);
    if (ok && !accounts_file_append(&change.file, &made))
        ok = refuse(&change, made.name, "out of memory");
    ok = change_end(&change, ok);
    if (ok && made_r != NULL)
        *made_r = made;
    explicit_bzero(made.hash, sizeof(made.hash));
    return ok;
}

bool accounts_remove(const struct conf *conf, const char *name, bool with_home, char *error,
                     size_t error_size)
{
    struct change change;
    if (!change_begin(&change, conf, error, error_size))
        return false;
    const struct account *account = accounts_file_find(&change.file, name);
    bool ok = account != NULL || refuse(&change, name, "there is no such lab account");
    if (ok)
        accounts_file_drop(&change.file, account);
    if (!change_end(&change, ok))
        return false;
    char path[CONF_TEXT_MAX + 64];
    home_path(conf, name, path, sizeof(path));
    int failed = with_home ? tree_remove_path(path) : 0;
    if (failed)
        snprintf(error, error_size, "account %s is removed, but not all of %s: %s", name, path,
                 strerror(-failed));
    return failed == 0;
}

/* Finds the account of a change that is about to be made to it; NULL: the change is refused. */
static struct account *change_account(struct change *change, const char *name)
{
    struct account *account = accounts_file_find(&change->file, name);
    if (account == NULL)
        refuse(change, name, "there is no such lab account");
    return account;
}

bool accounts_set_password(const struct conf *conf, const char *name, const char *password, char *error,
                           size_t error_size)
{
    struct change change = {.error = error, .error_size = error_size};
    char hash[ACCOUNT_HASH_MAX + 1];
    const char *problem = password_hash(password, hash);
    if (problem != NULL)
        return refuse(&change, name, problem);
    if (!change_begin(&change, conf, error, error_size))
        return false;
    struct account *account = change_account(&change, name);
    if (account != NULL)
        text_copy(account->hash, sizeof(account->hash), hash);
    explicit_bzero(hash, sizeof(hash));
    return change_end(&change, account != NULL);
}

bool accounts_set_locked(const struct conf *conf, const char *name, bool locked, char *error,
                         size_t error_size)
{
    struct change change;
    if (!change_begin(&change, conf, error, error_size))
        return false;
    struct account *account = change_account(&change, name);
    if (account != NULL)
        account->locked = locked;
    return change_end(&change, account != NULL);
}

bool accounts_set_expiry(const struct conf *conf, const char *name, int64_t expires_day, char *error,
                         size_t error_size)
{
    struct change change;
    if (!change_begin(&change, conf, error, error_size))
        return false;
    struct account *account = change_account(&change, name);
    if (account != NULL)
        account->expires_day = expires_day;
    return change_end(&change, account != NULL);
}

bool accounts_list(const struct conf *conf, accounts_each *each, accounts_complain *complain, void *context,
                   char *error, size_t error_size)
{
    struct accounts_file file;
    if (!accounts_file_load(&file, conf, complain, context, error, error_size))
        return false;
    for (size_t i = 0; i < file.count; i++)
        if (file.lines[i].is_account)
            each(context, &file.lines[i].account);
    accounts_file_free(&file);
    return true;
}

/* As accounts_find, with complaints. */
static bool look_up(const struct conf *conf, const char *name, bool *found_r, struct account *account_r,
                    accounts_complain *complain, void *context, char *error, size_t error_size)
{
    struct accounts_file file;
    if (!accounts_file_load(&file, conf, complain, context, error, error_size))
        return false;
    const struct account *account = accounts_file_find(&file, name);
    *found_r = account != NULL;
    if (account != NULL)
        *account_r = *account;
    accounts_file_free(&file);
    return true;
}

bool accounts_find(const struct conf *conf, const char *name, bool *found_r, struct account *account_r,
                   char *error, size_t error_size)
{
    return look_up(conf, name, found_r, account_r, NULL, NULL, error, error_size);
}

enum accounts_verdict accounts_verify(const struct conf *conf, const char *name, const char *password,
                                      struct account *account_r, accounts_complain *complain, void *context,
                                      char *error, size_t error_size)
{
    struct account account = {.hash = ACCOUNT_NO_PASSWORD};
    bool found = false;
    if (!look_up(conf, name, &found, &account, complain, context, error, error_size))
        return ACCOUNTS_FAILED;
    bool right = password_right(password, account.hash);
    explicit_bzero(account.hash, sizeof(account.hash));
    if (!found)
        return ACCOUNTS_UNKNOWN;
    if (!right)
        return ACCOUNTS_WRONG;
    if (account.locked)
        return ACCOUNTS_LOCKED;
    if (account.expires_day != ACCOUNT_NEVER && clock_real_ms() / 86400000 >= account.expires_day)
        return ACCOUNTS_EXPIRED;
    *account_r = account;
    return ACCOUNTS_RIGHT;
}
