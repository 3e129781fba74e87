/* health. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/json.h"
#include "ctl/server.h"
#include "ctl/table.h"

static const char *const states[] = {"ok", "warning", "failed"};

/* A state that this program does not know is as bad as any. */
static unsigned state_of(Lodge__Lsm__HealthState state)
{
    return (unsigned)state < sizeof(states) / sizeof(states[0]) ? (unsigned)state : CTL_HEALTH_FAILED;
}

static const char *colour_of(const char *cell)
{
    return strcmp(cell, "ok") == 0 ? "32" : strcmp(cell, "warning") == 0 ? "33" : "31";
}

static const struct table_column columns[] = {
    {"CHECK", false, false, NULL}, {"STATE", false, false, colour_of}, {"WHAT IS SO", false, true, NULL}};

static void print_json(const Lodge__Lsm__Health *health)
{
    struct json_writer writer = json_writer_on(stdout);
    json_open_object(&writer, NULL);
    json_put_text(&writer, "state", states[state_of(health->state)]);
    json_open_array(&writer, "checks");
    for (size_t i = 0; i < health->n_check; i++) {
        json_open_object(&writer, NULL);
        json_put_text(&writer, "check", health->check[i]->name);
        json_put_text(&writer, "state", states[state_of(health->check[i]->state)]);
        json_put_text(&writer, "text", health->check[i]->text);
        json_put_text(&writer, "advice", health->check[i]->advice);
        json_close_object(&writer);
    }
    json_close_array(&writer);
    json_close_object(&writer);
    fputc('\n', stdout);
}

static void print_table(const Lodge__Lsm__Health *health)
{
    struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < health->n_check; i++) {
        const Lodge__Lsm__Check *check = health->check[i];
        const char *const cells[] = {check->name, states[state_of(check->state)], check->text};
        table_add_row(table, cells);
        if (check->advice[0] != '\0')
            table_add_row(table, (const char *const[]){"", "", check->advice});
    }
    table_print(table, stdout, terminal_width(STDOUT_FILENO), terminal_has_colour(STDOUT_FILENO));
    table_free(table);
}

enum ctl_exit ctl_health(const struct ctl_arguments *arguments, const struct conf *conf)
{
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    request.method_case = LODGE__LSM__REQUEST__METHOD_HEALTH;
    request.health = &nothing;
    /* whatever keeps it from being asked is not to be taken for an answer */
    if (server_ask_once(arguments, conf, "health", &request, LODGE__LSM__ANSWER__RESULT_HEALTH, &answer) !=
        CTL_DONE)
        return CTL_UNREACHABLE;
    if ((arguments->options & CTL_BIT(JSON)) != 0)
        print_json(answer->health);
    else
        print_table(answer->health);
    unsigned state = state_of(answer->health->state);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return (enum ctl_exit)state;
}
