/* lodgectl's commands: one table, from which follow the arguments that are taken, the help and who may. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf.h"

enum ctl_exit {
    CTL_DONE = 0,
    CTL_FAILED = 1,      /* refused, or failed here; the message says why */
    CTL_USAGE = 2,       /* the arguments make no sense */
    CTL_UNREACHABLE = 3, /* the server cannot be reached or does not answer */
};

/* health says more: 0, all is well; or these, as monitoring knows them; or CTL_UNREACHABLE. */
enum { CTL_HEALTH_WARNING = 1, CTL_HEALTH_FAILED = 2 };

/* Options: O(SYMBOL, word, argument or NULL, help). */
#define CTL_OPTIONS(O)                                                                                \
    O(CONFIG, "--config", "FILE", "read this configuration instead of " CONF_DEFAULT_FILE)            \
    O(HELP, "--help", NULL, "show help, of one command where one is named")                           \
    O(VERSION, "--version", NULL, "show the version of lodgectl")                                     \
    O(JSON, "--json", NULL, "write JSON for programs instead of a table for people")                  \
    O(COUNT, "-n", "N", "how many events (20), or days (30), from the newest back (1 to 10000)")      \
    O(THROWAWAY, "--throwaway", NULL, "the home is made at logon and is gone after logoff")           \
    O(FULL_NAME, "--full-name", "TEXT", "the person's full name")                                     \
    O(EXPIRES, "--expires", "DAY", "the first day it may log on no more, YYYY-MM-DD (UTC), or never") \
    O(PASSWORD_STDIN, "--password-stdin", NULL, "read the password from standard input")              \
    O(HOME, "--home", NULL, "remove the account's home too")                                          \
    O(STATE, "--state", "STATE", "active, connected, disconnected, init, down or gone")               \
    O(TIMEOUT, "--timeout", "SECONDS", "how long (1 to 86400)")                                       \
    O(TITLE, "--title", "TEXT", "the title of the message (Message)")                                 \
    O(WAIT, "--wait", NULL, "wait for the answer of the person, or for the end, and write it")        \
    O(USER, "--user", "USER", "this user")                                                            \
    O(CLIENT, "--client", "NAME", "this client computer; for policy its address")                     \
    O(SORT, "--sort", "ORDER", "id, user or logon")                                                   \
    O(DESCENDING, "--descending", NULL, "the last of the order first")                                \
    O(IN, "--in", "TIME", "after so long: 90, 90s, 5m, 2h or now")                                    \
    O(MESSAGE, "--message", "TEXT", "what people are told besides")                                   \
    O(REASON, "--reason", "TEXT", "why, for people and the history")                                  \
    O(STOP, "--stop", NULL, "the server ends, and no more; or the shadowing does")                    \
    O(HALT, "--halt", NULL, "then the machine is turned off")                                         \
    O(REBOOT, "--reboot", NULL, "then the machine is started anew")                                   \
    O(ABORT, "--abort", NULL, "call the shutdown off, until it begins")                               \
    O(FORCE, "--force", NULL, "at once, with less time for programs, or none")                        \
    O(STATUS, "--status", NULL, "only show how far it is")                                            \
    O(AT, "--at", "TIME", "at that time, as 2026-11-30T07:00 or 07:00 (today), in local time")        \
    O(FROM, "--from", "ID", "the session whose client it is (the one that this runs in)")             \
    O(PLATFORM, "--platform", "PLATFORM", "with a client on windows, macos, unix, ios or android")    \
    O(GROUP, "--group", "GROUP", "of members of this group, which has a section [Group NAME]")        \
    O(LOGGED_ON, "--logged-on", "SECONDS", "logged on for at least so long")                          \
    O(CONNECTED, "--connected", "SECONDS", "connected for at least so long")                          \
    O(DISCONNECTED, "--disconnected", "SECONDS", "disconnected for at least so long")                 \
    O(IDLE, "--idle", "SECONDS", "connected, and without input for at least so long")                 \
    O(ONCE, "--once", NULL, "show it once, and end")                                                  \
    O(SINCE, "--since", "TIME", "not before it: as 2026-12-31, 18:00, or 2h, 3d ago")                 \
    O(UNTIL, "--until", "TIME", "before it")                                                          \
    O(EVENT, "--event", "EVENT", "of this number or name")                                            \
    O(SESSION, "--session", "ID", "of this session")                                                  \
    O(FOLLOW, "--follow", NULL, "go on with those that come")                                         \
    O(SVG, "--svg", NULL, "write a picture of bars (SVG)")                                            \
    O(CONTROL, "--control", NULL, "with keyboard and mouse")                                          \
    O(VIEW, "--view", NULL, "only look on")

