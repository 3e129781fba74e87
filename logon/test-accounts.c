/* Lab accounts: what may be made, what is kept, what is refused, with real files. */
#include "logon/accounts.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/tree.h"
#include "logon/accounts-file.h"
#include "logon/accounts-line.h"
#include "tests/check.h"

static char error[512];

static struct conf conf_new(void)
{
    struct conf conf;
    char directory[] = "/tmp/lodge-accounts-XXXXXX";
    conf_defaults(&conf);
    CHECK(mkdtemp(directory) != NULL);
    snprintf(conf.state_directory, sizeof(conf.state_directory), "%s", directory);
    conf.lab_first_uid = 72000;
    conf.lab_uids = 5;
    return conf;
}

static const char *path_of(const struct conf *conf, const char *name)
{
    static char path[512];
    return conf_state_path(conf, name, path, sizeof(path));
}

static void write_file(const struct conf *conf, const char *text)
{
    int fd = open(path_of(conf, "accounts"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0);
    CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static char *read_file(const struct conf *conf)
{
    static char text[8192];
    int fd = open(path_of(conf, "accounts"), O_RDONLY);
    CHECK(fd >= 0);
    ssize_t got = read(fd, text, sizeof(text) - 1);
    CHECK(got >= 0);
    text[got] = '\0';
    close(fd);
    return text;
}

static bool add(const struct conf *conf, const char *name, const char *password, struct account *made_r)
{
    struct account account = {.expires_day = ACCOUNT_NEVER};
    snprintf(account.name, sizeof(account.name), "%s", name);
    return accounts_add(conf, &account, password, made_r, error, sizeof(error));
}

static enum accounts_verdict verify(const struct conf *conf, const char *name, const char *password)
{
    struct account account;
    return accounts_verify(conf, name, password, &account, NULL, NULL, error, sizeof(error));
}

static void test_names(void)
{
    static const char *const good[] = {"ada", "_x", "a", "a-b_c9", "abcdefghijklmnopqrstuvwxyzabcdef"};
    static const char *const bad[] = {
        "",    "Ada",  "9a", "-a",       "a b",     "a:b", "a/b",
        "a.b", "a\nb", "a$", "\xc3\xbc", "root\\x", "..",  "abcdefghijklmnopqrstuvwxyzabcdefg"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        CHECK(accounts_name_valid(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK(!accounts_name_valid(bad[i]));
}

static void test_days(void)
{
    int64_t day = 7;
    char text[16];
    CHECK(accounts_day_parse("1970-01-02", &day) && day == 1);
    CHECK(accounts_day_parse("2000-03-01", &day) && day == 11017);
    CHECK_TEXT(accounts_day_format(11017, text, sizeof(text)), "2000-03-01");
    CHECK(accounts_day_parse("9999-12-31", &day) && day == 2932896);
    CHECK(accounts_day_parse("never", &day) && day == ACCOUNT_NEVER);
    CHECK_TEXT(accounts_day_format(ACCOUNT_NEVER, text, sizeof(text)), "never");
    static const char *const bad[] = {"",           "2023-02-29", "2023-13-01",  "2023-00-01", "2023-1-01",
                                      "1969-12-31", "2023/01/01", "2023-01-01 ", "20230101",   "+023-01-01"};
    day = 7;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK(!accounts_day_parse(bad[i], &day) && day == 7);
}

static void test_line(void)
{
    static const char good[] = "ada:600000:$y$j9T$abc/.1$xyz:locked:2030-12-31:throwaway:Ada \xc3\x9c";
    struct account account;
    char line[ACCOUNT_LINE_MAX + 1];
    CHECK(account_line_parse(good, strlen(good), &account) == NULL);
    CHECK(account.locked && account.throwaway && account.uid == 600000);
    account_line_format(&account, line);
    CHECK_TEXT(line, good);
    static const char *const bad[] = {
        "ada",
        "ada:600000:!:open:never:kept",
        "ada:600000:!:open:never:kept::",
        ":600000:!:open:never:kept:",
        "Ada:600000:!:open:never:kept:",
        "ada:0:!:open:never:kept:",
        "ada:999:!:open:never:kept:",
        "ada:-1:!:open:never:kept:",
        "ada:99999999999999999999:!:open:never:kept:",
        "ada:600000::open:never:kept:",
        "ada:600000:$1$old$hash:open:never:kept:",
        "ada:600000:$y$j9T$a b$c:open:never:kept:",
        "ada:600000:!:maybe:never:kept:",
        "ada:600000:!:open:2030-02-30:kept:",
        "ada:600000:!:open:never:sometimes:",
        "ada:600000:!:open:never:kept:a,b",
        "ada:600000:!:open:never:kept:a\tb",
        "ada:600000:!:open:never:kept:\xff",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK(account_line_parse(bad[i], strlen(bad[i]), &account) != NULL);
    CHECK(account_line_parse("ada:600000:!:open:never:kept:a\0b", 32, &account) != NULL);
    char longest[ACCOUNT_LINE_MAX + 2];
    memset(longest, 'a', sizeof(longest));
    CHECK(account_line_parse(longest, sizeof(longest), &account) != NULL);
}

static void test_life(void)
{
    struct conf conf = conf_new();
    struct account made, found_account;
    bool found = true;
    struct stat status;
    CHECK(verify(&conf, "ada", "x") == ACCOUNTS_UNKNOWN);
    CHECK(add(&conf, "ada", "Sesame 1", &made));
    CHECK(made.uid == 72000 && strncmp(made.hash, "$y$", 3) == 0);
    CHECK(stat(path_of(&conf, "accounts"), &status) == 0 && (status.st_mode & 07777) == 0600);
    CHECK(verify(&conf, "ada", "Sesame 1") == ACCOUNTS_RIGHT);
    CHECK(verify(&conf, "ada", "Sesame 2") == ACCOUNTS_WRONG);
    CHECK(verify(&conf, "ada", "") == ACCOUNTS_WRONG);
    CHECK(verify(&conf, "ADA", "Sesame 1") == ACCOUNTS_UNKNOWN);
    CHECK(!add(&conf, "ada", "x", NULL) && strstr(error, "there is a lab account") != NULL);
    CHECK(accounts_set_locked(&conf, "ada", true, error, sizeof(error)));
    CHECK(verify(&conf, "ada", "Sesame 1") == ACCOUNTS_LOCKED);
    CHECK(verify(&conf, "ada", "wrong") == ACCOUNTS_WRONG);
    CHECK(accounts_set_locked(&conf, "ada", false, error, sizeof(error)));
    CHECK(accounts_set_password(&conf, "ada", "Other", error, sizeof(error)));
    CHECK(verify(&conf, "ada", "Sesame 1") == ACCOUNTS_WRONG);
    CHECK(verify(&conf, "ada", "Other") == ACCOUNTS_RIGHT);
    CHECK(!accounts_set_password(&conf, "ada", "", error, sizeof(error)));
    CHECK(!accounts_set_password(&conf, "bob", "x", error, sizeof(error)) &&
          strstr(error, "no such") != NULL);
    int64_t today = (int64_t)time(NULL) / 86400;
    CHECK(accounts_set_expiry(&conf, "ada", today, error, sizeof(error)));
    CHECK(verify(&conf, "ada", "Other") == ACCOUNTS_EXPIRED);
    CHECK(verify(&conf, "ada", "wrong") == ACCOUNTS_WRONG);
    CHECK(accounts_set_expiry(&conf, "ada", today + 2, error, sizeof(error)));
    CHECK(verify(&conf, "ada", "Other") == ACCOUNTS_RIGHT);
    CHECK(accounts_find(&conf, "ada", &found, &found_account, error, sizeof(error)) && found);
    CHECK(found_account.expires_day == today + 2);
    CHECK(accounts_remove(&conf, "ada", true, error, sizeof(error)));
    CHECK(!accounts_remove(&conf, "ada", true, error, sizeof(error)));
    CHECK(accounts_find(&conf, "ada", &found, &found_account, error, sizeof(error)) && !found);
    CHECK(tree_remove_path(conf.state_directory) == 0);
}

static void test_names_taken(void)
{
    struct conf conf = conf_new();
    CHECK(!add(&conf, "root", "x", NULL) && strstr(error, "system has an account") != NULL);
    CHECK(!add(&conf, "Bad Name", "x", NULL) && strstr(error, "a name is") != NULL);
    CHECK(!add(&conf, "tty", "x", NULL) && strstr(error, "system has a group") != NULL);
    CHECK(access(path_of(&conf, "accounts"), F_OK) != 0);
    struct account account = {.name = "ada", .full_name = "a:b", .expires_day = ACCOUNT_NEVER};
    CHECK(!accounts_add(&conf, &account, "x", NULL, error, sizeof(error)));
    CHECK(add(&conf, "ada", NULL, NULL));
    CHECK(verify(&conf, "ada", "!") == ACCOUNTS_WRONG);
    CHECK(verify(&conf, "ada", "") == ACCOUNTS_WRONG);
    CHECK(tree_remove_path(conf.state_directory) == 0);
}

/* Uids: none twice, none of a kept home, and an end. */
static void test_uids(void)
{
    struct conf conf = conf_new();
    struct account made;
    char name[8];
    for (unsigned i = 0; i < 5; i++) {
        snprintf(name, sizeof(name), "lab%u", i);
        CHECK(add(&conf, name, NULL, &made) && made.uid == 72000 + i);
    }
    CHECK(!add(&conf, "more", NULL, NULL) && strstr(error, "every uid") != NULL);
    CHECK(accounts_remove(&conf, "lab2", false, error, sizeof(error)));
    CHECK(add(&conf, "more", NULL, &made) && made.uid == 72002);
    if (geteuid() != 0) {
        CHECK(tree_remove_path(conf.state_directory) == 0);
        return;
    }
    CHECK(mkdir(path_of(&conf, "homes"), 0755) == 0);
    CHECK(mkdir(path_of(&conf, "homes/more"), 0700) == 0);
    CHECK(chown(path_of(&conf, "homes/more"), 72002, 72002) == 0);
    CHECK(accounts_remove(&conf, "more", false, error, sizeof(error)));
    CHECK(!add(&conf, "next", NULL, NULL));
    CHECK(add(&conf, "more", NULL, &made) && made.uid == 72002);
    CHECK(accounts_remove(&conf, "more", true, error, sizeof(error)));
    CHECK(access(path_of(&conf, "homes/more"), F_OK) != 0);
    CHECK(mkdir(path_of(&conf, "homes/more"), 0700) == 0);
    CHECK(!add(&conf, "more", NULL, NULL) && strstr(error, "move it away") != NULL);
    CHECK(tree_remove_path(conf.state_directory) == 0);
}

struct counts {
    unsigned accounts, complaints;
    char last[512];
};

static void count_account(void *context, const struct account *account)
{
    struct counts *counts = context;
    CHECK(accounts_name_valid(account->name));
    counts->accounts++;
}

static void count_complaint(void *context, const char *complaint)
{
    struct counts *counts = context;
    counts->complaints++;
    snprintf(counts->last, sizeof(counts->last), "%s", complaint);
}

/* Broken lines are named, stay, and do not hurt the others. */
static void test_broken(void)
{
    static const char text[] = "# the lab\n"
                               "ada:72000:!:open:never:kept:Ada\n"
                               "broken line\n"
                               "\n"
                               "ada:72001:!:open:never:kept:twin\n"
                               "bob:72000:!:open:never:kept:same uid\n"
                               "cy:72003:!:open:never:throwaway:";
    struct conf conf = conf_new();
    struct counts counts = {.accounts = 0};
    write_file(&conf, text);
    CHECK(accounts_list(&conf, count_account, count_complaint, &counts, error, sizeof(error)));
    CHECK(counts.accounts == 2 && counts.complaints == 3);
    char *want = strstr(counts.last, "/accounts:6: the uid");
    CHECK(want != NULL);
    CHECK(accounts_set_locked(&conf, "cy", true, error, sizeof(error)));
    const char *now = read_file(&conf);
    CHECK_TEXT(now, "# the lab\n"
                    "ada:72000:!:open:never:kept:Ada\n"
                    "broken line\n"
                    "\n"
                    "ada:72001:!:open:never:kept:twin\n"
                    "bob:72000:!:open:never:kept:same uid\n"
                    "cy:72003:!:locked:never:throwaway:\n");
    CHECK(chmod(path_of(&conf, "accounts"), 0620) == 0);
    CHECK(!accounts_set_locked(&conf, "cy", true, error, sizeof(error)) &&
          strstr(error, "chmod 600") != NULL);
    CHECK(verify(&conf, "cy", "x") == ACCOUNTS_FAILED);
    CHECK(unlink(path_of(&conf, "accounts")) == 0);
    CHECK(symlink("/etc/hostname", path_of(&conf, "accounts")) == 0);
    CHECK(verify(&conf, "cy", "x") == ACCOUNTS_FAILED);
    CHECK(tree_remove_path(conf.state_directory) == 0);
}

/* Many at once: no change is lost, no uid is given twice. */
static void test_parallel(void)
{
    struct conf conf = conf_new();
    conf.lab_uids = 1000;
    for (int i = 0; i < 12; i++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            char name[16];
            snprintf(name, sizeof(name), "lab%d", i);
            _exit(add(&conf, name, NULL, NULL) ? 0 : 1);
        }
    }
    for (int i = 0; i < 12; i++) {
        int status;
        CHECK(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    struct counts counts = {.accounts = 0};
    CHECK(accounts_list(&conf, count_account, count_complaint, &counts, error, sizeof(error)));
    CHECK(counts.accounts == 12 && counts.complaints == 0);
    CHECK(tree_remove_path(conf.state_directory) == 0);
}

static int64_t verify_us(const struct conf *conf, const char *name)
{
    struct timespec before, after;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    for (int i = 0; i < 3; i++)
        CHECK(verify(conf, name, "not the password") != ACCOUNTS_RIGHT);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    return (after.tv_sec - before.tv_sec) * 1000000 + (after.tv_nsec - before.tv_nsec) / 1000;
}

/* Who is unknown, or has no password, costs a hash as who is known does. */
static void test_time(void)
{
    struct conf conf = conf_new();
    CHECK(add(&conf, "ada", "x", NULL));
    CHECK(add(&conf, "bob", NULL, NULL));
    int64_t known = verify_us(&conf, "ada"), unknown = verify_us(&conf, "eve"),
            none = verify_us(&conf, "bob");
    CHECK(unknown > known / 2 && unknown < known * 2);
    CHECK(none > known / 2 && none < known * 2);
    CHECK(tree_remove_path(conf.state_directory) == 0);
}

/* Uids that a user can be by way of a user namespace are no account's. Changes this process's mounts. */
static void test_subordinate(void)
{
    struct conf conf = conf_new();
    struct account made;
    const char *ranges = path_of(&conf, "accounts");
    if (geteuid() == 0 && access("/etc/subuid", F_OK) == 0 && unshare(CLONE_NEWNS) == 0 &&
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0) {
        write_file(&conf, "eve:71000:1002\nno range\n::\nmax:72003:18446744073709551615\n");
        CHECK(mount(ranges, "/etc/subuid", NULL, MS_BIND, NULL) == 0 && unlink(ranges) == 0);
        CHECK(add(&conf, "ada", NULL, &made) && made.uid == 72002);
        CHECK(!add(&conf, "bob", NULL, NULL) && strstr(error, "/etc/subuid") != NULL);
        CHECK(umount("/etc/subuid") == 0);
    }
    CHECK(tree_remove_path(conf.state_directory) == 0);
}

int main(void)
{
    umask(022);
    test_names();
    test_days();
    test_line();
    test_life();
    test_names_taken();
    test_uids();
    test_broken();
    test_parallel();
    test_time();
    test_subordinate();
    return 0;
}
