/* drain, policy show, policy test, policy reload. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/reason.h"
#include "common/text.h"
#include "ctl/json.h"
#include "ctl/moment.h"
#include "ctl/policy-user.h"
#include "ctl/say.h"
#include "ctl/server.h"
#include "ctl/table.h"

static const struct {
    const char *word;
    Lodge__Lsm__DrainMode mode;
    const char *meaning;
} drain_modes[] = {
    {"off", LODGE__LSM__DRAIN_MODE__OFF, "New sessions are made."},
    {"reconnects", LODGE__LSM__DRAIN_MODE__RECONNECTS, "No new sessions are made; sessions can be had back."},
    {"until-restart", LODGE__LSM__DRAIN_MODE__UNTIL_RESTART,
     "No new sessions are made until the server is started anew; sessions can be had back."},
};
#define DRAIN_MODES (sizeof(drain_modes) / sizeof(drain_modes[0]))

/* Returns false, having said so, where there is no such mode. NULL: it is only asked for. */
static bool take_mode(const char *word, Lodge__Lsm__DrainMode *mode_r)
{
    *mode_r = LODGE__LSM__DRAIN_MODE__UNCHANGED;
    if (word == NULL)
        return true;
    for (size_t i = 0; i < DRAIN_MODES; i++) {
        if (strcmp(drain_modes[i].word, word) == 0) {
            *mode_r = drain_modes[i].mode;
            return true;
        }
    }
    ctl_say("\"%s\" is no drain mode; there are off, reconnects and until-restart.", word);
    return false;
}

static void print_drain(Lodge__Lsm__DrainMode mode, bool as_json)
{
    const char *word = "unknown", *meaning = "";
    for (size_t i = 0; i < DRAIN_MODES; i++) {
        if (drain_modes[i].mode == mode) {
            word = drain_modes[i].word;
            meaning = drain_modes[i].meaning;
        }
    }
    if (!as_json) {
        printf("Drain mode: %s. %s\n", word, meaning);
        return;
    }
    struct json_writer writer = json_writer_on(stdout);
    json_open_object(&writer, NULL);
    json_put_text(&writer, "drain", word);
    json_close_object(&writer);
    fputc('\n', stdout);
}

enum ctl_exit ctl_drain(const struct ctl_arguments *arguments, const struct conf *conf)
{
    Lodge__Lsm__DrainRequest drain = LODGE__LSM__DRAIN_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    if (!take_mode(arguments->name, &drain.mode))
        return CTL_USAGE;
    request.method_case = LODGE__LSM__REQUEST__METHOD_DRAIN;
    request.drain = &drain;
    enum ctl_exit result = server_ask_once(arguments, conf, "the drain mode", &request,
                                           LODGE__LSM__ANSWER__RESULT_DRAIN, &answer);
    if (result != CTL_DONE)
        return result;
    print_drain(answer->drain->mode, (arguments->options & CTL_BIT(JSON)) != 0);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return CTL_DONE;
}

static void print_policy_table(const Lodge__Lsm__Policy *policy)
{
    static const struct table_column columns[] = {
        {"SECTION", false, false, NULL}, {"KEY", false, false, NULL},   {"VALUE", false, true, NULL},
        {"RELOAD", false, false, NULL},  {"ORIGIN", false, true, NULL},
    };
    struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < policy->n_value; i++) {
        const Lodge__Lsm__PolicyValue *value = policy->value[i];
        const char *const cells[] = {value->section, value->key, value->value,
                                     value->reloadable ? "yes" : "no", value->origin};
        table_add_row(table, cells);
    }
    table_print(table, stdout, terminal_width(STDOUT_FILENO), terminal_has_colour(STDOUT_FILENO));
    table_free(table);
}

static void print_policy_json(const Lodge__Lsm__Policy *policy)
{
    struct json_writer writer = json_writer_on(stdout);
    json_open_object(&writer, NULL);
    policy_put_values(&writer, policy->value, policy->n_value);
    json_close_object(&writer);
    fputc('\n', stdout);
}

enum ctl_exit ctl_policy_show(const struct ctl_arguments *arguments, const struct conf *conf)
{
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    if (arguments->user != NULL)
        return policy_show_user(arguments, conf);
    if (arguments->client != NULL) {
        ctl_say("--client goes with --user.");
        return CTL_USAGE;
    }
    request.method_case = LODGE__LSM__REQUEST__METHOD_POLICY;
    request.policy = &nothing;
    enum ctl_exit result =
        server_ask_once(arguments, conf, "the policy", &request, LODGE__LSM__ANSWER__RESULT_POLICY, &answer);
    if (result != CTL_DONE)
        return result;
    if ((arguments->options & CTL_BIT(JSON)) != 0)
        print_policy_json(answer->policy);
    else
        print_policy_table(answer->policy);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return CTL_DONE;
}