#define CTL_OPTION_ENUM(symbol, ...) CTL_OPTION_##symbol,
enum ctl_option { CTL_OPTIONS(CTL_OPTION_ENUM) CTL_OPTION_COUNT_OF };
#undef CTL_OPTION_ENUM
#define CTL_BIT(symbol) (UINT64_C(1) << CTL_OPTION_##symbol)
_Static_assert(CTL_OPTION_COUNT_OF <= 64, "each option has its bit");

enum ctl_operand {
    CTL_OPERAND_NONE,
    CTL_OPERAND_ID,
    CTL_OPERAND_NAME,
    CTL_OPERAND_MODE,
    CTL_OPERAND_SESSION,
    CTL_OPERAND_MESSAGE,
    CTL_OPERAND_HOLDER,
    CTL_OPERAND_OLD, /* words as administrators of Windows type them */
    CTL_OPERAND_PROCESS,
    CTL_OPERAND_PATH,
    CTL_OPERAND_PATHS,
    CTL_OPERAND_OPERATION,
    CTL_OPERAND_SUBSYSTEM,
    CTL_OPERAND_LISTENER,
};

#define CTL_OLD_ROOM  16
#define CTL_TEXT_ROOM 2048

struct ctl_arguments;

struct ctl_command {
    const char *name; /* one word, or two: "account add" */
    enum ctl_operand operand;
    uint64_t options;  /* bits of those it takes besides CONFIG, HELP and VERSION */
    uint64_t required; /* bits of those it must have */
    bool needs_root;
    const char *help;
    /* Does it and returns the exit code, having said on standard error what went wrong. */
    enum ctl_exit (*run)(const struct ctl_arguments *arguments, const struct conf *conf);
};

extern const struct ctl_command ctl_commands[];
extern const size_t ctl_command_count;

/* What was asked for. */
struct ctl_arguments {
    const struct ctl_command *command; /* NULL with HELP or VERSION alone */
    uint64_t options;                  /* bits of those that are there */
    const char
        *values[CTL_OPTION_COUNT_OF]; /* of each option as it was typed; NULL: it is not there, or has none */
    const char *config;               /* CONF_DEFAULT_FILE where it is not named */
    const char *name;  /* the operand NAME, or USER (NULL where it is an ID), or MODE (NULL: missing) */
    uint16_t id;       /* the operand ID */
    uint32_t pid;      /* the operand PID */
    const char *state; /* NULL where it is not named */
    const char *user, *client, *sort; /* NULL where they are not named */
    const char *title;                /* NULL where it is not named */
    char text[CTL_TEXT_ROOM];         /* the operand TEXT, of one word or more, or the second path */
    const char *old[CTL_OLD_ROOM];    /* the operand OLD, NULL behind the last */
    uint32_t timeout_s;               /* 0 where it is not named */
    uint32_t count;                   /* of -n */
    const char *full_name;            /* "" where it is not named */
    int64_t expires_day;              /* as of struct account */
};

#define CTL_COUNT_MAX     10000
#define CTL_COUNT_DEFAULT 20
#define CTL_TIMEOUT_MAX   86400

/* Takes the arguments of main. Returns true, or false with the reason in `error` (room for error_size). The
 * texts in *arguments_r are those of argv. */
bool ctl_arguments_parse(struct ctl_arguments *arguments_r, int argc, char **argv, char *error,
                         size_t error_size);

/* The handlers. */
enum ctl_exit ctl_list(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_show(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_disconnect(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_change_logon(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_reset(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_health(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_counters(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_processes(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_lock(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_connect(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_shadow(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_environment(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_kill(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_top(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_logoff(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_events(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_watch(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_msg(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_wait(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_version(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_ping(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_drain(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_policy_show(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_policy_test(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_policy_keys(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_policy_reload(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_listener_list(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_listener_stop(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_listener_start(const struct ctl_arguments *arguments, const struct conf *conf);
/* What the words in arguments.old mean as options of shutdown, in *arguments_r, which has them too. False,
 * having said so, where one is not understood. */
bool oldnames_take_shutdown(const struct ctl_arguments *arguments, struct ctl_arguments *arguments_r);
enum ctl_exit ctl_shutdown(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_upgrade(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_licence_pool(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_licence_list(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_licence_issue(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_licence_revoke(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_licence_report(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_boot(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_subsystem_load(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_subsystem_list(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_pend_rename(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_pend_delete(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_pend_list(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_pend_cancel(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_account_add(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_account_remove(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_account_passwd(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_account_lock(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_account_unlock(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_account_expire(const struct ctl_arguments *arguments, const struct conf *conf);
enum ctl_exit ctl_account_list(const struct ctl_arguments *arguments, const struct conf *conf);
