#include "ctl/commands.h"
#include "ctl/help.h"
#include "logon/accounts.h"
#include "tests/check.h"

#define WORDS_MAX 12

static bool parse(struct ctl_arguments *arguments, char *error, size_t size, const char *const *words)
{
    char *argv[WORDS_MAX + 2] = {(char *)"lodgectl"};
    int argc = 1;
    for (size_t i = 0; words[i] != NULL; i++) {
        CHECK(i < WORDS_MAX);
        argv[argc++] = (char *)words[i];
    }
    return ctl_arguments_parse(arguments, argc, argv, error, size);
}

static struct ctl_arguments taken(const char *const *words)
{
    struct ctl_arguments arguments = {0};
    char error[256] = "";
    if (!parse(&arguments, error, sizeof(error), words)) {
        fprintf(stderr, "refused: %s\n", error);
        CHECK(false);
    }
    return arguments;
}

static void refused(const char *want, const char *const *words)
{
    struct ctl_arguments arguments = {.count = 77};
    char error[256] = "";
    CHECK(!parse(&arguments, error, sizeof(error), words));
    CHECK_TEXT(error, want);
    CHECK(arguments.count == 77);
}

#define TAKEN(...)         taken((const char *const[]){__VA_ARGS__, NULL})
#define REFUSED(want, ...) refused(want, (const char *const[]){__VA_ARGS__, NULL})

static void test_taken(void)
{
    struct ctl_arguments got = TAKEN("list");
    CHECK(got.command->run == ctl_list && got.options == 0 && got.count == CTL_COUNT_DEFAULT);
    CHECK(got.expires_day == ACCOUNT_NEVER);
    CHECK_TEXT(got.config, CONF_DEFAULT_FILE);
    got = TAKEN("--config", "a.conf", "show", "65535", "--json");
    CHECK(got.command->run == ctl_show && got.id == 65535 && (got.options & CTL_BIT(JSON)) != 0);
    CHECK_TEXT(got.config, "a.conf");
    got = TAKEN("kill", "3", "4711", "--force");
    CHECK(got.command->run == ctl_kill && got.id == 3 && got.pid == 4711);
    REFUSED("\"x\" is no number of a process; lodgectl processes ID shows them", "kill", "3", "x");
    REFUSED("tskill lacks its session ID, or the number of a process", "tskill", "3");
    got = TAKEN("pend", "rename", "/a b", "/c");
    CHECK(got.command->run == ctl_pend_rename);
    CHECK_TEXT(got.name, "/a b");
    CHECK_TEXT(got.text, "/c");
    got = TAKEN("pend", "delete", "7");
    CHECK_TEXT(got.name, "7");
    REFUSED("pend rename lacks its path, or the one that it becomes", "pend", "rename", "/a");
    REFUSED("\"c\" is one argument too many", "pend", "rename", "/a", "/b", "c");
    REFUSED("pend cancel lacks its number, or all", "pend", "cancel");
    got = TAKEN("query", "process", "anna");
    CHECK(got.command->run == ctl_processes);
    CHECK_TEXT(got.name, "anna");
    got = TAKEN("events", "-n", "10000", "--config=b");
    CHECK(got.command->run == ctl_events && got.count == 10000);
    CHECK_TEXT(got.config, "b");
    got = TAKEN("account", "add", "--throwaway", "ann", "--full-name", "Ann B", "--expires=1970-01-02",
                "--password-stdin");
    CHECK(got.command->run == ctl_account_add && got.expires_day == 1);
    CHECK_TEXT(got.name, "ann");
    CHECK_TEXT(got.full_name, "Ann B");
    got = TAKEN("license", "revoke", "4711");
    CHECK(got.command->run == ctl_licence_revoke);
    CHECK_TEXT(got.name, "4711");
    got = TAKEN("licence", "report", "-n", "7", "--json");
    CHECK(got.command->run == ctl_licence_report && got.count == 7);
    got = TAKEN("wait", "7");
    CHECK(got.command->run == ctl_wait && got.id == 7 && got.name == NULL && got.timeout_s == 0);
    got = TAKEN("wait", "anna", "--state", "gone", "--timeout=86400");
    CHECK(got.id == 0 && got.timeout_s == 86400);
    CHECK_TEXT(got.name, "anna");
    CHECK_TEXT(got.state, "gone");
    got = TAKEN("list", "--state", "active", "--user=anna", "--sort", "logon", "--descending", "--client",
                "PC");
    CHECK(got.command->run == ctl_list && (got.options & CTL_BIT(DESCENDING)) != 0);
    CHECK_TEXT(got.user, "anna");
    CHECK_TEXT(got.sort, "logon");
    CHECK(TAKEN("tsdiscon", "3").command->run == ctl_disconnect && TAKEN("reset", "session", "3").id == 3);
    CHECK(TAKEN("reset", "3").command->run == ctl_reset && TAKEN("qwinsta").command->run == ctl_list);
    CHECK_TEXT(TAKEN("change", "logon", "/drain").name, "/drain");
    got = TAKEN("msg", "3", "hello", "--wait", "there", "--title", "T");
    CHECK(got.command->run == ctl_msg && got.id == 3);
    CHECK_TEXT(got.text, "hello there");
    CHECK_TEXT(got.title, "T");
    REFUSED("msg lacks its session ID or user, or its text", "msg", "3");
    got = TAKEN("account", "remove", "--", "-odd");
    CHECK_TEXT(got.name, "-odd");
    got = TAKEN("account", "expire", "ann", "--expires", "never");
    CHECK(got.expires_day == ACCOUNT_NEVER);
    CHECK(TAKEN("--help").command == NULL);
    CHECK(TAKEN("account", "--help").command == NULL);
    CHECK(TAKEN("logoff", "--help").command->run == ctl_logoff);
    CHECK(TAKEN("account", "expire", "--help").command->run == ctl_account_expire);
    CHECK((TAKEN("--version").options & CTL_BIT(VERSION)) != 0);
}

