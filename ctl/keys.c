/* policy keys: what may stand in the configuration, from the table that it is read by. */
#include <stdio.h>
#include <unistd.h>

#include "ctl/commands.h"
#include "ctl/json.h"
#include "ctl/table.h"

static const char *range_of(const struct conf_key *key, char *text, size_t size)
{
    snprintf(text, size, "%ld-%ld%s", key->minimum, key->maximum, key->type == CONF_NUMBER ? "" : " bytes");
    return text;
}

static void print_table(void)
{
    static const struct table_column columns[] = {
        {.title = "SECTION"}, {.title = "KEY"},    {.title = "DEFAULT"},
        {.title = "RANGE"},   {.title = "RELOAD"}, {.title = "WHAT FOR", .flexible = true},
    };
    struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < conf_key_count; i++) {
        const struct conf_key *key = &conf_keys[i];
        char range[64];
        const char *const cells[] = {key->section,
                                     key->key,
                                     key->initial,
                                     range_of(key, range, sizeof(range)),
                                     key->reloadable ? "yes" : "no",
                                     conf_key_help(i)};
        table_add_row(table, cells);
    }
    table_print(table, stdout, terminal_width(STDOUT_FILENO), terminal_has_colour(STDOUT_FILENO));
    table_free(table);
}

static void print_json(void)
{
    struct json_writer writer = json_writer_on(stdout);
    json_open_object(&writer, NULL);
    json_open_array(&writer, "keys");
    for (size_t i = 0; i < conf_key_count; i++) {
        const struct conf_key *key = &conf_keys[i];
        json_open_object(&writer, NULL);
        json_put_text(&writer, "section", key->section);
        json_put_text(&writer, "key", key->key);
        json_put_text(&writer, "default", key->initial);
        json_put_number(&writer, "minimum", (uint64_t)key->minimum);
        json_put_number(&writer, "maximum", (uint64_t)key->maximum);
        json_put_bool(&writer, "reloadable", key->reloadable);
        json_put_text(&writer, "help", conf_key_help(i));
        json_close_object(&writer);
    }
    json_close_array(&writer);
    json_close_object(&writer);
    fputc('\n', stdout);
}

enum ctl_exit ctl_policy_keys(const struct ctl_arguments *arguments, const struct conf *conf)
{
    (void)conf;
    if (arguments->options & CTL_BIT(JSON))
        print_json();
    else
        print_table();
    return CTL_DONE;
}
