/* The real lodgectl's account commands on a real account file, and its questions on a real terminal. */
#include <ftw.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include "ctl/test-process.h"
#include "logon/accounts.h"
#include "tests/check.h"

static char folder[] = "/tmp/test-ctl-XXXXXX";
static char config[64];
static struct conf conf;

static const char **words_of(const char *const *words)
{
    static const char *all[PROCESS_WORDS];
    size_t count = 0;
    for (const char *const *first = (const char *const[]){LODGECTL, "--config", config, NULL}; *first;
         first++)
        all[count++] = *first;
    for (; *words != NULL; words++) {
        CHECK(count < PROCESS_WORDS - 1);
        all[count++] = *words;
    }
    all[count] = NULL;
    return all;
}

#define WORDS(...)      words_of((const char *const[]){__VA_ARGS__, NULL})
#define RUN(input, ...) process_run(WORDS(__VA_ARGS__), input, 0)

static void done(const struct process_result *result, const char *text)
{
    if (result->exit_code != 0 || strstr(result->out, text) == NULL || result->error[0] != '\0') {
        fprintf(stderr, "exit %d, want \"%s\"; errors: %s\noutput: %s\n", result->exit_code, text,
                result->error, result->out);
        CHECK(false);
    }
}

static void refused(const struct process_result *result, const char *text)
{
    if (result->exit_code != 1 || strstr(result->error, text) == NULL || result->out[0] != '\0') {
        fprintf(stderr, "exit %d, want 1 with \"%s\"; errors: %s\noutput: %s\n", result->exit_code, text,
                result->error, result->out);
        CHECK(false);
    }
}

static enum accounts_verdict verdict(const char *name, const char *password)
{
    struct account account;
    char error[512] = "";
    return accounts_verify(&conf, name, password, &account, NULL, NULL, error, sizeof(error));
}

static bool exists(const char *name)
{
    struct account account;
    char error[512] = "";
    bool found = false;
    CHECK(accounts_find(&conf, name, &found, &account, error, sizeof(error)));
    return found;
}

static void test_commands(void)
{
    done(RUN("", "account", "list"), "There are no lab accounts.");
    done(RUN("", "account", "list", "--json"), "{\"accounts\":[]}\n");
    done(RUN("first word\n", "account", "add", "ann", "--password-stdin", "--full-name", "Ann \"A\" B"),
         "Account ann is there, with uid ");
    CHECK(verdict("ann", "first word") == ACCOUNTS_RIGHT);
    done(RUN("p", "account", "add", "bob", "--throwaway", "--expires", "2099-12-31", "--password-stdin"),
         "Account bob is there");
    const struct process_result *listed = RUN("", "account", "list", "--json");
    done(listed,
         "\"locked\":false,\"throwaway\":false,\"expires\":\"never\",\"full_name\":\"Ann \\\"A\\\" B\"}");
    done(listed, "\"locked\":false,\"throwaway\":true,\"expires\":\"2099-12-31\",\"full_name\":\"\"}]}\n");
    done(RUN("", "account", "list"), "throwaway  2099-12-31");
    done(RUN("", "account", "lock", "ann"), "is locked");
    CHECK(verdict("ann", "first word") == ACCOUNTS_LOCKED);
    done(RUN("", "account", "unlock", "ann"), "is unlocked");
    done(RUN("second", "account", "passwd", "ann", "--password-stdin"), "has its new password");
    CHECK(verdict("ann", "second") == ACCOUNTS_RIGHT && verdict("ann", "first word") == ACCOUNTS_WRONG);
    done(RUN("", "account", "expire", "ann", "--expires", "2001-01-01"), "expires: 2001-01-01");
    CHECK(verdict("ann", "second") == ACCOUNTS_EXPIRED);
    done(RUN("", "account", "expire", "ann", "--expires", "never"), "expires: never");
    CHECK(verdict("ann", "second") == ACCOUNTS_RIGHT);
    done(RUN("", "account", "remove", "bob"), "is removed");
    done(RUN("", "account", "remove", "ann", "--home"), "and its home");
    CHECK(!exists("ann") && !exists("bob"));
}

static void test_refusals(void)
{
    char long_password[ACCOUNT_PASSWORD_MAX + 2], long_name[ACCOUNT_FULL_NAME_MAX + 2];
    memset(long_password, 'x', sizeof(long_password) - 1);
    memset(long_name, 'n', sizeof(long_name) - 1);
    long_password[sizeof(long_password) - 1] = long_name[sizeof(long_name) - 1] = '\0';
    refused(RUN("p", "account", "add", "Ann", "--password-stdin"), "cannot be an account's name");
    refused(RUN("p", "account", "add", "../ann", "--password-stdin"), "cannot be an account's name");
    refused(RUN("p", "account", "add", "root", "--password-stdin"), "root");
    refused(RUN("p", "account", "add", "ann", "--password-stdin", "--full-name", long_name), "too long");
    refused(RUN("p", "account", "add", "ann", "--password-stdin", "--full-name", "a:b"), "ann");
    refused(RUN("", "account", "add", "ann", "--password-stdin"),
            "The password is empty. Nothing was changed.");
    refused(RUN("\n", "account", "add", "ann", "--password-stdin"), "The password is empty.");
    refused(RUN("a\nb\n", "account", "add", "ann", "--password-stdin"), "one line");
    refused(RUN("a\xff", "account", "add", "ann", "--password-stdin"), "not UTF-8");
    refused(RUN(long_password, "account", "add", "ann", "--password-stdin"), "too long");
    refused(RUN("", "account", "lock", "ann"), "ann");
    refused(RUN("", "account", "unlock", "ann"), "ann");
    refused(RUN("", "account", "remove", "ann"), "ann");
    refused(RUN("p", "account", "passwd", "ann", "--password-stdin"), "no such lab account");
    CHECK(!exists("ann"));
    /* Exactly as long as it may be. */
    long_password[ACCOUNT_PASSWORD_MAX] = '\0';
    done(RUN(long_password, "account", "add", "ann", "--password-stdin"), "is there");
    CHECK(verdict("ann", long_password) == ACCOUNTS_RIGHT);
    refused(RUN("p", "account", "add", "ann", "--password-stdin"), "there is an account of this name");
    CHECK(verdict("ann", long_password) == ACCOUNTS_RIGHT);
    done(RUN("", "account", "remove", "ann"), "is removed");
}