static void print_verdict(const char *user, const Lodge__Lsm__PolicyVerdict *verdict)
{
    char safe[1024], detail[1024];
    text_escape(safe, sizeof(safe), user);
    if (strcmp(verdict->verdict, "new") == 0)
        printf("%s would get a new session.\n", safe);
    else if (strcmp(verdict->verdict, "reconnect") == 0)
        printf("%s would get session %u back.\n", safe, verdict->session);
    else if (strcmp(verdict->verdict, "take-over") == 0)
        printf("%s would take session %u over from another place.\n", safe, verdict->session);
    else if (strcmp(verdict->verdict, "ask") == 0)
        printf("%s would be asked whether to take session %u over from another place.\n", safe,
               verdict->session);
    else if (strcmp(verdict->verdict, "wait") == 0)
        printf("%s would wait for a session that is being created or ended.\n", safe);
    else
        printf("%s would be refused: %s (%s)%s%s\n", safe, reason_sentence(verdict->reason),
               reason_name(verdict->reason), verdict->detail[0] != '\0' ? " " : "",
               text_escape(detail, sizeof(detail), verdict->detail));
    if (!verdict->known)
        puts("The machine does not know this user: that is what a lab account would get.");
}

static void print_verdict_json(const Lodge__Lsm__PolicyVerdict *verdict)
{
    struct json_writer writer = json_writer_on(stdout);
    json_open_object(&writer, NULL);
    json_put_text(&writer, "verdict", verdict->verdict);
    json_put_text(&writer, "reason", reason_name(verdict->reason));
    json_put_text(&writer, "detail", verdict->detail);
    json_put_number(&writer, "session", verdict->session);
    json_put_bool(&writer, "known", verdict->known);
    json_put_bool(&writer, "administrator", verdict->administrator);
    json_close_object(&writer);
    fputc('\n', stdout);
}

enum ctl_exit ctl_policy_test(const struct ctl_arguments *arguments, const struct conf *conf)
{
    Lodge__Lsm__PolicyTestRequest test = LODGE__LSM__POLICY_TEST_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    int64_t at_s = 0;
    const char *at = arguments->values[CTL_OPTION_AT];
    if (at != NULL && !moment_parse(at, clock_real_ms() / 1000, &at_s)) {
        ctl_say("--at takes a time as 2026-11-30T07:00 or 07:00 (today), not \"%s\".", at);
        return CTL_USAGE;
    }
    test.at_ms = (uint64_t)at_s * 1000;
    test.user = (char *)arguments->user;
    test.client = (char *)(arguments->client != NULL ? arguments->client : "");
    request.method_case = LODGE__LSM__REQUEST__METHOD_POLICY_TEST;
    request.policy_test = &test;
    enum ctl_exit result = server_ask_once(arguments, conf, "what would come of a logon", &request,
                                           LODGE__LSM__ANSWER__RESULT_POLICY_VERDICT, &answer);
    if (result != CTL_DONE)
        return result;
    if ((arguments->options & CTL_BIT(JSON)) != 0)
        print_verdict_json(answer->policy_verdict);
    else
        print_verdict(arguments->user, answer->policy_verdict);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return CTL_DONE;
}

static void print_settings(const char *title, char *const *settings, size_t count)
{
    char safe[CONF_TEXT_MAX * 4 + 80];
    if (count > 0)
        printf("%s\n", title);
    for (size_t i = 0; i < count; i++)
        printf("  %s\n", text_escape(safe, sizeof(safe), settings[i]));
}

enum ctl_exit ctl_policy_reload(const struct ctl_arguments *arguments, const struct conf *conf)
{
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    request.method_case = LODGE__LSM__REQUEST__METHOD_RELOAD;
    request.reload = &nothing;
    enum ctl_exit result = server_ask_once(arguments, conf, "the configuration", &request,
                                           LODGE__LSM__ANSWER__RESULT_RELOADED, &answer);
    if (result != CTL_DONE)
        return result;
    const Lodge__Lsm__Reloaded *reloaded = answer->reloaded;
    if (reloaded->n_changed == 0)
        puts("The configuration was read anew; nothing that can be changed now differs.");
    print_settings("These hold now:", reloaded->changed, reloaded->n_changed);
    print_settings("These need a restart of Lodge:", reloaded->restart, reloaded->n_restart);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return CTL_DONE;
}
