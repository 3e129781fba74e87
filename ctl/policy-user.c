/* policy show --user: what holds for a user, and why. */
#include "ctl/policy-user.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "common/text.h"
#include "ctl/json.h"
#include "ctl/server.h"
#include "ctl/table.h"

static void print_about(const char *user, const Lodge__Lsm__PolicyUser *policy)
{
    char safe[1024];
    printf("%s is %s%s", text_escape(safe, sizeof(safe), user),
           policy->known ? "known to the machine" : "not known to the machine: this holds for a lab account",
           policy->administrator ? ", an administrator" : "");
    printf(policy->refused ? ", and kept out by AllowedGroups or DeniedGroups.\n" : ".\n");
    if (policy->n_group == 0)
        puts("None of the groups that the configuration names has this user.");
    for (size_t i = 0; i < policy->n_group; i++)
        printf("%s%s%s", i == 0 ? "Groups: " : ", ", text_escape(safe, sizeof(safe), policy->group[i]),
               i + 1 == policy->n_group ? "\n" : "");
}

static void print_table(const Lodge__Lsm__PolicyUser *policy)
{
    static const struct table_column columns[] = {
        {"KEY", false, false, NULL},      {"VALUE", false, true, NULL},  {"USED", true, false, NULL},
        {"GIVEN BY", false, false, NULL}, {"ORIGIN", false, true, NULL},
    };
    struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < policy->n_value; i++) {
        const Lodge__Lsm__PolicyValue *value = policy->value[i];
        char used[16] = "", section[128];
        if (value->counted)
            snprintf(used, sizeof(used), "%" PRIu32, value->in_use);
        snprintf(section, sizeof(section), "[%.64s]", value->section);
        const char *const cells[] = {value->key, value->value, used, section, value->origin};
        table_add_row(table, cells);
    }
    table_print(table, stdout, terminal_width(STDOUT_FILENO), terminal_has_colour(STDOUT_FILENO));
    table_free(table);
}

void policy_put_values(struct json_writer *writer, Lodge__Lsm__PolicyValue *const *values, size_t count)
{
    json_open_array(writer, "policy");
    for (size_t i = 0; i < count; i++) {
        const Lodge__Lsm__PolicyValue *value = values[i];
        json_open_object(writer, NULL);
        json_put_text(writer, "section", value->section);
        json_put_text(writer, "key", value->key);
        json_put_text(writer, "value", value->value);
        json_put_bool(writer, "reloadable", value->reloadable);
        json_put_text(writer, "origin", value->origin);
        if (value->counted)
            json_put_number(writer, "used", value->in_use);
        json_close_object(writer);
    }
    json_close_array(writer);
}

static void print_json(const char *user, const Lodge__Lsm__PolicyUser *policy)
{
    struct json_writer writer = json_writer_on(stdout);
    json_open_object(&writer, NULL);
    json_put_text(&writer, "user", user);
    json_put_bool(&writer, "known", policy->known);
    json_put_bool(&writer, "administrator", policy->administrator);
    json_put_bool(&writer, "refused", policy->refused);
    json_open_array(&writer, "groups");
    for (size_t i = 0; i < policy->n_group; i++)
        json_put_text(&writer, NULL, policy->group[i]);
    json_close_array(&writer);
    policy_put_values(&writer, policy->value, policy->n_value);
    json_close_object(&writer);
    fputc('\n', stdout);
}

enum ctl_exit policy_show_user(const struct ctl_arguments *arguments, const struct conf *conf)
{
    Lodge__Lsm__PolicyUserRequest asked = LODGE__LSM__POLICY_USER_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    asked.user = (char *)arguments->user;
    asked.client = (char *)(arguments->client != NULL ? arguments->client : "");
    request.method_case = LODGE__LSM__REQUEST__METHOD_POLICY_USER;
    request.policy_user = &asked;
    enum ctl_exit result = server_ask_once(arguments, conf, "the policy", &request,
                                           LODGE__LSM__ANSWER__RESULT_POLICY_USER, &answer);
    if (result != CTL_DONE)
        return result;
    if ((arguments->options & CTL_BIT(JSON)) != 0) {
        print_json(arguments->user, answer->policy_user);
    } else {
        print_about(arguments->user, answer->policy_user);
        print_table(answer->policy_user);
    }
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return CTL_DONE;
}