static void test_refused(void)
{
    refused("what is to be done?", (const char *const[]){NULL});
    REFUSED("what is to be done?", "--config", "f");
    REFUSED("there is no command \"lists\"", "lists");
    REFUSED("after \"listener\" comes one of list, stop, start", "listener");
    REFUSED("after \"policy\" comes one of show, test, keys, reload", "policy", "frob");
    REFUSED("there is no command \"\"", "");
    REFUSED("\"x\" is one argument too many", "list", "x");
    REFUSED("there is no command \"a b\"", "a", "b", "c", "d", "5");
    REFUSED("show lacks its session ID", "show");
    REFUSED("account add lacks its account name", "account", "add");
    REFUSED("\"0\" is no session ID (1 to 65535); lodgectl list shows them", "show", "0");
    REFUSED("\"65536\" is no session ID (1 to 65535); lodgectl list shows them", "show", "65536");
    REFUSED("\"1x\" is no session ID (1 to 65535); lodgectl list shows them", "logoff", "1x");
    REFUSED("there is no option \"--jsonn\"", "list", "--jsonn");
    REFUSED("there is no option \"-x\"", "list", "-x");
    REFUSED("--json is there twice", "list", "--json", "--json");
    REFUSED("--json takes no value", "list", "--json=1");
    REFUSED("logoff does not take --json", "logoff", "1", "--json");
    REFUSED("--config lacks its value", "list", "--config");
    REFUSED("-n takes a number from 1 to 10000, not \"0\"", "events", "-n", "0");
    REFUSED("-n takes a number from 1 to 10000, not \"many\"", "events", "-n", "many");
    REFUSED("licence issue lacks its holder: a user or a device", "licence", "issue");
    REFUSED("account expire lacks --expires", "account", "expire", "ann");
    REFUSED("--expires takes a day as 2026-12-31, or never, not \"soon\"", "account", "expire", "ann",
            "--expires", "soon");
}

static void test_help(void)
{
    char synopsis[320], *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    CHECK(out != NULL);
    ctl_help_print(NULL, out);
    CHECK(fclose(out) == 0);
    for (size_t i = 0; i < ctl_command_count; i++) {
        CHECK(strstr(text, ctl_synopsis(&ctl_commands[i], synopsis, sizeof(synopsis))) != NULL);
        CHECK(strstr(text, ctl_commands[i].help) != NULL);
        CHECK((ctl_commands[i].required & ~ctl_commands[i].options) == 0);
        CHECK(ctl_commands[i].needs_root == (strncmp(ctl_commands[i].name, "account ", 8) == 0 ||
                                             strncmp(ctl_commands[i].name, "pend ", 5) == 0));
    }
    free(text);
    CHECK_TEXT(
        ctl_synopsis(&ctl_commands[4], synopsis, sizeof(synopsis)),
        "events [--json] [-n N] [--user USER] [--since TIME] [--until TIME] [--event EVENT] [--session ID] "
        "[--follow]");
}

int main(void)
{
    test_taken();
    test_refused();
    test_help();
    return 0;
}