static bool echoes(const struct process_terminal *terminal)
{
    struct termios modes;
    CHECK(tcgetattr(terminal->fd, &modes) == 0);
    return (modes.c_lflag & ECHO) != 0;
}

static void test_terminal(void)
{
    struct process_terminal terminal;
    process_terminal_start(&terminal, WORDS("account", "add", "ann"));
    process_terminal_await(&terminal, "New password for ann: ");
    CHECK(!echoes(&terminal));
    process_terminal_type(&terminal, "typed secret\n");
    process_terminal_await(&terminal, "The same again: ");
    process_terminal_type(&terminal, "typed secret\n");
    process_terminal_await(&terminal, "Account ann is there");
    CHECK(process_terminal_finish(&terminal) == 0);
    CHECK(strstr(terminal.seen, "typed secret") == NULL);
    CHECK(verdict("ann", "typed secret") == ACCOUNTS_RIGHT);

    process_terminal_start(&terminal, WORDS("account", "passwd", "ann"));
    process_terminal_await(&terminal, "New password for ann: ");
    process_terminal_type(&terminal, "one\n");
    process_terminal_await(&terminal, "The same again: ");
    process_terminal_type(&terminal, "two\n");
    process_terminal_await(&terminal, "The two passwords differ. Nothing was changed.");
    CHECK(process_terminal_finish(&terminal) == 1);
    CHECK(verdict("ann", "typed secret") == ACCOUNTS_RIGHT);
}

/* A shell with its terminal, so that the terminal is there to be looked at after lodgectl. */
static void test_interrupt(void)
{
    struct process_terminal terminal;
    char command[300];
    snprintf(command, sizeof(command),
             "trap : INT; %s --config %s account passwd ann; echo ended $?; read answer", LODGECTL, config);
    process_terminal_start(&terminal, (const char *const[]){"/bin/sh", "-c", command, NULL});
    process_terminal_await(&terminal, "New password for ann: ");
    CHECK(!echoes(&terminal));
    process_terminal_type(&terminal, "half\003");
    process_terminal_await(&terminal, "ended 130");
    CHECK(echoes(&terminal));
    process_terminal_type(&terminal, "\n");
    CHECK(process_terminal_finish(&terminal) == 0);
    CHECK(verdict("ann", "typed secret") == ACCOUNTS_RIGHT);

    /* Stopped and gone on with: the terminal is the shell's meanwhile, and the question comes again. */
    snprintf(command, sizeof(command),
             "set -m; %s --config %s account passwd ann; echo stopped; read answer; fg", LODGECTL, config);
    process_terminal_start(&terminal, (const char *const[]){"/bin/bash", "-c", command, NULL});
    process_terminal_await(&terminal, "New password for ann: ");
    process_terminal_type(&terminal, "half\032");
    process_terminal_await(&terminal, "stopped");
    CHECK(echoes(&terminal));
    process_terminal_type(&terminal, "\n");
    process_terminal_await(&terminal, "New password for ann: ");
    CHECK(!echoes(&terminal));
    process_terminal_type(&terminal, "third\n");
    process_terminal_await(&terminal, "The same again: ");
    process_terminal_type(&terminal, "third\n");
    process_terminal_await(&terminal, "has its new password");
    CHECK(process_terminal_finish(&terminal) == 0);
    CHECK(verdict("ann", "third") == ACCOUNTS_RIGHT);
}

static void test_no_terminal(void)
{
    refused(process_run((const char *const[]){"/usr/bin/setsid", "-w", LODGECTL, "--config", config,
                                              "account", "passwd", "ann", NULL},
                        "x\n", 0),
            "There is no terminal to ask on; use --password-stdin. Nothing was changed.");
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

int main(void)
{
    char error[512] = "";
    if (geteuid() != 0)
        return 77;
    CHECK(mkdtemp(folder) != NULL);
    snprintf(config, sizeof(config), "%s/lodge.conf", folder);
    FILE *out = fopen(config, "w");
    CHECK(out != NULL);
    fprintf(out, "[Server]\nRunDirectory = %s/run\nStateDirectory = %s/state\n", folder, folder);
    CHECK(fclose(out) == 0);
    CHECK(conf_load(&conf, config, error, sizeof(error)));
    test_commands();
    test_refusals();
    test_terminal();
    test_interrupt();
    test_no_terminal();
    CHECK(nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
    return 0;
}
